"""The other commands, run in this process against a fake pump; the documents they keep to."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from pump.core import dose
from pump.core.mechanics import Mechanics
from titra import errors, ports
from titra.cli import common

from .commands import BENCH, STEPS, options, press_ctrl_c, run, run_json
from .fake_pump import US, FakePump

# sim -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("args", "field"),
    [
        (["--board", "nosuch"], "board"),
        (["--link", "/nonexistent/pump"], "link"),
        (["--link", "/"], "link"),
    ],
)
def test_a_virtual_pump_that_cannot_be(args: list[str], field: str) -> None:
    exit_code, said = run_json("sim", *args)
    assert (exit_code, said["error"]["code"], said["error"]["field"]) == (2, "usage", field)


# plan ------------------------------------------------------------------------------------------


@pytest.mark.requirement("HOST-05")
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


@pytest.mark.requirement("HOST-01")
def test_monitor_moves_nothing_and_says_that_the_pump_goes_on(wired: FakePump) -> None:
    wired.plan, wired.state = dose.plan(dict(BENCH), Mechanics()), "infusing"
    wired.every_us = US
    press_ctrl_c(1, 20 * US)(wired)
    result = run("monitor", "--port", "x", "--json")
    rows = [json.loads(line) for line in result.stdout.splitlines()]
    assert result.exit_code == 0 and "goes on" in result.stderr
    assert {row["type"] for row in rows} == {"link", "status", "telemetry"}
    assert rows[-1]["state"] == "infusing" and {row["port"] for row in rows} == {"x"}
    verbs = {line.split("*")[0].split(" ")[1] for line in wired.received if line != "*IDN?"}
    assert verbs == {"info", "status", "log"}
    assert wired.state == "infusing"


def test_monitor_for_people(wired: FakePump) -> None:
    press_ctrl_c(1, 10 * US)(wired)
    wired.event("boot", "reset=power-on")
    result = run("monitor", "--port", "x")
    assert "idle" in result.stdout


def pumps_on(monkeypatch: pytest.MonkeyPatch, *verdicts: str) -> None:
    """USB ports A, B ... that turn out to be what ``verdicts`` say."""
    found = [
        ports.Found(f"/dev/{letter}", "Raspberry Pi", verdict, f"{letter} is {verdict}", "fake")
        for letter, verdict in zip("ABC", verdicts, strict=False)
    ]
    monkeypatch.setattr(ports, "candidates", lambda: [(each.port, each.usb) for each in found])
    monkeypatch.setattr(ports, "others", lambda: [])
    monkeypatch.setattr(ports, "ask", lambda port, *more: {f.port: f for f in found}[port])


@pytest.mark.requirement("HOST-02")
@pytest.mark.parametrize("command", ["info", "status", "stop", "monitor", "send", "pause"])
@pytest.mark.parametrize("verdicts", [(), ("silent", "port-busy"), ("pump", "silent", "pump")])
def test_no_port_is_usage_and_never_a_guess(
    command: str, verdicts: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    pumps_on(monkeypatch, *verdicts)
    args = [command, "status"] if command == "send" else [command]
    code, said = run_json(*args)
    assert code == 2 and said["error"]["code"] == "no-port"
    expected = {0: "titra sim", 2: "A is silent; B is port-busy", 3: "--port /dev/A"}
    assert expected[len(verdicts)] in said["error"]["message"]


@pytest.mark.requirement("HOST-02")
def test_the_only_pump_is_taken(wired: FakePump, monkeypatch: pytest.MonkeyPatch) -> None:
    pumps_on(monkeypatch, "silent", "pump")
    asked: list[str] = []
    monkeypatch.setattr(common, "open_transport", lambda port, baud: asked.append(port) or wired)
    assert run_json("status")[1]["state"] == "idle"
    assert asked == ["/dev/B"]


def test_ports_tells_what_each_is(monkeypatch: pytest.MonkeyPatch) -> None:
    pumps_on(monkeypatch, "pump", "port-busy")
    code, said = run_json("ports")
    assert code == 0
    assert [(row["port"], row["verdict"]) for row in said["ports"]] == [
        ("/dev/A", "pump"),
        ("/dev/B", "port-busy"),
    ]
    assert "held by another" in run("ports").stdout
    pumps_on(monkeypatch, "silent")
    assert run("ports").exit_code == 3


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


@pytest.mark.requirement("HOST-05")
def test_the_table_of_exit_codes_is_that_of_the_code() -> None:
    rows = dict(re.findall(r"^\| (\d) \| (.*) \|$", document(), re.M))
    assert {int(code): text for code, text in rows.items()} == errors.EXIT_CODES


@pytest.mark.requirement("HOST-05")
def test_every_host_error_stands_in_the_document() -> None:
    def kinds(kind: type) -> list[type]:
        return [kind, *(each for sub in kind.__subclasses__() for each in kinds(sub))]

    rows = dict(re.findall(r"^\| `([a-z-]+)` \| ([\d, ]+) \|", document(), re.M))
    for kind in kinds(errors.TitraError):
        if kind not in (errors.PumpRefused, errors.NoConnection):
            assert str(kind.exit_code) in rows[kind.code]
