"""Prescriptions to plans, against the oracle, and every refusal that a prescription can meet."""

import zlib
from fractions import Fraction
from math import floor

import pytest
from dose_oracle import (
    BD60,
    BENCH,
    BY_RATE,
    DRUG,
    KETAMINE,
    RAMP,
    decimals,
    oracle_refuses,
    prescriptions,
    refusal_of,
    without,
)
from hypothesis import assume, given, settings

from pump.core import dose
from pump.core.bounds import Bounds
from pump.core.mechanics import Mechanics
from pump.core.refusal import Refusal
from tests.fixtures import core_selfcheck


@pytest.mark.requirement("DOSE-01")
@settings(max_examples=300)
@given(prescriptions())
def test_one_phase_equals_the_oracle(prescription):
    common, phases, weight, strength, step = prescription
    fields, volume, seconds = phases[0].fields, phases[0].volume, phases[0].seconds
    if oracle_refuses(phases, step):
        refusal = refusal_of({**common, **fields})
        assert refusal.code in ("rate-range", "capacity", "out-of-range")
        return
    try:
        plan = dose.plan({**common, **fields}, BENCH)
    except Refusal as refusal:  # the device's own range of what was typed
        assert refusal.code == "out-of-range"
        assert refusal.field in fields or refusal.field == "rate"
        assume(False)
    assert Fraction(*plan.total_volume_nl) == volume
    assert Fraction(*plan.total_duration_us) == seconds * 10**6
    assert Fraction(*plan.phases[0].rate_nl_per_s) == volume / seconds
    first = next(end for end in phases[0].ends or (volume / seconds,) if end)
    assert Fraction(*plan.rate_nl_per_s) == first
    assert Fraction(*plan.total_dose_ng) == volume * strength
    assert plan.total_steps == floor(volume / step + Fraction(1, 2))
    assert Fraction(*plan.weight_g) == weight * 1000


@pytest.mark.requirement("DOSE-15", "DOSE-17")
@given(prescriptions(most_phases=10))
def test_steps_are_rounded_once_over_all_phases(prescription):
    common, phases, _, strength, step = prescription
    try:
        plan = core_selfcheck.draft(common, [phase.fields for phase in phases], BENCH)
    except Refusal as refusal:
        assert refusal.code in ("out-of-range", "rate-range", "too-long")
        assume(False)
    cumulative, before = Fraction(0), 0
    for phase, want in zip(plan.phases, phases, strict=True):
        assert (phase.first_step, Fraction(*phase.volume_nl)) == (before, want.volume)
        stretches = []
        for volume, seconds in want.parts():
            cumulative += volume
            end = floor(cumulative / step + Fraction(1, 2))
            stretches.append((end - before, seconds * 10**6))
            before = end
        assert [(steps, Fraction(*time)) for steps, time in phase.stretches] == stretches
        assert phase.steps == sum(steps for steps, _ in stretches) >= 0
        assert Fraction(*phase.duration_us) == want.seconds * 10**6
    assert plan.total_steps == before
    assert abs(Fraction(*plan.delivered_nl(before)) - cumulative) <= step / 2
    assert Fraction(*plan.total_volume_nl) == cumulative
    assert Fraction(*plan.total_dose_ng) == cumulative * strength


def test_stretches_are_bounded():
    ramps = [{**RAMP, "over": "1min"}] * 6
    rest = [{"pause": "1min"}] * 4
    assert dose.plan_phases(BD60, [*ramps, *rest], BENCH).total_steps
    with pytest.raises(Refusal) as caught:
        dose.plan_phases(BD60, [*ramps, *rest, *rest[:1]], BENCH)
    refusal = caught.value
    assert (refusal.code, refusal.field, refusal.given, refusal.limit) == (
        "too-long", "stretches", "65", "64",
    )  # fmt: skip


@pytest.mark.requirement("DOSE-09")
def test_fill_is_inclusive_and_fits_the_syringe():
    fields = {**BD60, "rate": "100mL/h", "volume": "35mL", "fill": "35mL"}
    assert dose.plan(fields, BENCH).total_steps == 252117
    refusal = refusal_of({**fields, "volume": "35.000000001mL"})
    assert (refusal.code, refusal.field, refusal.limit) == ("capacity", "volume", "35mL")
    assert dose.plan({**fields, "fill": "60mL"}, BENCH)
    refusal = refusal_of({**fields, "fill": "60.000000001mL"})
    assert (refusal.code, refusal.field, refusal.limit) == ("capacity", "fill", "60mL")


@pytest.mark.requirement("DOSE-07")
@given(decimals(0.3, 79, 3))
def test_exact_limit_holds_for_every_weight(weight):
    """0.75 mg/kg over 45 min is 1 mg/kg/h whatever the weight."""
    fields = {**DRUG, "weight": weight + "kg", "dose": "0.75mg/kg", "over": "45min"}
    hard = (("rate", "", "1mg/kg/h"), ("dose", "", "0.75mg/kg"))
    assert dose.plan(fields, BENCH, Bounds(hard)).total_steps > 0
    assert refusal_of(fields, (("rate", "", "0.999999999mg/kg/h"),)).code == "hard-limit"


@pytest.mark.requirement("DOSE-02")
@pytest.mark.parametrize("name", ["syringe", "weight", "concentration", "dose", "over"])
def test_every_field_is_needed(name):
    refusal = refusal_of(without(KETAMINE, name))
    assert (refusal.code, refusal.field) == ("missing-field", name)


@pytest.mark.parametrize("fields", [BD60, {**BD60, "volume": "1mL"}, {**BD60, "rate": "1mL/h"}])
def test_combinations_are_named(fields):
    refusal = refusal_of(fields)
    assert refusal.code == "missing-field"
    assert refusal.accepts == dose._COMBINATIONS


@pytest.mark.requirement("COM-10", "DOSE-02")
@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({**KETAMINE, "volume": "1mL"}, "volume"),
        ({**KETAMINE, "rate": "1mg/kg/h"}, "rate"),
        ({**KETAMINE, "dose-rate": "1mg/kg/h"}, "dose-rate"),
        ({**KETAMINE, "to": "1mg/kg/h"}, "dose"),
        ({**KETAMINE, "pause": "1min"}, "dose"),
        ({**BD60, "dose": "1mL", "volume": "1mL"}, "volume"),
        ({**BY_RATE, "volume": "10mL"}, "volume"),
        ({**BY_RATE, "diameter": "26.59mm"}, "diameter"),
        ({**BY_RATE, "capacity": "60mL"}, "capacity"),
        ({**BY_RATE, "patient": "x"}, "patient"),
        ({**BY_RATE, "": "x"}, ""),
    ],
)
def test_nothing_superfluous_is_taken(fields, name):
    refusal = refusal_of(fields)
    assert (refusal.code, refusal.field) == ("unknown-field", name)


@pytest.mark.requirement("DOSE-02")
def test_unknown_fields_of_lists_are_refused():
    for common, phase in (({**BD60, "dose": "1mg/kg"}, {}), (BD60, {"weight": "70kg"})):
        with pytest.raises(Refusal) as caught:
            dose.plan_phases(common, [phase], BENCH)
        assert caught.value.code == "unknown-field"


@pytest.mark.parametrize("count", [0, dose._MAX_PHASES + 1])
def test_number_of_phases_is_bounded(count):
    with pytest.raises(Refusal) as caught:
        dose.plan_phases(BD60, [{"rate": "1mL/h", "over": "1min"}] * count, BENCH)
    assert caught.value.pairs() == [
        ("code", "too-long"),
        ("field", "phases"),
        ("given", str(count)),
        ("limit", "16"),
    ]


QUANTITIES = {
    "weight": KETAMINE,
    "concentration": KETAMINE,
    "dose": KETAMINE,
    "over": KETAMINE,
    "volume-per-step": KETAMINE,
    "rate": BY_RATE,
    "volume": {**BD60, "volume": "1mL", "over": "1h"},
    "diameter": {"diameter": "26.59mm", "capacity": "60mL", "rate": "1mL/h", "over": "1h"},
    "capacity": {"diameter": "26.59mm", "capacity": "60mL", "rate": "1mL/h", "over": "1h"},
}


@pytest.mark.requirement("DOSE-02", "DOSE-03", "DOSE-05")
@pytest.mark.parametrize("field", QUANTITIES)
def test_each_field_refuses_zero_bad_numbers_and_units(field):
    fields = QUANTITIES[field]
    dose.plan(fields, BENCH)
    unit = fields[field].lstrip("0123456789.")
    for text, code in (
        ("0" + unit, "out-of-range"),
        ("999999999" + unit, "out-of-range"),
        ("-1" + unit, "bad-number"),
        ("1e3" + unit, "bad-number"),
        ("", "bad-number"),
        ("70", "missing-unit"),
        ("70lb", "bad-unit"),
    ):
        refusal = refusal_of({**fields, field: text})
        assert (refusal.code, refusal.field, refusal.given) == (code, field, text)


@pytest.mark.requirement("DOSE-06")
def test_rate_range_names_both_ends_for_the_syringe():
    fast = {"syringe": "bd-5", "rate": "1200mL/h", "over": "10s"}
    assert refusal_of(fast).limit == "0.01mL/h..1016.180266mL/h"
    assert refusal_of({**BY_RATE, "rate": "0.009mL/h"}).limit == "0.01mL/h"
    fine = {**BY_RATE, "syringe": "hamilton-1000-50", "volume-per-step": "170nL"}
    assert refusal_of({**fine, "rate": "0.01mL/h", "over": "96h"}).limit == "0.0102mL/h..1200mL/h"
    derived = refusal_of({**BD60, "volume": "30mL", "over": "1min"})
    assert derived.pairs() == [
        ("code", "rate-range"),
        ("field", "rate"),
        ("given", "1800.000mL/h"),
        ("limit", "0.01mL/h..1200mL/h"),
    ]


@pytest.mark.requirement("DOSE-09")
def test_capacity_is_inclusive():
    assert dose.plan({**BD60, "rate": "100mL/h", "volume": "60mL"}, BENCH).total_steps == 432200
    refusal = refusal_of({**BD60, "rate": "100mL/h", "volume": "60.000000001mL"})
    assert (refusal.code, refusal.given, refusal.limit) == ("capacity", "60.000000001mL", "60mL")


def test_duration_derived_from_rate_and_volume_is_limited_too():
    refusal = refusal_of({**BD60, "rate": "0.1mL/h", "volume": "10mL"})
    assert (refusal.code, refusal.field, refusal.given) == ("out-of-range", "over", "360000.000s")
    with pytest.raises(Refusal) as caught:
        dose.plan_phases(BD60, [{"rate": "0.1mL/h", "over": "49h"}] * 2, BENCH)
    assert (caught.value.code, caught.value.field) == ("out-of-range", "over")


def test_every_phase_lasts_at_least_a_second():
    blink = {"rate": "1200mL/h", "volume": "0.1mL"}
    with pytest.raises(Refusal) as caught:
        dose.plan_phases(BD60, [blink, {"rate": "1mL/h", "over": "1h"}], BENCH)
    refusal = caught.value
    assert (refusal.field, refusal.given, refusal.limit) == ("over", "0.300s", "1s")


def test_a_plan_must_move():
    refusal = refusal_of({**BD60, "rate": "0.01mL/h", "over": "10s"})
    assert (refusal.code, refusal.field, refusal.limit) == ("out-of-range", "volume", "69.4123nL")


def test_steps_fit_31_bits():
    fine = Mechanics(lead="0.1mm", full_steps=400, microsteps=256, max_step_hz=10**9,
                     start_stop_hz=10**9)  # fmt: skip
    fields = {"diameter": "1.2mm", "capacity": "150mL", "volume": "150mL", "over": "96h"}
    refusal = refusal_of(fields, mechanics=fine)
    assert (refusal.code, refusal.field, refusal.limit) == ("out-of-range", "steps", "2147483647")


@pytest.mark.requirement("DOSE-18")
def test_calibration_must_be_credible():
    for text in ("104.1185nL", "173.5308nL"):
        assert dose.plan({**BY_RATE, "volume-per-step": text}, BENCH)
    for text in ("104.1184nL", "173.5309nL", "13.88246nL", "1388.246nL"):
        refusal = refusal_of({**BY_RATE, "volume-per-step": text})
        assert (refusal.code, refusal.limit) == ("out-of-range", "104.1185nL..173.5308nL")


@pytest.mark.requirement("DOSE-07")
@pytest.mark.parametrize(
    ("hard", "changes", "field", "limit"),
    [
        (("dose", "", "1.5mg/kg"), {"dose": "5mg/kg"}, "dose", "1.5mg/kg"),
        (("dose", "", "1.5mg/kg"), {"dose": "1500.1mcg/kg"}, "dose", "1500mcg/kg"),
        (("rate", "", "0.7mg/kg/h"), {}, "rate", "0.7mg/kg/h"),
        (("over", "20min", ""), {"over": "19min"}, "over", "20min"),
        (("rate", "", "50mL/h"), {}, "rate", "50mL/h"),
        (("weight", "", "69kg"), {}, "weight", "69kg"),
        (("concentration", "2mg/mL", ""), {}, "concentration", "2mg/mL"),
    ],
)
def test_hard_limits_name_field_value_and_limit(hard, changes, field, limit):
    fields = {**KETAMINE, "concentration": "10mg/mL"} if "dose" in changes else KETAMINE
    fields = {**fields, **changes}
    refusal = refusal_of(fields, (hard,))
    assert (refusal.code, refusal.field, refusal.limit) == ("hard-limit", field, limit)
    if field in fields:
        assert refusal.given == fields[field]


@pytest.mark.requirement("DOSE-07")
def test_splitting_a_dose_does_not_get_round_its_limit():
    hard = Bounds((("dose", "", "0.8mg/kg"),))
    half = {"dose": "0.4mg/kg", "over": "20min"}
    assert dose.plan_phases(DRUG, [half, half], BENCH, hard).total_steps == 403387
    with pytest.raises(Refusal) as caught:
        dose.plan_phases(DRUG, [half, half], BENCH, Bounds((("dose", "", "0.799mg/kg"),)))
    assert (caught.value.code, caught.value.given) == ("hard-limit", "0.800mg/kg")


@pytest.mark.requirement("DOSE-07")
def test_dose_of_a_volume_is_judged_as_well():
    fields = {**DRUG, "rate": "60mL/h", "volume": "35mL"}
    assert dose.plan(fields, BENCH, Bounds((("dose", "", "0.5mg/kg"),))).total_dose_ng == (
        35_000_000,
        1,
    )
    assert refusal_of(fields, (("dose", "", "0.4mg/kg"),)).code == "hard-limit"
    unweighed = refusal_of(without(fields, "weight"), (("dose", "", "0.4mg/kg"),))
    assert (unweighed.code, unweighed.field) == ("missing-field", "weight")
    assert dose.plan(without(fields, "weight", "concentration"), BENCH).total_dose_ng is None


def test_own_syringe_by_diameter_and_capacity():
    own = {"diameter": "26.59mm", "capacity": "60mL", "rate": "1mL/h", "over": "1h"}
    table = {"syringe": "bd-60", "rate": "1mL/h", "over": "1h"}
    plan = dose.plan(own, BENCH)
    assert plan.syringe.id == "custom"
    assert plan.volume_per_step_nl == dose.plan(table, BENCH).volume_per_step_nl
    assert refusal_of(without(own, "capacity")).field == "capacity"
    assert refusal_of(without(own, "diameter")).field == "diameter"
    assert refusal_of({**own, "capacity": "0.9mL"}).code == "capacity"


@pytest.mark.requirement("DOSE-12")
def test_canonical_text_and_hash():
    plan = dose.plan(KETAMINE, BENCH)
    assert plan.canonical == (
        "titra-plan=1 syringe=bd-60 capacity=60mL volume-per-step=138.8246nL weight=70kg "
        "concentration=1mg/mL phase=1 kind=dose-over dose=0.5mg/kg over=2400s total=35mL "
        "duration=2400s steps=252117"
    )
    assert plan.hash == "%08X" % zlib.crc32(plan.canonical.encode("ascii")) == "0C910A69"
    rewritten = {**KETAMINE, "weight": "70000.0g", "dose": "500mcg/kg", "over": "2400s"}
    assert dose.plan(rewritten, BENCH).hash == plan.hash


@pytest.mark.requirement("DOSE-12")
@pytest.mark.parametrize(
    "change",
    [
        {"weight": "70.000000001kg"},
        {"dose": "0.500000001mg/kg"},
        {"over": "40.000000001min"},
        {"concentration": "1.000000001mg/mL"},
        {"volume-per-step": "138.8247nL"},
        {"syringe": "monoject-60"},
    ],
)
def test_any_change_shows_in_the_hash(change):
    assert dose.plan({**KETAMINE, **change}, BENCH).hash != dose.plan(KETAMINE, BENCH).hash


def test_order_of_phases_shows_in_the_hash():
    phases = [{"rate": "1mL/h", "over": "1h"}, {"rate": "2mL/h", "over": "1h"}]
    there = dose.plan_phases(BD60, phases, BENCH)
    back = dose.plan_phases(BD60, phases[::-1], BENCH)
    assert there.hash != back.hash
    assert there.canonical.count("phase=") == 2
