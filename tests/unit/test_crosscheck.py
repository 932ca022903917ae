"""The second route to the plan: whatever is spoiled in a plan, the cross-check finds it."""

import pytest
from dose_oracle import BENCH, DRUG, KETAMINE, refusal_of

from pump.core import dose
from pump.core.crosscheck import check_plan
from pump.core.refusal import Refusal
from tests.fixtures import core_selfcheck


def three_phases():
    phases = [
        {"dose": "0.1mg/kg", "over": "10min"},
        {"rate": "7mL/h", "volume": "5mL"},
        {"rate": "3mcg/kg/min", "over": "20min"},
    ]
    return core_selfcheck.draft(DRUG, phases, BENCH)


def shift_step(plan, at, to):
    """All that hangs on it too: only the volume up to there is wrong, by a step."""
    for phase, more in ((plan.phases[at], 1), (plan.phases[to], -1)):
        phase.steps += more
        ((steps, us),) = phase.stretches
        phase.stretches = [(steps + more, us)]


def spoil_steps(plan):
    plan.phases[2].steps += 1


def spoil_total(plan):
    plan.total_steps += 1


def spoil_split(plan):
    shift_step(plan, 0, 1)
    plan.phases[1].first_step += 1


def spoil_first_step(plan):
    plan.phases[1].first_step += 1


def spoil_over(plan):
    plan.phases[0].duration_us = (600_000_001, 1)


def spoil_rate(plan):
    n, d = plan.phases[1].duration_us
    plan.phases[1].duration_us = (n + 1, d)


def spoil_rate_and_its_stretch(plan):
    """The phase is of one piece and too long: 5 mL are not 7 mL/h for that time."""
    phase = plan.phases[1]
    ((steps, (n, d)),) = phase.stretches
    phase.duration_us = (n + 1, d)
    phase.stretches = [(steps, (n + 1, d))]


def spoil_sign_of_a_stretch(plan):
    """Together the steps of the phase, but one stretch goes back."""
    phase = plan.phases[0]
    n, d = phase.duration_us
    phase.stretches = [(phase.steps + 1, (n, 2 * d)), (-1, (n, 2 * d))]


def spoil_volume(plan):
    n, d = plan.phases[1].volume_nl
    plan.phases[1].volume_nl = (n + 1, d)


def spoil_dose(plan):
    plan.phases[0].entered[0].value = (101, 1)


def spoil_weight(plan):
    plan.weight_g = (7000, 1)


def spoil_concentration(plan):
    plan.concentration = (10, 1)


def spoil_volume_per_step(plan):
    plan.volume_per_step_nl = (140, 1)


def spoil_sign(plan):
    plan.phases[0].steps = -plan.phases[0].steps


def spoil_what_was_entered(plan):
    plan.phases[0].entered = []


# what the check names where a check before it would name something else
FIELDS = {spoil_rate_and_its_stretch: "over", spoil_sign_of_a_stretch: "steps"}
SPOILS = [value for name, value in sorted(globals().items()) if name.startswith("spoil_")]


@pytest.mark.requirement("DOSE-10")
def test_a_fault_on_the_way_forward_is_refused(monkeypatch):
    """Rounding that drops a step never gets as far as a plan."""
    assert dose.plan(KETAMINE, BENCH).total_steps == 252117
    monkeypatch.setattr("pump.core.plan.half_up", lambda pair: pair[0] // pair[1] - 1)
    assert refusal_of(KETAMINE).code == "internal-mismatch"


@pytest.mark.requirement("DOSE-10")
@pytest.mark.parametrize("spoil", SPOILS, ids=lambda spoil: spoil.__name__[6:])
def test_second_route_finds_what_is_spoiled(spoil):
    plan = three_phases()
    check_plan(plan)
    spoil(plan)
    with pytest.raises(Refusal) as caught:
        check_plan(plan)
    assert caught.value.code == "internal-mismatch"
    assert caught.value.field == FIELDS.get(spoil, caught.value.field)
