"""Ramps: ten stairs of equal time, how far from the line, and what is refused of them."""

from fractions import Fraction

import pytest
from dose_oracle import BD60, BENCH, DRUG, RAMP, refusal_of, without

from pump.core import dose
from pump.core.mechanics import Mechanics
from tests.fixtures import core_selfcheck


@pytest.mark.requirement("DOSE-01")
@pytest.mark.parametrize("phase", [RAMP, {**RAMP, "to": "0mL/h"}, {**RAMP, "rate": "0mL/h"}])
def test_a_ramp_is_never_further_from_its_line_than_is_told(phase):
    """Rate within a twentieth of (rate - to), volume within an 800th of (rate - to) x over."""
    plan = dose.plan({**BD60, **phase}, BENCH)
    a, b = (Fraction(phase[name][:-4]) / 3600 * 10**6 for name in ("rate", "to"))
    ramp = plan.phases[0]
    start, volume, widest = 0, Fraction(0), Fraction(0)
    for stair in range(10):
        rate = a + (b - a) * (2 * stair + 1) / 20
        for within in range(10):
            at = start + 18 * within
            line = a + (b - a) * Fraction(at, 1800)
            assert abs(rate - line) <= abs(a - b) / 20
            ordered = Fraction(*core_selfcheck.volume_at(plan, (at * 10**6, 1)))
            assert ordered == (a + line) / 2 * at
            widest = max(widest, abs(volume + rate * 18 * within - ordered))
        start += 180
        volume += rate * 180
    assert widest == abs(a - b) * 1800 / 800 and len(ramp.stretches) == 10
    assert Fraction(*plan.total_volume_nl) == volume == (a + b) / 2 * 1800


@pytest.mark.requirement("DOSE-06")
@pytest.mark.parametrize(
    ("phase", "field", "given_text"),
    [
        ({**RAMP, "rate": "1200mL/h", "to": "0mL/h", "over": "1min"}, "rate", "1200.000mL/h"),
        ({**RAMP, "to": "1200mL/h", "over": "1min"}, "to", "1200.000mL/h"),
        ({**RAMP, "rate": "0.199mL/h", "to": "0mL/h"}, "to", "0.00995mL/h"),
        ({**RAMP, "rate": "0mL/h", "to": "0.199mL/h"}, "rate", "0.00995mL/h"),
        ({**RAMP, "rate": "0mL/h", "to": "0mL/h"}, "rate", "0.000mL/h"),
    ],
)
def test_ends_and_slowest_stair_of_a_ramp_are_within_the_range(phase, field, given_text):
    slow = Mechanics(max_step_hz=2400, start_stop_hz=2400)
    fields = {**BD60, **phase, "over": "3h" if phase["over"] == "30min" else "1min"}
    refusal = refusal_of(fields, mechanics=slow)
    if phase["rate"] == phase["to"]:
        assert (refusal.code, refusal.field) == ("out-of-range", "volume")
        return
    assert (refusal.code, refusal.field, refusal.given) == ("rate-range", field, given_text)
    assert dose.plan({**BD60, "rate": "0.2mL/h", "to": "0mL/h", "over": "3h"}, BENCH)


@pytest.mark.requirement("DOSE-02")
@pytest.mark.parametrize("drug", ["mg/h", "mg/kg/h"])
def test_a_ramp_of_the_drug_may_end_at_nothing_but_not_below_the_range(drug):
    fields = {**DRUG, "rate": "0.5" + drug, "to": "0" + drug, "over": "1h"}
    assert dose.plan(fields, BENCH).total_steps
    refusal = refusal_of({**fields, "to": "0.0000001" + drug})
    assert (refusal.code, refusal.given) == ("out-of-range", "0.0000001" + drug)


@pytest.mark.parametrize("name", ["rate", "over"])
def test_a_ramp_needs_its_beginning_and_its_time(name):
    refusal = refusal_of({**BD60, **without(RAMP, name)})
    assert (refusal.code, refusal.field) == ("missing-field", name)
