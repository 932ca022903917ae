"""The table of firmware/TIMING.md on single faults, worked out from the firmware's own values.

``python tests/timing/single_fault_table.py`` prints it; test_single_fault.py checks the document.
"""

import sys
from fractions import Fraction
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "firmware")]

from pump.app.keeper import STALL_US  # noqa: E402
from pump.core import syringe  # noqa: E402
from pump.core.lease import RUN_ON_NL  # noqa: E402
from pump.core.mechanics import Mechanics  # noqa: E402
from pump.core.supervisor import LOOK_US  # noqa: E402
from tests.timing.run_on_table import DEPTH, MAX_COUNT, MAX_HZ  # noqa: E402

IN_ONE_GO_US = 31_000  # TIMING.md, CPU
WORD_STEPS = MAX_COUNT
QUEUE_STEPS = (DEPTH + 1) * MAX_COUNT
BLIND_US = LOOK_US + STALL_US + IN_ONE_GO_US
RUNAWAY_STEPS = -(-BLIND_US * MAX_HZ // 10**6)
HEAD = "| syringe | nL a step | CPU dies | one wrong word | all wrong | runs away |"


def step_nl(name: str) -> Fraction:
    """Volume of a step of the reference mechanics."""
    return Fraction(*Mechanics().volume_per_step_nl(syringe.find(name).diameter_um()))


def bounds_ul(name: str) -> list[Fraction]:
    """Microlitres delivered unasked, in the order of the table's columns."""
    step = step_nl(name)
    dead = Fraction(RUN_ON_NL)
    return [
        nl / 1000 for nl in (dead, *(step * n for n in (WORD_STEPS, QUEUE_STEPS, RUNAWAY_STEPS)))
    ]


def table() -> list[str]:
    """All rows, with their head."""
    rows = []
    for name in syringe.ids():
        cells = ["%.1f" % float(ul) for ul in bounds_ul(name)]
        rows.append("| %s | %.2f | %s |" % (name, float(step_nl(name)), " | ".join(cells)))
    return [HEAD, "|---|" + "---:|" * 5, *rows]


if __name__ == "__main__":
    print("steps: %d, %d, %d" % (WORD_STEPS, QUEUE_STEPS, RUNAWAY_STEPS))
    print("\n".join(table()))
