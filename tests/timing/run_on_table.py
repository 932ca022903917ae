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
MAX_HZ = 8200
RATES_ML_H = {
    "bd-1": ("0.01", "0.1", "1", "10", "75"),
    "bd-10": ("0.1", "1", "10", "52.5", "200", "700", "1200"),
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


def shortest_queue_ms(phases: list, words: int = 400) -> Fraction:
    """The least time that ``DEPTH`` words in a row last with no lease in the way. ``phases`` lists
    (steps, ticks as a ratio); the words at the very end are not counted."""
    planner = Planner(phases, MIN_STEP, MIN_WAIT)
    ends = []
    while len(ends) < words and planner.next_word(TICKS_PER_S, MAX_COUNT):
        ends.append(planner.position_ticks)
    return Fraction(min(b - a for a, b in zip(ends, ends[DEPTH:])) * 1000, TICKS_PER_S)


def shortest_queue_of_all_ms() -> Fraction:
    """The same over intervals from that of MAX_HZ up, in fractions of a tick."""
    shortest = Fraction(10**9)
    for divisor in (1, 2, 3, 4, 5, 7, 8, 11, 16, 31, 64, 97):
        for rest in range(divisor):
            interval = TICKS_PER_S // MAX_HZ * divisor + rest
            shortest = min(shortest, shortest_queue_ms([(10**6 * divisor, (10**6 * interval, 1))]))
    return shortest


def shortest_queue_in_a_ramp_ms() -> Fraction:
    """The same on the stairs up to every rate above start-stop."""
    ramp = Mechanics().ramp
    shortest = Fraction(10**9)
    for hz in range(5010, MAX_HZ + 1, 10):
        stretches = ramp.shape(4 * hz, (4_000_000, 1))
        laid = [(steps, (n * TICKS_PER_S, d * 10**6)) for steps, (n, d) in stretches]
        shortest = min(shortest, shortest_queue_ms(laid, 80))
    return shortest


if __name__ == "__main__":
    print("\n".join(run_on_table()))
    print("shortest full queue: %.1f ms" % float(shortest_queue_of_all_ms()))
    print("in a ramp: %.1f ms" % float(shortest_queue_in_a_ramp_ms()))
