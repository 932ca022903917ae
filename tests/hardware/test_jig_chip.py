"""The jig's firmware on simulated silicon: what it drives, counts and stamps, and what it says."""

import pytest

from boards.sim.usb import Interrupted
from tests.hardware.silicon import ENABLE, LOOP, POWER, STEP, JigChip

pytestmark = pytest.mark.requirement("HW-07")

WIDTH = 258  # cycles of a STEP pulse, as the pump makes them
SOON = 10_000
STARTED_US = 20_000
# in cycles, 8 ns each
PERIODS = (6_250, 25_000, 1_000_000)


@pytest.fixture
def jig():
    chip = JigChip()
    chip.run_us(STARTED_US)
    yield chip
    chip.close()


def pulse(jig, rises, width=WIDTH):
    """STEP pulses from cycles ``rises`` on, till they are over."""
    for rise in rises:
        jig.at(rise, STEP, 1)
        jig.at(rise + width, STEP, 0)
    jig.run_to(rises[-1] + SOON)


def fields(answer):
    word, *pairs = answer.split(" ")
    assert word == "ok", answer
    return dict(pair.split("=") for pair in pairs)


def stamps(jig, first):
    told = fields(jig.ask("edges %d" % first))
    assert (told["from"], told["tick"]) == (str(first), "16ns")
    return [int(ticks) for ticks in told["at"].split(",") if ticks]


def counts(jig):
    told = fields(jig.ask("steps"))
    return int(told["steps"]), int(told["edges"]), int(told["stamped"])


def test_who_it_is(jig):
    assert jig.ask("*IDN?") == "Titra,jig,e661640843000001,1"


def test_stop_and_plug_are_pulled_till_told_otherwise(jig):
    assert (jig.pads.level(LOOP), jig.pads.level(POWER)) == (0, 0)
    assert jig.ask("release") == "ok loop=closed"
    assert jig.ask("power on") == "ok power=on"
    assert (jig.pads.level(LOOP), jig.pads.level(POWER)) == (1, 1)
    assert jig.ask("press") == "ok loop=open"
    assert (jig.pads.level(LOOP), jig.pads.level(POWER)) == (0, 1)
    assert jig.ask("power off") == "ok power=off"
    assert (jig.pads.level(LOOP), jig.pads.level(POWER)) == (0, 0)


def test_a_jig_whose_program_ends_lets_go(jig):
    jig.ask("release")
    jig.ask("power on")
    jig.write(b"\x03")
    with pytest.raises(Interrupted):
        jig.run_us(STARTED_US)
    assert (jig.pads.level(LOOP), jig.pads.level(POWER)) == (0, 0)


def test_a_jig_that_is_reset_lets_go(jig):
    jig.ask("release")
    jig.ask("power on")
    jig.pads.reset()
    assert (jig.pads.level(LOOP), jig.pads.level(POWER)) == (0, 0)


@pytest.mark.parametrize("period", PERIODS)
def test_stamps_are_exact_to_the_tick(jig, period):
    start = jig.world.now + SOON
    pulse(jig, [start + period * k for k in range(40)])
    told = stamps(jig, 0) + stamps(jig, 16) + stamps(jig, 32)
    assert [ticks - told[0] for ticks in told] == [period * k // 2 for k in range(40)]
    assert counts(jig) == (0, 40, 40)


def test_odd_cycles_are_off_by_less_than_a_tick(jig):
    start = jig.world.now + SOON
    rises = [start + 3_001 * k + k * k for k in range(16)]
    pulse(jig, rises)
    told = stamps(jig, 0)
    for rise, ticks in zip(rises, told, strict=True):
        assert abs(2 * (ticks - told[0]) - (rise - rises[0])) < 2


def test_time_begins_with_reset(jig):
    jig.run_us(STARTED_US)
    jig.ask("reset")
    begun = jig.world.now
    pulse(jig, [begun + 125_000])
    assert 125_000 <= 2 * stamps(jig, 0)[0] < 125_000 + 100_000  # the answer takes its time


def test_a_minute_between_two_edges(jig):
    start = jig.world.now + SOON
    pulse(jig, [start, start + 7_500_000_000])
    first, second = stamps(jig, 0)
    assert second - first == 3_750_000_000


def test_only_steps_with_the_driver_on_are_steps(jig):
    start = jig.world.now + SOON
    pulse(jig, [start + 2_000 * k for k in range(3)])
    assert counts(jig) == (0, 3, 3)
    jig.pads.drive(ENABLE, 0)
    start = jig.world.now + SOON
    pulse(jig, [start + 2_000 * k for k in range(5)])
    assert counts(jig) == (5, 8, 8)
    jig.pads.drive(ENABLE, 1)
    pulse(jig, [jig.world.now + SOON])
    assert counts(jig) == (5, 9, 9)


def test_reset_forgets(jig):
    pulse(jig, [jig.world.now + SOON])
    assert jig.ask("reset") == "ok steps=0"
    assert counts(jig) == (0, 0, 0)
    assert stamps(jig, 0) == []


def test_stamps_that_the_cpu_cannot_collect_are_missed_not_hidden(jig):
    start = jig.world.now + SOON
    pulse(jig, [start + 20 * k for k in range(60)], width=10)
    steps, edges, stamped = counts(jig)
    assert (steps, edges) == (0, 60)
    assert 8 <= stamped < 60


def test_the_first_and_the_latest_stamps_are_kept(jig):
    start = jig.world.now + SOON
    rises = [start + 12_500 * k for k in range(300)]
    pulse(jig, rises)
    first = int(fields(jig.ask("edges 284"))["at"].split(",")[0]) - 284 * 6_250
    assert [ticks - first for ticks in stamps(jig, 284)] == [6_250 * k for k in range(284, 300)]
    assert stamps(jig, 44)[0] - first == 44 * 6_250
    assert jig.ask("edges 43") == "err code=overwritten"
    assert jig.ask("edges 0") == "err code=overwritten"
    assert fields(jig.ask("edges"))["from"] == "284"
    assert fields(jig.ask("first"))["at"] == str(first)


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("", "unknown-verb"),
        ("nix", "unknown-verb"),
        ("power", "on-or-off"),
        ("power up", "on-or-off"),
        ("edges -1", "bad-number"),
        ("edges x", "bad-number"),
        ("x" * 500, "unknown-verb"),
    ],
)
def test_refusals(jig, line, code):
    assert jig.ask(line) == "err code=" + code
    assert (jig.pads.level(LOOP), jig.pads.level(POWER)) == (0, 0)


def test_a_line_end_of_either_kind(jig):
    jig.write(b"release\r\n")
    assert jig.read(0.1) == b"ok loop=closed\n"
