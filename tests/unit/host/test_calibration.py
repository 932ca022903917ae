"""Statistics of a calibration against hand-computed values, and every limit from both sides."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest

from titra import calibration as cal
from titra.errors import REFUSED, UsageError

STEPS = 10_000
ONE = Fraction(1)  # g/mL: then 1 g in 10000 steps is 100 nL a step


def weighings(*grams: str) -> list[cal.Weighing]:
    return [cal.Weighing(Fraction(text), STEPS) for text in grams]


def evaluated(*grams: str, geometry: int = 100) -> cal.Result:
    return cal.evaluate(weighings(*grams), ONE, Fraction(geometry))


def refused(*grams: str, geometry: int = 100) -> UsageError:
    with pytest.raises(UsageError) as caught:
        evaluated(*grams, geometry=geometry)
    assert caught.value.exit_code == REFUSED and caught.value.details["given"]
    return caught.value


# statistics ------------------------------------------------------------------------------------


def test_statistics_by_hand() -> None:
    """0.99, 1.00, 1.01, 1.00, 1.00 g: mean 100; s^2 = (1 + 1) / 4; t(4) = 2.776."""
    result = evaluated("0.99", "1.00", "1.01", "1.00", "1.00")
    assert result.values_nl == (99, 100, 101, 100, 100)
    assert result.mean_nl == 100 and result.text == "100.000000nL"
    assert float(result.sd_nl) == pytest.approx(0.7071067811865476, rel=1e-15)
    assert float(result.cv_percent) == pytest.approx(0.7071067811865476, rel=1e-15)
    assert float(result.ci95_nl) == pytest.approx(2.776 * math.sqrt(0.1), rel=1e-14)
    assert evaluated("1", "1", "1", geometry=80).difference_percent == 25


def test_a_repeat_is_weight_by_density_by_steps_exactly() -> None:
    one = cal.Weighing(Fraction("5.058"), 36017).volume_per_step_nl(Fraction("0.9979"))
    assert one == Fraction(50_580_000_000, 9979 * 36017)
    per_step = [cal.Weighing(Fraction(1), steps) for steps in (10_000, 8_000, 10_000)]
    with pytest.raises(UsageError) as caught:  # each weight goes with its own steps: 100, 125, 100
        cal.evaluate(per_step, ONE, Fraction(100))
    assert caught.value.code == "spread"


def test_the_mean_of_thirds_is_exact() -> None:
    result = cal.evaluate([cal.Weighing(ONE, 9999)] * 3, ONE, Fraction(100))
    assert result.mean_nl == Fraction(10**6, 9999) and result.sd_nl == result.ci95_nl == 0


@pytest.mark.parametrize("freedom", range(2, 30))
def test_the_table_of_t_is_that_of_the_distribution(freedom: int) -> None:
    """Simpson's rule over the density from 0 to t: 0.475."""
    t, n = float(cal.T95[freedom - 2]), 2000
    scale = math.gamma((freedom + 1) / 2) / math.gamma(freedom / 2) / math.sqrt(freedom * math.pi)

    def density(x: float) -> float:
        return scale * (1 + x * x / freedom) ** (-(freedom + 1) / 2)

    weights = [1] + [4, 2] * (n // 2 - 1) + [4, 1]
    area = sum(w * density(t * i / n) for i, w in enumerate(weights)) * t / n / 3
    assert len(cal.T95) == 28
    assert abs(area - 0.475) < 0.0006 * density(t) + 1e-9  # half a unit of the third decimal


# limits, from both sides -----------------------------------------------------------------------


@pytest.mark.parametrize(("count", "taken"), [(2, False), (3, True), (30, True), (31, False)])
def test_repeats(count: int, taken: bool) -> None:
    if taken:
        assert evaluated(*["1"] * count).mean_nl == 100
    else:
        error = refused(*["1"] * count)
        assert (error.code, error.details["field"]) == ("out-of-range", "repeats")
        assert (error.details["given"], error.details["limit"]) == (str(count), "3..30")


def test_spread_of_exactly_two_percent_passes_and_a_hair_more_does_not() -> None:
    assert evaluated("0.98", "1.00", "1.02").cv_percent == 2
    error = refused("0.97999", "1.00", "1.02001")
    assert (error.code, error.details["field"]) == ("spread", "weights")
    assert (error.details["given"], error.details["limit"]) == ("2.0010%", "2%")


@pytest.mark.parametrize(("edge", "beyond"), [("0.9", "0.8999999"), ("1.1", "1.1000001")])
def test_an_outlier_is_more_than_a_tenth_off_the_median(edge: str, beyond: str) -> None:
    assert evaluated(*["1"] * 29, edge).cv_percent < 2
    error = refused(*["1"] * 29, beyond)
    assert (error.code, error.details["field"]) == ("outlier", "weights")
    assert error.details["given"] == beyond + "g" and error.details["limit"] == "0.9g..1.1g"
    assert "number 30" in error.message


@pytest.mark.parametrize(("edge", "beyond"), [("0.75", "0.74999999"), ("1.25", "1.25000001")])
def test_the_geometry_bounds_the_result_as_in_the_core(edge: str, beyond: str) -> None:
    assert evaluated(edge, edge, edge).mean_nl == Fraction(edge) * 100
    error = refused(beyond, beyond, beyond)
    assert (error.code, error.details["field"]) == ("out-of-range", "volume-per-step")
    assert error.details["limit"] == "75.0000..125.0000nL"


def test_no_steps_no_result() -> None:
    with pytest.raises(UsageError) as caught:
        cal.evaluate([cal.Weighing(ONE, 0)] * 3, ONE, Fraction(100))
    assert caught.value.details["field"] == "steps"


# what is typed ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text", ["4.998", "4.998g", "4.998 g", " + 4.998 g", "4998mg", "4998.000 mg"]
)
def test_a_weight_as_typed(text: str) -> None:
    assert cal.read_weight(text) == Fraction("4.998")


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("0", "out-of-range"),
        ("0.000mg", "out-of-range"),
        ("-1.2g", "out-of-range"),
        ("1kg", "bad-unit"),
        ("1oz", "bad-unit"),
        ("1mL", "bad-unit"),
        ("1mcg", "bad-unit"),
        ("", "bad-number"),
        ("4,998", "bad-number"),
        ("1e3", "bad-number"),
        ("five", "bad-number"),
    ],
)
def test_a_weight_refused(text: str, code: str) -> None:
    with pytest.raises(UsageError) as caught:
        cal.read_weight(text)
    assert (caught.value.code, caught.value.details["field"]) == (code, "weights")
    assert caught.value.details["given"]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("998.2g/L", "0.9982"),
        ("0.9982g/mL", "0.9982"),
        ("1.005kg/L", "1.005"),
        ("1005mg/mL", "1.005"),
        ("0.5g/mL", "0.5"),
        ("2g/mL", "2"),
    ],
)
def test_a_density(text: str, value: str) -> None:
    assert cal.read_density(text) == Fraction(value)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("0.9982", "missing-unit"),
        ("998.2kg", "bad-unit"),
        ("0.499999g/mL", "out-of-range"),
        ("2.000001g/mL", "out-of-range"),
        ("998.2g/mL", "out-of-range"),
    ],
)
def test_a_density_refused(text: str, code: str) -> None:
    with pytest.raises(UsageError) as caught:
        cal.read_density(text)
    assert (caught.value.code, caught.value.details["field"]) == (code, "density")


@pytest.mark.parametrize("text", ["14.9C", "30.1C", "70C", "-20C", "294.15K", "21"])
def test_a_temperature_refused(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        cal.read_temperature(text)
    assert caught.value.details["field"] == "temperature"


@pytest.mark.parametrize("tenths", range(150, 301))
def test_water_is_that_of_the_cipm_formula(tenths: int) -> None:
    """Tanaka and others, Metrologia 38 (2001) 301: kg/m3."""
    t = tenths / 10
    whole = 999.97495 * (1 - (t - 3.983035) ** 2 * (t + 301.797) / (522528.9 * (t + 69.34881)))
    density = cal.water_density(cal.read_temperature(f"{t}C"))
    assert abs(float(density) - whole / 1000) < 0.000056
    assert cal.water_density(Fraction(20)) == Fraction("0.9982")
