"""What the device accepts at all, and the comparison with limits of board and drug library.

Every comparison is between exact ratios, made on what was entered, before any rounding, and
inclusive: a value equal to its limit passes.  Example: 0.75 mg/kg over 45 min is exactly
1 mg/kg/h for every weight.

The ranges of LIMITS are engineering choices for a bench: wide enough for every published
infusion that the project's vectors use, narrow enough to catch a slipped decimal point of several
places.  They are not clinical limits; those come as ``bounds`` from a board file or a library.
A field has a row for each dimension that it may be given in; the unit tells which.
"""

from pump.core.quantity import exact, format_down, format_up, parse, read
from pump.core.ratio import compare, div, make, mul
from pump.core.refusal import Refusal
from pump.core.units import line_of

# field, dimension, least, most; packed text: heap is scarce on the chip
LIMITS = """
weight weight 0.3kg 300kg
dose dose 1ng/kg 1000mg/kg
dose mass 1ng 150g
dose volume 0.001mL 150mL
concentration concentration 1ng/mL 1000mg/mL
volume volume 0.001mL 150mL
rate rate 0.01mL/h 1200mL/h
rate mass-rate 0.01ng/min 3000mg/min
rate dose-rate 0.01ng/kg/min 10mg/kg/min
over time 1s 96h
pause time 1s 96h
fill volume 0.001mL 150mL
lockout time 1min 24h
volume-per-step volume 0.001nL 10000nL
diameter length 1mm 50mm
capacity volume 0.05mL 150mL
"""

ALIASES = {"to": "rate", "hourly": "dose"}
STEPS_MAX = 2**31 - 1
RANGE_DECIMALS = 6


class Entered:
    """A quantity with its origin: field, dimension, exact ``value`` in base units, unit and text
    as typed."""

    def __init__(
        self, field: str, dimension: str, value: tuple[int, int], unit: str, text: str
    ) -> None:
        self.field = field
        self.dimension = dimension
        self.value = value
        self.unit = unit
        self.text = text


def enter(field: str, text: str) -> Entered:
    """Read ``text`` as a quantity of ``field``, or refuse its form (see quantity.read)."""
    value, unit, dimension = read(field, text, dimensions_of(field))
    return Entered(field, dimension, value, unit, text)


def row_of(field: str, dimension: str) -> tuple[str, str]:
    """Return (least, most) of ``field`` in LIMITS; a field without a row raises KeyError."""
    least, most = line_of(LIMITS, field + " " + dimension).split(" ")
    return least, most


def dimensions_of(field: str) -> tuple[str, ...]:
    """Return the dimensions in which ``field`` may be given, the plainest first.

    The end ``to`` of a ramp is given as a rate is, the ``hourly`` limit of boluses as a dose.
    """
    key = "\n" + ALIASES.get(field, field) + " "
    found = []
    at = LIMITS.find(key)
    while at >= 0:
        at += len(key)
        found.append(LIMITS[at : LIMITS.find(" ", at)])
        at = LIMITS.find(key, at)
    return tuple(found)


def name_of(field: str, dimension: str) -> str:
    """Name a limit: by its field, or by its dimension where the field has several."""
    return field if dimension == dimensions_of(field)[0] else dimension


def in_unit(bound: str, dimension: str, unit: str) -> str:
    """Write ``bound`` (text with a unit) in ``unit`` if that is exact, else leave it as it is."""
    text = exact(parse(dimension, bound, dimension), unit, dimension)
    return bound if "/" in text[: len(text) - len(unit)] else text


def check(entered: Entered) -> None:
    """Refuse (out-of-range) a quantity outside the device's own limits."""
    field = ALIASES.get(entered.field, entered.field)
    dimension = entered.dimension
    least, most = row_of(field, dimension)
    for bound, wrong in ((least, -1), (most, 1)):
        if compare(entered.value, parse(entered.field, bound, dimension)) == wrong:
            limit = in_unit(bound, dimension, entered.unit)
            raise Refusal("out-of-range", entered.field, entered.text, limit)


def rate_range(
    volume_per_step_nl: tuple[int, int], max_hz: int, slowest_step_s: int
) -> tuple[tuple[int, int], tuple[int, int]]:
    """Return the slowest and fastest rate (nL/s) that device, syringe and mechanics allow."""
    least, most = row_of("rate", "rate")
    slow = div(volume_per_step_nl, make(slowest_step_s))
    fast = mul(volume_per_step_nl, make(max_hz))
    device_slow = parse("rate", least, "rate")
    device_fast = parse("rate", most, "rate")
    return (
        slow if compare(slow, device_slow) > 0 else device_slow,
        fast if compare(fast, device_fast) < 0 else device_fast,
    )


def range_text(slow: tuple[int, int], fast: tuple[int, int], unit: str) -> str:
    """Write a rate range as 'slow..fast', rounded inwards so that both ends are accepted."""
    low = format_up(slow, unit, "rate", RANGE_DECIMALS)
    return low + ".." + format_down(fast, unit, "rate", RANGE_DECIMALS)


def check_rate(entered: Entered, slow: tuple[int, int], fast: tuple[int, int]) -> None:
    """Refuse (rate-range) a volume rate outside slow..fast, naming both."""
    if compare(entered.value, slow) < 0 or compare(entered.value, fast) > 0:
        limit = range_text(slow, fast, entered.unit)
        raise Refusal("rate-range", entered.field, entered.text, limit)


def limited() -> list[str]:
    """Return the name of every field that has limits."""
    found = []
    for row in LIMITS.strip().split("\n"):
        field = row[: row.find(" ")]
        if field not in found:
            found.append(field)
    return found


def describe(field: str) -> list[tuple[str, str, str]]:
    """Return (name, least, most) of ``field`` in each dimension that it may have, for people."""
    found = []
    for dimension in dimensions_of(field):
        least, most = row_of(field, dimension)
        found.append((dimension if found else field, least, most))
    return found
