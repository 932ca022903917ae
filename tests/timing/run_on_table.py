"""The tables of firmware/TIMING.md, worked out from the firmware's own planner and lease.

``python tests/timing/run_on_table.py`` prints them; test_timing_document.py checks the document.
"""

import sys
from fractions import Fraction
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "firmware")]

from pump.core import syringe  # noqa: E402
from pump.core.lease import lease_us  # noqa: E402
from pump.core.mechanics import Mechanics  # noqa: E402
from pump.core.ratio import make  # noqa: E402
from pump.core.schedule import Planner  # noqa: E402

DEPTH = 8
MAX_COUNT = 127
MIN_STEP, MIN_WAIT = 133, 4
TICKS_PER_S = 62_500_000
MAX_HZ = 5000
RATES_ML_H = {
    "bd-1": ("0.01", "0.1", "1", "10", "75"),
    "bd-10": ("0.1", "1", "10", "52.5", "200", "700"),
    "bd-60": ("0.1", "1", "10", "52.5", "200", "1200"),
}


def lease_at_us(nl_per_s: Fraction) -> int:
    """The lease of a plan at this rate."""
    return lease_us(make(nl_per_s.numerator, nl_per_s.denominator), DEPTH)


def bound_steps(nl_per_s: Fraction, per_step: Fraction) -> int:
    """Most steps after the CPU has died.

    The queue is ``DEPTH`` words and the one in progress, none longer than the lease L. At a step
    interval of at most L no word has more than floor(L / interval) steps, nor more than MAX_COUNT;
    beyond, the steps are those whose instants fall into (DEPTH + 1) L: one more than fit.
    """
    lease_ticks = lease_at_us(nl_per_s) * TICKS_PER_S // 10**6
    interval = per_step / nl_per_s * TICKS_PER_S
    most = (DEPTH + 1) * lease_ticks // interval + 1
    if interval <= lease_ticks:
        most = min(most, (DEPTH + 1) * min(lease_ticks // int(interval), MAX_COUNT))
    return int(most)


def run_on_row(name: str, rate: str) -> str:
    """One row: what a dead CPU costs at most."""
    per_step = Fraction(*Mechanics().volume_per_step_nl(syringe.find(name).diameter_um()))
    nl_per_s = Fraction(rate) * 10**6 / 3600
    lease = lease_at_us(nl_per_s)
    steps = bound_steps(nl_per_s, per_step)
    return "| %s | %s | %.4g | %.1f | %.3f | %d | %.2f |" % (
        name,
        rate,
        float(nl_per_s / per_step),
        lease / 1000,
        (DEPTH + 1) * lease / 10**6,
        steps,
        float(steps * per_step / 1000),
    )


def run_on_table() -> list[str]:
    """All rows, with their head."""
    head = "| syringe | mL/h | steps/s | lease, ms | window, s | steps at most | uL at most |"
    rows = [run_on_row(name, rate) for name, rates in RATES_ML_H.items() for rate in rates]
    return [head, "|---|" + "---:|" * 6, *rows]


def shortest_queue_ms(numerator: int, denominator: int, words: int = 400) -> Fraction:
    """The least time that ``DEPTH`` words in a row last at a step interval of
    numerator / denominator ticks with no lease in the way."""
    steps = 10**6 * denominator
    planner = Planner([(steps, (10**6 * numerator, 1))], MIN_STEP, MIN_WAIT)
    ends = []
    for _ in range(words):
        planner.next_word(TICKS_PER_S, MAX_COUNT)
        ends.append(planner.position_ticks)
    return Fraction(min(b - a for a, b in zip(ends, ends[DEPTH:])) * 1000, TICKS_PER_S)


def shortest_queue_of_all_ms() -> Fraction:
    """The same over intervals from 12 500 ticks (5 kHz) up, in fractions of a tick."""
    shortest = Fraction(10**9)
    for divisor in (1, 2, 3, 4, 5, 7, 8, 11, 16, 31, 64, 97):
        for rest in range(divisor):
            shortest = min(shortest, shortest_queue_ms(12_500 * divisor + rest, divisor))
    return shortest


if __name__ == "__main__":
    print("\n".join(run_on_table()))
    print("shortest full queue at 5 kHz: %.1f ms" % float(shortest_queue_of_all_ms()))
