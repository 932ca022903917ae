"""Defences that others stand behind, each looked at before or without those: were one of them
gone, the whole pump would still stop, and no other test would see it. (Found by sabotage.)"""

from types import SimpleNamespace

import pytest
from fake_hal import BOARD, SHORT, FakeHal

from boards.sim.bench import Bench
from pump.app.motion import Motion, MotionError
from pump.app.pump import Pump
from pump.core import dose
from pump.core.dose import plan as make_plan
from pump.core.refusal import Refusal
from tests.device.targets import seal
from tests.faults.rig import Prepared
from tests.timing.drive import Driven
from titra.simulator import ROOT

THERAPY = "rate=60mL/h over=60s syringe=bd-10"
DIRECTION, TRAVEL = 3, 13
SCRATCH = 0x4005800C


class Sabotage(Exception):
    """What a sabotaged part raises."""


def boom(*_):
    raise Sabotage("on purpose")


@pytest.fixture
def moving():
    pump = Driven()
    pump.ask(pump.program(THERAPY))
    pump.run_us(2_000_000)
    assert pump.bench.step_edges > 0 and pump.level(pump.board.ENABLE) == 0
    yield pump
    pump.close()


def powered(**fitted):
    """A bench as far as boot.py goes, and its board file."""
    bench = Bench(str(ROOT), "rpi_pico", 0)
    bench.fitted = fitted
    bench.power_on()
    return bench, bench.loader.module("board")


@pytest.fixture
def infusing():
    """A pump on hardware that is not there, in mid-infusion."""
    hal = FakeHal()
    pump = Pump(hal, BOARD)
    pump.controller.program(SHORT)
    pump.controller.start(pump.controller.run.hash, 0, "stop")
    hal.until_us = 2_000_000
    while hal.clock.us < hal.until_us:
        pump.turn()
    hal.until_us = None
    return hal, pump


@pytest.mark.requirement("STOP-04", "STOP-05", "STOP-10")
def test_the_interrupt_alone_takes_enable_away(moving):
    """The loop is busy for a second: neither it nor the watchdog has a hand in this."""
    time = moving.bench._standins["time"]
    moving.bench.pump().session.poll = lambda now_us: time.sleep_us(1_000_000)
    moving.run_us(1_100_000)
    moving.bench.press()
    moving.run_us(1_000)
    assert moving.level(moving.board.ENABLE) == 1
    assert moving.bench.pump().controller.state == "infusing", "the loop has not seen it yet"


@pytest.mark.requirement("STOP-17")
def test_main_takes_enable_away_before_the_watchdog_does(moving):
    moving.bench.pump().session.due_us = boom
    moving.run_us(1_000_000)
    assert isinstance(moving.bench.crash, Exception) and moving.bench.boots == 0
    levels = [moving.level(pin) for pin in (moving.board.ENABLE, moving.board.STEP)]
    assert levels == [1, 0]


@pytest.mark.requirement("STOP-17")
def test_enable_goes_though_the_halt_raises(infusing):
    hal, pump = infusing
    hal.fuse.disarm = boom
    assert hal.driver.on
    with pytest.raises(Sabotage):
        pump.controller.stop()
    assert not hal.driver.on


@pytest.mark.requirement("STOP-11")
def test_boot_alone_takes_enable_away():
    """A soft reset keeps the pads; main.py has not begun."""
    bench, board = powered()
    machine = bench._standins["machine"]
    for pin, level in ((board.ENABLE, 0), (board.STEP, 1), (board.ALLOW, 1)):
        machine.Pin(pin, machine.Pin.OUT, value=level)
    bench.soft_reset()
    pads = bench.world.pads
    assert pads.level(board.ENABLE) == 0, "still on"
    bench.power_on()
    assert [pads.level(pin) for pin in (board.ENABLE, board.STEP, board.ALLOW)] == [1, 0, 0]
    pads.drive(board.ENABLE, 0)
    assert pads.level(board.ENABLE) == 1, "it is driven, not left to its resistor"


@pytest.mark.requirement("DEL-09")
def test_direction_never_rises_in_a_whole_life():
    rises = []

    def prepare(bench):
        bench.world.pads.watch(DIRECTION, lambda pin, level, *_: level and rises.append(level))

    pump = Prepared(prepare)
    pump.ask(pump.program(THERAPY))
    for request in ("pause", "resume", "stop"):
        pump.run_us(2_000_000)
        pump.ask(request)
    assert pump.bench.step_edges > 0 and pump.board.DIRECTION == DIRECTION
    assert not rises and pump.level(DIRECTION) == 0
    pump.close()


@pytest.mark.requirement("PWR-05")
def test_scratch_registers_are_believed_as_a_whole_or_not_at_all():
    bench, board = powered()
    hot = board.make_hal().hot
    mem32 = bench._standins["machine"].mem32
    hot.save(3, 125_953)
    hot.save(3, 126_058)
    assert (hot.load(3), hot.load(2)) == (126_058, -1)
    for register in range(4):
        for bit in (0, 7, 31):
            mem32[SCRATCH + 4 * register] ^= 1 << bit
            newer_spoilt = register >= 2
            assert hot.load(3) == (125_953 if newer_spoilt else 126_058), (register, bit)
            mem32[SCRATCH + 4 * register] ^= 1 << bit
    assert hot.load(3) == 126_058


@pytest.mark.requirement("DEL-13")
def test_an_open_wire_is_the_end_of_travel():
    bench, board = powered(TRAVEL=TRAVEL)
    travel = board.make_hal().travel
    assert travel.at_end(), "nothing is connected"
    bench.world.pads.drive(TRAVEL, 0)
    assert not travel.at_end()


@pytest.mark.requirement("STOP-08")
def test_a_stop_is_carried_out_before_what_stands_before_it(moving):
    moving.bench.usb.host_write(seal("71 status") + seal("72 stop"))
    moving.run_us(200_000)
    answer = next(line for line in moving.sent.splitlines() if line.startswith(b"71 "))
    assert b" state=halted " in answer


@pytest.mark.requirement("ALM-05")
def test_the_first_cause_is_kept_by_the_controller_too(infusing):
    _, pump = infusing
    pump.controller.trip("occlusion")
    pump.controller.fail("internal")
    assert (pump.controller.state, pump.controller.cause) == ("fault", "occlusion")


@pytest.mark.requirement("LOG-02")
def test_a_journal_or_log_that_cannot_be_written_is_an_alarm(infusing):
    hal, pump = infusing
    pump.turn()
    assert "log-failure" not in pump.controller.alarms.active()
    hal.store.full = True
    for _ in range(60):
        pump.turn()
    assert "log-failure" in pump.controller.alarms.active()


@pytest.mark.requirement("PWR-10")
def test_the_journal_goes_to_each_slot_in_turn(infusing):
    hal, pump = infusing
    names, save = [], hal.store.save

    def noted(name, data):
        names.append(name)
        save(name, data)

    hal.store.save = noted
    for _ in range(60):
        pump.turn()
    slots = [name[-1] for name in names if name.startswith("journal")]
    assert len(slots) > 4 and all(a != b for a, b in zip(slots, slots[1:], strict=False))


@pytest.mark.requirement("LOG-06")
def test_status_and_telemetry_tell_what_was_counted(infusing):
    hal, pump = infusing
    motion = pump.controller.motion
    counted, ordered = (hal.counter.steps() - motion.count) % 2**32, motion.commanded()
    assert 0 < counted < ordered
    for pairs in (pump.session.report.telemetry(2_000_000), pump.session.report.status(2_000_000)):
        assert dict(pairs)["steps"].split("/")[0] == str(counted)


@pytest.mark.requirement("DEL-05")
def test_after_a_pause_the_fuse_lets_pass_what_is_left(infusing):
    hal, pump = infusing
    pump.controller.pause()
    done = pump.controller.motion.measured()
    pump.controller.resume()
    assert hal.fuse.left == pump.controller.plan.total_steps - done > 0 < done


@pytest.mark.requirement("DEL-19")
def test_stairs_that_the_motor_cannot_follow_are_never_begun():
    fast = make_plan({"rate": "1200mL/h", "over": "4s", "syringe": "bd-10"}, BOARD.MECHANICS)
    Motion(FakeHal(), fast, BOARD.MECHANICS)
    spoilt = SimpleNamespace(**vars(BOARD.MECHANICS))
    spoilt.ramp = SimpleNamespace(shape=lambda steps, us: [(steps, us)], needed=lambda *_: True)
    with pytest.raises(MotionError, match="internal"):
        Motion(FakeHal(), fast, spoilt)


@pytest.mark.requirement("COM-11")
def test_a_pulled_cable_costs_one_wait_and_not_one_a_write():
    bench, board = powered()
    link = board.make_hal().link
    bench.usb.open_port()
    assert link.write(memoryview(b"hello")) == 5
    bench.usb.pull_cable()
    begun_us = bench.world.now_us()
    for _ in range(20):
        link.write(memoryview(b"x" * 100))
    assert 400_000 < bench.world.now_us() - begun_us < 1_000_000


@pytest.mark.requirement("PWR-02")
def test_a_failed_self_test_keeps_the_whole_pump_from_becoming_ready():
    hal = FakeHal()
    hal.store.records["firmware"] = b"spoilt"
    pump = Pump(hal, BOARD)
    assert (pump.controller.state, pump.controller.cause) == ("fault", "post")
    with pytest.raises(Refusal):
        pump.controller.program(SHORT)
    with pytest.raises(Refusal, match="locked-out"):
        pump.controller.acknowledge("")


@pytest.mark.requirement("DOSE-19")
@pytest.mark.parametrize("verb", ["program", "bolus"])
def test_two_routes_that_disagree_are_a_fault(infusing, monkeypatch, verb):
    hal, pump = infusing
    if verb == "program":
        pump.controller.stop()

    def disagree(plan):
        raise Refusal("internal-mismatch", "steps", "1", "2")

    monkeypatch.setattr(dose, "check_plan", disagree)
    asked = {"program": "rate=60mL/h over=10s syringe=bd-10", "bolus": "volume=0.01mL over=5s"}
    hal.link.incoming = seal("7 %s %s" % (verb, asked[verb]))
    for _ in range(20):
        pump.turn()
    assert b"7 err code=internal-mismatch" in hal.link.sent
    assert (pump.controller.state, pump.controller.cause) == ("fault", "internal")
    assert "internal" in pump.controller.alarms.active() and not hal.driver.on
