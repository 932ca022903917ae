"""The firmware's own files on real MicroPython on an emulated RP2040, seen from its pins and its
serial port. One session (``on_chip.py``) serves all tests; it takes about half a minute.
"""

from itertools import pairwise

import pytest

from pump.core.lease import lease_us
from pump.core.schedule import Planner
from tests.emulator import chip as emulated

pytestmark = pytest.mark.xdist_group("chip-session")
STEP, ENABLE, ALLOW = 2, 4, 5
CYCLE_NS = 8
TICKS = 7100 * 3600 * 62_500_000 // 1_200_000_000  # 0.0071 mL at 1200 mL/h
STEPS = 51
RATE_NL_PER_S = (1_200_000_000, 3600)


@pytest.fixture(scope="module")
def chip(tmp_path_factory: pytest.TempPathFactory) -> dict:
    """What one session on the emulated chip showed."""
    if reason := emulated.missing():
        pytest.skip(reason)
    folder = tmp_path_factory.mktemp("chip") / "files"
    emulated.make_files(folder, emulated.SHORT_PLANS)
    return emulated.run("on_chip.py", folder)


def rising(run: dict, gpio: int) -> list:
    return [t for t, pin, level in run["edges"] if pin == gpio and level]


def falling(run: dict, gpio: int) -> list:
    return [t for t, pin, level in run["edges"] if pin == gpio and not level]


def planned_intervals() -> list:
    """Cycles from each step to the next, from the planner."""
    most = lease_us(RATE_NL_PER_S, 8) * 125 // 2
    planner = Planner([(STEPS, (TICKS, 1))], 133, 4)
    intervals = []
    carried = 0
    while planner.next_word(most, 127):
        if planner.count:
            intervals.append(carried + planner.interval_ticks)
            intervals += [planner.interval_ticks] * (planner.count - 1)
            carried = 0
        else:
            carried += planner.interval_ticks
    return [2 * ticks for ticks in intervals]


def test_boots_and_reports(chip: dict) -> None:
    assert "!1 event" in chip["boot"]
    assert "boot=1 name=boot reset=power-on" in chip["boot"]
    assert "state=idle" in chip["boot"]


def test_driver_is_off_from_the_first_instant(chip: dict) -> None:
    """The self-test tries the step chain; the motor driver is off in all of it."""
    edges = chip["boot_edges"]
    assert [level for _, pin, level in edges if pin == ENABLE] == [1]
    first = min(t for t, pin, level in edges if pin == ENABLE and level)
    assert all(t > first for t, pin, level in edges if pin in (STEP, ALLOW) and level)
    assert chip["boot_levels"] == {"2": 0, "4": 1, "5": 0}


def test_answers(chip: dict) -> None:
    assert chip["identity"].startswith("Titra,rpi_pico,")
    assert "tick=16/1ns" in chip["info"]
    assert "stop-loop=closed" in chip["status"]
    assert "ok state=idle" in chip["stop"]


def test_steps_come_at_the_planned_cycles(chip: dict) -> None:
    run = chip["whole"]
    steps = rising(run, STEP)
    assert len(steps) == STEPS
    cycles = [(after - before) / CYCLE_NS for before, after in pairwise(steps)]
    assert cycles == planned_intervals()[1:]


def test_every_step_is_counted(chip: dict) -> None:
    assert f"steps={STEPS} " in chip["whole"]["program"]
    assert f"cause=none state=complete steps={STEPS} " in chip["whole"]["text"]


def test_fuse_takes_allow_away_at_the_last_step(chip: dict) -> None:
    run = chip["whole"]
    (low,) = falling(run, ALLOW)
    assert 0 < low - rising(run, STEP)[-1] <= 12 * CYCLE_NS
    assert run["levels"] == {"2": 0, "4": 1, "5": 0}


def test_button_stops_the_steps_by_hardware(chip: dict) -> None:
    run = chip["button"]
    pressed = run["pressed"]
    before = [t for t in rising(run, STEP) if t <= pressed]
    assert 0 < len(before) < STEPS
    assert [t for t in rising(run, STEP) if t > pressed + 3 * CYCLE_NS] == []
    (low,) = falling(run, ALLOW)
    assert 0 < low - pressed <= 8 * CYCLE_NS
    assert run["levels"] == {"2": 0, "4": 1, "5": 0}


def test_button_is_reported_with_the_true_count(chip: dict) -> None:
    run = chip["button"]
    steps = len(rising(run, STEP))
    assert f"name=stopped cause=disconnect state=stopped steps={steps} " in run["text"]


def test_released_button_wants_an_acknowledgement(chip: dict) -> None:
    assert "ok state=idle" in chip["ack"]


def test_open_loop_at_reset_keeps_the_pump_stopped(chip: dict) -> None:
    assert "boot=2 name=boot" in chip["open"]
    assert "cause=stop-open state=stopped" in chip["open"]
