"""Wire quantities on the host: exact reading, and text for people.

Everything is a Fraction in the firmware's base units: ng, nL, g, us, steps. Text for display is
rounded half up and never used to compute.
"""

from __future__ import annotations

import re
from fractions import Fraction

_FORM = re.compile(r"(-?)([0-9]{1,24})(?:\.([0-9]{1,24}))?([A-Za-z%/]*)\Z")
TIME_US = {"us": 1, "ms": 1000, "s": 10**6, "min": 60 * 10**6, "h": 3600 * 10**6}
US_PER_S = 10**6
NL_PER_ML = 10**6
NL_PER_S_IN_ML_H = Fraction(10**6, 3600)
SHOWN_UNITS = {"C": "°C"}


def split(text: str) -> tuple[Fraction, str]:
    """The exact number and the unit ('' for none). ValueError on anything else."""
    found = _FORM.match(text)
    if not found:
        raise ValueError(f"not a quantity: {text!r}")
    sign, whole, decimals, unit = found.groups()
    number = Fraction(int(whole + (decimals or "")), 10 ** len(decimals or ""))
    return (-number if sign else number), unit


def time_us(text: str | None) -> int | None:
    """A time as whole us, half up; None where there is none."""
    if not text:
        return None
    try:
        number, unit = split(text)
    except ValueError:
        return None
    if unit not in TIME_US:
        return None
    value = number * TIME_US[unit]
    return (2 * value.numerator + value.denominator) // (2 * value.denominator)


def whole(text: str | None) -> int | None:
    """A bare non-negative integer; None for anything else."""
    return int(text) if text and text.isascii() and text.isdecimal() else None


def exact(value: Fraction | int) -> str:
    """'n' for a whole number, else 'n/d' in lowest terms."""
    return str(Fraction(value))


def exact_or_int(value: Fraction | int) -> int | str:
    """An int where the value is whole, else 'n/d'."""
    value = Fraction(value)
    return value.numerator if value.denominator == 1 else str(value)


def decimal(value: Fraction | int, places: int = 3) -> str:
    """``value`` rounded half up (away from zero) to ``places`` decimals, with a leading zero."""
    value = Fraction(value)
    scaled = abs(value) * 10**places
    units = (2 * scaled.numerator + scaled.denominator) // (2 * scaled.denominator)
    whole_part, decimals = divmod(units, 10**places)
    sign = "-" if value < 0 and units else ""
    return f"{sign}{whole_part}" + (f".{decimals:0{places}d}" if places else "")


def spaced(text: str) -> str:
    """A wire quantity as people read it: a space before the unit; other text as it is."""
    found = _FORM.match(text)
    if not found or not found.group(4):
        return text
    unit = found.group(4)
    return f"{text.removesuffix(unit)} {SHOWN_UNITS.get(unit, unit)}"


def show_volume(nl: Fraction | int) -> str:
    """mL with three decimals, or nL below 10 uL."""
    if abs(Fraction(nl)) < 10_000:
        return f"{decimal(nl)} nL"
    return f"{decimal(Fraction(nl) / 10**6)} mL"


def show_mass(ng: Fraction | int) -> str:
    """mg, mcg or ng, whichever reads well; the safe abbreviations."""
    size = abs(Fraction(ng))
    for unit, scale in (("mg", 10**6), ("mcg", 1000)):
        if size >= scale:
            return f"{decimal(Fraction(ng) / scale)} {unit}"
    return f"{decimal(ng)} ng"


def show_time(us: Fraction | int) -> str:
    """h:mm:ss above an hour, m:ss above a minute, else seconds."""
    seconds = Fraction(us) / US_PER_S
    if seconds < 60:
        return f"{decimal(seconds, 3 if seconds < 10 else 1)} s"
    hours, rest = divmod(int(seconds), 3600)
    minutes, left = divmod(rest, 60)
    return f"{hours}:{minutes:02d}:{left:02d} h" if hours else f"{minutes}:{left:02d} min"
