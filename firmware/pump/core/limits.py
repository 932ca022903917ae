"""What the device accepts at all, and the comparison with limits of board and drug library.

Every comparison is between exact ratios, made on what was entered, before any rounding, and
inclusive: a value equal to its limit passes.  Example: 0.75 mg/kg over 45 min is exactly
1 mg/kg/h for every weight.

The ranges of LIMITS are engineering choices for a bench: wide enough for every published
infusion that the project's vectors use, narrow enough to catch a slipped decimal point of several
places.  They are not clinical limits; those come as ``bounds`` from a board file or a library.
"""

from pump.core.quantity import exact, format_down, format_up, parse
from pump.core.ratio import compare, div, make, mul
from pump.core.refusal import Refusal

# field, dimension, least, most
LIMITS = (
    ("weight", "weight", "0.3kg", "300kg"),
    ("dose", "dose", "1ng/kg", "1000mg/kg"),
    ("dose-rate", "dose-rate", "0.01ng/kg/min", "10mg/kg/min"),
    ("concentration", "concentration", "1ng/mL", "1000mg/mL"),
    ("volume", "volume", "0.001mL", "150mL"),
    ("rate", "rate", "0.01mL/h", "1200mL/h"),
    ("over", "time", "1s", "96h"),
    ("volume-per-step", "volume", "0.001nL", "10000nL"),
    ("diameter", "length", "1mm", "50mm"),
    ("capacity", "volume", "0.05mL", "150mL"),
)

STEPS_MAX = 2**31 - 1
RANGE_DECIMALS = 6


class Entered:
    """A quantity with its origin: field, exact ``value`` in base units, unit and text as typed."""

    def __init__(self, field: str, value: tuple[int, int], unit: str, text: str) -> None:
        self.field = field
        self.value = value
        self.unit = unit
        self.text = text


def row_of(field: str) -> tuple[str, str, str, str]:
    """Return the row of ``field`` in LIMITS; a field without one raises KeyError."""
    for row in LIMITS:
        if row[0] == field:
            return row
    raise KeyError(field)


def dimension_of(field: str) -> str:
    """Return the dimension in which ``field`` is given."""
    return row_of(field)[1]


def in_unit(bound: str, field: str, unit: str) -> str:
    """Write ``bound`` (text with a unit) in ``unit`` if that is exact, else leave it as it is."""
    dimension = dimension_of(field)
    text = exact(parse(field, bound, dimension), unit, dimension)
    return bound if "/" in text[: len(text) - len(unit)] else text


def outside(entered: Entered, least: str, most: str) -> str:
    """Return the bound that is broken, in the unit entered, or '' when it holds.

    ``least`` and ``most`` are quantities as text; '' means no bound on that side.
    """
    dimension = dimension_of(entered.field)
    for bound, wrong in ((least, -1), (most, 1)):
        if bound and compare(entered.value, parse(entered.field, bound, dimension)) == wrong:
            return in_unit(bound, entered.field, entered.unit)
    return ""


def check(entered: Entered) -> None:
    """Refuse (out-of-range) a quantity outside the device's own limits."""
    _, _, least, most = row_of(entered.field)
    limit = outside(entered, least, most)
    if limit:
        raise Refusal("out-of-range", entered.field, entered.text, limit)


def beyond(
    judged: list[Entered], bounds: dict[str, tuple[str, str]]
) -> list[tuple[str, str, str]]:
    """Return (field, given, limit) for every quantity outside ``bounds``.

    ``bounds`` maps a field to (least, most) as text, '' for none; hard and soft limits alike.
    """
    found = []
    for entered in judged:
        least, most = bounds.get(entered.field, ("", ""))
        limit = outside(entered, least, most)
        if limit:
            found.append((entered.field, entered.text, limit))
    return found


def rate_range(
    volume_per_step_nl: tuple[int, int], max_hz: int, slowest_step_s: int
) -> tuple[tuple[int, int], tuple[int, int]]:
    """Return the slowest and fastest rate (nL/s) that device, syringe and mechanics allow."""
    _, dimension, least, most = row_of("rate")
    slow = div(volume_per_step_nl, make(slowest_step_s))
    fast = mul(volume_per_step_nl, make(max_hz))
    device_slow = parse("rate", least, dimension)
    device_fast = parse("rate", most, dimension)
    return (
        slow if compare(slow, device_slow) > 0 else device_slow,
        fast if compare(fast, device_fast) < 0 else device_fast,
    )


def range_text(slow: tuple[int, int], fast: tuple[int, int], unit: str) -> str:
    """Write a rate range as 'slow..fast', rounded inwards so that both ends are accepted."""
    low = format_up(slow, unit, "rate", RANGE_DECIMALS)
    return low + ".." + format_down(fast, unit, "rate", RANGE_DECIMALS)


def check_rate(entered: Entered, slow: tuple[int, int], fast: tuple[int, int]) -> None:
    """Refuse (rate-range) a rate outside slow..fast, naming both."""
    if compare(entered.value, slow) < 0 or compare(entered.value, fast) > 0:
        limit = range_text(slow, fast, entered.unit)
        raise Refusal("rate-range", "rate", entered.text, limit)


def describe() -> list[tuple[str, str, str]]:
    """Return (field, least, most) of every quantity that the device takes, for people."""
    return [(row[0], row[2], row[3]) for row in LIMITS]
