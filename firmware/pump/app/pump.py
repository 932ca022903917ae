"""The pump as a whole: one loop that sleeps until its next deadline or the next input.

``turn`` does all that is due and sleeps; ``run`` turns for ever. There is no fixed rate: with
nothing to do the loop wakes for telemetry only.
"""

from micropython import const

from pump.app.attention import Attention
from pump.app.controller import Controller
from pump.app.event_ring import EventRing
from pump.app.events import EventLog
from pump.app.keeper import STALL_US, Keeper
from pump.app.outbox import Outbox
from pump.app.report import Report
from pump.app.session import Session
from pump.core.refusal import clean

VERSION = "0.1.0"
_LONGEST_SLEEP_US = const(1_000_000)  # the watchdog wants to be fed within 2 s
# Garbage is collected while the step queue is full, before the interpreter does it at any time.
_TIDY_US = const(100_000)
_FREE_BYTES = const(60_000)  # a tenth of a second makes 40 KB of garbage at the highest rate
# Bytes sent in one turn; each costs some 80 us on the chip.
_FEW = const(64)
_MANY = const(256)
_ROOMY_US = const(200_000)
_FAREWELL_US = const(500_000)  # the last answer gets so long to leave


class Pump:
    """Firmware without hardware: give it a HAL and a board and call ``run``."""

    def __init__(self, hal, board) -> None:
        self.hal = hal
        self._tidy_us = 0
        self._complaint = ""
        ring = EventRing(hal.store)
        self.keeper = Keeper(hal.clock, hal.store, hal.hot, ring.newest[0] + 1)
        self.log = EventLog(self.keeper.boot, ring)
        self.outbox = Outbox(hal.link)
        self.session = Session(hal, board, VERSION, self.log, self.outbox)
        kept = (self.session.settings, self.session.library)
        self.controller = Controller(hal, board, *kept, self._happened, self.keeper.write_down)
        report = Report(self.controller, hal, self.session.library)
        self.session.attach(self.controller, report)
        self.screen = None
        if hal.display:  # else the module is not on the device
            from pump.app.screen import Screen

            self.screen = Screen(hal.display, self.controller, report)
        self.attention = Attention(hal, self.controller)
        reset = hal.reset_cause()
        from pump.app.post import self_test  # main.py lets go of it afterwards

        found = self_test(hal, board, *kept)
        self.session.record("boot", [("reset", reset), ("firmware", VERSION)] + found.notes)
        interrupted = self.keeper.interrupted() or reset != "power-on"
        self.controller.self_test(found.failures, self.keeper.last, interrupted)

    def run(self) -> None:
        """Until the host asks for the REPL (`maintenance`); the motor is off then."""
        while not self.session.leaving:
            self.turn()
        until_us = self.hal.clock.now_us() + _FAREWELL_US
        while self.outbox.send(_FEW) and self.hal.clock.now_us() < until_us:
            self.hal.wait(until_us, True)
        if self.hal.watchdog:
            self.hal.watchdog.release()
        self.log.write_all(self.hal.clock.now_us())

    def turn(self) -> None:
        """One pass: stop input first, then motion, input, flash, output; then sleep till the
        next."""
        hal = self.hal
        now_us = hal.clock.now_us()
        want_write = False
        try:
            self._work(now_us)
        except Exception as error:
            self._broken(error)
        try:
            want_write = self.outbox.waiting() and self._send(now_us)
        except Exception as error:
            self._broken(error)
        self.controller.guard.feed(now_us)
        hal.wait(self._due_us(now_us), want_write)

    def _work(self, now_us: int) -> None:
        guard = self.controller.guard
        self.controller.poll(now_us)
        self.attention.poll(now_us)
        self.session.receive(now_us)
        self.session.poll(now_us)
        guard.alive("session", now_us)
        self.keeper.poll(now_us, self.controller, self.outbox.waiting())
        self._store_events(now_us)
        guard.alive("journal", now_us)
        if self.screen:
            self.screen.poll(now_us)
        self._tidy(now_us)

    def _broken(self, error: Exception) -> None:
        """An exception where none may be: the motor is off before it is told."""
        self.controller.fail("internal")
        what = clean(repr(error))
        if what != self._complaint:  # one that comes in every turn must not fill the log
            self._complaint = what
            self.session.record("exception", [("what", what)])

    def _send(self, now_us: int) -> bool:
        if self.controller.outlasts_us(now_us) >= _ROOMY_US:
            return self.outbox.send(_MANY)
        self.controller.top_up()
        return self.outbox.send(_FEW)

    def _happened(self, name: str, pairs: list) -> None:
        self.session.record(name, pairs)
        self.keeper.note()

    def _store_events(self, now_us: int) -> None:
        """One write at most, if it is due and motion outlasts it."""
        due_us = self.log.due_us()
        failed = self.keeper.failing
        if due_us is not None and now_us >= due_us:
            self.controller.top_up(2 * STALL_US)
            now_us = self.hal.clock.now_us()
            outlasts_us = self.controller.outlasts_us(now_us, STALL_US)
            failed |= self.log.flush(now_us, outlasts_us >= STALL_US)
        if failed:
            self.controller.warn("log-failure")

    def _tidy(self, now_us: int) -> None:
        if now_us < self._tidy_us:
            return
        self._tidy_us = now_us + _TIDY_US
        if self.hal.free_bytes() < _FREE_BYTES:
            self.controller.top_up()
            self.hal.collect()

    def _due_us(self, now_us: int) -> int:
        due = _sooner(self.controller.due_us(), self.session.due_us())
        due = _sooner(due, self.keeper.due_us(self.controller.moving()))
        due = _sooner(due, self.log.due_us())
        if self.screen:
            due = min(due, self.screen.due_us(now_us))
        return min(due, self.attention.due_us(now_us), now_us + _LONGEST_SLEEP_US)


def _sooner(first, second):
    if first is None:
        return second
    if second is None:
        return first
    return min(first, second)
