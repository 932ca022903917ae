"""The syringe table against its source, and the geometry against an independent pi."""

import json
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pump.core import syringe
from pump.core.mechanics import _PI, Mechanics
from pump.core.refusal import Refusal

FIXTURES = Path(__file__).parent.parent / "fixtures"
SOURCE = json.loads((FIXTURES / "syringes.json").read_text())["syringes"]
VECTORS = json.loads((FIXTURES / "dose_vectors.json").read_text())["mechanics"]


def arctan_inverse(x, digits):
    """arctan(1/x) by its power series, as an integer scaled by 10^digits."""
    term = total = 10**digits // x
    n = 1
    while term:
        term //= -x * x
        n += 2
        total += term // n
    return total


def machin_pi():
    """Pi to about 40 digits by Machin's formula."""
    digits = 45
    scaled = 4 * (4 * arctan_inverse(5, digits) - arctan_inverse(239, digits))
    return Fraction(scaled, 10**digits)


def test_pi_is_right_to_twenty_digits():
    assert abs(Fraction(*_PI) - machin_pi()) < Fraction(5, 10**21)


@pytest.mark.requirement("DOSE-16")
def test_table_is_complete():
    assert syringe.ids() == [row["id"] for row in SOURCE]
    assert len(SOURCE) == 32


@pytest.mark.requirement("DOSE-16")
@pytest.mark.parametrize("row", SOURCE, ids=lambda row: row["id"])
def test_every_syringe(row):
    found = syringe.find(row["id"])
    assert found.id == row["id"]
    assert found.name == row["name"]
    assert found.volume_nl == row["volume_ml"] * 10**6
    assert found.diameter == row["inner_diameter_mm"] + "mm"
    assert found.source == row["source"]
    assert Fraction(*found.diameter_um()) == Fraction(row["inner_diameter_mm"]) * 1000


@pytest.mark.requirement("DOSE-16")
@pytest.mark.parametrize(
    ("name", "accepted"),
    [
        ("bd-50", "bd-1,bd-3,bd-5,bd-10,bd-20,bd-30,bd-60"),
        ("hamilton-1000-60", "hamilton-1000-1,hamilton-1000-5"),
        ("BD-60", "bd-1,terumo-1,monoject-3,omnifix-1,hamilton-1000-1"),
        ("bdx-1", "bd-1,terumo-1,"),
        ("bd", "bd-1,terumo-1,"),
        ("", "bd-1,"),
        ("bd-60 ", "bd-1,"),
    ],
)
def test_unknown_syringe_names_some_that_exist(name, accepted):
    with pytest.raises(Refusal) as caught:
        syringe.find(name)
    refusal = caught.value
    assert (refusal.code, refusal.field, refusal.given) == ("unknown-syringe", "syringe", name)
    assert refusal.accepts.startswith(accepted)


@given(
    st.integers(1, 60_000),
    st.integers(1, 10_000),
    st.integers(1, 400),
    st.sampled_from([1, 2, 8, 16, 256]),
)
def test_volume_per_step_is_the_cylinder(diameter_um, lead_um, full, micro):
    lead = "%d.%03dmm" % divmod(lead_um, 1000)
    mechanics = Mechanics(lead=lead, full_steps=full, microsteps=micro)
    n, d = mechanics.volume_per_step_nl((diameter_um, 1))
    radius_mm = Fraction(diameter_um, 2000)
    turn_mm3 = machin_pi() * radius_mm**2 * Fraction(lead_um, 1000)
    wanted_nl = 1000 * turn_mm3 / (full * micro)
    assert abs(Fraction(n, d) / wanted_nl - 1) < Fraction(1, 10**20)


@pytest.mark.parametrize(
    ("name", "lead", "vector"),
    [
        ("bd-1", "0.8mm", "BD1_M5"),
        ("bd-10", "0.8mm", "BD10_M5"),
        ("bd-60", "0.8mm", "BD60_M5"),
        ("bd-60", "2mm", "BD60_T8"),
    ],
)
def test_agrees_with_the_vectors_to_four_decimals(name, lead, vector):
    n, d = Mechanics(lead=lead).volume_per_step_nl(syringe.find(name).diameter_um())
    assert abs(Fraction(n, d) - Fraction(VECTORS[vector]["nl_per_ustep"])) <= Fraction(5, 10**5)


def test_the_start_stop_rate_bounds_no_rate_but_makes_a_ramp():
    assert Mechanics(max_step_hz=9000, start_stop_hz=7000).max_hz == 9000
    ramp = Mechanics(start_stop_hz=7000).ramp
    assert ramp.needed(7001, (10**6, 1)) and not ramp.needed(7000, (10**6, 1))


@pytest.mark.parametrize("field", ["full_steps", "microsteps", "max_step_hz", "slowest_step_s"])
def test_board_data_must_be_positive(field):
    with pytest.raises(ValueError, match="positive"):
        Mechanics(**{field: 0})
    with pytest.raises(ValueError, match="positive"):
        Mechanics(lead="0mm")
