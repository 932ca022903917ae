"""What the host finds wrong with a board file before it is flashed."""

from __future__ import annotations

from pathlib import Path

import pytest

from titra import board_file, firmware_files, prescription
from titra.board_file import faults
from titra.errors import UsageError
from titra.firmware_files import boards

from .commands import run_json

READ = prescription.board_settings  # before the fixtures of this folder replace it
TEXT = {
    name: (firmware_files.ROOT / "boards" / name / "board.py").read_text() for name in boards()
}


@pytest.fixture
def real(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prescription, "board_settings", READ)


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with boards of its own."""
    monkeypatch.setattr(board_file, "ROOT", tmp_path)
    monkeypatch.setattr(prescription, "_boards_dir", lambda: tmp_path / "boards")
    return tmp_path


def edited(root: Path, board: str, *changes: tuple[str, str]) -> list[str]:
    """The faults of ``board`` after ``changes`` of its text."""
    text = TEXT[board]
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    folder = root / "boards" / board
    folder.mkdir(parents=True)
    (folder / "board.py").write_text(text)
    return faults(board)


@pytest.mark.parametrize("board", boards())
def test_the_boards_there_are_have_none(board: str, real: None) -> None:
    assert faults(board) == []


@pytest.mark.requirement("HW-05")
@pytest.mark.parametrize(
    ("board", "old", "new", "fault"),
    [
        ("rpi_pico", "STEP = 2 ", "STEP = 14 ", "STEP and STOP are both GPIO 14"),
        ("rpi_pico", "STEP = 2 ", "STEP = 30 ", "STEP = 30 is no output of the rp2040"),
        ("rpi_pico", "STEP = 2 ", "STEP = -1 ", "STEP = -1 is no output of the rp2040"),
        ("rpi_pico", "STEP = 2 ", "STEP = '2' ", "STEP = '2' is no output of the rp2040"),
        ("rpi_pico", "STEP = 2 ", "STEP = True ", "STEP = True is no output of the rp2040"),
        ("rpi_pico", "STEP = 2 ", "STEP = None ", "STEP = None is no output of the rp2040"),
        ("rpi_pico", "STEP = 2 ", "STEPS = 2 ", "STEP is missing"),
        ("rpi_pico", "ALLOW = 5 ", "ALLOWED = 5 ", "ALLOW is missing"),
        ("rpi_pico", "TRAVEL = None", "TRAVEL = 14", "STOP and TRAVEL are both GPIO 14"),
        ("rpi_pico", "TRAVEL = None", "", "TRAVEL is missing"),
        ("rpi_pico", "DISPLAY = None", "DISPLAY = (20, 20)", "DISPLAY names one pin twice"),
        ("rpi_pico", "DISPLAY = None", "DISPLAY = 20", "DISPLAY needs 2 pins, not 1"),
        ("rpi_pico", "FORCE = None", "FORCE = 22", "FORCE = 22 is no analogue input"),
        ("rpi_pico", "LED_RGB = None", "LED_RGB = (16, 17, 15)", "BUZZER and LED_RGB are both"),
        ("rpi_pico", "HX711_ZERO = 0", "HX711_ZERO = 0.5", "HX711_ZERO is no whole number"),
        ("rpi_pico", 'MODEL = "rpi_pico"', 'MODEL = "other"', "MODEL is 'other'"),
        ("rpi_pico", 'CHIP = "rp2040"', 'CHIP = "rp2041"', "CHIP is 'rp2041', none of rp2040"),
        ("rpi_pico", 'MODE = "safe"', 'MODE = "unsafe"', "MODE is 'unsafe', none of safe, basic"),
        ("rpi_pico", "def make_safe", "def make_save", "make_safe is missing"),
        ("rpi_pico", "WATCH = Watch", "WACHT = Watch", "WATCH is missing"),
        ("rpi_pico", 'lead="0.8mm"', 'lead="0.8kg"', "MECHANICS or limits"),
        ("rpi_pico", 'lead="0.8mm"', "lead=some()", "does not give MECHANICS in literals"),
        ("rpi_pico", "STEP = 2 ", "STEP = = 2 ", "line 14: invalid syntax"),
        ("esp32_devkitc", "STEP = 25 ", "STEP = 34 ", "STEP = 34 is no output of the esp32"),
        ("esp32_devkitc", "STEP = 25 ", "STEP = 6 ", "STEP = 6 is no output of the esp32"),
        ("esp32_devkitc", "STEP = 25 ", "STEP = 1 ", "STEP = 1 is no output of the esp32"),
        ("esp32_devkitc", "COUNT = 22 ", "COUNT = 25 ", "STEP and COUNT are both GPIO 25"),
        ("esp32_devkitc", "LATCH = 35 ", "LATCH = None ", "ARM and LATCH go together"),
        ("esp32_devkitc", "SUPPLY = None", "SUPPLY = 18", "SUPPLY = 18 is no analogue input"),
    ],
)
def test_a_fault_is_named(
    root: Path, real: None, board: str, old: str, new: str, fault: str
) -> None:
    found = edited(root, board, (old, new))
    assert any(fault in each for each in found), found


def test_parts_as_the_board_file_offers_them_are_no_fault(root: Path, real: None) -> None:
    rgb, force = ("LED_RGB = None", "LED_RGB = (16, 17, 22)"), ("FORCE = None", "FORCE = 26")
    uart = ("DRIVER_UART = None", "DRIVER_UART = (8, 9)")
    assert edited(root, "rpi_pico", rgb, force, uart) == []


def test_a_board_without_latch_and_gate_is_one(root: Path, real: None) -> None:
    none = (("ARM = 33 ", "ARM = None "), ("LATCH = 35 ", "LATCH = None "))
    assert edited(root, "esp32_devkitc", *none) == []


def test_every_fault_is_named_at_once(root: Path) -> None:
    found = edited(root, "rpi_pico", ("STEP = 2 ", "STEP = 14 "), ('MODE = "safe"', "MODE = 1"))
    assert len(found) == 2
    with pytest.raises(UsageError) as caught:
        board_file.check("rpi_pico")
    assert caught.value.code == "bad-board" and all(f in caught.value.message for f in found)


@pytest.mark.requirement("HW-05")
def test_flash_looks_before_it_opens_the_port(root: Path) -> None:
    edited(root, "rpi_pico", ("STEP = 2 ", "STEP = 14 "))
    code, said = run_json("flash", "--port", "/dev/ttyNOWHERE")
    assert (code, said["error"]["code"]) == (2, "bad-board")
    assert "STEP and STOP are both GPIO 14" in said["error"]["message"]
