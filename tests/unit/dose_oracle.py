"""Prescriptions as they may be typed, and what they mean: in fractions.Fraction, from the
definitions of the requirements (DOSE-01 to DOSE-15)."""

from fractions import Fraction
from math import floor

import pytest
from hypothesis import strategies as st

from pump.core import dose
from pump.core.bounds import Bounds
from pump.core.mechanics import Mechanics
from pump.core.refusal import Refusal

BENCH = Mechanics()
BD60 = {"syringe": "bd-60", "volume-per-step": "138.8246nL"}
DRUG = {**BD60, "weight": "70kg", "concentration": "1mg/mL"}
KETAMINE = {**DRUG, "dose": "0.5mg/kg", "over": "40min"}
BY_RATE = {**BD60, "rate": "10mL/h", "over": "1h"}
PER_S = {"s": Fraction(1), "min": Fraction(60), "h": Fraction(3600)}
MG = {"mg": Fraction(1), "mcg": Fraction(1, 10**3), "ng": Fraction(1, 10**6)}


def refusal_of(fields, hard=(), mechanics=BENCH):
    with pytest.raises(Refusal) as caught:
        dose.plan(fields, mechanics, Bounds(hard))
    return caught.value


def without(fields, *names):
    return {name: text for name, text in fields.items() if name not in names}


@st.composite
def decimals(draw, low, high, places):
    """Decimal text in low..high (numbers of 10^-places)."""
    scaled = draw(st.integers(round(low * 10**places), round(high * 10**places)))
    return (
        "%d.%0*d" % (scaled // 10**places, places, scaled % 10**places) if places else str(scaled)
    )


@st.composite
def settings_of(draw):
    """Common fields, and what they mean: kg, mg/mL and nL per step."""
    weight = draw(decimals(0.3, 300, 3))
    strength = draw(decimals(0.01, 1000, 2))
    unit = draw(st.sampled_from(["mg", "mcg"]))
    step = draw(decimals(120, 160, 4))
    fields = {
        "syringe": "bd-60",
        "volume-per-step": step + "nL",
        "weight": weight + "kg",
        "concentration": strength + unit + "/mL",
    }
    return fields, Fraction(weight), Fraction(strength) * MG[unit], Fraction(step)


@st.composite
def amounts(draw, weight_kg, strength_mg_ml, forms=("volume", "mass", "per kg")):
    """An amount as typed, and its volume in nL."""
    number = draw(decimals(0.01, 50, 3))
    form = draw(st.sampled_from(forms))
    if form == "volume":
        return number + "mL", Fraction(number) * 10**6
    unit = draw(st.sampled_from(["mg", "mcg"]))
    milligrams = Fraction(number) * MG[unit] * (weight_kg if form == "per kg" else 1)
    text = number + unit + ("/kg" if form == "per kg" else "")
    return text, milligrams / strength_mg_ml * 10**6


@st.composite
def rates(draw, weight_kg, strength_mg_ml):
    """A rate as typed, and in nL/s."""
    text, volume = draw(amounts(weight_kg, strength_mg_ml))
    unit = draw(st.sampled_from(["min", "h"]))
    return text + "/" + unit, volume / PER_S[unit]


class Wanted:
    """A phase as typed, and what it means: nL, s, and the two ends of a ramp in nL/s."""

    def __init__(self, fields, volume, seconds, ends=()):
        self.fields, self.volume, self.seconds, self.ends = fields, volume, seconds, ends

    def parts(self):
        """(volume, seconds) of all that is at constant rate: of a ramp ten stairs, each at the
        rate that the line has in its middle."""
        if not self.ends:
            return [(self.volume, self.seconds)]
        a, b = self.ends
        time = self.seconds / 10
        return [((a + (b - a) * (2 * stair + 1) / 20) * time, time) for stair in range(10)]


@st.composite
def one_phase(draw, weight_kg, strength_mg_ml, time_units, alone=True):
    """A phase of any kind; ``alone`` a pause would deliver nothing."""
    kinds = ["dose-over", "volume-over", "rate-over", "dose-rate", "volume-rate", "ramp"]
    kind = draw(st.sampled_from(kinds + ([] if alone else ["pause"])))
    time_unit = draw(st.sampled_from(time_units))
    number = draw(decimals(1, 100, draw(st.integers(0, 3))))
    seconds = Fraction(number) * PER_S[time_unit]
    over = number + time_unit
    about = (weight_kg, strength_mg_ml)
    if kind == "pause":
        return Wanted({"pause": over}, Fraction(0), seconds)
    if kind == "rate-over":
        text, rate = draw(rates(*about))
        return Wanted({"rate": text, "over": over}, rate * seconds, seconds)
    if kind == "ramp":
        (first, a), (last, b) = draw(rates(*about)), draw(rates(*about))
        if draw(st.booleans()):
            last, b = "0mL/h", Fraction(0)
        fields = {"rate": first, "to": last, "over": over}
        return Wanted(fields, (a + b) / 2 * seconds, seconds, (a, b))
    name, _, second = kind.partition("-")
    text, volume = draw(
        amounts(*about, ("volume",) if name == "volume" else ("volume", "mass", "per kg"))
    )
    if second == "over":
        return Wanted({name: text, "over": over}, volume, seconds)
    rate_text, rate = draw(rates(*about))
    return Wanted({name: text, "rate": rate_text}, volume, volume / rate)


def deliverable(phase):
    """Within the device's own range of rates and times."""
    return phase.seconds >= 1 and all(
        not volume or Fraction(10**4, 3600) <= volume / time <= Fraction(1200 * 10**6, 3600)
        for volume, time in phase.parts()
    )


@st.composite
def prescriptions(draw, most_phases=1):
    common, weight, strength, step = draw(settings_of())
    count = draw(st.integers(1, most_phases))
    if most_phases == 1:
        phases = [draw(one_phase(weight, strength, ["s", "min", "h"]))]
    else:
        phase = one_phase(weight, strength, ["s", "min"], False).filter(deliverable)
        phases = [draw(phase) for _ in range(count)]
    return common, phases, weight, strength, step


def oracle_refuses(phases, step):
    """Volume or rates or times that the device does not take."""
    total = sum(phase.volume for phase in phases)
    seconds = [phase.seconds for phase in phases]
    if total > 60 * 10**6 or sum(seconds) > 96 * 3600 or min(seconds) < 1:
        return True
    if floor(total / step + Fraction(1, 2)) == 0:
        return True
    slow = max(Fraction(10**4, 3600), step / 60)
    fast = min(Fraction(1200 * 10**6, 3600), step * 10_000)
    flows = [part for phase in phases if phase.volume for part in phase.parts()]
    ends = [end for phase in phases for end in phase.ends]
    return any(not slow <= v / time <= fast for v, time in flows) or max(ends + [0]) > fast


RAMP = {"rate": "10mL/h", "to": "2mL/h", "over": "30min"}
