"""Every dose vector reproduced exactly: rates, volumes, durations, steps and checkpoints."""

import json
from fractions import Fraction
from pathlib import Path

import pytest

from pump.core import dose
from pump.core.bounds import Bounds, beyond
from pump.core.mechanics import Mechanics
from pump.core.ratio import div, half_up, make
from pump.core.refusal import Refusal
from tests.fixtures import core_selfcheck

FILE = Path(__file__).parent.parent / "fixtures" / "dose_vectors.json"
DATA = json.loads(FILE.read_text())
VECTORS = pytest.mark.parametrize("vector", DATA["vectors"], ids=lambda vector: vector["id"])
SYRINGES = {"BD1_M5": "bd-1", "BD10_M5": "bd-10", "IDEAL40": "bd-10"}
TICKS_PER_S = 10**6  # the vectors' own tick


def exact(text):
    return None if text is None else Fraction(text)


def number(pair):
    return None if pair is None else Fraction(*pair)


def mechanics_of(vector):
    lead = "2mm" if vector["inputs"]["mechanics"] == "BD60_T8" else "0.8mm"
    return Mechanics(lead=lead)


def common_of(vector):
    inputs = vector["inputs"]
    name = inputs["mechanics"]
    fields = {
        "syringe": SYRINGES.get(name, "bd-60"),
        "volume-per-step": DATA["mechanics"][name]["nl_per_ustep"] + "nL",
    }
    if "weight" in inputs:
        fields["weight"] = inputs["weight"] + inputs["weight_unit"]
        fields["concentration"] = inputs["conc"] + inputs["conc_unit"]
    return fields


def phase_fields(phase):
    """The wire fields of one phase of a vector."""
    over = {"over": phase["duration"] + phase["duration_unit"]} if "duration" in phase else {}
    if phase["kind"] == "dose_over_time":
        return {"dose": phase["dose"] + phase["dose_unit"], **over}
    if phase["kind"] == "dose_rate":
        return {"rate": phase["dose"] + phase["dose_unit"], **over}
    if phase["kind"] == "rate_time":
        return {"rate": phase["rate"] + "mL/h", **over}
    assert phase["kind"] == "rate_vtbi"
    return {"rate": phase["rate"] + "mL/h", "volume": phase["vtbi"] + "mL"}


def phases_of(vector):
    return [phase_fields(phase) for phase in vector["inputs"]["phases"]]


def draft(vector):
    return core_selfcheck.draft(common_of(vector), phases_of(vector), mechanics_of(vector))


def test_every_vector_is_here():
    assert len(DATA["vectors"]) == 6


@pytest.mark.requirement("DOSE-01")
@VECTORS
def test_phases(vector):
    plan = draft(vector)
    cumulative = Fraction(0)
    for phase, want in zip(plan.phases, vector["outputs"]["phases"], strict=True):
        rate = number(phase.rate_nl_per_s)
        cumulative += number(phase.volume_nl)
        dose_ng = number(plan.drug_ng(phase.volume_nl))
        assert dose_ng == exact(want["dose_total_ng"])
        assert number(phase.volume_nl) == exact(want["volume_nL"])
        assert number(phase.duration_us) == exact(want["duration_s"]) * 10**6
        assert rate == exact(want["rate_nL_per_s"])
        assert rate * 3600 / 10**6 == exact(want["rate_mL_per_h"])
        assert rate / number(plan.volume_per_step_nl) == exact(want["usteps_per_s"])
        interval = number(plan.volume_per_step_nl) / rate * TICKS_PER_S
        assert interval == exact(want["step_interval_ticks"])
        assert cumulative == exact(want["cumulative_volume_nL_at_end"])
        end_step = phase.first_step + phase.steps
        assert end_step == want["cumulative_usteps_at_end"]["half_up"]
        if dose_ng:
            per_second = dose_ng / number(phase.duration_us) * 10**6
            assert per_second == exact(want["dose_rate_ng_per_s"])


@VECTORS
def test_dose_rates_as_judged(vector):
    """A limit of just the highest rate holds, one a billionth below does not."""
    wanted = [exact(phase["dose_rate_mg_per_kg_per_h"]) for phase in vector["outputs"]["phases"]]
    if None in wanted:
        return
    for most, broken in ((max(wanted), False), (max(wanted) - Fraction(1, 10**9), True)):
        text = "%d.%09dmg/kg/h" % divmod(int(most * 10**9), 10**9)
        assert bool(beyond(draft(vector), (("rate", "", text),))) == broken


@pytest.mark.requirement("DOSE-01", "DOSE-17")
@VECTORS
def test_totals(vector):
    plan = draft(vector)
    want = vector["outputs"]["total"]
    assert number(plan.total_dose_ng) == exact(want["dose_ng"])
    assert number(plan.total_volume_nl) == exact(want["volume_nL"])
    assert number(plan.total_duration_us) == exact(want["duration_s"]) * 10**6
    assert plan.total_steps == want["usteps"]["half_up"]
    delivered = number(plan.delivered_nl(plan.total_steps))
    assert delivered == exact(want["delivered_nL"]["half_up"])
    assert delivered - number(plan.total_volume_nl) == exact(want["error_nL"]["half_up"])
    if plan.weight_g:
        assert number(plan.weight_g) == exact(vector["outputs"]["weight_kg"]) * 1000
        assert number(plan.concentration) == exact(vector["outputs"]["conc_ng_per_nL"])


@VECTORS
def test_checkpoints(vector):
    plan = draft(vector)
    assert vector["outputs"]["checkpoints"]
    for point in vector["outputs"]["checkpoints"]:
        volume = core_selfcheck.volume_at(plan, make(int(Fraction(point["t_s"]) * 10**6)))
        assert number(volume) == exact(point["volume_nL"])
        steps = div(volume, plan.volume_per_step_nl)
        assert number(steps) == exact(point["usteps_exact"])
        assert half_up(steps) == point["usteps"]["half_up"]


@VECTORS
def test_is_planned_or_refused_by_the_syringe(vector):
    args = (common_of(vector), phases_of(vector), mechanics_of(vector))
    if vector["outputs"]["total"]["full_syringes"] == 1:
        assert dose.plan_phases(*args).hash == draft(vector).hash
    else:
        with pytest.raises(Refusal) as caught:
            dose.plan_phases(*args)
        assert (caught.value.code, caught.value.limit) == ("capacity", "60mL")


@pytest.mark.requirement("DOSE-07")
def test_hard_limit_on_the_dose_rate_is_inclusive():
    limited = [vector for vector in DATA["vectors"] if "limit" in vector["inputs"]]
    assert [vector["id"] for vector in limited] == ["V02"]
    limit = limited[0]["inputs"]["limit"]
    args = (common_of(limited[0]), phases_of(limited[0]), mechanics_of(limited[0]))
    at = Bounds((("rate", "", limit["hard_max"] + limit["unit"]),))
    assert dose.plan_phases(*args, at).total_steps == 172070
    with pytest.raises(Refusal) as caught:
        dose.plan_phases(*args, Bounds((("rate", "", "0.999999999" + limit["unit"]),)))
    assert caught.value.code == "hard-limit"
