"""`titra flash`: a pump that does not come back, recovery, settings, and what is said."""

from __future__ import annotations

import itertools
import re
from pathlib import Path
from types import SimpleNamespace

import pytest

from titra.flash import back, device
from titra.flash import run as flash_run
from titra.flash.job import hashes

from ..commands import run, run_json
from ..fake_board import FakeBoard


@pytest.fixture
def leaping(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """A clock that is 7 s on whenever it is looked at; the pauses made."""
    pauses: list[float] = []
    now = itertools.count(0, 7)
    clock = SimpleNamespace(monotonic=lambda: float(next(now)), sleep=pauses.append)
    monkeypatch.setattr(back, "time", clock)
    return pauses


def test_a_pump_that_does_not_come_back(
    board: FakeBoard, few: Path, leaping: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    board.silent_after_reset = True
    monkeypatch.setattr(device, "PROMPT_S", 0.3)
    code, said = run_json("flash", "--port", board.port)
    assert (code, said["error"]["code"]) == (3, "silent")
    assert "no pump after the restart" in said["error"]["message"]
    assert "titra flash --recover" in said["error"]["message"]
    assert leaping == [back.PAUSE_S] * 2 and board.resets == 1  # at 7 and 14 s, not at 21


@pytest.mark.requirement("HW-05")
def test_a_board_file_that_raises_is_shown_with_its_traceback_at_once(
    board: FakeBoard, few: Path, leaping: list[float]
) -> None:
    board.broken = "board.py: STEP and STOP are both GPIO 2"
    code, said = run_json("flash", "--port", board.port)
    assert (code, said["error"]["code"]) == (3, "at-prompt")
    assert "Traceback" in said["error"]["message"] and board.broken in said["error"]["message"]
    assert not leaping


def test_a_board_at_its_prompt_for_another_reason(
    board: FakeBoard, few: Path, leaping: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    power_on = board.power_on

    def stays() -> None:
        power_on()
        board.in_repl = True

    monkeypatch.setattr(board, "power_on", stays)
    code, said = run_json("flash", "--port", board.port)
    assert (code, said["error"]["code"]) == (3, "at-prompt")
    assert "mpremote run firmware/main.py" in said["error"]["message"]


def test_recovery_needs_no_pump_that_answers(board: FakeBoard, few: Path) -> None:
    """The stop button was held and the firmware has not been started: a prompt is there."""
    board.in_repl = True
    code, said = run_json("flash", "--port", board.port, "--recover")
    assert (code, said["self_test"]) == (0, "passed")
    assert hashes(board.folder) == hashes(few)
    assert "maintenance" not in board.pump.asked()
    board.in_repl = True
    text = run("flash", "--port", board.port, "--recover").stdout
    assert text.index("release the stop button now") < text.index("self-test passed")


@pytest.mark.requirement("HW-05")
@pytest.mark.parametrize("said", [b"", b"boot loop 7\r\n"])
def test_a_board_without_a_prompt_is_said_to_need_recovery(
    board: FakeBoard, few: Path, monkeypatch: pytest.MonkeyPatch, said: bytes
) -> None:
    """Silent, or saying something else; what it says does not get among the JSON."""
    monkeypatch.setattr(device, "PROMPT_S", 0.05)
    board.hung = said
    code, answer = run_json("flash", "--port", board.port)
    assert (code, answer["error"]["code"]) == (3, "port-unusable")
    assert f"no MicroPython prompt on {board.port}" in answer["error"]["message"]
    assert "hold the stop button" in answer["error"]["message"]
    assert not list(board.folder.iterdir()) and board.resets == 0


def test_recovery_knocks_until_a_prompt_is_there(
    board: FakeBoard, few: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(device, "PROMPT_S", 0.05)
    board.hung = b""
    knocks: list[float] = []

    def plugged_in(seconds: float) -> None:
        knocks.append(seconds)
        if len(knocks) == 3:
            board.hung, board.in_repl = None, True

    monkeypatch.setattr(flash_run.time, "sleep", plugged_in)
    code, said = run_json("flash", "--port", board.port, "--recover")
    assert (code, said["self_test"]) == (0, "passed") and len(knocks) >= 3


def test_recovery_gives_up(board: FakeBoard, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device, "PROMPT_S", 0.05)
    monkeypatch.setattr(flash_run, "RECOVERY_S", 0.0)
    board.hung = b""
    code, said = run_json("flash", "--port", board.port, "--recover")
    assert (code, said["error"]["code"]) == (3, "port-unusable")


def test_settings_are_sent_after_the_restart_and_nothing_is_acknowledged(
    board: FakeBoard, few: Path
) -> None:
    code, said = run_json("flash", "--port", board.port, "--set", "supply-warn=4.7V")
    assert (code, said["settings"], said["state"]) == (0, "written", "stopped")
    assert board.pump.settings == {"supply-warn": "4.7V"} and "ack" not in board.pump.asked()
    text = run("flash", "--port", board.port, "--set", "supply-warn=4.8V").stdout
    assert "settings: written" in text and "wants `titra ack`" in text


def test_settings_are_sent_where_the_self_test_failed_too(board: FakeBoard, few: Path) -> None:
    board.failing = "driver"
    code, said = run_json("flash", "--port", board.port, "--set", "supply-warn=4.7V")
    assert (code, said["settings"], said["state"]) == (7, "written", "fault")
    assert board.pump.settings == {"supply-warn": "4.7V"}


def test_a_setting_that_is_refused_is_told(board: FakeBoard, few: Path) -> None:
    code, said = run_json("flash", "--port", board.port, "--set", "volume=11")
    assert (code, said["self_test"], board.pump.settings) == (2, "passed", {})
    assert re.match("not written: refused: bad-value in name, given volume", said["settings"])
    result = run("flash", "--port", board.port, "--set", "volume=11")
    assert result.exit_code == 2 and "settings: not written: refused" in result.stdout


def test_without_settings_none_are_spoken_of(board: FakeBoard, few: Path) -> None:
    assert run_json("flash", "--port", board.port)[1]["settings"] == ""
    assert "settings" not in run("flash", "--port", board.port).stdout


def test_a_dry_run_writes_nothing(board: FakeBoard, few: Path) -> None:
    result = run("flash", "--port", board.port, "--dry-run")
    assert result.exit_code == 0 and "would write boot.py" in result.stdout
    assert not list(board.folder.iterdir())


def test_what_a_person_reads(board: FakeBoard, few: Path) -> None:
    result = run("flash", "--port", board.port)
    assert re.search(r"\d+ files to write, 0 to delete, 0 are there already", result.stdout)
    assert "self-test passed, the pump is stopped; wants `titra ack`" in result.stdout


def test_an_unknown_board_names_those_there_are(board: FakeBoard) -> None:
    code, said = run_json("flash", "--port", board.port, "--board", "arduino")
    assert (code, said["error"]["field"]) == (2, "board") and "rpi_pico" in said["error"][
        "accepts"
    ]
