"""How long queued motion lasts without the CPU."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pump.core.lease import RUN_ON_NL, RUN_ON_US, lease_us

RATES = st.tuples(st.integers(1, 10**12), st.integers(1, 10**9))


@pytest.mark.requirement("DEL-17")
@given(RATES, st.integers(1, 64))
def test_run_on_is_bounded_in_time_and_volume(rate, depth):
    run_on_us = lease_us(rate, depth) * (depth + 1)
    assert 0 <= run_on_us <= RUN_ON_US
    assert run_on_us * rate[0] <= RUN_ON_NL * 10**6 * rate[1]


@given(RATES, st.integers(1, 64))
def test_the_lease_is_the_longest_such(rate, depth):
    longer = (lease_us(rate, depth) + 1) * (depth + 1)
    assert longer > RUN_ON_US or longer * rate[0] > RUN_ON_NL * 10**6 * rate[1]


@given(RATES, st.integers(1, 10**6), st.integers(1, 64))
def test_faster_is_never_longer(rate, more, depth):
    assert lease_us((rate[0] + more, rate[1]), depth) <= lease_us(rate, depth)


def test_known_values():
    assert lease_us((1, 1000), 8) == 200_000  # slow: 1.8 s over nine words
    assert lease_us((333_333, 1), 8) == 8_333  # 1200 mL/h: 25 000 nL over nine words
