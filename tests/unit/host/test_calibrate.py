"""``titra calibrate``: the whole flow against a fake pump and against the firmware itself."""

from __future__ import annotations

import json
import signal
import sys
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import typer
from typer.testing import CliRunner, Result

from pump.core.bounds import Bounds
from pump.core.mechanics import Mechanics
from titra import calibration_store as cal
from titra import cli, prescription
from titra.cli import calibrate as command
from titra.cli import common
from titra.client import Timeouts
from titra.prescription import board_settings as real_board_settings

from .commands import press_ctrl_c
from .fake_pump import US, FakePump
from .test_calibrate_job import job

GEOMETRY = Fraction("138.824643")  # bd-60, nL a step, to six decimals
STEPS = 7203  # 1 mL of it
ONE_ML = ["--syringe", "bd-60", "--volume", "1mL", "--rate", "60mL/h"]
GOOD = "1.012,1.014,1.013379"  # the mean is 1.5 % more than 7203 steps by the geometry, at 20 C


@pytest.fixture(autouse=True)
def _own_data(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "cal.toml"


@pytest.fixture
def somebody(monkeypatch: pytest.MonkeyPatch) -> None:
    """A terminal with a person before it."""
    there = SimpleNamespace(stdin=SimpleNamespace(isatty=lambda: True))
    monkeypatch.setattr(command, "sys", there)


def run(*args: str, typed: str = "") -> Result:
    app = typer.Typer(pretty_exceptions_enable=False)
    app.callback()(cli.main)
    app.command("calibrate")(command.calibrate)
    return CliRunner().invoke(app, ["calibrate", *args], input=typed)


def run_json(*args: str) -> tuple[int, dict[str, Any]]:
    result = run(*args, "--json")
    assert result.stdout.count("\n") == 1, result.output
    return result.exit_code, json.loads(result.stdout)


def verbs(pump: FakePump) -> list[str]:
    """The verbs received, in order."""
    return [line.split("*")[0].split(" ")[1] for line in pump.received if line != "*IDN?"]


def tweak(change: Any) -> None:
    sys.modules["titra.simulator"].tweaks.append(change)  # type: ignore[attr-defined]


# to the end ------------------------------------------------------------------------------------


@pytest.mark.requirement("DOSE-20")
def test_one_and_a_half_percent_more_than_the_geometry(
    simulator: list[FakePump], file: Path
) -> None:
    code, said = run_json("--sim", *ONE_ML, "--weights", GOOD, "--file", str(file))
    assert code == 0 and said["stored"] is True and said["file"] == str(file)
    mean_g = sum(Fraction(text) for text in GOOD.split(",")) / 3
    mean_nl = mean_g / Fraction("0.9982") * 10**6 / STEPS
    stored = cal.calibrated("bd-60", "0001", file)
    assert stored and stored.as_json() == said["calibration"]
    assert abs(stored.volume_per_step_nl - mean_nl) <= Fraction(1, 2 * 10**6)
    assert said["difference_percent"] == "1.500" and stored.geometry == f"{float(GEOMETRY)}nL"
    assert stored.steps == [STEPS] * 3 and stored.n == 3 and stored.virtual
    assert stored.weights == ["1.012g", "1.014g", "1.013379g"]
    assert (stored.density, stored.temperature) == ("0.9982g/mL", "20C")
    assert said["effect"]["volume_error_percent"] == "1.500"
    assert said["effect"]["steps_geometry"] == 252_117
    assert said["effect"]["steps_calibrated"] == round(35_000_000 / stored.volume_per_step_nl)


def test_the_purge_comes_first_and_is_not_counted(simulator: list[FakePump], file: Path) -> None:
    run_json("--sim", *ONE_ML, "--weights", GOOD, "--purge", "0.7mL", "--file", str(file))
    (pump,) = simulator
    wanted = [text.split("volume=")[1].split("*")[0].split(" ")[0] for text in programs(pump)]
    assert wanted == ["1mL", "0.7mL", "1mL", "1mL", "1mL"]
    assert verbs(pump).count("start") == 4 and pump.closed
    starts = [line for line in pump.received if " start " in line]
    assert all("lease=10s" in line and "on-loss=stop" in line for line in starts)


def programs(pump: FakePump) -> list[str]:
    return [line for line in pump.received if " program " in line]


def test_the_steps_are_those_that_the_pump_counted(simulator: list[FakePump], file: Path) -> None:
    def lose_seven(pump: FakePump) -> None:
        plain = pump._end

        def end(state: str, cause: str) -> None:
            pump.steps -= 7
            plain(state, cause)

        pump._end = end  # type: ignore[method-assign]

    tweak(lose_seven)
    _, said = run_json("--sim", *ONE_ML, "--weights", GOOD, "--file", str(file))
    assert said["calibration"]["steps"] == [STEPS - 7] * 3


@pytest.mark.requirement("DOSE-20")
def test_against_the_firmware_on_simulated_silicon(
    monkeypatch: pytest.MonkeyPatch, file: Path
) -> None:
    monkeypatch.setattr(prescription, "board_settings", real_board_settings)
    monkeypatch.setattr(common, "TIMEOUTS", Timeouts())
    quick = ["--syringe", "bd-10", "--volume", "0.1mL", "--rate", "300mL/h", "--purge", "0.1mL"]
    one = job(syringe="bd-10", volume="0.1mL", rate="300mL/h", purge="0.1mL", repeats=3)
    weight = one.measure.steps * one.geometry_nl * Fraction("0.9982") * Fraction("1.015") / 10**6
    text = f"{float(weight):.9f}"
    code, said = run_json("--sim", *quick, "--weights", ",".join([text] * 3), "--file", str(file))
    assert code == 0 and said["difference_percent"] == "1.500"
    stored = said["calibration"]
    assert stored["steps"] == [one.measure.steps] * 3 and len(stored["serial"]) > 4
    assert said["step_edges"] == one.purge.steps + 3 * one.measure.steps
    assert stored["cv_percent"] == 0 and stored["firmware"] != "unknown"


def test_a_person_at_a_pump(wired: FakePump, somebody: None, file: Path) -> None:
    typed = "y\n y\n1.012\n\n y\n1,014\n10.14g\nn\n1.014 g\ny\n y\n1013.379mg\n\n"
    result = run("--port", "x", *ONE_ML, "--repeats", "3", "--file", str(file), typed=typed)
    assert result.exit_code == 0, result.output
    stored = cal.calibrated("bd-60", None, file)
    assert stored and stored.weights == ["1.012g", "1.014g", "1.013379g"] and not stored.virtual
    assert "bad-number" in result.stderr and "+915.88 % off" in result.stdout
    assert result.stdout.count("[y/N]") == 5 and result.stdout.count("[Y/n]") == 3
    for word in ("Purge 0.500 mL", "1 of 3: balance tared", "mean 140.889 nL", "mean 140.907 nL"):
        assert word in result.stdout
    for word in (
        "calibrated:",
        "by geometry",
        "252117",
        "+1.500 %",
        "--syringe bd-60 --calibrated",
    ):
        assert word in result.stdout
    assert "wire log:" in result.stderr


def test_yes_leaves_the_questions_that_a_person_must_answer(
    wired: FakePump, somebody: None, file: Path
) -> None:
    typed = "".join(f"y\n{weight}\n\n" for weight in GOOD.split(","))
    args = ["--port", "x", "--yes", *ONE_ML, "--repeats", "3", "--file", str(file)]
    result = run(*args, typed=typed)
    assert result.exit_code == 0 and "Purge" not in result.stdout
    assert result.stdout.count("tared?") == 3 and "bad-number" not in result.stderr
    known = run(*args, "--weights", GOOD)
    assert known.exit_code == 0 and "tared?" not in known.stdout and len(cal.load(file)) == 2


def test_history_is_kept_and_listed(simulator: list[FakePump], file: Path) -> None:
    at = ["--file", str(file)]
    assert "no calibrations" in run("--list", *at).stdout
    run_json("--sim", *ONE_ML, "--weights", GOOD, "--note", "first", *at)
    run_json("--sim", *ONE_ML, "--weights", GOOD, "--note", "[second]", *at)
    code, said = run_json("--list", *at)
    assert code == 0 and [each["note"] for each in said["calibrations"]] == ["first", "[second]"]
    text = run("--list", *at).stdout
    rows = [line.split() for line in text.splitlines() if " bd-60 " in line]
    assert [row[0] for row in rows] == ["bd-60", "*"] and rows[1][-1] == "+1.50"
    assert text.splitlines()[-1].endswith(": virtual pump, [second]")
    assert run_json("--list", "--syringe", "bd-10", *at)[1]["calibrations"] == []


def test_the_users_data_folder_is_the_default(simulator: list[FakePump], tmp_path: Path) -> None:
    _, said = run_json("--sim", *ONE_ML, "--weights", GOOD)
    assert Path(said["file"]).is_relative_to(tmp_path)
    assert run_json("--list")[1]["file"] == said["file"]


# nothing moves ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("args", "code", "field"),
    [
        ([*ONE_ML[2:]], "missing-field", "syringe"),
        ([*ONE_ML, "--repeats", "2"], "out-of-range", "repeats"),
        ([*ONE_ML, "--repeats", "31"], "out-of-range", "repeats"),
        ([*ONE_ML, "--weights", "1,1"], "out-of-range", "repeats"),
        ([*ONE_ML, "--repeats", "4", "--weights", GOOD], "out-of-range", "weights"),
        ([*ONE_ML, "--weights", "1,1,1oz"], "bad-unit", "weights"),
        ([*ONE_ML, "--weights", "1,0,1"], "out-of-range", "weights"),
        ([*ONE_ML, "--weights", "1,,1"], "bad-number", "weights"),
        ([*ONE_ML, "--weights", ""], "bad-number", "weights"),
        ([*ONE_ML, "--weights", "1,1,1.2"], "outlier", "weights"),
        ([*ONE_ML, "--weights", "0.97,1,1.03"], "spread", "weights"),
        ([*ONE_ML, "--weights", "1.3,1.3,1.3"], "out-of-range", "volume-per-step"),
        ([*ONE_ML, "--weights", GOOD, "--density", "1000"], "missing-unit", "density"),
        ([*ONE_ML, "--weights", GOOD, "--temperature", "37C"], "out-of-range", "temperature"),
        ([*ONE_ML, "--weights", GOOD, "--plan", "rate=1mL/h"], "missing-field", "over"),
        ([*ONE_ML, "--weights", GOOD, "--plan", "syringe=bd-10"], "usage", "plan"),
        ([*ONE_ML, "--weights", GOOD, "--purge", "58mL"], "capacity", "volume"),
        ([*ONE_ML, "--weights", GOOD, "--purge", "0mL"], "out-of-range", "volume"),
        ([*ONE_ML[:4], "--weights", GOOD, "--rate", "9L/h"], "bad-unit", "rate"),
        (["--syringe", "nix"], "unknown-syringe", "syringe"),
        ([*ONE_ML, "--weights", GOOD, "--sim"], "usage", "port"),
        ([*ONE_ML, "--weights", GOOD, "--board", "nosuch"], "usage", "board"),
        ([*ONE_ML, "--weights", GOOD, "--file", "/dev/null/x"], "usage", "file"),
    ],
)
def test_what_is_refused_before_anything_moves(
    wired: FakePump, monkeypatch: pytest.MonkeyPatch, args: list[str], code: str, field: str
) -> None:
    if "--board" in args:
        monkeypatch.setattr(prescription, "board_settings", real_board_settings)
    exit_code, said = run_json("--port", "x", "--yes", *args)
    assert exit_code == 2 and wired.received == []
    assert (said["error"]["code"], said["error"]["field"]) == (code, field)


def test_one_filling_is_enough_to_the_last_drop(wired: FakePump) -> None:
    assert job(syringe="bd-60", volume="10mL", purge="10mL").needed_nl == 60 * 10**6
    args = ["--syringe", "bd-60", "--volume", "10mL", "--purge", "10.001mL", "--yes"]
    _, said = run_json("--port", "x", *args)
    assert (said["error"]["given"], said["error"]["limit"]) == ("60.001mL", "60mL")


@pytest.mark.parametrize(
    "args", [[], ["--yes"], ["--weights", GOOD], ["--sim"], ["--sim", "--yes"]]
)
@pytest.mark.parametrize("with_json", [True, False])
def test_nobody_to_ask(
    wired: FakePump, simulator: list[FakePump], args: list[str], with_json: bool
) -> None:
    hint = "--yes" if args == ["--weights", GOOD] else "--weights"
    port = [] if "--sim" in args else ["--port", "x"]
    result = run(*port, *ONE_ML, *args, *(["--json"] if with_json else []))
    assert result.exit_code == 2 and hint in result.output and wired.received == []
    assert not with_json or json.loads(result.stdout)["error"]["code"] == "not-confirmed"
    assert simulator == []


@pytest.mark.parametrize(
    ("typed", "starts", "weights"),
    [("n\n", 0, ""), ("y\nn\n", 1, ""), ("y\ny\n1.012\n\nn\n", 2, "1.012g")],
)
def test_a_no_ends_it(
    wired: FakePump, somebody: None, file: Path, typed: str, starts: int, weights: str
) -> None:
    result = run("--port", "x", *ONE_ML, "--file", str(file), typed=typed)
    assert result.exit_code == 2 and "not started" in result.stderr
    assert verbs(wired).count("start") == starts and verbs(wired)[-1] == "stop"
    assert weights in result.stderr and not file.exists()


def test_a_pump_with_other_mechanics_is_never_started(
    wired: FakePump, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = (Mechanics("0.81mm"), Bounds())
    monkeypatch.setattr(prescription, "board_settings", lambda board: other)
    code, said = run_json("--port", "x", "--yes", *ONE_ML, "--weights", GOOD)
    assert code == 2 and said["error"]["code"] == "plan-mismatch"
    assert "start" not in verbs(wired)


# cut short -------------------------------------------------------------------------------------


@pytest.mark.parametrize(("at_s", "weights"), [(10, []), (70, []), (130, ["1.012g"])])
def test_ctrl_c_in_motion(
    simulator: list[FakePump], file: Path, at_s: int, weights: list[str]
) -> None:
    tweak(press_ctrl_c(1, at_s * US))
    code, said = run_json("--sim", *ONE_ML, "--weights", GOOD, "--file", str(file))
    assert code == 5 and not file.exists()
    assert said == {
        "stored": False,
        "state": "halted",
        "stop_cause": "command",
        "weights": weights,
    }
    assert simulator[0].state == "halted" and simulator[0].closed


def test_ctrl_c_in_the_last_moment_is_not_overheard(simulator: list[FakePump], file: Path) -> None:
    def at_the_end(pump: FakePump) -> None:
        def before_read() -> None:
            if pump.state == "complete" and verbs(pump).count("start") == 4:
                pump.before_read = lambda: None
                signal.raise_signal(signal.SIGINT)

        pump.before_read = before_read

    tweak(at_the_end)
    code, said = run_json("--sim", *ONE_ML, "--weights", GOOD, "--file", str(file))
    assert (code, said["state"], said["weights"]) == (5, "complete", ["1.012g", "1.014g"])
    assert not file.exists()


def test_ctrl_c_at_a_question(
    wired: FakePump, somebody: None, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain, asked = typer.prompt, []

    def prompt(text: str) -> Any:
        asked.append(text)
        if len(asked) == 2:
            raise KeyboardInterrupt
        return plain(text)

    monkeypatch.setattr(typer, "prompt", prompt)
    result = run("--port", "x", *ONE_ML, "--file", str(file), typed="y\ny\n1.012\n\ny\n")
    assert result.exit_code == 5 and verbs(wired)[-1] == "stop" and not file.exists()
    assert "nothing stored; weights so far: 1.012g" in result.stdout
    assert "complete" in result.stdout


def test_the_end_of_the_input_is_an_end_too(wired: FakePump, somebody: None, file: Path) -> None:
    result = run("--port", "x", *ONE_ML, "--file", str(file), typed="y\ny\n1.012\n\n")
    assert result.exit_code == 5 and "weights so far: 1.012g" in result.stdout
    assert verbs(wired)[-1] == "stop" and not file.exists()


def test_the_stop_button(simulator: list[FakePump], file: Path) -> None:
    def press(pump: FakePump) -> None:
        pump.press_stop_at_us = 45 * US  # the purge takes 30 s, a repeat 60 s

    tweak(press)
    code, said = run_json("--sim", *ONE_ML, "--weights", GOOD, "--file", str(file))
    assert (code, said["state"], said["stop_cause"]) == (4, "stopped", "disconnect")
    assert said["weights"] == [] and not file.exists()
    text = run("--sim", *ONE_ML, "--weights", GOOD, "--file", str(file)).stdout
    assert "the pump is stopped, cause disconnect" in text and "nothing stored" in text


def test_a_lost_link_keeps_the_weights(wired: FakePump, file: Path) -> None:
    wired.dead_at_us = 130 * US
    args = ["--port", "x", "--yes", *ONE_ML, "--weights", GOOD, "--file", str(file)]
    code, said = run_json(*args)
    assert code == 6 and said["error"]["code"] == "connection-lost" and not file.exists()
    assert said["error"]["weights"] == "1.012g" and "STOPS and latches" in said["error"]["message"]


@pytest.mark.requirement("DOSE-20")
def test_weights_that_disagree_are_told_not_stored(
    wired: FakePump, somebody: None, file: Path
) -> None:
    typed = "y\n" + "".join(f"y\n{weight}\n\n" for weight in ("0.97", "1", "1.03"))
    result = run("--port", "x", *ONE_ML, "--repeats", "3", "--file", str(file), typed=typed)
    assert result.exit_code == 2 and "spread" in result.stderr and not file.exists()
    assert "weights so far: 0.97g,1g,1.03g" in result.stderr


def test_a_store_that_fails_at_the_end_loses_nothing(
    simulator: list[FakePump], file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*paths: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(cal.os, "replace", full)
    code, said = run_json("--sim", *ONE_ML, "--weights", GOOD, "--file", str(file))
    assert code == 2 and said["error"]["code"] == "store-failed" and not file.exists()
    assert "140.90" in said["error"]["message"] and "1.012g" in said["error"]["message"]


# the effect ------------------------------------------------------------------------------------


def test_an_effect_that_the_core_refuses_is_said(simulator: list[FakePump], file: Path) -> None:
    args = [*ONE_ML, "--weights", GOOD, "--plan", "rate=1200mL/h over=1min", "--file", str(file)]
    low = [*ONE_ML, "--weights", "0.8,0.8,0.8", "--file", str(file), "--syringe", "bd-5"]
    assert run_json("--sim", *args)[1]["effect"]["steps_calibrated"] > 0
    fast = ["--plan", "rate=1000mL/h over=10s"]
    code, said = run_json("--sim", *low, *fast)
    assert code == 0 and "rate-range" in said["effect"]["refused"]
    assert said["effect"]["steps_calibrated"] is None
    assert "rate-range" in run("--sim", *low, *fast).stdout


def test_help_teaches() -> None:
    result = run("--help")
    assert result.exit_code == 0 and "titra calibrate --list" in result.stdout
