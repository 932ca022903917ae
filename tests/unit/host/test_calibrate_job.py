"""What ``titra calibrate`` does by itself: volumes, density, the plan that shows the effect."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest

from pump.core import syringe as syringes
from titra.cli.calibrate_job import REFERENCE, Asked, Job, make_job

from .fake_pump import US


def job(**changes: Any) -> Job:
    nothing = dict.fromkeys(Asked.__dataclass_fields__)
    return make_job(Asked(**{**nothing, "board": "rpi_pico", "plan": REFERENCE, **changes}))


@pytest.mark.parametrize("syringe", syringes.ids())
def test_the_defaults_fit_every_syringe(syringe: str) -> None:
    capacity_nl = syringes.find(syringe).volume_nl
    for repeats in (None, 3, 4, 7, 30):
        one = job(syringe=syringe, repeats=repeats)
        assert one.needed_nl <= capacity_nl * Fraction(95, 100)
        assert one.measure.total_volume_nl <= min(5 * 10**6, capacity_nl // 5)
        assert one.measure.total_volume_nl >= capacity_nl // 50
    five = job(syringe=syringe)
    assert five.repeats == 5 and five.temperature == "20C"
    assert five.measure.duration_us == 120 * US
    assert five.purge.total_volume_nl * 2 == five.measure.total_volume_nl


def test_default_volumes() -> None:
    for syringe, volume in (("bd-60", "5mL"), ("bd-10", "1.4mL"), ("bd-1", "0.14mL")):
        assert job(syringe=syringe).measure.phases[0].entered["volume"] == volume


def test_density_and_temperature() -> None:
    def liquid(**changes: str) -> tuple[Fraction, str]:
        one = job(syringe="bd-60", **changes)
        return one.density, one.temperature

    assert liquid() == (Fraction("0.9982"), "20C")
    assert liquid(temperature="21.5C") == (Fraction("0.9979"), "21.5C")
    assert liquid(density="1005g/L") == (Fraction("1.005"), "")
    assert liquid(density="1005g/L", temperature="22C") == (Fraction("1.005"), "22C")


def test_the_effect_is_shown_on_what_fits() -> None:
    assert " dose=0.5mg/kg " in job(syringe="bd-60").effect.words
    assert " volume=5mL over=40min" in job(syringe="bd-10").effect.words
    mine = job(syringe="bd-10", plan="rate=5mL/h over=30min").effect
    assert mine.words == "syringe=bd-10 rate=5mL/h over=30min"
