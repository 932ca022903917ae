"""The pump as a whole: one loop that sleeps until its next deadline or the next input.

``turn`` does all that is due and sleeps; ``run`` turns for ever. There is no fixed rate: with
nothing to do the loop wakes for telemetry only.
"""

from pump.app.controller import Controller
from pump.app.events import EventLog
from pump.app.keeper import Keeper
from pump.app.outbox import Outbox
from pump.app.report import Report
from pump.app.session import Session
from pump.core.refusal import clean

VERSION = "0.1.0"
# The HAL's clock must be read now and then (its ticks wrap), so no sleep is longer than this.
LONGEST_SLEEP_US = 60_000_000
FAREWELL_US = 500_000  # the last answer gets so long to leave


class Pump:
    """Firmware without hardware: give it a HAL and a board and call ``run``."""

    def __init__(self, hal, board) -> None:
        self.hal = hal
        self.keeper = Keeper(hal.store)
        log = EventLog(self.keeper.boot)
        self.outbox = Outbox(hal.link)
        self.session = Session(hal, board, VERSION, log, self.outbox)
        self.controller = Controller(hal, board, self._happened)
        self.session.attach(self.controller, Report(self.controller, hal))
        self.session.record("boot", [("reset", hal.reset_cause()), ("firmware", VERSION)])
        self.controller.self_test()

    def run(self) -> None:
        """Until the host asks for the REPL (`maintenance`); the motor is off then."""
        while not self.session.leaving:
            self.turn()
        until_us = self.hal.clock.now_us() + FAREWELL_US
        while self.outbox.send() and self.hal.clock.now_us() < until_us:
            self.hal.wait(until_us, True)

    def turn(self) -> None:
        """One pass: stop input first, then motion, input, flash, output; then sleep till the
        next."""
        hal = self.hal
        now_us = hal.clock.now_us()
        try:
            self.controller.poll(now_us)
            self.session.receive(now_us)
            self.session.poll(now_us)
            self.keeper.poll(hal.clock.now_us(), self.controller, self.outbox.waiting())
        except Exception as error:
            self.controller.fail("internal")
            self.session.record("exception", [("what", clean(repr(error)))])
        want_write = self.outbox.send()
        hal.wait(self._due_us(now_us), want_write)

    def silence_due_us(self) -> int | None:
        """When the pump will act on a silent host (lease, partial line), or None."""
        return _sooner(self.controller.silence_due_us(), self.session.silence_due_us())

    def _happened(self, name: str, pairs: list) -> None:
        self.session.record(name, pairs)
        self.keeper.note()

    def _due_us(self, now_us: int) -> int:
        due = _sooner(self.controller.due_us(), self.session.due_us())
        due = _sooner(due, self.keeper.due_us(self.controller.moving()))
        return min(due, now_us + LONGEST_SLEEP_US)


def _sooner(first, second):
    if first is None:
        return second
    if second is None:
        return first
    return min(first, second)
