"""``make bench``: measures all that firmware/BENCHMARKS.md says, and writes it.

Figures are of this machine at this moment; they are never asserted by a test. With RIG_UF2 set
(a MicroPython image for the RP2040) the section of the emulated chip is taken anew as well;
``--chip`` takes nothing else.
"""

import importlib
import os
import platform
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "firmware"), str(ROOT / "host_tools")]

from tests.timing import bench_alternatives as alternatives  # noqa: E402
from tests.timing import bench_host as host  # noqa: E402
from tests.timing import bench_memory as memory  # noqa: E402
from tests.timing import bench_monitor as monitor  # noqa: E402
from tests.timing import bench_speed as speed  # noqa: E402
from tests.timing import bench_steps as steps  # noqa: E402
from tests.timing import bench_stop as stop  # noqa: E402
from tests.timing.bench_table import Table, say  # noqa: E402
from tests.timing.frozen import RATES as FREEZE_RATES  # noqa: E402

DOCUMENT = ROOT / "firmware/BENCHMARKS.md"
CHIP_TITLE = "## On the emulated chip"
CHIP_MODULE = "tests.emulator.chip_bench"
CHIP_TEXT = """
The official MicroPython on an emulated RP2040. Taken only when RIG_UF2 names its image; otherwise
kept as it was last taken, with the commit of that time."""
HIGHEST_STEPS = 50_000
WORKERS = 2


def said(command: list[str]) -> str:
    """What a command prints."""
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def commit() -> str:
    """The commit, and whether the tree is that of the commit (this document apart)."""
    git = ["git", "-C", str(ROOT)]
    short = said([*git, "rev-parse", "--short", "HEAD"])
    others = [".", ":!" + str(DOCUMENT.relative_to(ROOT))]
    changed = said([*git, "status", "--porcelain", "--", *others])
    return short + (" with uncommitted changes" if changed else "")


def highest_and_its_errors() -> tuple[list[str], list[str]]:
    """The highest rate under the uneven CPU, and the step-time error at it."""
    ticks = steps.highest()
    row = steps.highest_row("uneven", ticks, steps.SEEDS, steps.SECONDS)
    if ticks is None:
        return row, ["highest"] + ["none"] * 5
    return row, steps.step_row("highest, %s Hz" % row[1], ticks, HIGHEST_STEPS, "long")


def highest_on_chip(name: str, seeds: tuple) -> list[str]:
    """The highest rate with the chip's costs."""
    ticks = steps.highest(seeds, steps.SECONDS, steps.chip_costs())
    return steps.highest_row(name, ticks, seeds, steps.SECONDS)


def jobs() -> dict[str, list[tuple]]:
    """What can be done side by side: table -> (function, arguments) of each row, long ones first
    within the tables."""
    return {
        "step time": [(steps.step_row, row) for row in steps.RATES],
        "highest": [(highest_and_its_errors, ())],
        "highest, chip's costs": [
            (highest_on_chip, ("uneven, chip's costs", steps.SEEDS)),
            (highest_on_chip, ("even, chip's costs", steps.EVEN)),
        ],
        "stop": [(stop.sweep_row, (passes,)) for passes in stop.PASSES],
        "run-on": [(stop.run_on_row, row) for row in FREEZE_RATES],
        "fuse": [(stop.fuse_table, ())],
        "alternatives": [
            (alternatives.alternative_row, (name, *rate))
            for name in alternatives.NAMES
            for rate in alternatives.RATES
        ],
        "failing": [(alternatives.failing_row, (name,)) for name in alternatives.NAMES]
        + [(alternatives.own_row, ())],
    }


def measured() -> dict[str, list]:
    """Run all jobs on WORKERS processes; table -> results in order."""
    with ProcessPoolExecutor(WORKERS) as pool:
        pending = {
            name: [pool.submit(function, *arguments) for function, arguments in each]
            for name, each in jobs().items()
        }
        results = {}
        for name, futures in pending.items():
            say("measuring: %s ..." % name)
            results[name] = [future.result() for future in futures]
    return results


def tables() -> list[Table]:
    """All tables of the document."""
    say("measuring: speed (alone) ...")
    speeds = [speed.speed_table(), host.host_table(), monitor.monitor_table()]
    say("measuring: allocation ...")
    heap = memory.memory_table(memory.unix_figures(), memory.small_figures())
    got = measured()
    ((highest, its_errors),) = got["highest"]
    return [
        steps.steps_table([*got["step time"], its_errors]),
        steps.highest_table([highest, *got["highest, chip's costs"]]),
        stop.stop_table(got["stop"]),
        stop.run_on_table(got["run-on"]),
        got["fuse"][0],
        alternatives.alternatives_table(got["alternatives"]),
        alternatives.failing_table(got["failing"]),
        *speeds,
        heap,
    ]


def chip_rows() -> list[tuple[str, str]]:
    """What the emulated chip says; nothing when there is none, or nothing to ask it with."""
    if not os.environ.get("RIG_UF2"):
        return []
    say("measuring: emulated chip ...")
    try:
        return importlib.import_module(CHIP_MODULE).rows()
    except (ModuleNotFoundError, RuntimeError) as error:
        say("emulated chip left as it was: %s" % error)
        return []


def chip_section(document: str, at: str) -> str:
    """The emulated chip's section: taken now with RIG_UF2, else that of ``document``."""
    rows = chip_rows()
    if rows:
        lines = [CHIP_TITLE, CHIP_TEXT, "", "- commit: " + at, "", "| figure | value |"]
        lines += ["|---|---:|"] + ["| %s | %s |" % row for row in rows]
        return "\n".join(lines) + "\n"
    _, found, kept = document.partition(CHIP_TITLE)
    if found:
        return CHIP_TITLE + kept
    return CHIP_TITLE + "\n" + CHIP_TEXT + "\n\nNot taken yet: needs RIG_UF2.\n"


HEAD = """# Benchmarks

Made by `make bench`; not asserted by tests (what must hold is asserted in `tests/timing`). Nothing
here was measured on copper: instants are those of simulated silicon that runs the firmware's own
PIO programs to the cycle (1 cycle = 8 ns), speeds are those of the machine below. TIMING.md says
why the figures are what they are.

- commit: {commit}
- interpreters: CPython {cpython}; MicroPython {micropython}
- machine: {machine}, {system}, {cpus} CPUs
- method: `tests/timing/bench_*.py`, said above each table; all seeds are fixed, so that all but
  the speeds come out the same again
"""


def head(at: str) -> str:
    """What stands above the tables."""
    return HEAD.format(
        commit=at,
        cpython=platform.python_version(),
        micropython=said([speed.MICROPYTHON[0], "-c", "import sys; print(sys.version)"]),
        machine=platform.machine(),
        system=platform.system(),
        cpus=os.cpu_count(),
    )


def main() -> None:
    """Measure and write; with ``--chip`` the chip's section alone, the others stay."""
    started = time.monotonic()
    at = commit()
    before = DOCUMENT.read_text() if DOCUMENT.exists() else ""
    if "--chip" in sys.argv[1:]:
        parts = [before.partition(CHIP_TITLE)[0].removesuffix("\n")]
    else:
        parts = [head(at), *[table.markdown() for table in tables()]]
    DOCUMENT.write_text("\n".join([*parts, chip_section(before, at)]))
    say("wrote %s in %.0f s" % (DOCUMENT.relative_to(ROOT), time.monotonic() - started))


if __name__ == "__main__":
    main()
