"""Exceptions in the firmware: inside the loop they are a fault, past it the motor is off all the
same. The sabotage is done to the running firmware's objects; the files are those flashed."""

import pytest

from tests.timing.drive import Driven

THERAPY = "weight=70kg dose=0.0125mg/kg over=60s concentration=1mg/mL syringe=bd-60"
LONG_US = 5_000_000


class Sabotage(Exception):
    """What the sabotaged part raises."""


def boom(*_):
    raise Sabotage("on purpose")


@pytest.fixture
def moving():
    pump = Driven()
    pump.ask(pump.program(THERAPY))
    pump.run_us(1_000_000)
    assert pump.bench.step_edges > 0
    yield pump
    pump.close()


def moves(pump: Driven) -> int:
    """Steps from now on."""
    before = pump.bench.step_edges
    pump.run_us(LONG_US)
    return pump.bench.step_edges - before


@pytest.mark.requirement("STOP-17")
@pytest.mark.parametrize("part", ["session.poll", "session.receive", "controller.poll"])
def test_an_exception_in_the_loop_is_a_fault(moving, part):
    owner, name = part.split(".")
    firmware = moving.bench.pump()
    setattr(getattr(firmware, owner), name, boom)
    moving.run_us(2_000_000)
    assert firmware.controller.state == "fault"
    assert b"name=fault cause=internal" in moving.sent
    assert b"Sabotage" in moving.sent
    assert moves(moving) == 0
    assert (moving.level(moving.board.ENABLE), moving.level(moving.board.ALLOW)) == (1, 0)


@pytest.mark.requirement("STOP-17")
def test_an_exception_past_the_loop_leaves_the_motor_off(moving):
    firmware = moving.bench.pump()
    firmware.session.due_us = boom
    moving.run_us(2_000_000)
    assert isinstance(moving.bench.crash, Exception)
    assert moves(moving) == 0
    assert (moving.level(moving.board.ENABLE), moving.level(moving.board.ALLOW)) == (1, 0)
    assert moving.level(moving.board.STEP) == 0


@pytest.mark.requirement("STOP-17")
def test_an_exception_in_a_halt_still_takes_the_enable_away(moving):
    firmware = moving.bench.pump()
    firmware.hal.fuse.disarm = boom
    moving.bench.press()
    moving.run_us(2_000_000)
    assert moves(moving) == 0
    assert moving.level(moving.board.ENABLE) == 1
