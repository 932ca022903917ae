"""Exact ratios against fractions.Fraction."""

from fractions import Fraction
from math import floor, gcd

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pump.core import ratio

INTEGERS = st.integers(-(10**40), 10**40)
POSITIVE = st.integers(1, 10**40)
RATIOS = st.builds(ratio.make, INTEGERS, POSITIVE)


def fraction(pair):
    return Fraction(pair[0], pair[1])


def test_lowest_terms_and_positive_denominator():
    assert ratio.make(6, -4) == (-3, 2)
    assert ratio.make(0, -7) == (0, 1)
    assert ratio.make(5) == (5, 1)
    with pytest.raises(ZeroDivisionError):
        ratio.make(1, 0)


@given(INTEGERS, st.integers(-(10**40), 10**40).filter(bool))
def test_make_reduces(n, d):
    made_n, made_d = ratio.make(n, d)
    assert made_d > 0
    assert gcd(made_n, made_d) == 1
    assert Fraction(made_n, made_d) == Fraction(n, d)


@given(RATIOS, RATIOS)
def test_arithmetic_is_exact(a, b):
    assert fraction(ratio.add(a, b)) == fraction(a) + fraction(b)
    assert fraction(ratio.sub(a, b)) == fraction(a) - fraction(b)
    assert fraction(ratio.mul(a, b)) == fraction(a) * fraction(b)
    if b[0]:
        assert fraction(ratio.div(a, b)) == fraction(a) / fraction(b)
    else:
        with pytest.raises(ZeroDivisionError):
            ratio.div(a, b)


@given(RATIOS, RATIOS)
def test_compare(a, b):
    left, right = fraction(a), fraction(b)
    assert ratio.compare(a, b) == (left > right) - (left < right)
    assert ratio.compare(a, a) == 0


@given(RATIOS)
def test_rounding(a):
    assert ratio.floor(a) == floor(fraction(a))
    if a[0] >= 0:
        assert ratio.half_up(a) == floor(fraction(a) + Fraction(1, 2))


@pytest.mark.parametrize(("n", "d", "up"), [(1, 2, 1), (3, 2, 2), (5, 2, 3), (1, 3, 0), (0, 1, 0)])
def test_ties_go_up(n, d, up):
    assert ratio.half_up((n, d)) == up


def test_half_up_is_for_amounts():
    with pytest.raises(ValueError, match="negative"):
        ratio.half_up((-1, 2))


@given(POSITIVE, POSITIVE)
def test_lcm(a, b):
    assert ratio.lcm(a, b) * gcd(a, b) == a * b
