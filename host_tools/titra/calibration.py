"""Gravimetric calibration: from weighings to the volume of a microstep.

    volume per step = weight / density / steps           exact, per weighing (nL)
    result          = mean; sample standard deviation s; CV = s / mean
    confidence      = mean -+ t(0.975, n - 1) s / sqrt(n)

Limits are inclusive and compared exactly; only s and what follows from it are rounded (IEEE double
of the exact variance). Weights are balance readings in air: buoyancy makes them 0.105 % too small
(ISO 8655-6: Z = 1.0029 mL/g for water at 20 C), and nothing is added for that here.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from titra import quantities as q
from titra.errors import UsageError

REPEATS_LEAST, REPEATS_MOST = 3, 30
CV_MOST_PERCENT = 2
OUTLIER_PERCENT = 10
PLACES = 6  # decimals of a stored volume (nL) and density (g/mL)
ROOM_C = Fraction(20)

# Air-free water at 1 atm, 10^-4 g/mL at 15, 16 .. 30 C: CRC Handbook of Chemistry and Physics,
# 53rd edition, F-4. The CIPM formula (Tanaka and others, Metrologia 38, 2001) gives these digits.
WATER_FROM_C = 15
_WATER = "9991 9989 9988 9986 9984 9982 9980 9978 9975 9973 9970 9968 9965 9962 9959 9956"
WATER = tuple(int(word) for word in _WATER.split())
MILLI = Fraction(1, 1000)
DENSITY_UNITS = {"g/mL": Fraction(1), "kg/L": Fraction(1), "g/L": MILLI, "mg/mL": MILLI}
DENSITY_LEAST, DENSITY_MOST = Fraction(1, 2), Fraction(2)
WEIGHT_UNITS = {"": Fraction(1), "g": Fraction(1), "mg": MILLI}
TEMPERATURE_UNITS = {"C": Fraction(1), "degC": Fraction(1)}

# Student's t, two-sided 95 %, for 2, 3 .. 29 degrees of freedom (the same Handbook, statistics).
_T95 = (
    "4.303 3.182 2.776 2.571 2.447 2.365 2.306 2.262 2.228 2.201 2.179 2.160 2.145 2.131 "
    "2.120 2.110 2.101 2.093 2.086 2.080 2.074 2.069 2.064 2.060 2.056 2.052 2.048 2.045"
)
T95 = tuple(Fraction(word) for word in _T95.split())


@dataclass(frozen=True)
class Weighing:
    """What the balance showed (g) for the microsteps that the pump counted."""

    weight_g: Fraction
    steps: int

    def volume_per_step_nl(self, density_g_ml: Fraction) -> Fraction:
        """Exact, nL."""
        return self.weight_g / density_g_ml * 10**6 / self.steps


@dataclass(frozen=True)
class Result:
    """Volume of a microstep in nL: ``mean_nl`` exact, ``sd_nl`` and ``ci95_nl`` (half the width
    of the confidence interval of the mean) rounded; percentages likewise."""

    values_nl: tuple[Fraction, ...]
    mean_nl: Fraction
    sd_nl: Fraction
    ci95_nl: Fraction
    cv_percent: Fraction
    geometry_nl: Fraction

    @property
    def text(self) -> str:
        """The result as a plan takes it, as 138.824600nL."""
        return q.decimal(self.mean_nl, PLACES) + "nL"

    @property
    def difference_percent(self) -> Fraction:
        """How much more than the geometry, in percent."""
        return 100 * (self.mean_nl / self.geometry_nl - 1)


def refuse(
    code: str, field: str, given: str, limit: str = "", why: str = "", accepts: str = ""
) -> UsageError:
    """A refusal that names field, value and limit."""
    text = f"refused: {code} in {field}, given {given}"
    text += f"; the limit is {limit}" if limit else ""
    text += f"; accepted: {accepts.replace(',', ', ')}" if accepts else ""
    text += f": {why}" if why else ""
    details = {"field": field, "given": given, "limit": limit, "accepts": accepts}
    return UsageError(text, code, details)


def plain(value: Fraction) -> str:
    """A decimal with as many places as it needs, at most 28."""
    for places in range(28):
        if (value * 10**places).denominator == 1:
            return q.decimal(value, places)
    return q.decimal(value, 28)


def _read(field: str, text: str, units: Mapping[str, Fraction]) -> Fraction:
    """The value of ``text``, whose unit must be one of ``units`` (unit to its size)."""
    try:
        number, unit = q.split("".join(text.split()).removeprefix("+"))
    except ValueError:
        raise refuse("bad-number", field, text or "nothing") from None
    if unit not in units:
        code = "bad-unit" if unit else "missing-unit"
        raise refuse(code, field, text, accepts=",".join(name for name in units if name))
    return number * units[unit]


def read_weight(text: str) -> Fraction:
    """A balance reading in g ('4.998', '4.998 g', '4998mg'), more than nothing."""
    value = _read("weights", text, WEIGHT_UNITS)
    if value <= 0:
        raise refuse("out-of-range", "weights", text, "more than 0g")
    return value


def read_density(text: str) -> Fraction:
    """A density in g/mL, 0.5 to 2, rounded to 10^-6."""
    value = _read("density", text, DENSITY_UNITS)
    if not DENSITY_LEAST <= value <= DENSITY_MOST:
        raise refuse("out-of-range", "density", text, "0.5g/mL..2g/mL")
    return Fraction(q.decimal(value, PLACES))


def read_temperature(text: str) -> Fraction:
    """A temperature in C between the ends of the table of water."""
    value = _read("temperature", text, TEMPERATURE_UNITS)
    last = WATER_FROM_C + len(WATER) - 1
    if not WATER_FROM_C <= value <= last:
        raise refuse("out-of-range", "temperature", text, f"{WATER_FROM_C}C..{last}C")
    return value


def water_density(temperature_c: Fraction) -> Fraction:
    """Density of water in g/mL between 15 and 30 C, linear between whole degrees, to 10^-6."""
    whole = min(math.floor(temperature_c), WATER_FROM_C + len(WATER) - 2)
    low, high = WATER[whole - WATER_FROM_C : whole - WATER_FROM_C + 2]
    value = low + (high - low) * (temperature_c - whole)
    return Fraction(q.decimal(value / 10**4, PLACES))


def evaluate(
    weighings: Sequence[Weighing], density_g_ml: Fraction, geometry_nl: Fraction
) -> Result:
    """Statistics of the weighings, or the refusal: too few or too many, without steps, an outlier,
    too much spread, incredible beside the geometry."""
    check_repeats(len(weighings))
    if min(each.steps for each in weighings) < 1:
        raise refuse("out-of-range", "steps", "0", "1")
    _check_outliers([each.weight_g for each in weighings])
    values = [each.volume_per_step_nl(density_g_ml) for each in weighings]
    mean = statistics.mean(values)
    variance = statistics.variance(values, mean)
    if variance * 100**2 > (CV_MOST_PERCENT * mean) ** 2:
        cv = Fraction(100 * statistics.stdev(values)) / mean
        raise refuse("spread", "weights", f"{q.decimal(cv, 4)}%", f"{CV_MOST_PERCENT}%")
    sd = Fraction(statistics.stdev(values))
    half = sd * T95[len(values) - REPEATS_LEAST] / Fraction(math.sqrt(len(values)))
    result = Result(tuple(values), mean, sd, half, 100 * sd / mean, geometry_nl)
    _check_credible(result)
    return result


def check_repeats(repeats: int) -> None:
    """Refuse fewer than 3 weighings, or more than the table of t has."""
    if not REPEATS_LEAST <= repeats <= REPEATS_MOST:
        limit = f"{REPEATS_LEAST}..{REPEATS_MOST}"
        raise refuse("out-of-range", "repeats", str(repeats), limit)


def _check_outliers(weights_g: Sequence[Fraction]) -> None:
    median = statistics.median(weights_g)
    for number, weight in enumerate(weights_g, 1):
        if abs(weight - median) * 100 > OUTLIER_PERCENT * median:
            ends = [median * (100 + sign * OUTLIER_PERCENT) / 100 for sign in (-1, 1)]
            limit = "..".join(plain(end) + "g" for end in ends)
            why = f"number {number} is more than {OUTLIER_PERCENT} % off the median"
            raise refuse("outlier", "weights", plain(weight) + "g", limit, why)


def _check_credible(result: Result) -> None:
    """The bounds are those of the dose core, which gets the rounded text."""
    from pump.core import dose

    least, most = (
        result.geometry_nl * Fraction(*bound)
        for bound in (dose._CALIBRATION_LEAST, dose._CALIBRATION_MOST)
    )
    if not least <= q.split(result.text)[0] <= most:
        limit = f"{q.decimal(least, 4)}..{q.decimal(most, 4)}nL"
        why = "is it that syringe, that density, the whole delivery on the balance?"
        raise refuse("out-of-range", "volume-per-step", result.text, limit, why)
