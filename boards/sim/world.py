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

from boards.sim.interrupts import PIO_LINE, Interrupts
from boards.sim.pads import Pads
from boards.sim.pio import PioSystem
from boards.sim.watchdog import Watchdog

SYS_HZ = 125_000_000
CYCLES_PER_US = 125
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
    "soft": 10,
    "mem32": 6,
    "file": 300,
    "program": 400,
    "erase": 45_000,
    "other": 10,
}


class SimulatedReset(BaseException):
    """The chip resets: everything the firmware was doing is gone."""


class SoftReset(SystemExit):
    """The firmware ends; the interpreter begins anew."""


class SimulatedHang(Exception):
    """The firmware waits for something that can never happen; the chip would hang here."""


def nothing() -> None:
    """What is called where there is nothing to do."""


class World:
    """One chip and its surroundings. ``make_engine(pads)`` makes what drives pads without the CPU:
    it has ``now``, ``calm_to`` and ``run(until)`` as PioSystem has them."""

    def __init__(self, pads: Pads | None = None, make_engine=PioSystem) -> None:
        self.sys_hz = SYS_HZ
        self.boot_hz = SYS_HZ  # until the firmware sets the clock
        self.watchdog_at = 0x40058000
        self.pads_at = 0x4001C000
        self.now = 0
        self.horizon = 0  # up to here the CPU may just add its time to ``now``
        self._limit = FOREVER
        self.on_limit = None
        self.reset_cause = "power-on"
        self.pads = pads or Pads(30)
        self.pads.clock = self.clock
        self._make_engine = make_engine
        self.pio = make_engine(self.pads)
        self.pio_service = nothing  # the rp2 stand-in looks for PIO interrupts here
        self.boot_cycle = 0
        self._events = []
        self._order = 0
        self.costs = {name: us * CYCLES_PER_US for name, us in COST_US.items()}
        self.volts_mv = {}  # of the GPIOs that are analogue inputs
        self.uarts = {}  # (TX, RX) of a UART: the part at its other end
        self.i2cs = {}  # (SDA, SCL) of an I2C bus: address: part
        self._dying = ""  # the cause of a reset that is under way
        self.watchdog = Watchdog(self)
        self.irqs = Interrupts(self)
        self._pio_line = self.irqs.line(PIO_LINE, self._serve_pio)
        self.look_ahead()

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
        self.look_ahead()

    @property
    def limit(self) -> int:
        """Where virtual time stops for ``on_limit``."""
        return self._limit

    @limit.setter
    def limit(self, cycle: int) -> None:
        self._limit = cycle
        self.look_ahead()

    def look_ahead(self) -> None:
        """Work ``horizon`` out anew: something changed that the CPU might have to stop for."""
        irqs = self.irqs
        if self._dying or (irqs.soft or irqs.raised) and irqs.waiting():
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
        irqs = self.irqs
        locked = irqs.heap_locked and irqs.open_heap()
        if self._dying:
            raise SimulatedReset(self._dying)
        if irqs.raised:
            irqs.serve()
        if until < self._limit and not (self._events and self._events[0][0] <= until):
            if until > self.now:
                self.now = until
        else:
            self._advance(until)
        if irqs.soft:
            irqs.run_soft()
        if locked:
            irqs.close_heap(locked)

    def work(self, name: str) -> None:
        """The interpreter works for the time of ``name``, on its way into a handler."""
        self._advance(self.now + self.cost(name))

    def busy_us(self, us: int) -> None:
        """The CPU waits in a tight loop for ``us``; soft callbacks run after it."""
        locked = self.irqs.open_heap()
        self._check_alive()
        self._advance(self.now + us * CYCLES_PER_US)
        self.irqs.run_soft()
        self.irqs.close_heap(locked)

    def pause_us(self, us: int) -> None:
        """The CPU is held up for ``us`` in mid-call, as by a garbage collection: hard interrupts
        are served, soft ones wait."""
        self._advance(self.now + us * CYCLES_PER_US)

    def stall_us(self, us: int) -> None:
        """The CPU is held up with interrupts off (a flash write); PIO and the bench go on."""
        self.irqs.stalls += 1
        self.look_ahead()
        self._advance(self.now + us * CYCLES_PER_US)
        self.irqs.stalls -= 1
        self.look_ahead()
        self.irqs.serve()

    def sleep(self, until: int, ready) -> bool:
        """The CPU sleeps till cycle ``until`` or till ``ready()``; interrupts wake and are served.
        Returns what ``ready()`` says at the end."""
        self._check_alive()
        irqs = self.irqs
        irqs.serve()
        while not ready():
            if self.now >= until:
                return False
            if (irqs.soft or irqs.raised) and irqs.waiting():
                irqs.serve()
                irqs.run_soft()
            else:
                self._step(until)
        return True

    def wait_until(self, ready) -> None:
        """As a busy wait of the firmware. SimulatedHang when nothing is left that could end it."""
        self._check_alive()
        while not ready():
            if self.irqs.waiting():
                self.irqs.serve()
                self.irqs.run_soft()
                continue
            if not self._events and self._limit >= FOREVER:
                raise SimulatedHang("waits for ever at %d us" % self.now_us())
            self._step(self.now + 1000 * CYCLES_PER_US)

    def act(self, name: str) -> None:
        """The CPU works for the time of one call ``name``, and acts on PIO or pads at its end."""
        until = self.now + (self.costs.get(name) or self.cost(name))
        pio = self.pio
        if until < self.horizon and until < pio.calm_to:
            self.now = pio.now = until
        else:
            self.spend(name)
            self.sync()

    def sync(self) -> None:
        """Bring PIO and pads to now."""
        if self.pio.now < self.now:
            locked = self.irqs.heap_locked and self.irqs.open_heap()
            self._run_pio(self.now)
            if locked:
                self.irqs.close_heap(locked)

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
            self.look_ahead()
            action()
        if self.irqs.raised:
            self.irqs.serve()
        while self.now >= self._limit:
            self.on_limit()

    def _run_pio(self, until: int) -> int:
        """Run the PIO to ``until``; stops early where it interrupts the CPU."""
        while self.pio.now < until:
            reached = self.pio.run(until)
            irqs = self.irqs
            if irqs.in_handler or irqs.stalls or irqs.disabled:
                self._pio_line.rise()
            else:
                self.pio_service()
            if reached < until:
                return max(reached, self.now)
        return until

    def _serve_pio(self) -> None:
        self.pio_service()

    # ---- interrupts ---------------------------------------------------------------------------

    def interrupt(self, handler, argument, hard: bool) -> None:
        """An interrupt for the firmware. Soft ones queue eight deep; more are lost, as on chip."""
        if hard:
            self.irqs.post(handler, argument)
        else:
            self.irqs.schedule(handler, argument)

    # ---- reset --------------------------------------------------------------------------------

    def die(self, cause: str) -> None:
        """The chip resets now: whatever the firmware was doing ends here, and what it tries on
        its way out (``finally``) comes to nothing."""
        self._dying = cause
        self.look_ahead()
        raise SimulatedReset(cause)

    def _check_alive(self) -> None:
        if self._dying:
            raise SimulatedReset(self._dying)

    def reset(self, cause: str) -> None:
        """What a chip reset ("power-on", "watchdog", or "reset" for ``machine.reset``) leaves
        behind: pads are inputs again, PIO empty, time goes on. The watchdog's scratch registers
        survive all but "power-on"."""
        self.reset_cause = cause
        self._dying = ""
        self.watchdog.reset(cause)
        self.forget_firmware()
        self.sync()
        self.pads.reset()
        self.pio = self._make_engine(self.pads)
        self.pio.now = self.now
        self.boot_cycle = self.now

    def forget_firmware(self) -> None:
        """Also a soft reset: no handlers, no timers, nothing queued."""
        self.irqs.reset()
        self._pio_line = self.irqs.line(PIO_LINE, self._serve_pio)
        self.pio_service = nothing
        self.look_ahead()
