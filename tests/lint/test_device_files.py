"""What goes on a board is all that it imports, and nothing of another chip."""

import ast
from pathlib import Path

import pytest
import rules

from titra import firmware_files

ROOT = Path(__file__).resolve().parents[2]
BOARDS = firmware_files.boards()
OPTIONAL = {
    "pump." + name.removesuffix(".py").replace("/", ".") for name in firmware_files.OPTIONAL
}

RP2 = [board for board in BOARDS if firmware_files.chip_of(board) in ("rp2040", "rp2350")]
# boot.py pulls down for one short reading, before the firmware, to see what a pin is joined to;
# no input that anything waits for is left so.
MAY_PULL_DOWN = {ROOT / "firmware/boot.py"}


def modules(board: str) -> set:
    """The modules on the device by name, packages too."""
    names = set()
    for path in firmware_files.sources(board):
        parts = path.relative_to(ROOT / "firmware").with_suffix("").parts
        names.add(".".join(parts[:-1] if parts[-1] == "__init__" else parts))
    return names


def files(board: str) -> list:
    """Every file of ours on the device."""
    plain = [ROOT / "firmware" / name for name in firmware_files.PLAIN]
    return [*firmware_files.sources(board), *plain, ROOT / "boards" / board / "board.py"]


def wanted(board: str) -> set:
    """Every module of ours that a file on the device asks for, but for those of parts: what the
    board file does not name is never loaded."""
    found = set()
    for path in files(board):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("pump"):
                found.add(node.module)
    return {module for module in found if module not in OPTIONAL}


@pytest.mark.parametrize("board", BOARDS)
def test_all_that_is_imported_is_on_the_device(board):
    assert len(wanted(board)) > 20
    assert wanted(board) <= modules(board)


@pytest.mark.parametrize("board", BOARDS)
def test_nothing_on_the_device_is_another_chips(board):
    foreign = {"rp2"} if firmware_files.chip_of(board) == "esp32" else {"esp32"}
    for path in firmware_files.sources(board):
        asked = {module.split(".")[0] for _, module in rules.imports(path.read_text())}
        assert not asked & foreign, path


@pytest.mark.parametrize("board", RP2)
def test_no_input_pulls_down_where_rp2350_runs_the_same_files(board):
    """Erratum E9: there such an input can hold itself near 2 V. Modules for parts count too."""
    parts = [ROOT / "firmware/pump" / name for name in firmware_files.OPTIONAL]
    for path in {*files(board), *parts} - MAY_PULL_DOWN:
        assert rules.pull_downs(path.read_text()) == [], path


@pytest.mark.parametrize("board", BOARDS)
def test_what_is_frozen_is_what_is_copied(board, monkeypatch):
    monkeypatch.chdir(ROOT / "boards" / board)  # as MicroPython's makemanifest does
    frozen = {}
    names = {"include": lambda path: None, "package": lambda name, **rest: frozen.update(rest)}
    exec(Path("manifest.py").read_text(), names)
    copied = [path.relative_to(ROOT / "firmware/pump") for path in firmware_files.sources(board)]
    foreign = "rp2" if firmware_files.chip_of(board) == "esp32" else "esp32"
    optional = [Path(name) for name in firmware_files.OPTIONAL]  # all: that costs no heap
    copied += [path for path in optional if not path.name.startswith(foreign)]
    assert frozen["files"] == sorted({str(path) for path in copied})
    assert (Path(frozen["base_path"]) / "pump/app/pump.py").exists()
