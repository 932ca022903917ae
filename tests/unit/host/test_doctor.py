"""``titra doctor`` against the firmware itself, well and ill, and against ports without one."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
import serial

from titra import doctor
from titra.cli import common
from titra.doctor import CHECKS, FAIL, SKIPPED, Check, Finding, Patient, examine

from .commands import run, run_json
from .fake_board import PATIENT, FakeBoard
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
    said = run_json("doctor")[1]
    assert verdicts(said)[check] == verdict
    if check == "firmware":
        row = next(row for row in said["checks"] if row["check"] == check)
        assert f"titra flash --board rpi_pico --port {said['port']}" in row["advice"]


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
    assert "titra ports" in text and "not checked: identity, image, protocol" in text


@pytest.mark.requirement("HOST-13")
@pytest.mark.skipif(os.geteuid() == 0, reason="root may open everything")
def test_a_port_that_this_user_may_not_open(pty_pair: tuple[int, str]) -> None:
    os.chmod(pty_pair[1], 0)
    forbidden(pty_pair[1])


@pytest.mark.requirement("HOST-13")
def test_a_port_that_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same where the tests run as root: the system says no when the port is opened."""

    def refuse(*args: object, **options: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(serial, "serial_for_url", refuse)
    forbidden("/dev/ttyACM0")


def forbidden(port: str) -> None:
    code, said = run_json("doctor", "--port", port)
    assert code == 3
    row = said["checks"][1]
    assert (row["check"], row["verdict"]) == ("open", "fail")
    assert "dialout" in row["advice"]
    assert set(list(verdicts(said).values())[2:]) == {"skipped"}


@pytest.fixture
def board(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeBoard]:
    """A board at its plain prompt."""
    monkeypatch.setattr(common, "TIMEOUTS", PATIENT)
    made = FakeBoard(tmp_path, "")
    yield made
    made.close()


@pytest.mark.requirement("HOST-13")
@pytest.mark.parametrize(
    ("version", "machine", "verdict", "found", "advice"),
    [
        ((1, 28, 0), "Raspberry Pi Pico with RP2040", "ok", "1.28.0: good", "rpi_pico"),
        ((1, 29, 0), "Raspberry Pi Pico 2 with RP2350", "ok", "1.29.0", "rpi_pico2"),
        ((1, 26, 0), "Generic ESP32 module with ESP32", "ok", "1.26.0", "esp32_devkitc"),
        ((1, 20, 0), "Raspberry Pi Pico with RP2040", "fail", "1.20.0", "put MicroPython 1.28.0"),
        ((1, 28, 0), "ESP32S3 module with ESP32S3", "fail", "ESP32S3", "boards/README.md"),
        ((1, 28, 0), "", "fail", "unknown chip", "boards/README.md"),
    ],
)
def test_a_board_without_firmware(
    board: FakeBoard,
    version: tuple[int, int, int],
    machine: str,
    verdict: str,
    found: str,
    advice: str,
) -> None:
    board.version, board.machine = version, machine
    code, said = run_json("doctor", "--port", board.port)
    rows = {row["check"]: row for row in said["checks"]}
    assert code == 3 and said["healthy"] is False
    assert rows["identity"]["verdict"] == "fail" and ">>>" in rows["identity"]["found"]
    assert rows["image"]["verdict"] == verdict
    assert found in rows["image"]["found"] and advice in rows["image"]["advice"]
    boards = rf"titra flash --board (\w+\|)*{advice}(\|\w+)* --port"  # all with this chip
    assert verdict == "fail" or re.search(boards, rows["image"]["advice"])
    assert rows["protocol"]["verdict"] == "skipped"


def test_a_board_is_left_at_its_plain_prompt(board: FakeBoard) -> None:
    run_json("doctor", "--port", board.port)
    code, said = run_json("doctor", "--port", board.port)
    assert code == 3 and verdicts(said)["image"] == "ok"
    assert board.resets == board.changes == 0


def test_what_is_no_board_is_not_interrupted(board: FakeBoard) -> None:
    board.hung = b"KEITHLEY INSTRUMENTS INC.,MODEL 2000\r\n"
    heard: list[bytes] = []
    answer = board._answer
    board._answer = lambda data: heard.append(data) or answer(data)  # type: ignore[method-assign, func-returns-value]
    said = run_json("doctor", "--port", board.port)[1]
    assert verdicts(said)["identity"] == "fail" and verdicts(said)["image"] == "skipped"
    assert heard and not set(b"".join(heard)) & {1, 3, 4}  # neither Ctrl-A, Ctrl-C nor Ctrl-D


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
