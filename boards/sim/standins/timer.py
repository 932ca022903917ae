"""Stand-in for ``machine.Timer`` of the rp2 port: alarms of the chip's microsecond timer.

Source: ports/rp2/machine_timer.c of MicroPython 1.28, the alarm pool of the Pico SDK. A periodic
alarm is set anew from the instant it was due, not from the one it was served at: periods missed
while interrupts were off are made up for at once, one call each. A hard callback runs in the
interrupt (after the cost ``irq``), a soft one goes through the scheduler queue of eight, and is
lost where that is full. A hard callback that raises is never called again; a soft one goes on.
"""

from boards.sim.interrupts import TIMER_LINE
from boards.sim.world import CYCLES_PER_US

FOREVER_MS = 0xFFFFFFFF


class Alarms:
    """The alarm pool of one chip. ``entries`` are armed timers."""

    def __init__(self, world) -> None:
        self._world = world
        self._entries = []
        self._line = world.irqs.line(TIMER_LINE, self._serve)

    def arm(self, timer, due: int) -> None:
        """``timer.fire()`` at cycle ``due``."""
        self.cancel(timer)
        timer.due = due
        self._entries.append(timer)
        self._world.at(due, self._reach)

    def cancel(self, timer) -> None:
        """Never mind."""
        self._entries = [entry for entry in self._entries if entry is not timer]

    def _reach(self) -> None:
        if self._earliest() is not None:
            self._line.rise()

    def _earliest(self):
        first = None
        for timer in self._entries:
            if timer.due <= self._world.now and (first is None or timer.due < first.due):
                first = timer
        return first

    def _serve(self) -> None:
        timer = self._earliest()
        while timer is not None:
            self.cancel(timer)
            due = timer.due
            again = timer.fire()
            if again and timer.due == due and timer not in self._entries:
                timer.due = due + again
                self._entries.append(timer)
                if timer.due > self._world.now:
                    self._world.at(timer.due, self._reach)
            timer = self._earliest()


def timer_class(world, ids: tuple = (-1,), may_be_hard: bool = True):
    """The ``Timer`` class of one boot of a chip; a reset of either kind takes its line away."""
    alarms = Alarms(world)

    class Timer:
        """How to use it: ``Timer(-1, mode=Timer.PERIODIC, period=10, callback=f)`` calls
        ``f(timer)`` every 10 ms of virtual time; ``freq=1000`` (Hz) takes the place of ``period``,
        ``tick_hz`` (1000) gives the period's unit, ``mode=Timer.ONE_SHOT`` calls once,
        ``hard=True`` calls from the interrupt, and ``deinit()`` ends it. The only ``id`` is -1.
        The main program must take virtual time for anything to happen: any call into ``time``,
        ``machine`` and so on does, ``time.sleep_ms`` best. What the callback itself calls takes
        time too, so a Timer that makes pulses shows the jitter of a busy CPU: charge work of the
        main program with ``world.busy_us``, garbage collections with ``world.pause_us`` (delays
        soft callbacks, not hard ones), flash writes with ``world.stall_us`` (delays both), or use
        ``Bench(seed=...)``."""

        ONE_SHOT = 0
        PERIODIC = 1

        def __init__(self, id: int = -1, **options) -> None:
            world.irqs.will_allocate()
            if id not in ids:
                raise ValueError("Timer doesn't exist")
            self.due = 0
            self._live = 0  # changes with each init and deinit
            if options:
                self.init(**options)

        def init(
            self,
            *,
            mode: int = PERIODIC,
            callback=None,
            period: int = FOREVER_MS,
            tick_hz: int = 1000,
            freq=None,
            hard: bool = False,
        ) -> None:
            """Start, or start anew."""
            if hard and not may_be_hard:
                raise ValueError("hard Timers are not implemented")
            locked = world.irqs.open_heap()
            world.spend("timer")
            if freq is not None:
                period_us = int(1_000_000 / freq)
            else:
                period_us = period * 1_000_000 // tick_hz
            self._mode, self._callback, self._hard = mode, callback, hard
            self._period = max(1, period_us) * CYCLES_PER_US
            self._live += 1
            start = world.boot_cycle + world.since_boot_us() * CYCLES_PER_US
            alarms.arm(self, start + self._period)
            world.irqs.close_heap(locked)

        def deinit(self) -> None:
            """Stop; a soft callback that is queued already still comes."""
            locked = world.irqs.open_heap()
            world.spend("timer")
            self._live += 1
            alarms.cancel(self)
            world.irqs.close_heap(locked)

        def fire(self) -> int:
            """The alarm: hand on. Returns in how many cycles from ``due`` it comes again, or 0.
            Not of the chip's Timer."""
            live = self._live
            good = True
            if self._callback is not None:
                good = world.irqs.dispatch(self._callback, self, self._hard)
            if not good or self._mode != Timer.PERIODIC or live != self._live:
                return 0
            return self._period

    return Timer
