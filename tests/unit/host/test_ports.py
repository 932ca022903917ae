"""Real file descriptors: ptys that are silent, babble or vanish; ports absent and busy."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from titra import cli, prescription
from titra.cli import common
from titra.client import PumpClient, Timeouts
from titra.errors import LinkGone
from titra.simulator import SpawnedPump
from titra.transport import SerialTransport

COMMANDS = ("info", "status", "stop", "pause", "ack", "monitor")


def code_of(port: str, *args: str) -> tuple[int, str]:
    result = CliRunner().invoke(cli.app, ["--json", "--port", port, *args])
    return result.exit_code, json.loads(result.stdout)["error"]["code"]


@pytest.fixture
def babble(pty_pair: tuple[int, str]) -> Iterator[tuple[list[bytes], str]]:
    """A port that answers every read with the bytes in the list."""
    master, port = pty_pair
    noise: list[bytes] = []
    done = threading.Event()

    def talk() -> None:
        while not done.wait(0.005):
            for data in noise:
                with contextlib.suppress(BlockingIOError):
                    os.write(master, data)

    os.set_blocking(master, False)
    thread = threading.Thread(target=talk)
    thread.start()
    yield noise, port
    done.set()
    thread.join()


@pytest.mark.requirement("HOST-02")
@pytest.mark.parametrize("command", COMMANDS)
def test_absent(command: str) -> None:
    assert code_of("/dev/ttyNOWHERE", command) == (3, "port-absent")


@pytest.mark.requirement("HOST-02")
@pytest.mark.parametrize("command", COMMANDS)
def test_busy(command: str, pty_pair: tuple[int, str]) -> None:
    other = os.open(pty_pair[1], os.O_RDWR | os.O_NOCTTY)
    fcntl.flock(other, fcntl.LOCK_EX)
    try:
        assert code_of(pty_pair[1], command) == (3, "port-busy")
    finally:
        os.close(other)


@pytest.mark.requirement("HOST-02")
@pytest.mark.parametrize("command", COMMANDS)
def test_silent(command: str, pty_pair: tuple[int, str]) -> None:
    assert code_of(pty_pair[1], command) == (3, "silent")


@pytest.mark.requirement("HOST-02")
@pytest.mark.parametrize("command", ("info", "stop"))
def test_silent_with_the_real_timeouts(
    command: str, pty_pair: tuple[int, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(common, "TIMEOUTS", Timeouts())
    start = time.monotonic()
    assert code_of(pty_pair[1], command) == (3, "silent")
    assert time.monotonic() - start < 4.5  # the rest of the 5 s is for the start of Python


@pytest.mark.requirement("HOST-02")
@pytest.mark.parametrize("command", COMMANDS)
def test_another_device(command: str, babble: tuple[list[bytes], str]) -> None:
    babble[0].append(b"KEITHLEY INSTRUMENTS INC.,MODEL 2000\r\n")
    assert code_of(babble[1], command) == (3, "not-a-pump")


@pytest.mark.parametrize("command", [name for name in COMMANDS if name != "stop"])
def test_a_board_at_its_prompt(command: str, babble: tuple[list[bytes], str]) -> None:
    babble[0].append(b"rst:0x1 (POWERON_RESET)\r\nMicroPython v1.28\r\n>>> \r\n")
    assert code_of(babble[1], command) == (3, "at-prompt")


@pytest.mark.requirement("HOST-02")
def test_wrong_speed(babble: tuple[list[bytes], str]) -> None:
    babble[0].append(bytes([0xF8, 0x00, 0xE0, 0x9C, 0x80, 0xFE, 0x1C]) * 5)
    assert code_of(babble[1], "status") == (3, "wrong-speed")


def test_a_file_is_not_a_port(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert code_of(str(tmp_path / "file"), "info") == (3, "port-unusable")
    assert code_of(str(tmp_path), "info") == (3, "port-unusable")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may open everything")
def test_forbidden(pty_pair: tuple[int, str]) -> None:
    os.chmod(pty_pair[1], 0)
    assert code_of(pty_pair[1], "info") == (3, "port-forbidden")


@pytest.mark.requirement("HOST-02")
def test_infuse_says_it_too() -> None:
    args = ["--weight", "70kg", "--dose", "0.5mg/kg", "--over", "40min", "--syringe", "bd-60"]
    args += ["--concentration", "1mg/mL", "--yes"]
    assert code_of("/dev/ttyNOWHERE", "infuse", *args) == (3, "port-absent")


def test_a_port_that_vanishes_is_typed(pty_pair: tuple[int, str]) -> None:
    transport = SerialTransport(pty_pair[1])
    os.close(pty_pair[0])
    with pytest.raises(LinkGone):
        PumpClient(transport).connect()
    transport.close()
    transport.close()


def test_the_port_is_held_exclusively(pty_pair: tuple[int, str]) -> None:
    transport = SerialTransport(pty_pair[1])
    assert code_of(pty_pair[1], "info") == (3, "port-busy")
    transport.close()


def test_board_files_are_read_not_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    mechanics, bounds = prescription.board_settings("rpi_pico")
    assert mechanics.steps_per_turn == 3200
    assert ("dose", "", "1.5mg/kg") in bounds.hard
    assert "rpi_pico" in prescription.boards()


@pytest.mark.requirement("HOST-02")
def test_ports_finds_what_is_there_within_seconds(pty_pair: tuple[int, str]) -> None:
    pump = SpawnedPump(runtime="cpython", speed=1)
    try:
        start = time.monotonic()
        args = ["ports", pump.port, pty_pair[1], "/dev/ttyNOWHERE", "--json"]
        result = CliRunner().invoke(cli.app, args)
        took_s = time.monotonic() - start
    finally:
        pump.close()
    verdicts = [row["verdict"] for row in json.loads(result.stdout)["ports"]]
    assert verdicts == ["pump", "silent", "port-absent"]
    assert result.exit_code == 0 and took_s < 5
