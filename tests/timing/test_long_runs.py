"""Days of infusion, every step of them, against k T / N in exact arithmetic.

Two halves that meet in the word:

- The planner's words of the whole run are played one by one: each step within 160 ns of its
  instant, each interval within 160 ns of T / N, the total and the end exact. 72 h at 1 mL/h is
  72 mL and so more than the 60 mL syringe takes; ``core_selfcheck.draft`` plans it all the same
  (it leaves out only the capacity check).
- The firmware on simulated silicon, telemetry at 60 s: a run that the pump accepts (0.8 mL/h fills
  72 h from one syringe) for its first 12 h, the 24 h at 0.1 mL/h to the end. The STEP edges must
  be those of the words to the cycle, so that the first half speaks for the pads too. Not all of
  the 72 h, because they take most of a minute to simulate.
"""

import pytest

from pump.core.lease import lease_us
from pump.core.mechanics import Mechanics
from pump.core.schedule import Planner
from pump.core.timeline import to_ticks
from tests.device.therapies import TAIL_US, steps_of
from tests.fixtures import core_selfcheck
from tests.timing.drive import Driven

TICK_NS = (16, 1)
QUANTUM_TICKS = 10  # 160 ns
CYCLES_PER_TICK = 2
START_UP_CYCLES = 3_000 * 125  # from ALLOW to the origin
DEPTH = 8
MIN_STEP, MIN_WAIT, MAX_COUNT = 133, 4, 127
MECHANICS = Mechanics(max_step_hz=5000, start_stop_hz=5000)
HOUR_US = 3600 * 10**6


def words_of(rate: str, over: str):
    """The plan, its duration in ticks as a ratio, and its words as the firmware makes them."""
    made = core_selfcheck.draft({"syringe": "bd-60"}, [{"rate": rate, "over": over}], MECHANICS)
    (phase,) = made.phases
    duration = to_ticks(phase.duration_us, TICK_NS)
    planner = Planner([(phase.steps, duration)], MIN_STEP, MIN_WAIT)
    max_ticks = lease_us(phase.rate_nl_per_s, DEPTH) * 1000 // 16

    def words():
        while planner.next_word(max_ticks, MAX_COUNT):
            yield planner.count, planner.interval_ticks

    return made.total_steps, duration, words()


def instants(words):
    """The tick of every step, as the generator makes it."""
    at = 0
    for count, interval in words:
        if not count:
            at += interval
        for _ in range(count):
            at += interval
            yield at


def worst(steps: int, duration: tuple, made) -> tuple:
    """Largest error of an instant and of an interval, in ticks times N d (exact), and the last
    instant. T = n / d ticks; step k is due at k n / (N d)."""
    n, d = duration
    scale = steps * d
    error_most = interval_most = due = before = k = at = 0
    for at in made:
        k += 1
        due += n
        error = at * scale - due
        if abs(error) > error_most:
            error_most = abs(error)
        if abs(error - before) > interval_most:
            interval_most = abs(error - before)
        before = error
    assert k == steps
    return error_most, interval_most, at


@pytest.mark.requirement("DEL-02", "DEL-03")
@pytest.mark.parametrize(
    "rate, over, volume_ml, hours",
    [("1mL/h", "72h", "72", 72), ("0.1mL/h", "24h", "2.4", 24), ("0.8mL/h", "72h", "57.6", 72)],
)
def test_every_step_of_days(rate, over, volume_ml, hours):
    steps, duration, words = words_of(rate, over)
    assert steps == steps_of(volume_ml)
    assert duration == (hours * HOUR_US * 1000 // 16, 1)
    error, interval, end = worst(steps, duration, instants(words))
    assert error <= QUANTUM_TICKS * steps * duration[1]
    assert interval <= QUANTUM_TICKS * steps * duration[1]
    assert end == duration[0] // duration[1], "the last step is made when it is due, to the tick"


@pytest.mark.requirement("DEL-02")
def test_a_day_between_the_words():
    """12 mL/h: words of many steps, not one step each; the residue runs for 4 h."""
    steps, duration, words = words_of("12mL/h", "4h")
    error, interval, _ = worst(steps, duration, instants(words))
    assert max(error, interval) <= QUANTUM_TICKS * steps * duration[1]


@pytest.mark.requirement("DEL-02")
@pytest.mark.parametrize(
    "rate, over, stretch_min", [("0.8mL/h", "72h", 12 * 60), ("0.1mL/h", "24h", 24 * 60)]
)
def test_the_silicon_makes_the_words_to_the_cycle(rate, over, stretch_min):
    pump = Driven()
    pump.ask("telemetry every=60s")
    pump.ask(pump.program("rate=%s over=%s syringe=bd-60" % (rate, over)))
    pump.run_us(stretch_min * 60_000_000 + TAIL_US)
    assert pump.sent.count(b"~") >= stretch_min - 1
    steps, duration, words = words_of(rate, over)
    edges = pump.rises()
    assert len(edges) >= stretch_min * 60 * 62_500_000 * steps * duration[1] // duration[0]
    assert len(edges) == steps or stretch_min * 60 * 10**6 * 1000 // 16 < duration[0]
    made = [tick for _, tick in zip(edges, instants(words))]
    offsets = {edge - CYCLES_PER_TICK * tick for edge, tick in zip(edges, made)}
    assert len(offsets) == 1, "one origin for all"
    assert 0 < offsets.pop() - pump.bench.moving_since < START_UP_CYCLES
    pump.close()


def test_this_test_can_fail():
    """A tick lost per step, a step 11 ticks late, one too few."""
    assert worst(100, (100_000, 1), range(1000, 100_001, 1000)) == (0, 0, 100_000)
    error, interval, _ = worst(100, (100_000, 1), range(999, 99_901, 999))
    assert (error, interval) == (100 * 100, 100)
    late = list(range(1000, 100_001, 1000))
    late[40] += 11
    error, interval, _ = worst(100, (100_000, 1), late)
    assert error == interval == 11 * 100
    with pytest.raises(AssertionError):
        worst(100, (100_000, 1), late[1:])
