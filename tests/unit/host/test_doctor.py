"""``titra doctor`` against the firmware itself, well and ill, and against ports without one."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest

from titra import doctor
from titra.doctor import CHECKS, FAIL, SKIPPED, Check, Finding, Patient, examine

from .commands import run, run_json
from .fake_pump import FakePump
from .virtual_bench import VirtualBench

NAMES = [check.name for check in CHECKS]


def verdicts(said: dict[str, Any]) -> dict[str, str]:
    return {row["check"]: row["verdict"] for row in said["checks"]}


@pytest.mark.requirement("HOST-13")
def test_a_pump_that_is_well(bench: VirtualBench) -> None:
    code, said = run_json("doctor")
    assert code == 0 and said["healthy"] is True
    assert verdicts(said) == dict.fromkeys(NAMES, "ok")
    assert bench.pump.step_edges == 0


@pytest.mark.requirement("HOST-13")
def test_a_pressed_button_is_found_and_what_to_do_is_told(bench: VirtualBench) -> None:
    bench.infuse()
    bench.press()
    code, said = run_json("doctor")
    found = verdicts(said)
    assert code == 7 and said["healthy"] is False
    assert {name for name in NAMES if found[name] == FAIL} == {"state", "stop loop", "alarms"}
    text = run("doctor").stdout
    assert "disconnect" in text and "release the stop button" in text and "titra ack" in text


def test_a_moving_pump_is_looked_at_and_left_alone(bench: VirtualBench) -> None:
    bench.infuse()
    code, said = run_json("doctor")
    assert code == 0 and verdicts(said)["state"] == "warn"
    assert run_json("status")[1]["state"] == "infusing"


@pytest.mark.parametrize(
    ("field", "value", "check", "verdict"),
    [
        ("protocol", "2", "protocol", "fail"),
        ("firmware", "9.9.9", "firmware", "warn"),
        ("reset", "watchdog", "last reset", "warn"),
    ],
)
def test_what_info_tells(
    bench: VirtualBench,
    monkeypatch: pytest.MonkeyPatch,
    field: str,
    value: str,
    check: str,
    verdict: str,
) -> None:
    identity = doctor._identity

    def changed(patient: Patient) -> Finding:
        found = identity(patient)
        patient.info[field] = value
        return found

    table = [Check(c.name, changed if c.name == "identity" else c.look, c.needs) for c in CHECKS]
    monkeypatch.setattr(doctor, "CHECKS", table)
    assert verdicts(run_json("doctor")[1])[check] == verdict


@pytest.mark.parametrize(("factor", "verdict"), [("1", "ok"), ("1.02", "ok"), ("1.2", "fail")])
def test_a_clock_that_runs_wrong(
    bench: VirtualBench, monkeypatch: pytest.MonkeyPatch, factor: str, verdict: str
) -> None:
    clock = bench.clock
    monkeypatch.setattr(bench, "clock", lambda: float(Fraction(clock()) / Fraction(factor)))
    assert verdicts(run_json("doctor")[1])["clock"] == verdict


@pytest.mark.requirement("HOST-13")
def test_nobody_there() -> None:
    code, said = run_json("doctor", "--port", "/dev/ttyNOWHERE")
    assert code == 3
    assert [row["verdict"] for row in said["checks"][:2]] == ["ok", "fail"]
    assert set(list(verdicts(said).values())[2:]) == {"skipped"}
    text = run("doctor", "--port", "/dev/ttyNOWHERE").stdout
    assert "titra ports" in text and "not checked: identity, protocol" in text


def test_a_silent_port(monkeypatch: pytest.MonkeyPatch) -> None:
    deaf = FakePump()
    deaf.deaf = True
    monkeypatch.setattr(doctor, "open_transport", lambda *args: deaf)
    code, said = run_json("doctor", "--port", "x")
    assert code == 3 and verdicts(said)["identity"] == "fail"
    assert "reset the pump" in said["checks"][2]["advice"] and deaf.closed


def test_the_table_can_be_extended() -> None:
    seen: list[str] = []

    def look(patient: Patient) -> Finding:
        seen.append(patient.find_port())
        return Finding(FAIL, "bad")

    table = (Check("one", look), Check("two", look, "one"), Check("three", look))
    results = [finding.verdict for _, finding in examine(Patient(lambda: "x"), table)]
    assert results == [FAIL, SKIPPED, FAIL] and seen == ["x", "x"]


def test_every_check_needs_one_before_it() -> None:
    for place, check in enumerate(CHECKS):
        assert not check.needs or check.needs in NAMES[:place]
