"""What ``calibrate`` is asked to do, completed with defaults and checked before a port opens."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction

from titra import calibration as cal
from titra import quantities as q
from titra.errors import PumpRefused, UsageError
from titra.prescription import HostPlan, compute

REFERENCE = "weight=70kg dose=0.5mg/kg over=40min concentration=1mg/mL"
REPEATS = 5
VOLUME_MOST_NL = Fraction(5 * 10**6)
DELIVERIES_PER_H = 30  # the default rate: one delivery takes 2 min
RATE_MOST_ML_H = Fraction(600)


@dataclass(frozen=True)
class Asked:
    """The options as typed; None for a default."""

    syringe: str | None
    board: str
    volume: str | None
    rate: str | None
    repeats: int | None
    purge: str | None
    density: str | None
    temperature: str | None
    weights: str | None
    plan: str


@dataclass(frozen=True)
class Job:
    """What will be done. ``measure``, ``purge`` and ``effect`` (the plan on which the effect is
    shown) are plans by the geometry; ``density`` is in g/mL; ``temperature`` is text with unit,
    '' where it is not known; ``weights`` are those known beforehand, g."""

    syringe: str
    board: str
    repeats: int
    measure: HostPlan
    purge: HostPlan
    density: Fraction
    temperature: str
    weights: tuple[Fraction, ...]
    effect: HostPlan

    @property
    def geometry_nl(self) -> Fraction:
        """Volume of a microstep by the geometry, nL."""
        return self.measure.volume_per_step_nl

    @property
    def needed_nl(self) -> Fraction:
        """What the syringe must hold, nL."""
        return self.repeats * self.measure.total_volume_nl + self.purge.total_volume_nl


def make_job(asked: Asked) -> Job:
    """Complete and check. Raises UsageError, and PumpRefused of the dose core."""
    if asked.syringe is None:
        raise PumpRefused("missing-field", {"field": "syringe"})
    density, temperature = _liquid(asked.density, asked.temperature)
    typed = [] if asked.weights is None else asked.weights.split(",")
    weights = tuple(cal.read_weight(text) for text in typed)
    repeats = _repeats(asked, len(weights))
    measure, purge, capacity_nl = _deliveries(asked, asked.syringe, repeats)
    effect = _effect(asked.plan, asked.syringe, asked.board, capacity_nl)
    job = Job(
        asked.syringe,
        asked.board,
        repeats,
        measure,
        purge,
        density,
        temperature,
        weights,
        effect,
    )
    if job.needed_nl > capacity_nl:
        limit = _ml(capacity_nl)
        why = f"{repeats} repeats and the purge come out of one filling"
        raise cal.refuse("capacity", "volume", _ml(job.needed_nl), limit, why)
    if weights:
        planned = [cal.Weighing(weight, measure.steps) for weight in weights]
        cal.evaluate(planned, density, job.geometry_nl)
    return job


def _liquid(density: str | None, temperature: str | None) -> tuple[Fraction, str]:
    """Density in g/mL and temperature; a density given holds, the temperature is only noted."""
    celsius = cal.read_temperature(temperature) if temperature is not None else None
    if density is not None:
        noted = "" if celsius is None else cal.plain(celsius) + "C"
        return cal.read_density(density), noted
    celsius = cal.ROOM_C if celsius is None else celsius
    return cal.water_density(celsius), cal.plain(celsius) + "C"


def _repeats(asked: Asked, known: int) -> int:
    """As asked for, or as many as there are weights."""
    repeats = asked.repeats if asked.repeats is not None else known or REPEATS
    cal.check_repeats(repeats)
    if known and known != repeats:
        raise cal.refuse("out-of-range", "weights", f"{known} weights", f"{repeats} weights")
    return repeats


def _deliveries(asked: Asked, syringe: str, repeats: int) -> tuple[HostPlan, HostPlan, Fraction]:
    """The plans of a repeat and of the purge, and the capacity of the syringe in nL."""
    from pump.core import quantity
    from pump.core import syringe as syringes

    with _core_refusals():
        capacity_nl = Fraction(syringes.find(syringe).volume_nl)
        volume = asked.volume or _default_volume(capacity_nl, repeats)
        volume_nl = Fraction(*quantity.parse("volume", volume, "volume"))
    rate = asked.rate or _default_rate(volume_nl)
    purge = asked.purge or _ml(volume_nl / 2)
    measuring = compute({"syringe": syringe, "volume": volume, "rate": rate}, asked.board)
    purging = compute({"syringe": syringe, "volume": purge, "rate": rate}, asked.board)
    return measuring, purging, capacity_nl


def _default_volume(capacity_nl: Fraction, repeats: int) -> str:
    """A whole percentage of the capacity that leaves room for two more; at most 5 mL."""
    share = Fraction(100 // (repeats + 2), 100)
    return _ml(min(capacity_nl * share, VOLUME_MOST_NL))


def _default_rate(volume_nl: Fraction) -> str:
    return q.decimal(min(volume_nl * DELIVERIES_PER_H / 10**6, RATE_MOST_ML_H)) + "mL/h"


def _ml(nl: Fraction) -> str:
    return cal.plain(nl / 10**6) + "mL"


def _effect(text: str, syringe: str, board: str, capacity_nl: Fraction) -> HostPlan:
    """What was typed must be possible; half a syringe replaces a reference that does not fit."""
    fields = {"syringe": syringe}
    for word in text.split():
        key, equals, value = word.partition("=")
        if not equals or key in (*fields, "volume-per-step"):
            details = {"field": "plan", "given": word}
            raise UsageError(f"--plan takes key=value of a phase, not {word!r}", details=details)
        fields[key] = value
    try:
        return compute(fields, board)
    except PumpRefused:
        if text != REFERENCE:
            raise
    return compute({"syringe": syringe, "volume": _ml(capacity_nl / 2), "over": "40min"}, board)


@contextmanager
def _core_refusals() -> Iterator[None]:
    from pump.core import refusal

    try:
        yield
    except refusal.Refusal as refused:
        raise PumpRefused(refused.code, dict(refused.pairs())) from refused
