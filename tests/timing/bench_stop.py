"""What ends motion: the stop input, a dead CPU, the dose fuse. On the firmware's PIO programs."""

import random
from fractions import Fraction

from tests.device.therapies import step_nl
from tests.timing.bench_table import NS_PER_CYCLE, Table
from tests.timing.frozen import freeze_after, judge
from tests.timing.rigs import (
    MACHINE,
    SYNCHRONISER,
    WARM_UP,
    edges_of,
    feed,
    interval,
    rises,
    stopped,
    word,
)
from tests.timing.rigs import judge as judge_stop
from tests.timing.run_on_table import bound_steps
from tests.unit.pio_programs import PumpRig

PASSES = (0, 1, 7, 40, 367, 12_367)  # the last: 25 000 cycles, 5 kHz
FREEZES = 50
SEED = 1809
TRIALS = 2000
LONGEST_FEED = 40


def sweep_row(passes: int, every: int = 1) -> list[str]:
    """The stop edge at every cycle of a period (``every`` > 1: of some)."""
    period = interval(passes)
    step_latest = allow_latest = after_most = edges_late = beyond = 0
    for stop in range(WARM_UP, WARM_UP + period, every):
        rig = stopped([word(3, passes)] * 8, stop)
        step_latest = max(step_latest, judge_stop(rig, stop, 3 * period + 400))
        allow_latest = max(allow_latest, edges_of(rig, rig.ALLOW, 0)[0] - stop)
        late = [cycle - stop for cycle in rises(rig) if cycle > stop]
        after_most = max(after_most, len(late))
        edges_late += len(late) > 0
        beyond += len([cycles for cycles in late if cycles > SYNCHRONISER + MACHINE])
    cycles = len(range(0, period, every))
    return [
        "%d cycles = %.2f us" % (period, period * NS_PER_CYCLE / 1000),
        str(cycles),
        cycles_text(step_latest),
        cycles_text(allow_latest),
        "%d, at %d of %d stop instants" % (after_most, edges_late, cycles),
        str(beyond),
    ]


def cycles_text(cycles: int) -> str:
    """Cycles with their time."""
    return "%d (%d ns)" % (cycles, cycles * NS_PER_CYCLE)


def stop_table(rows: list[list[str]]) -> Table:
    """Latency and steps after a stop."""
    bound = SYNCHRONISER + MACHINE
    return Table(
        "Stop",
        f"""
The stop loop opens at every single cycle of a step period, queue full; then it closes again and
words are fed, to see that nothing moves. No CPU is in this rig: the three PIO programs alone.
A step that rises within {bound} cycles of the opening had been decided before; a pulse in progress
is completed (2.06 us).""",
        [
            "step period",
            "stop instants",
            "last STEP edge after the stop",
            "ALLOW low after the stop",
            f"steps rising within {bound} cycles, most",
            f"steps later than {bound} cycles",
        ],
        rows,
    )


def run_on_row(syringe: str, bore: str, rate: str, freezes: int = FREEZES) -> list[str]:
    """The CPU frozen at random instants of an infusion."""
    per_step = step_nl(bore)
    nl_per_h = int(float(rate) * 10**6)
    chosen = random.Random(SEED + nl_per_h)
    span_us = max(2_000_000, int(3 * per_step * 3600 * 10**6 / nl_per_h))
    most = 0
    for _ in range(freezes):
        pump, before = freeze_after(syringe, rate, chosen.randrange(1, span_us))
        most = max(most, judge(pump, before, per_step, nl_per_h))
        pump.close()
    nl_per_s = Fraction(nl_per_h, 3600)
    bound = bound_steps(nl_per_s, per_step)
    return [
        "%s, %s mL/h" % (syringe, rate),
        "%.4g" % float(nl_per_s / per_step),
        str(freezes),
        str(most),
        str(bound),
        "%.2f" % float(most * per_step / 1000),
        "%.2f" % float(bound * per_step / 1000),
    ]


def run_on_table(rows: list[list[str]]) -> Table:
    """Run-on after a frozen CPU."""
    return Table(
        "Run-on after a frozen CPU",
        f"""
The CPU stands still (interrupts off) at random instants of an infusion (seed {SEED}); steps that
the queue still makes. Bounds: TIMING.md, *When the CPU dies*. Pressing stop in that time ends it
as above.""",
        ["infusion", "steps/s", "freezes", "steps, most", "bound", "uL, most", "bound, uL"],
        rows,
    )


def fuse_trial(chosen: random.Random) -> tuple[int, int]:
    """One random N and feeding: (steps made beyond what they should be, cycles from the last
    rising edge allowed to ALLOW low, or 0 when the fuse has not blown)."""
    n_max = chosen.randrange(chosen.choice((13, 121)))
    words = []
    for _ in range(chosen.randrange(1, LONGEST_FEED)):
        fed = (chosen.randrange(10), chosen.randrange(61))
        words.append((fed, chosen.choice((0, 0, 0, 1, 13, 257, 300, 2_000))))
    rig = PumpRig(n_max, True)
    fed = feed(rig, words)
    made = rises(rig)
    counted = rig.count()
    if counted != len(made):
        raise AssertionError("counter %d, edges %d" % (counted, len(made)))
    drops = edges_of(rig, rig.ALLOW, 0)
    return len(made) - min(fed, n_max), drops[0] - made[-1] if drops and made else 0


def fuse_table(trials: int = TRIALS) -> Table:
    """Fuse accuracy."""
    chosen = random.Random(SEED)
    results = [fuse_trial(chosen) for _ in range(trials)]
    exact = len([extra for extra, _ in results if not extra])
    return Table(
        "Dose fuse",
        f"""
Random allowances N (0 to 120) and random feedings, from a full queue to a starved generator (seed
{SEED}): the steps made must be min(fed, N), counted at the pad and by the counter program.""",
        ["figure", "value"],
        [
            ["trials", str(trials)],
            ["trials with exactly min(fed, N) steps", str(exact)],
            ["worst deviation, steps", str(max(abs(extra) for extra, _ in results))],
            ["fuse blown in", str(len([1 for _, lag in results if lag]))],
            ["last allowed edge to ALLOW low, most", cycles_text(max(lag for _, lag in results))],
        ],
    )
