"""The simulated ESP32: RMT and pulse counter beside the World that all chips share.

Time is counted as for the RP2040, in cycles of 8 ns: a tick of the RMT at 2.5 MHz is 50 of them.
The CPU's call times are those of the RP2040 too, though an ESP32 is quicker: what the port must
withstand is sought by varying them.
"""

from boards.sim.esp32_rmt import RmtSystem
from boards.sim.pads import Pads
from boards.sim.world import World

GPIOS = 40
INPUT_ONLY = 34  # GPIOs from here on have neither output nor pull resistor
PCNT_UNITS = 8
NS_PER_CYCLE = 8
CALLS_US = {"rmt": 40}


class Counter:
    """One unit of the pulse counter, counting rising edges of one pad. It sees pulses and pauses
    of at least ``filter_cycles``, begins at 0 again at ``most``, and has 16 bits."""

    def __init__(self, world) -> None:
        self._world = world
        self._pads = []  # those watched so far
        self.reset()

    def reset(self) -> None:
        """As after a reset: not connected, not counting."""
        self.pad = -1
        self.filter_cycles = 0
        self.most = 0
        self.rising = 0
        self.counting = False
        self._count = 0
        self._up = None  # (first, period, count) of rises whose falls have not come yet
        self._low_since = -(1 << 60)

    def connect(self, pad: int) -> None:
        """Count edges of ``pad``."""
        self.pad = pad
        if pad not in self._pads:
            self._pads.append(pad)
            self._world.pads.watch(pad, self._edge)

    def clear(self) -> None:
        """To 0."""
        self._count = 0

    def value(self) -> int:
        """What the CPU reads now."""
        self._world.sync()
        count = self._count
        if self._up and self._world.now - self._up[0] >= self.filter_cycles:
            count += self.rising * self._up[2]
        if self.most:
            return count % self.most
        return (count + 0x8000) % 0x10000 - 0x8000

    def _edge(self, pin: int, level: int, first: int, period: int, count: int) -> None:
        if pin != self.pad or not self.counting:
            return
        if level:
            if first - self._low_since >= self.filter_cycles:
                self._up = (first, period, count)
        else:
            if self._up and first - self._up[0] >= self.filter_cycles:
                self._count += self.rising * self._up[2]
            self._up = None
            self._low_since = first + period * (count - 1)


class Esp32World(World):
    """One ESP32. ``rtc_memory`` survives all resets but power-on."""

    def __init__(self) -> None:
        super().__init__(Pads(GPIOS, pulls=False), lambda pads: RmtSystem(self, pads))
        for name, us in CALLS_US.items():
            self.costs[name] = us * self.sys_hz // 1_000_000
        self.counters = [Counter(self) for _ in range(PCNT_UNITS)]
        self.rtc_memory = b""
        self.soft = False  # the last reset was the interpreter's alone

    def reset(self, cause: str) -> None:
        super().reset(cause)
        self.soft = False
        if cause == "power-on":
            self.rtc_memory = b""
        for counter in self.counters:
            counter.reset()

    def soft_reset(self) -> None:
        """The interpreter begins anew: counters are let go, the RMT plays what it has."""
        self.soft = True
        for counter in self.counters:
            counter.reset()
