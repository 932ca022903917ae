"""The firmware's own files on real MicroPython on an emulated RP2040, seen from its pins and its
serial port. One session (``on_chip.py``) serves all tests; it takes about half a minute.
"""

import json
import os
import shutil
import subprocess
from itertools import pairwise
from pathlib import Path

import pytest

from pump.core.lease import lease_us
from pump.core.schedule import Planner

ROOT = Path(__file__).resolve().parents[2]
NEEDED = {
    "RIG_UF2": "a MicroPython image for RPI_PICO",
    "RIG_HOME": "the folder of the emulator rig (rig.py)",
    "RIG_PYTHON": "a Python interpreter with the rig's emulator installed",
}
# An emulated second of motion takes half a minute, so the board under test takes shorter plans.
SHORT_PLANS = """
from pump.core import limits

shorter = ("over", "time", "1ms", "96h")
limits.LIMITS = tuple([shorter if row[0] == "over" else row for row in limits.LIMITS])
"""
STEP, ENABLE, ALLOW = 2, 4, 5
CYCLE_NS = 8
TICKS = 7100 * 3600 * 62_500_000 // 1_200_000_000  # 0.0071 mL at 1200 mL/h
STEPS = 51
RATE_NL_PER_S = (1_200_000_000, 3600)


@pytest.fixture(scope="module")
def chip(tmp_path_factory: pytest.TempPathFactory) -> dict:
    """What one session on the emulated chip showed."""
    for name, what in NEEDED.items():
        if not os.path.exists(os.environ.get(name, "")):
            pytest.skip(f"set {name} to {what}")
    folder = tmp_path_factory.mktemp("chip") / "files"
    ignored = shutil.ignore_patterns("__pycache__", "*.md")
    shutil.copytree(ROOT / "firmware", folder, ignore=ignored)
    board = (ROOT / "boards/rpi_pico/board.py").read_text()
    (folder / "board.py").write_text(board + SHORT_PLANS)
    script = Path(__file__).with_name("on_chip.py")
    command = [os.environ["RIG_PYTHON"], str(script), os.environ["RIG_HOME"], str(folder)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=400, check=False)
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout.splitlines()[-1])


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


def test_pins_are_safe_from_the_first_instant(chip: dict) -> None:
    raised = [(pin, level) for _, pin, level in chip["boot_edges"] if level]
    assert raised == [(ENABLE, 1)]


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
