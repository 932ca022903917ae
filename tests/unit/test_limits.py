"""Limits: inclusive to the last digit, exact, and named in the user's own unit."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pump.core import limits
from pump.core.quantity import parse, split
from pump.core.ratio import make
from pump.core.refusal import Refusal

TABLE = [tuple(line.split(" ")) for line in limits.LIMITS.strip().split("\n")]
ROWS = pytest.mark.parametrize("row", TABLE, ids=lambda row: row[0] + row[1])


entered = limits.enter


def nudged(text, by):
    """The quantity `text` moved by one in the ninth decimal."""
    number, unit = split(text)
    value = Fraction(number) + by * Fraction(1, 10**9)
    return "%d.%09d" % divmod(value * 10**9, 10**9) + unit


@pytest.mark.requirement("DOSE-02", "DOSE-07")
@ROWS
def test_bounds_are_inclusive(row):
    field, _, least, most = row
    for bound, by in ((least, -1), (most, 1)):
        limits.check(entered(field, bound))
        limits.check(entered(field, nudged(bound, -by)))
        given_text = nudged(bound, by)
        with pytest.raises(Refusal) as caught:
            limits.check(entered(field, given_text))
        assert caught.value.pairs() == [
            ("code", "out-of-range"),
            ("field", field),
            ("given", given_text),
            ("limit", bound),
        ]


@pytest.mark.requirement("DOSE-02")
@ROWS
def test_zero_is_refused(row):
    field = row[0]
    with pytest.raises(Refusal) as caught:
        limits.check(entered(field, "0" + split(row[2])[1]))
    assert caught.value.code == "out-of-range"


@pytest.mark.parametrize(
    ("field", "text", "limit"),
    [
        ("weight", "299.999g", "300g"),
        ("weight", "300.001kg", "300kg"),
        ("over", "96.01h", "96h"),
        ("over", "5761min", "5760min"),
        ("over", "999ms", "1000ms"),
        ("over", "0.0002h", "1s"),  # 1/3600 h has no decimal form: the table's own unit
        ("dose", "1000001mcg/kg", "1000000mcg/kg"),
    ],
)
def test_limit_is_named_in_the_unit_entered(field, text, limit):
    with pytest.raises(Refusal) as caught:
        limits.check(entered(field, text))
    assert (caught.value.given, caught.value.limit) == (text, limit)


STEP_VOLUMES = st.builds(make, st.integers(1, 10**7), st.integers(1, 10**4))


@pytest.mark.requirement("DOSE-06")
@given(STEP_VOLUMES, st.integers(1, 20_000), st.integers(1, 600))
def test_rate_range_is_the_narrower_of_device_and_mechanics(volume, max_hz, slowest_s):
    slow, fast = limits.rate_range(volume, max_hz, slowest_s)
    per_step = Fraction(*volume)
    assert Fraction(*slow) == max(per_step / slowest_s, Fraction(10**4, 3600))
    assert Fraction(*fast) == min(per_step * max_hz, Fraction(1200 * 10**6, 3600))


@pytest.mark.requirement("DOSE-06")
@given(STEP_VOLUMES, st.sampled_from(["mL/h", "mL/min", "nL/s", "mcL/min"]))
def test_both_ends_named_are_accepted_as_typed(volume, unit):
    slow, fast = limits.rate_range(volume, 10_000, 60)
    low, high = limits.range_text(slow, fast, unit).split("..")
    if Fraction(*parse("rate", low, "rate")) <= Fraction(*parse("rate", high, "rate")):
        limits.check_rate(entered("rate", low), slow, fast)
        limits.check_rate(entered("rate", high), slow, fast)
    for text, by in ((low, -2), (high, 2)):
        number, _ = split(text)
        off = Fraction(number) + by * Fraction(1, 10**limits.RANGE_DECIMALS)
        if off > 0:
            given_text = "%d.%06d" % divmod(off * 10**6, 10**6) + unit
            with pytest.raises(Refusal) as caught:
                limits.check_rate(entered("rate", given_text), slow, fast)
            assert caught.value.pairs()[0] == ("code", "rate-range")
            assert caught.value.limit == low + ".." + high


def test_every_row_is_described():
    described = [(field, *row) for field in limits.limited() for row in limits.describe(field)]
    assert sorted((row[0], row[2], row[3]) for row in described) == sorted(
        (row[0], row[2], row[3]) for row in TABLE
    )
    assert [row[1] for row in described if row[0] == "rate"] == ["rate", "mass-rate", "dose-rate"]
    assert [row[1] for row in described if row[0] == "over"] == ["over"]
    with pytest.raises(KeyError):
        limits.row_of("height", "length")
