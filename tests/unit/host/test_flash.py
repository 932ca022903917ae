"""Flashing: what is written, in which order, what is refused, and what an interruption leaves."""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from titra.errors import UsageError
from titra.firmware_files import build, chip_of, sources
from titra.flash import device
from titra.flash import run as flash_run
from titra.flash.device import Facts
from titra.flash.job import Work, check_interpreter, differences, hashes, work

from .commands import run, run_json
from .fake_board import FakeBoard, holding


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("files")
    build("rpi_pico", folder)
    return folder


FEW = (
    "boot.py",
    "main.py",
    "board.py",
    "firmware.rec",
    "pump/ports/clock.mpy",
    "pump/core/dose.mpy",
)


@pytest.fixture
def few(files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Some of the files, as what ``build`` makes: a pty takes 14 s for all of them."""
    folder = tmp_path / "few"
    for name in FEW:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(files / name, folder / name)

    def build_few(name: str, out: Path, check_board: bool = True) -> list[str]:
        assert name == "rpi_pico"
        shutil.copytree(folder, out)
        return list(FEW)

    monkeypatch.setattr(flash_run, "build", build_few)
    return folder


@pytest.fixture
def board(tmp_path: Path) -> Iterator[FakeBoard]:
    folder = tmp_path / "flash"
    folder.mkdir()
    made = FakeBoard(folder)
    yield made
    made.close()


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


# ---- what has to be done ------------------------------------------------------------------------

WANTED = {"boot.py": "a", "firmware.rec": "r", "pump/core/dose.mpy": "d"}


def test_the_record_is_written_last() -> None:
    assert work(WANTED, {}, False).write == ("boot.py", "pump/core/dose.mpy", "firmware.rec")


def test_only_what_differs_is_written_and_only_ours_is_deleted() -> None:
    there = {"boot.py": "a", "pump/core/old.mpy": "o", "main.mpy": "m", "settings-0.rec": "s"}
    done = work(WANTED, there, False)
    assert done == Work(
        ("pump/core/dose.mpy", "firmware.rec"), ("main.mpy", "pump/core/old.mpy"), 1
    )
    assert work(WANTED, {**WANTED, "notes.txt": "n"}, False).idle


def test_an_edited_board_file_is_kept_if_asked() -> None:
    wanted = {**WANTED, "board.py": "new"}
    assert "board.py" not in work(wanted, {"board.py": "edited"}, True).write
    assert "board.py" in work(wanted, {"board.py": "edited"}, False).write
    assert "board.py" in work(wanted, {}, True).write


def test_what_was_not_written_or_not_deleted_is_a_difference() -> None:
    done = Work(("boot.py",), ("old.py",), 0)
    assert differences(WANTED, {"boot.py": "a"}, done) == []
    assert differences(WANTED, {"boot.py": "b", "old.py": ""}, done) == ["boot.py", "old.py"]


GOOD = [
    ("rp2040", (1, 28, 0), "Raspberry Pi Pico with RP2040"),
    ("rp2350", (1, 29, 1), "Raspberry Pi Pico 2 with RP2350"),
    ("esp32", (1, 26, 0), "Generic ESP32 module with ESP32"),
    ("esp32", (1, 28, 0), "Generic ESP32 module with SPIRAM with ESP32"),
]
BAD = [
    ("rp2350", "micropython", (1, 28, 0), "Raspberry Pi Pico with RP2040", 6, "board"),
    ("rp2040", "micropython", (1, 28, 0), "", 6, "board"),
    ("esp32", "micropython", (1, 28, 0), "Generic ESP32S3 module with ESP32S3", 6, "board"),
    ("esp32", "micropython", (1, 28, 0), "Generic ESP32S3 module with ESP32-S3", 6, "board"),
    ("esp32", "micropython", (1, 28, 0), "ESP32 devkit with ESP32C3", 6, "board"),
    ("rp2040", "micropython", (1, 27, 9), "Raspberry Pi Pico with RP2040", 6, "micropython"),
    ("rp2350", "micropython", (1, 27, 9), "Raspberry Pi Pico 2 with RP2350", 6, "micropython"),
    ("esp32", "micropython", (1, 25, 9), "Generic ESP32 module with ESP32", 6, "micropython"),
    ("rp2040", "circuitpython", (9, 0, 0), "Raspberry Pi Pico with RP2040", 6, "micropython"),
    ("rp2040", "micropython", (1, 28, 0), "Raspberry Pi Pico with RP2040", 7, "mpy"),
]


@pytest.mark.requirement("HW-05")
@pytest.mark.parametrize(("chip", "version", "machine"), GOOD)
def test_an_interpreter_that_will_do(
    chip: str, version: tuple[int, int, int], machine: str
) -> None:
    check_interpreter(Facts("micropython", version, machine, 6), chip)


@pytest.mark.requirement("HW-05")
@pytest.mark.parametrize(("chip", "name", "version", "machine", "mpy", "field"), BAD)
def test_an_interpreter_that_will_not_do(
    chip: str, name: str, version: tuple[int, int, int], machine: str, mpy: int, field: str
) -> None:
    with pytest.raises(UsageError) as caught:
        check_interpreter(Facts(name, version, machine, mpy), chip)
    assert caught.value.details["field"] == field


def test_a_board_gets_the_ports_of_its_chip_alone() -> None:
    assert chip_of("rpi_pico") == "rp2040"
    ports = {path.name for path in sources("rpi_pico") if path.parent.name == "ports"}
    assert "rp2.py" in ports and not [name for name in ports if name.startswith("esp32")]


def test_drivers_of_parts_that_the_board_has_not_stay_away() -> None:
    drivers = {path.stem for path in sources("rpi_pico") if path.parent.name == "drivers"}
    assert drivers == {"__init__"}


# ---- on a board ---------------------------------------------------------------------------------


@pytest.mark.requirement("HW-05")
def test_an_empty_board_is_flashed_whole(board: FakeBoard, files: Path) -> None:
    board.in_repl, board.model = True, ""
    code, said = run_json("flash", "--port", board.port)
    assert code == 0, said
    assert hashes(board.folder) == hashes(files)
    assert said["self_test"] == "passed" and board.resets == 1
    assert said["written"][-1] == "firmware.rec"


@pytest.mark.requirement("HW-05")
def test_a_running_pump_gets_what_has_changed(board: FakeBoard, few: Path) -> None:
    holding(board.folder, few)
    (board.folder / "pump/core/dose.mpy").write_bytes(b"old")
    (board.folder / "pump/core/gone.mpy").write_bytes(b"gone")
    (board.folder / "journal-0.rec").write_bytes(b"delivered")
    code, said = run_json("flash", "--port", board.port)
    assert code == 0, said
    assert said["written"] == ["pump/core/dose.mpy", "firmware.rec"]
    assert said["deleted"] == ["pump/core/gone.mpy"]
    assert hashes(board.folder) == {**hashes(few), "journal-0.rec": digest(b"delivered")}


@pytest.mark.requirement("HW-05")
def test_refused_while_infusing(board: FakeBoard) -> None:
    board.pump.state = "infusing"
    code, said = run_json("flash", "--port", board.port)
    assert (code, said["error"]["code"]) == (2, "moving")
    assert not board.in_repl and not list(board.folder.iterdir())


@pytest.mark.parametrize(
    "version,machine,field",
    [
        ((1, 27, 0), "Raspberry Pi Pico with RP2040", "micropython"),
        ((1, 28, 0), "Generic ESP32 module with ESP32", "board"),
    ],
)
def test_a_wrong_image_or_chip_is_left_alone(
    board: FakeBoard, version: tuple[int, int, int], machine: str, field: str
) -> None:
    board.version, board.machine = version, machine
    code, said = run_json("flash", "--port", board.port)
    assert (code, said["error"]["field"]) == (2, field)
    assert not list(board.folder.iterdir())


@pytest.mark.requirement("HW-05")
def test_a_file_that_flash_did_not_keep_is_found(board: FakeBoard, few: Path) -> None:
    board.spoil = "pump/core/dose.mpy"
    code, said = run_json("flash", "--port", board.port)
    assert code == 3 and "pump/core/dose.mpy" in said["error"]["message"]
    assert board.resets == 0


@pytest.mark.requirement("HW-05")
def test_the_self_test_has_the_last_word(board: FakeBoard, few: Path) -> None:
    board.failing = "dose-fuse"
    code, said = run_json("flash", "--port", board.port)
    assert (code, said["self_test"]) == (7, "dose-fuse")


def test_recovery_needs_no_pump_that_answers(board: FakeBoard, few: Path) -> None:
    """The stop button was held and the firmware has not been started: a prompt is there."""
    board.in_repl = True
    code, said = run_json("flash", "--port", board.port, "--recover")
    assert (code, said["self_test"]) == (0, "passed")
    assert hashes(board.folder) == hashes(few)
    assert not board.pump.received or "maintenance" not in " ".join(board.pump.received)


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


def test_settings_are_sent_after_the_restart(board: FakeBoard, few: Path) -> None:
    code, _ = run_json("flash", "--port", board.port, "--set", "supply-warn=4.7V")
    assert code == 0 and "set supply-warn=4.7V" in board.pump.received


def test_a_dry_run_writes_nothing(board: FakeBoard, few: Path) -> None:
    result = run("flash", "--port", board.port, "--dry-run")
    assert result.exit_code == 0 and "would write boot.py" in result.stdout
    assert not list(board.folder.iterdir())


def test_what_a_person_reads(board: FakeBoard, few: Path) -> None:
    result = run("flash", "--port", board.port)
    assert re.search(r"\d+ files to write, 0 to delete, 0 are there already", result.stdout)
    assert "self-test passed, the pump is idle" in result.stdout


def test_an_unknown_board_names_those_there_are(board: FakeBoard) -> None:
    code, said = run_json("flash", "--port", board.port, "--board", "arduino")
    assert (code, said["error"]["field"]) == (2, "board") and "rpi_pico" in said["error"][
        "accepts"
    ]
