"""Resets in mid-infusion, whole firmware: whatever ends the program, the motor is off after it,
the pump comes up stopped, and nothing moves before a new start."""

import pytest

from tests.faults.rig import motor_off
from tests.timing.drive import BOOT_US, CYCLES_PER_US, Driven

THERAPY = "weight=70kg dose=0.0125mg/kg over=60s concentration=1mg/mL syringe=bd-60"
LEASE_US = 2_000_000
LONG_US = 5_000_000
CTRL_D = b"\x04"


@pytest.fixture
def moving():
    pump = Driven()
    pump.ask(pump.program(THERAPY))
    pump.run_us(3_000_000)
    assert pump.bench.step_edges > 0
    yield pump
    pump.close()


def comes_up_stopped(pump: Driven, boots: int, cause: str) -> None:
    """After ``boots`` resets the pump is at rest, says why, and can be used."""
    pump.run_us(BOOT_US)
    pump.board = pump.bench.loader.module("board")
    assert pump.bench.boots == boots
    before = pump.bench.step_edges
    pump.run_us(LONG_US)
    assert pump.bench.step_edges == before
    assert motor_off(pump)
    state = pump.bench.pump().controller.state
    assert state not in ("infusing", "paused")
    assert b"reset=" + cause.encode() in pump.sent.split(b"name=boot")[-1]
    pump.ask("ack") if state in ("stopped", "fault") else None
    pump.ask(pump.program(THERAPY))
    pump.run_us(2_000_000)
    assert pump.bench.step_edges > before


def test_watchdog(moving):
    """A CPU that stands still, with the longest time the chip has."""
    world = moving.world
    enable: list = []
    world.pads.watch(moving.board.ENABLE, lambda *edge: enable.append(edge[1:3]))
    moving.bench.freeze()
    bite = world.now + 8_388_000 * CYCLES_PER_US
    world.watchdog.start(8388)
    moving.run_us(8_388_000 - 1)
    assert moving.bench.boots == 0
    assert moving.level(moving.board.STEP) == 0
    edges = moving.bench.step_edges
    moving.run_us(BOOT_US)
    assert moving.bench.boots == 1
    assert enable == [(1, bite)], "the board's pull-up takes the motor's current away"
    assert moving.bench.step_edges - edges <= 1, "the reset itself makes no steps"
    assert world.since_boot_us() <= BOOT_US < world.now_us(), "the chip's timer starts at 0"
    comes_up_stopped(moving, 1, "watchdog")
    assert moving.bench.flash.files, "the flash is kept"


def test_power_cut(moving):
    moving.bench.cut_power()
    comes_up_stopped(moving, 1, "power-on")


def test_exception_then_soft_reset(moving):
    def boom(*_):
        raise RuntimeError("on purpose")

    moving.bench.pump().session.due_us = boom
    moving.run_us(1_000_000)
    assert isinstance(moving.bench.crash, RuntimeError)
    assert motor_off(moving)
    boot_cycle = moving.world.boot_cycle
    moving.bench.usb.host_write(CTRL_D)
    comes_up_stopped(moving, 1, "power-on")
    assert moving.world.boot_cycle == boot_cycle, "a soft reset is no reset of the chip"


def test_soft_reset_out_of_the_blue(moving):
    """As by sys.exit in the loop: no handler of the firmware sees it coming."""

    def leave(*_):
        moving.bench._standins["machine"].soft_reset()

    moving.bench.pump().session.poll = leave
    moving.run_us(1_000_000)
    edges = moving.bench.step_edges
    assert motor_off(moving)
    comes_up_stopped(moving, 1, "power-on")
    assert edges > 0


def test_a_reset_during_a_flash_write_keeps_the_old_record(moving):
    flash, world = moving.bench.flash, moving.world
    flash.files["/test.rec"] = b"old"
    store = moving.bench.pump().hal.store

    def save_and_never_return(*_):
        world.at(world.now + 100, lambda: world.die("watchdog"))
        store.save("test", b"half")

    moving.bench.pump().session.poll = save_and_never_return
    moving.run_us(1_000_000)
    assert moving.bench.boots == 1
    assert flash.files["/test.rec"] == b"old"
    comes_up_stopped(moving, 1, "watchdog")


@pytest.mark.requirement("PWR-05", "STOP-16")
@pytest.mark.parametrize("started", [False, True])
def test_the_steps_of_another_run_are_not_taken_for_this_one(moving, started):
    """A second plan in the same boot, and a CPU that dies before much of it is made."""
    moving.ask("stop")
    first = moving.bench.step_edges
    start = moving.program(THERAPY)
    if started:
        moving.ask(start)
    made = moving.bench.step_edges - first
    moving.run_us(700_000)
    moving.bench.freeze()
    moving.run_us(5_000_000)
    assert moving.bench.boots == 1
    assert made < first // 4
    told = moving.bench.pump().keeper.last.steps
    assert made <= told <= moving.bench.step_edges - first
