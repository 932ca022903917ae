"""Every rising edge of STEP against the ideal instant of its step, in exact arithmetic.

Step k of N over T is due k T / N after the origin. The origin is that of the last step, which the
plan puts exactly at T (schedule.py): from there back, all N steps must lie within one quantum of
the slowest generator, 160 ns (20 cycles at 125 MHz).
"""

from fractions import Fraction

import pytest

from tests.device.targets import Device
from tests.device.therapies import REST, TAIL_US, steps_of
from titra.simulator import Lockstep

CYCLES_PER_US = 125
QUANTUM_CYCLES = 20
# The generator starts at most this long before the plan's origin or after the fuse allows motion.
START_UP_CYCLES = 3_000 * CYCLES_PER_US


class Bench:
    """The bench interface of the device suite, on a bench that keeps the instants."""

    board = "rpi_pico"
    capabilities = ("step-counter",)

    def __init__(self) -> None:
        self._lockstep = Lockstep()
        self.bench = self._lockstep.bench
        self.bench.keep_runs = True
        self.write = self.bench.usb.host_write
        self.close = self._lockstep.close

    def run_us(self, us: int) -> bytes:
        self._lockstep.run_us(us)
        return self.bench.usb.host_read()

    def step_edges(self) -> int:
        return self.bench.step_edges


@pytest.fixture
def target():
    made = Bench()
    yield made
    made.close()


def infuse(target, therapy: str, run_us: int, every: str) -> None:
    device = Device(target)
    device.run_us(200_000)
    device.ask("telemetry every=" + every)
    device.infuse(therapy)
    device.run_us(run_us + TAIL_US)
    assert device.state == "complete"


def worst_error_cycles(runs: list, steps: int, duration_us: int) -> Fraction:
    """The largest distance of a step from its ideal instant.

    Within a run both the instants and the ideals are linear in k, so that the largest distance is
    at one end of it: no step is left out.
    """
    interval = Fraction(duration_us * CYCLES_PER_US, steps)
    first, period, count = runs[-1]
    origin = first + period * (count - 1) - duration_us * CYCLES_PER_US
    worst = Fraction(0)
    k = 0
    for first, period, count in runs:
        worst = max(worst, abs(first - origin - (k + 1) * interval))
        last = first + period * (count - 1)
        k += count
        worst = max(worst, abs(last - origin - k * interval))
    assert k == steps
    return worst


def judged(target, steps: int, duration_us: int) -> None:
    bench = target.bench
    assert sum(count for _, _, count in bench.step_runs) == bench.step_edges == steps
    assert worst_error_cycles(bench.step_runs, steps, duration_us) <= QUANTUM_CYCLES
    first, period, count = bench.step_runs[-1]
    origin = first + period * (count - 1) - duration_us * CYCLES_PER_US
    assert abs(origin - bench.moving_since) < START_UP_CYCLES


@pytest.mark.requirement("DEL-02", "LOG-04")
@pytest.mark.parametrize(
    "dose, over, duration_us, volume_ml",
    [
        ("0.05mg/kg", "2min", 120_000_000, "3.5"),
        ("0.007mg/kg", "7s", 7_000_000, "0.49"),
        ("0.0001mg/kg", "13s", 13_000_000, "0.007"),  # 50 steps: waits between them
    ],
)
def test_short_infusions_with_fast_telemetry(target, dose, over, duration_us, volume_ml):
    infuse(target, f"weight=70kg dose={dose} over={over} {REST}", duration_us, "20ms")
    judged(target, steps_of(volume_ml), duration_us)


@pytest.mark.requirement("DEL-01", "DEL-02", "DEL-03")
def test_reference_infusion(target):
    duration_us = 40 * 60 * 1_000_000
    infuse(target, "weight=70kg dose=0.5mg/kg over=40min " + REST, duration_us, "1s")
    assert target.bench.step_edges == 252_117
    judged(target, 252_117, duration_us)


def test_this_test_can_fail():
    """A step 200 ns late, a step too few and a drift are all seen."""
    steps, duration_us = 1000, 1_000_000
    good = [(125_000 * k, 0, 1) for k in range(1, steps + 1)]
    assert worst_error_cycles(good, steps, duration_us) == 0
    late = list(good)
    late[500] = (late[500][0] + 25, 0, 1)
    assert worst_error_cycles(late, steps, duration_us) == 25
    assert worst_error_cycles([(125_000, 125_000, steps)], steps, duration_us) == 0
    assert worst_error_cycles([(125_000, 125_001, steps)], steps, duration_us) > QUANTUM_CYCLES
    with pytest.raises(AssertionError):
        worst_error_cycles(good[:-1], steps, duration_us)
