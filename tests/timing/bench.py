"""``make bench``: runs bench_load.py on CPython and MicroPython, writes firmware/BENCHMARKS.md.

Figures are of this machine at this moment; they are never asserted by a test.
"""

import platform
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LOAD = ROOT / "tests/timing/bench_load.py"
MICROPYTHON = [str(Path(sys.executable).parent / "micropython"), "-X", "heapsize=4M"]
ROWS = {
    "plan-word-us": "plan a word (us)",
    "verify-word-us": "verify a word (us)",
    "steps-per-word": "steps per word, reference plan",
    "infusion-40min-s": "40 min infusion, PIO executed, telemetry every second (s)",
    "times-real-time": "simulated seconds per second",
    "step-edges": "STEP edges counted at the pin (plan: 252117)",
}


def figures(interpreter: list[str]) -> dict[str, str]:
    """Run the load on ``interpreter`` and return its figures."""
    output = subprocess.run(
        [*interpreter, str(LOAD), str(ROOT)], check=True, capture_output=True, text=True
    ).stdout
    return dict(line.split() for line in output.splitlines())


def said(command: list[str]) -> str:
    """The first line a command prints."""
    return subprocess.run(command, capture_output=True, text=True).stdout.splitlines()[0]


def main() -> None:
    """Measure and write."""
    columns = {}
    for name, interpreter in (("CPython", [sys.executable]), ("MicroPython", MICROPYTHON)):
        print(f"measuring on {name} ...", flush=True)
        columns[name] = figures(interpreter)
    version = said([MICROPYTHON[0], "-c", "import sys; print(sys.version)"])
    commit = said(["git", "-C", str(ROOT), "rev-parse", "--short", "HEAD"])
    lines = [
        "# Benchmarks",
        "",
        "Made by `make bench`; not asserted by tests.",
        "",
        f"- commit: {commit}",
        f"- CPython {platform.python_version()}; MicroPython {version}",
        f"- machine: {platform.machine()}, {platform.system()}, one process on one core",
        "- method: `tests/timing/bench_load.py`, one run each; reference plan 70 kg, 0.5 mg/kg,",
        "  40 min, 1 mg/mL, bd-60; generator, fuse and counter programs executed",
        "",
        "| figure | CPython | MicroPython |",
        "|---|---|---|",
    ]
    lines += [
        f"| {text} | {columns['CPython'][key]} | {columns['MicroPython'][key]} |"
        for key, text in ROWS.items()
    ]
    (ROOT / "firmware/BENCHMARKS.md").write_text("\n".join(lines) + "\n")
    print((ROOT / "firmware/BENCHMARKS.md").read_text())


if __name__ == "__main__":
    main()
