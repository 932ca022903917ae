"""The commands, run in this process against a fake pump."""

from __future__ import annotations

import json
import re
import signal
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from pump.core import dose
from pump.core.mechanics import Mechanics
from titra import cli, errors, prescription, wirelog
from titra.cli import common
from typer.testing import CliRunner, Result

from .fake_pump import US, FakePump

BENCH = {
    "weight": "70kg",
    "dose": "0.5mg/kg",
    "over": "40min",
    "concentration": "1mg/mL",
    "syringe": "bd-60",
    "volume-per-step": "138.8246nL",
}
STEPS = 252_117


def options(**changes: str | None) -> list[str]:
    fields = {**BENCH, **{key.replace("_", "-"): value for key, value in changes.items()}}
    return [word for key, value in fields.items() if value for word in (f"--{key}", value)]


def run(*args: str) -> Result:
    return CliRunner().invoke(cli.app, list(args))


def run_json(*args: str) -> tuple[int, dict[str, Any]]:
    result = run(*args, "--json")
    assert result.stdout.count("\n") == 1, result.output
    return result.exit_code, json.loads(result.stdout)


@pytest.fixture
def wired(pump: FakePump, monkeypatch: pytest.MonkeyPatch) -> FakePump:
    """The fake pump as what any --port opens."""
    monkeypatch.setattr(common, "SerialTransport", lambda *args: pump)
    return pump


# plan ------------------------------------------------------------------------------------------


def test_plan_json_is_exact() -> None:
    code, plan = run_json("plan", *options())
    assert code == 0
    assert plan["steps"] == STEPS
    assert plan["total_volume_nl"] == plan["total_dose_ng"] == "35000000"
    assert plan["rate_nl_per_s"] == "43750/3"
    assert plan["duration_us"] == 2_400_000_000
    assert plan["volume_per_step_nl"] == "694123/5000"
    assert plan["plan"] == dose.plan(dict(BENCH), Mechanics()).hash
    assert sum(phase["steps"] for phase in plan["phases"]) == STEPS


def test_plan_for_people() -> None:
    text = run("plan", *options()).stdout
    for word in ("35.000 mg", "52.500 mL/h", str(STEPS), "58.3 %", "105.04"):
        assert word in text


@pytest.mark.parametrize(
    ("changes", "code", "field"),
    [
        ({"weight": None}, "missing-field", "weight"),
        ({"weight": "154lb"}, "bad-unit", "weight"),
        ({"dose": "0.5"}, "missing-unit", "dose"),
        ({"over": ".5h"}, "bad-number", "over"),
        ({"syringe": "nix"}, "unknown-syringe", "syringe"),
        ({"concentration": "0.1mg/mL"}, "capacity", "volume"),
    ],
)
def test_plan_refuses_with_two_and_an_object(
    changes: dict[str, str | None], code: str, field: str
) -> None:
    exit_code, said = run_json("plan", *options(**changes))
    assert exit_code == 2
    assert (said["error"]["code"], said["error"]["field"]) == (code, field)
    assert all(said["error"].values())
    assert code in run("plan", *options(**changes)).stderr


def test_json_may_stand_before_the_command() -> None:
    assert json.loads(run("--json", "plan", *options()).stdout)["steps"] == STEPS


# infuse ----------------------------------------------------------------------------------------


def test_infuse_to_the_end(simulator: list[FakePump]) -> None:
    code, said = run_json("infuse", "--sim", *options())
    assert code == 0
    assert said["state"] == "complete" and said["stop_cause"] == "none"
    assert said["planned_steps"] == said["delivered_steps"] == said["step_edges"] == STEPS
    assert Fraction(said["delivered_volume_nl"]) == STEPS * Fraction("138.8246")
    assert said["elapsed_us"] == 2_400_000_000
    assert simulator[0].max_silence_us <= 2.6 * US
    assert simulator[0].closed


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


def test_every_run_leaves_a_wire_log(simulator: list[FakePump], tmp_path: Path) -> None:
    run("infuse", "--sim", *options())
    (path,) = (tmp_path / "state" / "titra" / "wire").glob("*-infuse-*.jsonl")
    assert any("start plan=" in str(row["data"]) for row in wirelog.records(path))
    mine = tmp_path / "mine.jsonl"
    run("infuse", "--sim", *options(), "--wire-log", str(mine))
    assert mine.stat().st_size > 1000
    before = len(list(tmp_path.rglob("*.jsonl")))
    run("infuse", "--sim", *options(), "--no-wire-log")
    assert len(list(tmp_path.rglob("*.jsonl"))) == before


def press_ctrl_c(times: int, at_us: int) -> Any:
    def tweak(pump: FakePump) -> None:
        left = [times]

        def before_read() -> None:
            if pump.now_us >= at_us and left[0]:
                left[0] -= 1
                signal.raise_signal(signal.SIGINT)

        pump.before_read = before_read

    return tweak


@pytest.mark.parametrize("times", [1, 5])
def test_ctrl_c_stops_and_waits_for_the_pumps_word(simulator: list[FakePump], times: int) -> None:
    sys.modules["titra.simulator"].tweaks.append(press_ctrl_c(times, 600 * US))  # type: ignore
    code, said = run_json("infuse", "--sim", *options())
    assert code == 5
    assert (said["state"], said["stop_cause"]) == ("halted", "command")
    assert said["delivered_steps"] == simulator[0].steps < STEPS
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


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


def test_unplugged_in_mid_run(wired: FakePump) -> None:
    wired.dead_at_us = 600 * US
    code, said = run_json("infuse", "--port", "x", "--yes", *options())
    assert code == 6
    assert said["error"]["code"] == "connection-lost" and said["state"] == "unknown"
    assert said["last_word"]["state"] == "infusing" and said["last_word"]["steps"] > "0"
    assert said["policy"] == {"lease": "10s", "on-loss": "stop"}


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


def test_a_reset_in_mid_run(wired: FakePump) -> None:
    def before_read() -> None:
        if wired.now_us > 600 * US and wired.boot == 7:
            wired.reboot()

    wired.before_read = before_read
    code, said = run_json("infuse", "--port", "x", "--yes", *options())
    assert code == 6 and said["state"] == "stopped"


def test_a_different_plan_is_never_started(
    wired: FakePump, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = Mechanics(lead="2mm")
    monkeypatch.setattr(prescription, "board_settings", lambda board: (other, None))
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


# the small ones --------------------------------------------------------------------------------


def test_info_and_status(wired: FakePump) -> None:
    assert run_json("info", "--port", "x")[1]["boot"] == 7
    assert run_json("status", "--port", "x")[1]["state"] == "idle"
    assert "idle" in run("--port", "x", "status").stdout
    assert "fake" in run("info", "--port", "x").stdout


def test_stop_asks_nothing_first(wired: FakePump) -> None:
    code, said = run_json("stop", "--port", "x")
    assert code == 0 and said["state"] == "idle"
    assert re.fullmatch(r"\d+ stop\*[0-9A-F]{4}", wired.received[0])
    assert run("stop", "--port", "x").exit_code == 0


def test_send(wired: FakePump) -> None:
    code, said = run_json("send", "telemetry", "every=200ms", "--port", "x")
    assert code == 0 and said == {"ok": True, "fields": {"every": "200ms"}}
    assert "Titra,fake" in run("send", "*IDN?", "--port", "x").stdout
    assert run_json("send", "nonsense", "--port", "x")[1]["error"]["code"] == "unknown-verb"
    assert run_json("send", "status", "x", "--port", "x")[0] == 2
    wired.event("boot")
    code, said = run_json("send", "log", "since=7:0", "--port", "x")
    assert [event["name"] for event in said["events"]] == ["boot"]


def test_monitor_moves_nothing_and_says_that_the_pump_goes_on(wired: FakePump) -> None:
    wired.plan, wired.state = dose.plan(dict(BENCH), Mechanics()), "infusing"
    wired.every_us = US
    press_ctrl_c(1, 20 * US)(wired)
    result = run("monitor", "--port", "x", "--json")
    rows = [json.loads(line) for line in result.stdout.splitlines()]
    assert result.exit_code == 0 and "goes on" in result.stderr
    assert {row["type"] for row in rows} == {"status", "telemetry"}
    assert rows[-1]["state"] == "infusing" and isinstance(rows[-1]["t_us"], int)
    verbs = {line.split("*")[0].split(" ")[-1] for line in wired.received if line != "*IDN?"}
    assert verbs == {"info", "status"}
    assert wired.state == "infusing"


def test_monitor_for_people(wired: FakePump) -> None:
    press_ctrl_c(1, 10 * US)(wired)
    wired.event("boot", "reset=power-on")
    result = run("monitor", "--port", "x")
    assert "idle" in result.stdout


@pytest.mark.parametrize("command", ["info", "status", "stop", "monitor", "send"])
def test_no_port_is_usage_and_never_a_guess(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("titra.ports.candidates", lambda: [("/dev/ttyACM7", "Raspberry Pi")])
    args = [command, "status"] if command == "send" else [command]
    code, said = run_json(*args)
    assert code == 2 and said["error"]["code"] == "no-port"
    assert "--port /dev/ttyACM7" in said["error"]["message"]


def test_port_from_the_environment(wired: FakePump, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TITRA_PORT", "x")
    assert run("status").exit_code == 0


def test_a_bug_is_exit_one(wired: FakePump, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("titra.client.PumpClient.connect", lambda self: 1 // 0)
    code, said = run_json("info", "--port", "x")
    assert code == 1 and said["error"]["code"] == "internal"


# documents -------------------------------------------------------------------------------------


def document() -> str:
    return (Path(errors.__file__).parent / "EXIT_CODES.md").read_text()


def test_the_table_of_exit_codes_is_that_of_the_code() -> None:
    rows = dict(re.findall(r"^\| (\d) \| (.*) \|$", document(), re.M))
    assert {int(code): text for code, text in rows.items()} == errors.EXIT_CODES


def test_every_host_error_stands_in_the_document() -> None:
    def kinds(kind: type) -> list[type]:
        return [kind, *(each for sub in kind.__subclasses__() for each in kinds(sub))]

    rows = dict(re.findall(r"^\| `([a-z-]+)` \| ([\d, ]+) \|", document(), re.M))
    for kind in kinds(errors.TitraError):
        if kind not in (errors.PumpRefused, errors.NoConnection):
            assert str(kind.exit_code) in rows[kind.code]


@pytest.mark.parametrize(
    "command", ["", "plan", "infuse", "monitor", "stop", "status", "info", "send", "sim"]
)
def test_help_teaches(command: str) -> None:
    result = run(*([command] if command else []), "--help")
    assert result.exit_code == 0 and "titra " in result.stdout.replace("Usage: titra", "")
