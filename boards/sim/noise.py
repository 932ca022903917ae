"""A CPU that is never twice the same: call times and pauses drawn from a seed.

What a call costs on the chip depends on cache misses, heap and luck. With a seed, all call times
are drawn anew every few milliseconds, between half and three times their nominal value. A garbage
collection, asked for or not, holds the CPU up for 0.5 to 35 ms, the range measured on the emulated
chip, with interrupts on. The same seed gives the same run on every interpreter.
"""

from boards.sim.heap import Heap
from boards.sim.world import CYCLES_PER_US

SLOWEST_32NDS = 96  # three times the nominal time
FASTEST_32NDS = 16
CHANGE_US = (1_000, 20_000)
PAUSE_US = (500, 35_000)
PAUSE_ONE_IN = 16


class CpuNoise:
    """Disturbs ``world`` from now on. ``seed`` > 0."""

    def __init__(self, world, seed: int) -> None:
        self._world = world
        self._state = seed & 0x7FFFFFFF
        self._nominal = dict(world.costs)
        self.heap = Heap(world, self._draw_pause_us)
        self._plan_next()

    def _draw(self, least: int, most: int) -> int:
        """The next number, least <= n <= most. A 31-bit congruential generator (ANSI C's)."""
        self._state = (self._state * 1103515245 + 12345) & 0x7FFFFFFF
        return least + (self._state >> 8) % (most - least + 1)

    def _plan_next(self) -> None:
        in_us = self._draw(*CHANGE_US)
        self._world.at(self._world.now + in_us * CYCLES_PER_US, self._change)

    def _change(self) -> None:
        factor = self._draw(FASTEST_32NDS, SLOWEST_32NDS)
        self._world.costs.clear()  # those derived from the nominal ones too
        for name in sorted(self._nominal):
            self._world.costs[name] = self._nominal[name] * factor // 32
        collects = self._draw(1, PAUSE_ONE_IN) == 1 and self.heap.crowded()
        if collects and self.heap.automatic and not self._world.irqs.masked():
            self.heap.collect()
        self._plan_next()

    def _draw_pause_us(self) -> int:
        return self._draw(*PAUSE_US)
