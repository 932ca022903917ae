"""A pump whose CPU stops dead in mid-infusion, and what its queue still makes of it."""

from fractions import Fraction

from pump.core.lease import RUN_ON_NL, RUN_ON_US
from tests.timing.drive import CYCLES_PER_US, Driven
from tests.timing.run_on_table import bound_steps

# (syringe, bore in mm, mL/h), up to the highest rate of each syringe
RATES = [
    ("bd-60", "26.59", "0.1"),
    ("bd-60", "26.59", "1"),
    ("bd-60", "26.59", "52.5"),
    ("bd-60", "26.59", "1200"),
    ("bd-10", "14.43", "5"),
    ("bd-10", "14.43", "700"),
    ("bd-1", "4.699", "0.1"),
    ("bd-1", "4.699", "75"),
]
VOLUME_ML = {"bd-60": "55", "bd-10": "9", "bd-1": "0.9"}


def freeze_after(syringe: str, rate: str, us: int, command_us: int = 0) -> tuple:
    """Start an infusion and freeze the CPU ``us`` after motion was allowed, or ``command_us``
    after the request to start went out. Returns the pump, frozen, and the steps made by then."""
    pump = Driven()
    volume = "2.4" if rate == "0.1" and syringe == "bd-60" else VOLUME_ML[syringe]  # 24 h
    therapy = "rate=%smL/h volume=%smL syringe=%s" % (rate, volume, syringe)
    start = pump.program(therapy)
    edges = []

    def freeze() -> None:
        edges.append(pump.bench.step_edges)
        pump.bench.freeze()

    if command_us:
        pump.world.at(pump.world.now + command_us * CYCLES_PER_US, freeze)
    else:
        pump.bench.at_motion_us(us, freeze)
    pump.send(start)
    pump.run_us(max(us, command_us) + 100_000)
    assert edges
    return pump, edges[0]


def judge(pump, before: int, per_step, nl_per_h: int) -> int:
    """Let the queue run out; returns the steps made after the freeze."""
    pump.run_us(RUN_ON_US)
    made = pump.bench.step_edges - before
    assert made <= bound_steps(Fraction(nl_per_h, 3600), per_step)
    assert made * per_step <= max(RUN_ON_NL, per_step)
    pump.run_us(60_000_000)  # longer than the slowest step
    assert pump.bench.step_edges - before == made, "it is over"
    assert pump.level(pump.board.STEP) == 0
    return made
