"""Reading and writing quantities on the host."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from titra import quantities as q


def test_exact_reading() -> None:
    assert q.split("17.500mL") == (Fraction(35, 2), "mL")
    assert q.split("138.8246nL") == (Fraction(1388246, 10**4), "nL")
    assert q.time_us("1834567ms") == 1_834_567_000
    assert q.time_us("40min") == 2_400_000_000
    assert q.time_us("0.0005ms") == 1


@pytest.mark.parametrize("text", [None, "", "5", "5 s", "s", "1e3s", "5xs", "٣s"])
def test_what_is_no_time_is_none(text: str | None) -> None:
    assert q.time_us(text) is None


@given(st.integers(0, 10**15), st.integers(0, 9))
def test_decimal_is_half_up(number: int, places: int) -> None:
    value = Fraction(number, 7)
    apart = Fraction(q.decimal(value, places)) - value
    half = Fraction(1, 2 * 10**places)
    assert -half < apart <= half


def test_text_for_people() -> None:
    assert q.decimal(Fraction(1, 2), 0) == "1"
    assert q.decimal(Fraction(-1, 3)) == "-0.333"
    assert q.decimal(Fraction(-1, 3000), 2) == "0.00"
    assert q.show_volume(35_000_000) == "35.000 mL"
    assert q.show_mass(1500) == "1.500 mcg"
    assert q.show_time(2_400_000_000) == "40:00 min"
    assert q.show_time(3_661_000_000) == "1:01:01 h"
    assert q.show_time(500_000) == "0.500 s"
    assert q.exact(Fraction(4, 2)) == "2" and q.exact(Fraction(1, 3)) == "1/3"
    assert q.exact_or_int(Fraction(4, 2)) == 2
