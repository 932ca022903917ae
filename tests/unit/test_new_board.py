"""Adding a board is adding a folder: boards/README.md, done in a copy of the repository."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
COPIED = ("boards", "firmware", "host_tools", "tests", "pyproject.toml", "CHANGELOG.md")
NEW = {  # board: the nearest, its pin of the buzzer and another
    "copy_of_pico": ("rpi_pico", 15, 10),
    "copy_of_esp32": ("esp32_devkitc", 23, 2),
}
MOST_S = 120
# What goes through all folders of boards/ and is quick, and a few tests on the device.
EVERYWHERE = (
    "tests/lint/test_device_files.py",
    "tests/unit/test_board_pages.py",
    "tests/unit/test_board_pictures.py",
    "tests/unit/test_size.py::test_the_page_has_the_columns_that_are_added",
)
ON_THE_DEVICE = "tests/device/test_link.py"
FEW = "identity or info or empty_lines"


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """The repository with two boards more, and ``run`` in it."""
    root = tmp_path_factory.mktemp("tree")
    leave = shutil.ignore_patterns("__pycache__", "*.egg-info")
    for name in COPIED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, root / name, ignore=leave)
        else:
            shutil.copy(ROOT / name, root / name)
    for board, (nearest, pin, other) in NEW.items():
        shutil.copytree(ROOT / "boards" / nearest, root / "boards" / board, ignore=leave)
        text = (ROOT / "boards" / nearest / "board.py").read_text()
        for old, new in (
            (f'\nMODEL = "{nearest}"\n', f'\nMODEL = "{board}"\n'),
            (f"\nBUZZER = {pin} ", f"\nBUZZER = {other} "),
        ):
            assert text.count(old) == 1
            text = text.replace(old, new)
        (root / "boards" / board / "board.py").write_text(text)
    run(root, "host_tools.board_pages")
    return root


def run(root, *module):
    """Run a Python module in ``root``, with all of ours from there."""
    path = os.pathsep.join(str(root / name) for name in ("host_tools", "firmware", "."))
    done = subprocess.run(
        [sys.executable, "-m", *module],
        cwd=root,
        env=os.environ | {"PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=MOST_S,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("board", NEW)
def test_its_files_can_be_made(tree, board):
    nearest, _, other = NEW[board]
    assert "bytes of .mpy" in run(tree, "titra.firmware_files", board, f"build/{board}")
    assert f"BUZZER = {other} " in (tree / "build" / board / "board.py").read_text()
    page = (tree / "boards" / board / "wiring.md").read_text()
    assert f"titra flash --board {board}" in page and f"\n| {other} |" in page
    assert page != (ROOT / "boards" / nearest / "wiring.md").read_text()


def test_what_is_tested_of_every_board_is_green(tree):
    said = run(tree, "pytest", "-vv", "-p", "no:cacheprovider", *EVERYWHERE)
    for board in NEW:
        assert f"test_pages_are_as_made[{board}] PASSED" in said
        assert f"test_all_that_is_imported_is_on_the_device[{board}] PASSED" in said


@pytest.mark.parametrize("board", NEW)
def test_the_device_suite_runs_on_it(tree, board):
    run_it = (ON_THE_DEVICE, "--board", board, "--target", "sim", "-k", FEW)
    said = run(tree, "pytest", "-vv", "-p", "no:cacheprovider", *run_it)
    assert f"test_info[sim-{board}] PASSED" in said and "sim-rpi_pico]" not in said
