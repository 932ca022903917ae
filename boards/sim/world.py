"""The simulated chip: virtual time, the CPU's share of it, interrupts, resets.

Time is counted in system clock cycles since power-on and never goes back, not even at a reset.
The firmware runs as ordinary Python; it takes virtual time only where it calls a stand-in
(``machine``, ``rp2``, ``time``, ``select``, files), which charges the call through ``spend``. PIO
and bench events run in between, so what the firmware meets is what it would meet on the chip.

Who runs the show: the firmware's own loop. Where virtual time reaches ``limit``, ``on_limit`` is
called; it must raise the limit before it returns (a test takes over there, or the pacing of a
virtual pump on a pty).
"""

import heapq

from boards.sim.pads import Pads
from boards.sim.pio import PioSystem

SYS_HZ = 125_000_000
CYCLES_PER_US = 125
SOFT_QUEUE = 8  # micropython.schedule's depth on rp2
FOREVER = 1 << 60

# CPU time of one call in us, with the bytecode around it, at 125 MHz. The order of magnitude is
# that of MicroPython 1.28 on a Pico; races are sought by varying it, not by trusting it.
COST_US = {
    "time": 6,
    "pin": 7,
    "sm": 12,
    "sm.init": 150,
    "poll": 30,
    "byte": 9,
    "irq": 12,
    "mem32": 6,
    "file": 300,
    "program": 400,
    "erase": 45_000,
    "other": 10,
}


class SimulatedReset(BaseException):
    """The chip resets: everything the firmware was doing is gone."""


class SimulatedHang(Exception):
    """The firmware waits for something that can never happen; the chip would hang here."""


def nothing() -> None:
    """What is called where there is nothing to do."""


class World:
    """One chip and its surroundings."""

    def __init__(self) -> None:
        self.sys_hz = SYS_HZ
        self.now = 0
        self.horizon = 0  # up to here the CPU may just add its time to ``now``
        self._limit = FOREVER
        self.on_limit = None
        self.reset_cause = "power-on"
        self.pads = Pads(30)
        self.pads.clock = self.clock
        self.pio = PioSystem(self.pads)
        self.pio_service = nothing  # the rp2 stand-in looks for PIO interrupts here
        self.boot_cycle = 0
        self.scratch = [0] * 8
        self._events = []
        self._order = 0
        self.costs = {name: us * CYCLES_PER_US for name, us in COST_US.items()}
        self._soft = []
        self._irqs_off = 0
        self._in_handler = False
        self._pending_hard = []
        self._look_ahead()

    # ---- time ---------------------------------------------------------------------------------

    def clock(self) -> int:
        """The cycle now."""
        return self.now

    def now_us(self) -> int:
        """Microseconds since power-on."""
        return self.now // CYCLES_PER_US

    def since_boot_us(self) -> int:
        """What the chip's timer shows: microseconds since its last reset."""
        return (self.now - self.boot_cycle) // CYCLES_PER_US

    def at(self, cycle: int, action) -> None:
        """Call ``action()`` when virtual time reaches ``cycle`` (at once if it is past)."""
        self._order += 1
        heapq.heappush(self._events, (max(cycle, self.now), self._order, action))
        self._look_ahead()

    @property
    def limit(self) -> int:
        """Where virtual time stops for ``on_limit``."""
        return self._limit

    @limit.setter
    def limit(self, cycle: int) -> None:
        self._limit = cycle
        self._look_ahead()

    def _look_ahead(self) -> None:
        """Work ``horizon`` out anew: something changed that the CPU might have to stop for."""
        if self._in_handler:
            self.horizon = FOREVER
        elif self._soft:
            self.horizon = 0
        elif self._events and self._events[0][0] < self._limit:
            self.horizon = self._events[0][0]
        else:
            self.horizon = self._limit

    def cost(self, name: str) -> int:
        """Cycles of one call ``name`` (or of its first word)."""
        cost = self.costs.get(name)
        if cost is None:
            cost = self.costs[name] = self.costs.get(name.split(".")[0], self.costs["other"])
        return cost

    def spend(self, name: str) -> None:
        """The CPU works for the time of one call ``name``."""
        until = self.now + (self.costs.get(name) or self.cost(name))
        if until < self.horizon:
            self.now = until
        else:
            self._spend_until(until)

    def _spend_until(self, until: int) -> None:
        if until < self._limit and not (self._events and self._events[0][0] <= until):
            self.now = until
        else:
            self._advance(until)
        self._run_soft()

    def busy_us(self, us: int) -> None:
        """The CPU works for ``us``; interrupts are served."""
        self._advance(self.now + us * CYCLES_PER_US)
        self._run_soft()

    def pause_us(self, us: int) -> None:
        """The CPU is held up for ``us`` in mid-call, as by a garbage collection: hard interrupts
        are served, soft ones wait."""
        self._advance(self.now + us * CYCLES_PER_US)

    def stall_us(self, us: int) -> None:
        """The CPU is held up with interrupts off (a flash write); PIO and the bench go on."""
        self._irqs_off += 1
        self._advance(self.now + us * CYCLES_PER_US)
        self._irqs_off -= 1
        self._serve_hard()

    def sleep(self, until: int, ready) -> bool:
        """The CPU sleeps till cycle ``until`` or till ``ready()``; interrupts wake and are served.
        Returns what ``ready()`` says at the end."""
        while not ready():
            if self.now >= until:
                return False
            self._step(until)
            self._run_soft()
        return True

    def wait_until(self, ready) -> None:
        """As a busy wait of the firmware. SimulatedHang when nothing is left that could end it."""
        while not ready():
            if not self._events and self._limit >= FOREVER:
                raise SimulatedHang("waits for ever at %d us" % self.now_us())
            self._step(self.now + 1000 * CYCLES_PER_US)

    def sync(self) -> None:
        """Bring PIO and pads to now."""
        if self.pio.now < self.now:
            self._run_pio(self.now)

    def _advance(self, until: int) -> None:
        while self.now < until:
            self._step(until)

    def _step(self, until: int) -> None:
        """Go on to the next thing that happens, ``until`` at the latest."""
        events = self._events
        if events and events[0][0] < until:
            until = events[0][0]
        if self._limit < until:
            until = self._limit
        if until > self.now:
            self.now = self._run_pio(until)
        while events and events[0][0] <= self.now:
            self.sync()
            action = heapq.heappop(events)[2]
            self._look_ahead()
            action()
        self._serve_hard()
        while self.now >= self._limit:
            self.on_limit()

    def _run_pio(self, until: int) -> int:
        """Run the PIO to ``until``; stops early where it interrupts the CPU."""
        while self.pio.now < until:
            reached = self.pio.run(until)
            self.pio_service()
            if reached < until:
                return max(reached, self.now)
        return until

    # ---- interrupts ---------------------------------------------------------------------------

    def interrupt(self, handler, argument, hard: bool) -> None:
        """An interrupt for the firmware. Soft ones queue eight deep; more are lost, as on chip."""
        if hard:
            self._pending_hard.append((handler, argument))
        elif len(self._soft) < SOFT_QUEUE:
            self._soft.append((handler, argument))
            self._look_ahead()

    def mask(self, off: int) -> None:
        """Add ``off`` (1 or -1) to the count of reasons why interrupts are off."""
        self._irqs_off += off
        self._serve_hard()

    def _serve_hard(self) -> None:
        if self._irqs_off or self._in_handler:
            return
        while self._pending_hard:
            handler, argument = self._pending_hard.pop(0)
            self._in_handler = True
            self._look_ahead()
            try:
                self.now += self.costs["irq"]
                handler(argument)
            finally:
                self._in_handler = False
                self._look_ahead()
            self.sync()

    def _run_soft(self) -> None:
        while self._soft and not self._in_handler:
            handler, argument = self._soft.pop(0)
            self._look_ahead()
            handler(argument)

    # ---- reset --------------------------------------------------------------------------------

    def reset(self, cause: str) -> None:
        """What a chip reset leaves behind: pads are inputs again, PIO empty, time goes on.
        Scratch registers survive all but ``power-on``."""
        self.reset_cause = cause
        self._soft = []
        self._pending_hard = []
        self._irqs_off = 0
        self._in_handler = False
        self._look_ahead()
        self.pads.reset()
        self.pio = PioSystem(self.pads)
        self.pio.now = self.now
        self.pio_service = nothing
        self.boot_cycle = self.now
        if cause == "power-on":
            self.scratch = [0] * 8
