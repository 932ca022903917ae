"""``titra infuse`` against a fake pump: every way a run can end."""

from __future__ import annotations

import signal
import sys
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace

import pytest

from pump.core.bounds import Bounds
from pump.core.mechanics import Mechanics
from titra import prescription, wirelog
from titra.cli.infuse import _Run

from .commands import STEPS, options, press_ctrl_c, run, run_json
from .fake_pump import US, FakePump


def test_infuse_to_the_end(simulator: list[FakePump]) -> None:
    code, said = run_json("infuse", "--sim", *options())
    assert code == 0
    assert said["state"] == "complete" and said["stop_cause"] == "none"
    assert said["planned_steps"] == said["delivered_steps"] == said["step_edges"] == STEPS
    assert Fraction(said["delivered_volume_nl"]) == STEPS * Fraction("138.8246")
    assert said["elapsed_us"] == 2_400_000_000
    assert simulator[0].max_silence_us <= 2.6 * US
    assert simulator[0].closed


@pytest.mark.requirement("HOST-04", "HOST-05")
def test_the_stop_button_ends_with_four(simulator: list[FakePump]) -> None:
    code, said = run_json("infuse", "--sim", *options(), "--press-stop-at", "20min")
    assert code == 4
    assert (said["state"], said["stop_cause"]) == ("stopped", "disconnect")
    assert said["delivered_steps"] == STEPS // 2 and said["elapsed_us"] == 1_200_000_000


def test_infuse_for_people(simulator: list[FakePump]) -> None:
    result = run("infuse", "--sim", *options())
    assert result.exit_code == 0
    for word in ("pump says", "host computes", "50 %", "100.00 %", "complete", "wire log:"):
        assert word in result.output
    assert f"{STEPS} counted" in result.stdout


@pytest.mark.requirement("HOST-03")
def test_every_run_leaves_a_wire_log(simulator: list[FakePump], tmp_path: Path) -> None:
    run("infuse", "--sim", *options())
    (path,) = (tmp_path / "state" / "titra" / "wire").glob("*-infuse-*.jsonl")
    assert any(b"start plan=" in record.data for record in wirelog.records(path))
    mine = tmp_path / "mine.jsonl"
    run("infuse", "--sim", *options(), "--wire-log", str(mine))
    assert mine.stat().st_size > 1000
    before = len(list(tmp_path.rglob("*.jsonl")))
    run("infuse", "--sim", *options(), "--no-wire-log")
    assert len(list(tmp_path.rglob("*.jsonl"))) == before


@pytest.mark.requirement("HOST-01", "HOST-04", "HOST-05")
@pytest.mark.parametrize("times", [1, 5])
def test_ctrl_c_stops_and_waits_for_the_pumps_word(simulator: list[FakePump], times: int) -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job begins without
    sys.modules["titra.simulator"].tweaks.append(press_ctrl_c(times, 600 * US))  # type: ignore
    code, said = run_json("infuse", "--sim", *options())
    assert code == 5
    assert (said["state"], said["stop_cause"]) == ("halted", "command")
    assert said["delivered_steps"] == simulator[0].steps < STEPS
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@pytest.mark.requirement("HOST-01")
def test_a_stop_that_is_lost_on_the_way_is_repeated(simulator: list[FakePump]) -> None:
    def tweak(pump: FakePump) -> None:
        press_ctrl_c(1, 600 * US)(pump)
        plain, lost = pump._take, [2]

        def take(line: str) -> None:
            if " stop*" in line and lost[0]:
                lost[0] -= 1
                return
            plain(line)

        pump._take = take  # type: ignore[method-assign]

    sys.modules["titra.simulator"].tweaks.append(tweak)  # type: ignore[attr-defined]
    assert run_json("infuse", "--sim", *options())[0] == 5


@pytest.mark.requirement("HOST-01", "HOST-04")
def test_unplugged_in_mid_run(wired: FakePump) -> None:
    wired.dead_at_us = 600 * US
    code, said = run_json("infuse", "--port", "x", "--yes", *options())
    assert code == 6
    assert said["error"]["code"] == "connection-lost" and said["state"] == "unknown"
    assert said["last_word"]["state"] == "infusing" and said["last_word"]["steps"] > "0"
    assert said["policy"] == {"lease": "10s", "on-loss": "stop"}


@pytest.mark.requirement("HOST-01")
@pytest.mark.parametrize(
    ("more", "word"),
    [
        ([], "STOPS and latches"),
        (["--on-loss", "finish"], "FINISHES"),
        (["--lease", "off"], "goes on to the end"),
    ],
)
def test_what_follows_a_lost_link_is_said(wired: FakePump, more: list[str], word: str) -> None:
    wired.dead_at_us = 600 * US
    result = run("infuse", "--port", "x", "--yes", *options(), *more)
    assert result.exit_code == 6
    assert word in result.stderr and "last word" in result.stderr


def test_a_pump_that_goes_silent_in_mid_run(wired: FakePump) -> None:
    def before_read() -> None:
        if wired.now_us > 600 * US:
            wired.deaf, wired.mute = True, lambda line: True

    wired.before_read = before_read
    result = run("infuse", "--port", "x", "--yes", *options())
    assert result.exit_code == 6 and "silent" in result.stderr
    assert wired.now_us < 610 * US


@pytest.mark.requirement("HOST-04")
@pytest.mark.parametrize("stops", [True, False])
def test_an_alarm_ends_the_run_only_if_it_stops_the_motor(wired: FakePump, stops: bool) -> None:
    def before_read() -> None:
        if wired.now_us > 600 * US and "name=alarm" not in wired.log[-1][1]:
            if stops:
                wired._end("alarm", "occlusion")
            else:
                wired.event("alarm", "cause=supply-low state=infusing priority=medium")
            wired.before_read = lambda: None

    wired.before_read = before_read
    code, said = run_json("infuse", "--port", "x", "--yes", *options())
    wanted = (6, "alarm", "occlusion") if stops else (0, "complete", "none")
    assert (code, said["state"], said["stop_cause"]) == wanted


@pytest.mark.requirement("HOST-04")
def test_a_reset_in_mid_run(wired: FakePump) -> None:
    def before_read() -> None:
        if wired.now_us > 600 * US and wired.boot == 7:
            wired.reboot()

    wired.before_read = before_read
    code, said = run_json("infuse", "--port", "x", "--yes", *options())
    assert code == 6
    assert (said["state"], said["stop_cause"]) == ("stopped", "reset")
    assert said["delivered_steps"] is None and int(said["last_word"]["steps"]) > 0


@pytest.mark.requirement("HOST-07")
def test_a_different_plan_is_never_started(
    wired: FakePump, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = Mechanics(lead="2mm")
    monkeypatch.setattr(prescription, "board_settings", lambda board: (other, Bounds()))
    args = options(volume_per_step=None)
    code, said = run_json("infuse", "--port", "x", "--yes", *args)
    assert code == 2 and said["error"]["code"] == "plan-mismatch"
    assert not any(" start " in line for line in wired.received)
    assert "NOT STARTED" in run("infuse", "--port", "x", "--yes", *args).stderr


def test_nothing_starts_without_a_yes(wired: FakePump) -> None:
    result = run("infuse", "--port", "x", *options())
    assert result.exit_code == 2 and "--yes" in result.stderr
    assert not any(" start " in line for line in wired.received)


@pytest.mark.parametrize(
    "args",
    [
        ["--sim", "--port", "x"],
        ["--port", "x", "--press-stop-at", "1min"],
        ["--sim", "--press-stop-at", "20"],
        ["--sim", "--speed", "fast"],
        ["--sim", "--runtime", "jython"],
    ],
)
def test_options_that_make_no_sense(wired: FakePump, args: list[str]) -> None:
    code, said = run_json("infuse", *args, *options())
    assert code == 2 and said["error"]["code"] == "usage"
    assert wired.received == []


def test_the_end_is_not_mixed_with_the_last_sample(simulator: list[FakePump]) -> None:
    result = run("infuse", "--sim", *options())
    last = next(line for line in result.output.splitlines() if line.startswith(" 100 %"))
    assert "complete" in last and "left" not in last and "mL/h" not in last


@pytest.mark.requirement("HOST-08")
def test_missing_reports_are_said_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    client = SimpleNamespace(events_lost=0, telemetry_lost=3, bad_lines=1)
    _Run(client, None, None, True)._say_losses()  # type: ignore[arg-type]
    said = capsys.readouterr()
    assert said.out == ""
    assert "3 telemetry samples, 1 unreadable lines" in said.err and "events" not in said.err
