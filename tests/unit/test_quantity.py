"""Decimal text with units, against an oracle that reads unit names by the definition of the SI."""

from fractions import Fraction
from math import floor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pump.core import quantity, units
from pump.core.refusal import Refusal

# One of each in the base units of the core: ng, nL, us (per weight: g; per time: s), um, mN, mV.
MASS = {"ng": 1, "mcg": 10**3, "mg": 10**6, "g": 10**9}
VOLUME = {"nL": 1, "mcL": 10**3, "mL": 10**6, "L": 10**9}
WEIGHT = {"g": 1, "kg": 10**3}
TIME_US = {"us": 1, "ms": 10**3, "s": 10**6, "min": 60 * 10**6, "h": 3600 * 10**6}
LENGTH = {"um": 1, "mm": 10**3}
FORCE = {"mN": 1, "N": 10**3}
VOLTAGE = {"mV": 1, "V": 10**3}
PLAIN = {"weight": WEIGHT, "mass": MASS, "volume": VOLUME, "time": TIME_US, "length": LENGTH}
PLAIN |= {"force": FORCE, "voltage": VOLTAGE}


def size(unit, dimension):
    """The size of a unit, from its name."""
    if dimension in PLAIN:
        return Fraction(PLAIN[dimension][unit])
    parts = unit.split("/")
    tables = {
        "dose": (MASS, WEIGHT),
        "concentration": (MASS, VOLUME),
        "rate": (VOLUME, TIME_US),
        "mass-rate": (MASS, TIME_US),
        "dose-rate": (MASS, WEIGHT, TIME_US),
    }[dimension]
    assert len(parts) == len(tables)
    value = Fraction(tables[0][parts[0]])
    for part, table in zip(parts[1:], tables[1:], strict=True):
        value /= Fraction(table[part], 10**6 if table is TIME_US else 1)
    return value


DIMENSIONS = [line.split(" ")[0] for line in units.UNITS.strip().split("\n")]
ALL_UNITS = [(name, unit) for name in DIMENSIONS for unit in units.units_of(name)]
DECIMALS = st.builds(
    lambda whole, fraction: whole + ("." + fraction if fraction else ""),
    st.text("0123456789", min_size=1, max_size=12),
    st.text("0123456789", max_size=9),
)
ANY_UNIT = st.sampled_from(ALL_UNITS)


def refusal_of(call, *args):
    with pytest.raises(Refusal) as caught:
        call(*args)
    return caught.value


@pytest.mark.requirement("DOSE-01")
@given(DECIMALS, ANY_UNIT)
def test_parse_is_exact(text, unit):
    dimension, name = unit
    n, d = quantity.parse("field", text + name, dimension)
    assert Fraction(n, d) == Fraction(text) * size(name, dimension)
    assert quantity.read("field", text + name, ("voltage", dimension)) == ((n, d), name, dimension)


@pytest.mark.parametrize(("dimension", "name"), ALL_UNITS)
def test_every_unit_has_the_size_of_its_name(dimension, name):
    assert Fraction(*units.unit_size(name, dimension)) == size(name, dimension)


@given(DECIMALS, ANY_UNIT)
def test_canonical_unit_writes_every_entry_without_rounding(text, unit):
    dimension, name = unit
    value = quantity.parse("field", text + name, dimension)
    written = quantity.exact(value, units.canonical_unit(dimension), dimension)
    number, canonical = quantity.split(written)
    assert "/" not in number
    assert Fraction(number) * size(canonical, dimension) == Fraction(*value)


BAD_NUMBERS = """
.5 5. 1e3 1E3 +5 -5 0.0.5 1,000 1_000 0x10 5-3 1..2 . , - + e inf nan \uff15 \u0663 \xb9
1\u0663 \xbd
"""


@pytest.mark.requirement("DOSE-05")
@pytest.mark.parametrize(
    "text", [*BAD_NUMBERS.split(), "", " ", "1 000", " 5", "5 ", "0" * 13, "1." + "0" * 10]
)
def test_other_numbers_are_refused(text):
    refusal = refusal_of(quantity.parse_decimal, "dose", text)
    assert refusal.code == "bad-number"
    assert refusal.field == "dose"
    assert refusal.given == "".join(char if char.isascii() else "?" for char in text)
    assert refusal.accepts == quantity._NUMBER_FORM


@pytest.mark.requirement("DOSE-05")
@pytest.mark.parametrize("text", [".5", "5.", "1e3", "+5", "-5", "0.0.5", "1,000", "1 000", ""])
def test_bad_numbers_are_refused_with_a_unit_too(text):
    refusal = refusal_of(quantity.parse, "weight", text + "kg", "weight")
    assert (refusal.code, refusal.given) == ("bad-number", text + "kg")


@pytest.mark.requirement("DOSE-03")
@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("154lb", "bad-unit"),
        ("70KG", "bad-unit"),
        ("70Kg", "bad-unit"),
        ("70 kg", "bad-unit"),
        ("70 KG", "bad-unit"),
        ("70kgs", "bad-unit"),
        ("70mg", "bad-unit"),
        ("70kg ", "bad-unit"),
        ("70", "missing-unit"),
    ],
)
def test_weight_is_in_kg_or_g(text, code):
    refusal = refusal_of(quantity.parse, "weight", text, "weight")
    assert refusal.pairs() == [
        ("code", code),
        ("field", "weight"),
        ("given", text),
        ("accepts", "kg,g"),
    ]


def test_ug_is_not_a_unit():
    for dimension, unit in (("mass", "ug"), ("dose", "ug/kg"), ("concentration", "ug/mL")):
        refusal = refusal_of(quantity.parse, "dose", "5" + unit, dimension)
        assert refusal.code == "bad-unit"
        assert "mcg" in refusal.accepts


@pytest.mark.requirement("DOSE-05")
def test_limit_of_digits_is_named():
    assert refusal_of(quantity.parse_decimal, "dose", "1" * 13).limit == "12.9-digits"
    assert quantity.parse_decimal("dose", "9" * 12 + "." + "9" * 9) == (10**21 - 1, 10**9)


VALUES = st.tuples(st.integers(0, 10**30), st.integers(1, 10**20)).map(
    lambda pair: quantity.make(*pair)
)


@given(VALUES, ANY_UNIT, st.integers(0, 12), st.booleans())
def test_format_rounds_half_up(value, unit, decimals, trim):
    dimension, name = unit
    text = quantity.format(value, name, dimension, decimals, trim)
    assert text.endswith(name)
    number = text[: -len(name)]
    assert number[0].isdigit()  # a leading zero, never a bare point
    inside = Fraction(*value) / size(name, dimension)
    assert Fraction(number) == Fraction(
        floor(inside * 10**decimals + Fraction(1, 2)), 10**decimals
    )
    whole, _, fraction = number.partition(".")
    assert str(int(whole)) == whole
    if trim:
        assert not fraction.endswith("0")
    else:
        assert len(fraction) == decimals


@given(VALUES, ANY_UNIT, st.integers(0, 9))
def test_directed_rounding(value, unit, decimals):
    dimension, name = unit
    inside = Fraction(*value) / size(name, dimension)
    step = Fraction(1, 10**decimals)
    low = Fraction(quantity.format_down(value, name, dimension, decimals)[: -len(name)])
    high = Fraction(quantity.format_up(value, name, dimension, decimals)[: -len(name)])
    assert low <= inside <= high
    assert inside - low < step
    assert high - inside < step


@given(VALUES, ANY_UNIT)
def test_exact_does_not_round(value, unit):
    dimension, name = unit
    text = quantity.exact(value, name, dimension)
    assert Fraction(text[: -len(name)]) == Fraction(*value) / size(name, dimension)


@pytest.mark.parametrize(
    ("value", "unit", "dimension", "shown"),
    [
        ((35_000_000, 1), "mL", "volume", "35.000mL"),
        ((875, 60), "mL/h", "rate", "0.0525mL/h"),
        ((1, 1), "mL", "volume", "0.000001mL"),
        ((10**6, 3), "mL", "volume", "0.333333333mL"),
        ((0, 1), "mL", "volume", "0.000mL"),
    ],
)
def test_show(value, unit, dimension, shown):
    assert quantity.show(value, unit, dimension) == shown


def test_examples_of_the_protocol():
    assert quantity.format((35_000_000, 1), "mL", "volume", 3) == "35.000mL"
    assert quantity.format((500, 1), "mg/kg", "dose", 9, True) == "0.5mg/kg"
    assert quantity.format((70_000, 1), "kg", "weight", 0) == "70kg"


def test_unknown_names_are_programming_errors():
    with pytest.raises(KeyError):
        quantity.parse("weight", "70kg", "volumes")
    with pytest.raises(KeyError):
        quantity.format((1, 1), "lb", "weight")


def test_refusals_are_typed_and_fit_a_line():
    refusal = Refusal("bad-value", "a" * 300, 'b"*\n\\é' * 60, "1", "x")
    assert [key for key, _ in refusal.pairs()] == ["code", "field", "given", "limit", "accepts"]
    assert len(refusal.field) == len(refusal.given) == 48
    assert refusal.given.startswith("b?????")
    assert Refusal("busy").pairs() == [("code", "busy")]
