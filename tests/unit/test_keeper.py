"""The journal is written often enough, and never when the write could be felt."""

import pytest
from fake_hal import BOARD, PRESCRIPTION, FakeHal

from pump.app.keeper import _EVERY_US, STALL_US
from pump.app.pump import Pump
from pump.core.frame import seal
from pump.core.journal import newest

SLOW = {"rate": "60mL/h", "over": "20s", "syringe": "bd-10"}
FAST = {"rate": "1200mL/h", "over": "4s", "syringe": "bd-60"}


class Watched:
    """A pump whose writes are noted as (time, state, steps, how long motion outlasts them)."""

    def __init__(self, hal=None):
        self.hal = hal or FakeHal()
        self.pump = Pump(self.hal, BOARD)
        self.writes = []
        self._save = self.hal.store.save
        self.hal.store.save = self.save

    def save(self, name, data):
        controller = self.pump.controller
        now_us = self.hal.clock.us
        if name.startswith("journal"):
            self.writes.append((now_us, controller.state, controller.outlasts_us(now_us)))
        self._save(name, data)

    def begin(self, fields):
        self.pump.controller.program(fields)
        self.run(500_000)
        self.pump.controller.start(self.pump.controller.run.hash, 0, "stop")

    def run(self, for_us):
        until_us = self.hal.clock.us + for_us
        while self.hal.clock.us < until_us:
            self.pump.turn()

    def entry(self):
        """What would be found after a power cut now."""
        return newest([self.hal.store.load("journal-%d" % slot) for slot in range(2)])[1]


@pytest.mark.requirement("PWR-05")
@pytest.mark.parametrize("fields", [PRESCRIPTION, SLOW])
def test_while_moving_no_second_passes_unwritten(fields):
    watched = Watched()
    watched.begin(fields)
    watched.run(15_000_000)
    times = [at for at, state, _ in watched.writes if state == "infusing"]
    assert len(times) >= 15
    assert max(b - a for a, b in zip(times, times[1:], strict=False)) <= _EVERY_US * 11 // 10
    assert watched.entry().steps >= watched.pump.controller.plan.total_steps * 14 // 2400


@pytest.mark.requirement("PWR-09")
@pytest.mark.parametrize("rate", ["0.1", "1", "52.5", "150", "190", "199", "201", "400", "1200"])
def test_no_write_that_motion_would_not_outlast(rate):
    watched = Watched()
    watched.begin({"rate": rate + "mL/h", "over": "10s", "syringe": "bd-60"})
    watched.run(9_000_000)
    moving = [left for _, state, left in watched.writes if state == "infusing"]
    assert all(left >= STALL_US for left in moving)
    assert moving or float(rate) > 190
    assert not moving or float(rate) < 250


@pytest.mark.requirement("PWR-05")
def test_a_fast_plan_is_written_at_its_start_and_end():
    watched = Watched()
    watched.begin(FAST)
    watched.run(3_000_000)
    assert {state for _, state, _ in watched.writes} == {"ready"}
    assert (watched.entry().steps, watched.entry().state) == (0, "ready")
    watched.run(2_000_000)
    total = watched.pump.controller.plan.total_steps
    assert (watched.entry().steps, watched.entry().state) == (total, "complete")


@pytest.mark.requirement("PWR-05")
@pytest.mark.parametrize("verb, state", [("pause", "paused"), ("stop", "halted")])
def test_the_end_of_motion_is_written_at_once(verb, state):
    watched = Watched()
    watched.begin(FAST)
    watched.run(1_000_000)
    watched.hal.link.incoming = seal("1 " + verb)
    watched.run(300_000)
    entry = watched.entry()
    assert (entry.state, entry.steps) == (state, watched.pump.controller.steps())
    assert entry.plan == watched.pump.controller.run.hash


def test_nothing_is_written_while_nothing_happens():
    watched = Watched()
    watched.run(60_000_000)
    assert watched.writes == []


@pytest.mark.requirement("PWR-05", "PWR-11")
def test_the_boot_number_and_the_last_run_outlive_resets():
    watched = Watched()
    watched.begin(SLOW)
    watched.run(5_000_000)
    steps = watched.entry().steps
    for boot in (2, 3):
        hal = FakeHal()
        hal.store.records = watched.hal.store.records
        pump = Pump(hal, BOARD)
        assert pump.session.log.boot == boot
        assert (pump.keeper.last.steps, pump.keeper.last.state) == (steps, "infusing")


@pytest.mark.parametrize("record", [b"\xff\xfe", b"12x", b"", b"-5"])
def test_an_unreadable_journal_does_not_keep_the_pump_from_starting(record):
    hal = FakeHal()
    hal.store.save("journal-0", record)
    hal.store.save("journal-1", record)
    assert Pump(hal, BOARD).session.log.boot == 1
