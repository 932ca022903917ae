"""Quantities: decimal text with a unit <-> exact ratios in base units.

A number is digits with at most one point and a digit on both sides of it ("70", "0.5"); at most
_INTEGER_DIGITS before and _FRACTION_DIGITS after the point; no sign, exponent, separator or space.
The unit follows directly, is never optional and its case matters.  Nothing is rounded on the way
in; on the way out ``format`` rounds half up and ``exact`` does not round at all.
The units and their sizes stand in ``units``.
"""

from micropython import const

from pump.core.ratio import div, floor, half_up, make, mul
from pump.core.refusal import Refusal
from pump.core.units import unit_size, units_of

_INTEGER_DIGITS = const(12)
_FRACTION_DIGITS = const(9)
_NUMBER_FORM = const("plain-decimal-like-70-or-0.5")


def _digits(text: str) -> bool:
    """True when ``text`` is one or more ASCII digits (str.isdigit takes others too)."""
    for char in text:
        if not "0" <= char <= "9":
            return False
    return text != ""


def parse_decimal(field: str, text: str, given: str = "") -> tuple[int, int]:
    """Return plain decimal ``text`` as an exact ratio, or refuse it (bad-number).

    The refusal names ``field`` and shows ``given`` (the whole entry), or ``text`` without one.
    """
    given = given or text
    whole, point, fraction = text.partition(".")
    if not _digits(whole) or (point and not _digits(fraction)):
        raise Refusal("bad-number", field, given, accepts=_NUMBER_FORM)
    if len(whole) > _INTEGER_DIGITS or len(fraction) > _FRACTION_DIGITS:
        limit = "%d.%d-digits" % (_INTEGER_DIGITS, _FRACTION_DIGITS)
        raise Refusal("bad-number", field, given, limit, _NUMBER_FORM)
    return make(int(whole + fraction), 10 ** len(fraction))


def split(text: str) -> tuple[str, str]:
    """Cut ``text`` after its last digit, point, sign or comma: (number, unit), '' for none."""
    at = len(text)
    while at and text[at - 1] not in "0123456789.,+-":
        at -= 1
    return text[:at], text[at:]


def read(field: str, text: str, dimensions: tuple[str, ...]) -> tuple[tuple[int, int], str, str]:
    """Return (ratio in base units, unit as entered, its dimension, one of ``dimensions``), or
    refuse: bad-number, missing-unit or bad-unit, naming every unit accepted."""
    number, unit = split(text)
    if not number:
        raise Refusal("bad-number", field, text, accepts=_NUMBER_FORM)
    value = parse_decimal(field, number, text)
    for dimension in dimensions:
        if unit in units_of(dimension):
            return mul(value, unit_size(unit, dimension)), unit, dimension
    known = [name for dimension in dimensions for name in units_of(dimension)]
    raise Refusal("bad-unit" if unit else "missing-unit", field, text, accepts=",".join(known))


def parse(field: str, text: str, dimension: str) -> tuple[int, int]:
    """Return quantity ``text`` as an exact ratio in base units of ``dimension``, or refuse it."""
    return read(field, text, (dimension,))[0]


def _point(scaled: int, decimals: int, trim: bool) -> str:
    """Write scaled / 10^decimals (scaled >= 0) with a leading zero; ``trim`` drops end zeros."""
    digits = str(scaled)
    if len(digits) <= decimals:
        digits = "0" * (decimals + 1 - len(digits)) + digits
    whole = digits[: len(digits) - decimals]
    fraction = digits[len(digits) - decimals :]
    if trim:
        fraction = fraction.rstrip("0")
    return whole + "." + fraction if fraction else whole


def format(
    value: tuple[int, int], unit: str, dimension: str, decimals: int = 3, trim: bool = False
) -> str:
    """Write base-unit ``value`` (>= 0) in ``unit``, rounded half up to ``decimals`` places.

    ``trim`` drops zeros at the end: 35.000mL becomes 35mL.
    """
    inside = div(value, unit_size(unit, dimension))
    return _point(half_up(mul(inside, (10**decimals, 1))), decimals, trim) + unit


def format_down(value: tuple[int, int], unit: str, dimension: str, decimals: int) -> str:
    """Like ``format`` with trim, but rounded down: never above ``value``."""
    inside = div(value, unit_size(unit, dimension))
    return _point(floor(mul(inside, (10**decimals, 1))), decimals, True) + unit


def format_up(value: tuple[int, int], unit: str, dimension: str, decimals: int) -> str:
    """Like ``format`` with trim, but rounded up: never below ``value``."""
    inside = mul(div(value, unit_size(unit, dimension)), (10**decimals, 1))
    return _point(-((-inside[0]) // inside[1]), decimals, True) + unit


def _places(divisor: int) -> int:
    """Return how many decimals 1/divisor needs, or -1 when it does not end."""
    places = 0
    while divisor > 1:
        if divisor % 10 == 0:
            divisor //= 10
        elif divisor % 2 == 0:
            divisor //= 2
        elif divisor % 5 == 0:
            divisor //= 5
        else:
            return -1
        places += 1
    return places


def exact(value: tuple[int, int], unit: str, dimension: str) -> str:
    """Write ``value`` (>= 0) in ``unit`` without rounding: a decimal, or n/d if it has no end."""
    n, d = div(value, unit_size(unit, dimension))
    places = _places(d)
    if places < 0:
        return "%d/%d%s" % (n, d, unit)
    return _point(n * 10**places // d, places, True) + unit


def show(value: tuple[int, int], unit: str, dimension: str) -> str:
    """Write ``value`` (>= 0) for people: three decimals, or up to nine when it needs them.

    52.5 mL/h is shown as 52.500mL/h, 0.03375 mL/h as 0.03375mL/h; nine decimals round half up.
    """
    inside = div(value, unit_size(unit, dimension))
    if 1000 % inside[1] == 0:
        return format(value, unit, dimension, 3)
    return format(value, unit, dimension, 9, True)
