"""Limits of board and drug library: what each looks at, inclusive to the last digit, exact."""

import pytest
from dose_oracle import BD60, BENCH, DRUG, KETAMINE

from pump.core import bounds, dose, limits
from pump.core.bounds import Bounds
from pump.core.mechanics import Mechanics
from pump.core.refusal import Refusal

ESCALATION = [
    {"dose": "0.25mg/kg", "over": "15min"},
    {"pause": "10min"},
    {"rate": "0.5mg/kg/h", "to": "0mg/kg/h", "over": "1h"},
]


def plan_of(*phases, common=DRUG):
    return dose.plan_phases(common, list(phases), BENCH)


# what a plan of 0.5 mg/kg, a pause and a taper comes to: field, least and most that it may be
EXACT = [
    ("dose", "0.5mg/kg", "0.5mg/kg"),
    ("dose", "35mg", "35mg"),
    ("dose", "35mL", "35mL"),
    ("rate", "0.5mg/kg/h", "1mg/kg/h"),
    ("rate", "35mg/h", "70mg/h"),
    ("rate", "35mL/h", "70mL/h"),
    ("over", "85min", "85min"),
    ("weight", "70kg", "70kg"),
    ("concentration", "1mg/mL", "1mg/mL"),
]


def off(text, by):
    """``text`` moved by one in the ninth decimal."""
    at = len(text.rstrip("/abcdefghijklmnopqrstuvwxyzL"))
    return "%d.%09d" % divmod(round(float(text[:at]) * 10**9) + by, 10**9) + text[at:]


@pytest.mark.requirement("DOSE-07")
@pytest.mark.parametrize(("field", "least", "most"), EXACT)
def test_every_limit_is_inclusive_from_both_sides(field, least, most):
    plan = plan_of(*ESCALATION)
    assert bounds.beyond(plan, ((field, least, most),)) == []
    assert bounds.beyond(plan, ((field, off(least, -1), off(most, 1)),)) == []
    for row in ((field, off(least, 1), ""), (field, "", off(most, -1))):
        ((name, _, limit),) = bounds.beyond(plan, (row,))
        assert name == field and limits.enter(field, limit).value == (
            limits.enter(field, row[1] or row[2]).value
        )


@pytest.mark.requirement("DOSE-07")
def test_all_that_is_outside_is_listed_in_the_order_of_the_limits():
    plan = dose.plan(KETAMINE, BENCH)
    rows = (
        ("over", "", "39min"),
        ("dose", "600mcg/kg", ""),
        ("rate", "", "0.75mg/kg/h"),
        ("rate", "", "700mcg/kg/h"),
    )
    assert bounds.beyond(plan, rows) == [
        ("over", "40min", "39min"),
        ("dose", "0.5mg/kg", "0.6mg/kg"),
        ("rate", "0.750mg/kg/h", "0.7mg/kg/h"),
    ]
    assert bounds.beyond(plan, ()) == []


def test_limits_of_what_is_not_known_say_nothing_but_a_dose_wants_its_weight():
    bare = plan_of({"rate": "35mL/h", "over": "1h"}, common=BD60)
    rows = (("dose", "", "1mcg"), ("rate", "", "1mcg/kg/h"), ("weight", "", "1kg"),
            ("concentration", "", "1ng/mL"))  # fmt: skip
    assert bounds.beyond(bare, rows) == []
    assert bounds.beyond(bare, (("rate", "", "34mL/h"),))
    unweighed = {**BD60, "concentration": "1mg/mL"}
    plan = plan_of({"rate": "35mL/h", "over": "1h"}, common=unweighed)
    assert bounds.beyond(plan, (("rate", "", "34mg/h"),))
    with pytest.raises(Refusal) as caught:
        bounds.beyond(plan, (("rate", "", "1mg/kg/h"),))
    assert (caught.value.code, caught.value.field) == ("missing-field", "weight")


@pytest.mark.requirement("DOSE-07")
def test_what_is_given_besides_counts_in_the_dose_and_in_the_syringe():
    phase = {"dose": "0.1mg/kg", "over": "10min"}
    beside = (28_000_000, 1)  # 0.4 mg/kg
    at = Bounds((("dose", "", "0.5mg/kg"),))
    assert dose.plan_phases(DRUG, [phase], BENCH, at, beside).total_volume_nl == (7_000_000, 1)
    for most in ("0.499999999mg/kg", "34.999999999mg", "34.999999mL"):
        with pytest.raises(Refusal) as caught:
            dose.plan_phases(DRUG, [phase], BENCH, Bounds((("dose", "", most),)), beside)
        assert caught.value.code == "hard-limit"
    full = (53_000_000, 1)
    assert dose.plan_phases(DRUG, [phase], BENCH, Bounds(), full)
    with pytest.raises(Refusal) as caught:
        dose.plan_phases(DRUG, [phase], BENCH, Bounds(), (53_000_001, 1))
    assert (caught.value.code, caught.value.limit) == ("capacity", "6.999999mL")


@pytest.mark.requirement("DOSE-07")
def test_a_drug_is_given_in_its_own_concentrations_only():
    own = Bounds(concentrations=("0.5mg/mL", "1000mcg/mL"), drug="ketamine:1")
    assert dose.plan(KETAMINE, BENCH, own).total_steps
    with pytest.raises(Refusal) as caught:
        dose.plan({**KETAMINE, "concentration": "1.000000001mg/mL"}, BENCH, own)
    assert caught.value.pairs() == [
        ("code", "hard-limit"),
        ("field", "concentration"),
        ("given", "1.000000001mg/mL"),
        ("accepts", "0.5mg/mL,1000mcg/mL"),
    ]
    with pytest.raises(Refusal) as caught:
        dose.plan({**BD60, "rate": "1mL/h", "over": "1h"}, BENCH, own)
    assert (caught.value.code, caught.value.field) == ("missing-field", "concentration")


@pytest.mark.requirement("DOSE-07")
@pytest.mark.requirement("DOSE-08")
def test_a_soft_limit_is_passed_by_a_reason_only():
    plan = dose.plan(KETAMINE, Mechanics())
    rows = Bounds(soft=(("dose", "", "0.4mg/kg"), ("over", "", "40min"), ("rate", "1mL/h", "")))
    with pytest.raises(Refusal) as caught:
        bounds.check_soft(plan, rows, None)
    assert caught.value.pairs() == [
        ("code", "soft-limit"),
        ("field", "dose"),
        ("given", "0.5mg/kg"),
        ("limit", "0.4mg/kg"),
        ("accepts", "override=<reason>"),
    ]
    passed = (("dose", "0.5mg/kg", "0.4mg/kg"),)
    assert bounds.check_soft(plan, rows, "why") == passed
    assert bounds.check_soft(plan, rows, None, passed) == passed
    assert bounds.check_soft(plan, Bounds(), None) == ()
    for reason, limits_, known, code in (
        ("", rows, (), "bad-value"),
        ("why", Bounds(), (), "needless"),
        ("why", rows, passed, "needless"),
        (None, rows, (("dose", "0.45mg/kg", "0.4mg/kg"),), "soft-limit"),
    ):
        with pytest.raises(Refusal) as caught:
            bounds.check_soft(plan, limits_, reason, known)
        assert caught.value.code == code
