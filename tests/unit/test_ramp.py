"""Acceleration stairs: all steps, never faster than ordered, and a motor that can follow.

The property tests look at the stairs as a motor would, in Fractions; ``verifier.unfit``, the
firmware's own second look, is held against them.
"""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pump.core.ramp import STAIR_US, Ramp
from pump.core.verifier import unfit

START_STOP_HZ = 5000
ACCELERATION = 50_000
MAX_HZ = 20_000
RAMP = Ramp(START_STOP_HZ, ACCELERATION, MAX_HZ)
GAIN_HZ = ACCELERATION * STAIR_US // 10**6


def hz(steps, duration):
    return Fraction(steps * 10**6 * duration[1], duration[0])


def shaped(steps, rate_hz):
    """Stretches of a phase of ``steps`` at ``rate_hz``, and the phase."""
    duration = Fraction(steps * 10**6) / rate_hz
    phase = (steps, (duration.numerator, duration.denominator))
    return RAMP.shape(*phase), phase


def total_us(stretches):
    return sum(Fraction(*duration) for _, duration in stretches)


def fault(phases, stretches):
    return unfit(phases, stretches, START_STOP_HZ, ACCELERATION)


def test_the_stairs_of_a_bolus_at_eight_kilohertz():
    stretches, phase = shaped(8000, 8000)
    up = [(40, (8000, 1)), (44, (40832, 5)), (47, (40608, 5)), (50, (8120, 1))]
    assert stretches[:4] == up
    half = len(stretches) // 2
    assert stretches[:half] == stretches[half + 1 :][::-1]
    assert stretches[half][1] == (stretches[half][0] * 125, 1)
    assert half == 8
    # (3 kHz)^2 / (50 kHz/s x 8 kHz) = 22.5 ms, and some 3 ms because stairs lie below the slope
    assert 22_500 < total_us(stretches) - 10**6 < 27_000
    assert fault([phase], stretches) == ""


@pytest.mark.requirement("DEL-19")
@given(st.integers(1, 200_000), st.fractions(1, 20_000, max_denominator=1000))
def test_stretches_hold_all_steps_at_rates_the_motor_can_follow(steps, rate_hz):
    stretches, phase = shaped(steps, rate_hz)
    assert sum(count for count, _ in stretches) == steps
    rates = [Fraction(0)] + [hz(*stretch) for stretch in stretches] + [Fraction(0)]
    assert max(rates) <= rate_hz
    for before, after in zip(rates, rates[1:], strict=False):
        low, high = sorted((before, after))
        assert high <= START_STOP_HZ or high - max(low, START_STOP_HZ) <= GAIN_HZ
    if rate_hz <= START_STOP_HZ:
        assert stretches == [phase]
    assert total_us(stretches) - Fraction(*phase[1]) < 1_000_000
    assert fault([phase], stretches) == ""


@given(st.integers(1, 2000))
def test_a_phase_too_short_for_all_stairs_takes_those_that_fit(steps):
    stretches, phase = shaped(steps, 10_000)
    assert sum(count for count, _ in stretches) == steps
    assert fault([phase], stretches) == ""
    if steps < 80:
        assert {hz(*stretch) for stretch in stretches} == {START_STOP_HZ}


def test_beyond_the_highest_rate_the_second_look_refuses():
    """Such a phase never gets so far; the stairs end where they were made for."""
    stretches, phase = shaped(400_000, 3 * MAX_HZ)
    assert len(stretches) == 2 * len(RAMP._stairs) + 1
    assert fault([phase], stretches) == "acceleration"


@pytest.mark.parametrize("start_stop_hz, acceleration", [(5000, 1_000), (5000, 0), (9000, 5_000)])
def test_a_ramp_that_cannot_climb_is_refused(start_stop_hz, acceleration):
    with pytest.raises(ValueError, match="ramp"):
        Ramp(start_stop_hz, acceleration, MAX_HZ)


@pytest.mark.requirement("DEL-19")
def test_every_way_to_spoil_the_stairs_is_found():
    stretches, phase = shaped(8000, 8000)
    slow = (100, (1_000_000, 1))
    phases = [slow, phase]
    good = [slow] + stretches
    assert fault(phases, good) == ""
    assert fault(phases, good[:-1]) == "missing"
    assert fault(phases, good + [slow]) == "too many"
    assert fault(phases, [(101, (1_010_000, 1))] + good[1:]) == ("two phases")
    faster = good[:9] + [(good[9][0], (good[9][1][0] - 1, 1))] + good[10:]
    assert fault(phases, faster) == "too fast"
    assert fault(phases, [slow, phase]) == "acceleration"
    for missing in range(1, 7):
        merged = (good[missing][0] + good[missing + 1][0],
                  sum_us(good[missing][1], good[missing + 1][1]))  # fmt: skip
        left_out = good[:missing] + [good[missing + 1]] + good[missing + 1 :]
        assert fault(phases, left_out) != "", missing
        spoiled = good[:missing] + [merged] + good[missing + 2 :]
        assert fault(phases, spoiled) == "acceleration", missing
    hasty = [(count // 5, divided(time, count, count // 5)) for count, time in good[1:9]]
    more = sum(count for count, _ in good[1:9]) - sum(count for count, _ in hasty)
    cruise = (good[9][0] + more, ((good[9][0] + more) * 125, 1))
    assert fault(phases, [slow] + hasty + [cruise] + good[10:]) == "stair"


def sum_us(first, second):
    total = Fraction(*first) + Fraction(*second)
    return total.numerator, total.denominator


def divided(time, count, part):
    """The time of ``part`` of ``count`` steps."""
    taken = Fraction(*time) * part / count
    return taken.numerator, taken.denominator


def test_a_wait_between_two_fast_phases_is_a_standstill():
    stretches, phase = shaped(4000, 8000)
    wait = (0, (5_000_000, 1))
    assert RAMP.shape(*wait) == [wait]
    assert fault([phase, wait, phase], stretches + [wait] + stretches) == ""
