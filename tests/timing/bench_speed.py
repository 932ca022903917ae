"""Speed of planner and simulation: runs bench_load.py on CPython and on MicroPython."""

import subprocess
import sys
from pathlib import Path

from tests.timing.bench_table import ROOT, Table

LOAD = ROOT / "tests/timing/bench_load.py"
MICROPYTHON = [str(Path(sys.executable).parent / "micropython"), "-X", "heapsize=4M"]
RUNS = 5
INFUSION = "infusion-40min-s"
ROWS = {
    "plan-word-us": "plan a word (us)",
    "plan-step-ns": "plan, a step (ns)",
    "verify-word-us": "verify a word (us)",
    "verify-step-ns": "verify, a step (ns)",
    "steps-per-word": "steps per word, reference plan",
    INFUSION: "40 min infusion, PIO executed, telemetry every 10 s (s)",
    "times-real-time": "simulated seconds per wall second",
    "step-edges": "STEP edges counted at the pin (plan: 252117)",
}


def figures(interpreter: list[str]) -> dict[str, str]:
    """Run the load on ``interpreter`` RUNS times: the figures of the least disturbed run."""
    return min((run(interpreter) for _ in range(RUNS)), key=lambda said: float(said[INFUSION]))


def run(interpreter: list[str]) -> dict[str, str]:
    """The figures of one run."""
    output = subprocess.run(
        [*interpreter, str(LOAD), str(ROOT)], check=True, capture_output=True, text=True
    ).stdout
    return dict(line.split() for line in output.splitlines())


def speed_table() -> Table:
    """Planner cost per word and step, simulated seconds per second."""
    cpython, micropython = figures([sys.executable]), figures(MICROPYTHON)
    return Table(
        "Planner and simulation",
        """
The best of five runs of `bench_load.py` on each interpreter, one process at a time (a busy machine
costs up to a third); reference plan 70 kg, 0.5 mg/kg, 40 min, 1 mg/mL, bd-60; generator, fuse and
counter programs executed. What a word costs on the chip stands in TIMING.md, *CPU*.""",
        ["figure", "CPython", "MicroPython"],
        [[text, cpython[key], micropython[key]] for key, text in ROWS.items()],
    )
