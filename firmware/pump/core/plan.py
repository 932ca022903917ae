"""A plan: phases with exact volumes and durations and whole steps, and its hash.

A plan never changes once made.  The number of steps at the end of each phase is the cumulative
volume over the volume per step, rounded half up once; the steps of a phase are the difference of
two such numbers, so rounding never adds up and the total is within half a step.
"""

from pump.core.crc import crc32
from pump.core.limits import Entered, dimension_of
from pump.core.quantity import exact, show
from pump.core.ratio import ZERO, add, compare, div, half_up, make, mul, sub
from pump.core.syringe import Syringe
from pump.core.units import canonical_unit

US_PER_S = (10**6, 1)


class Setting:
    """What holds for all phases: syringe, nL per step, slowest and fastest rate (nL/s), weight (g)
    and concentration (ng/nL)."""

    def __init__(
        self,
        syringe: Syringe,
        volume_per_step_nl: tuple[int, int],
        rates_nl_per_s: tuple[tuple[int, int], tuple[int, int]],
        weight: Entered | None,
        concentration: Entered | None,
    ) -> None:
        self.syringe = syringe
        self.volume_per_step_nl = volume_per_step_nl
        self.rates_nl_per_s = rates_nl_per_s
        self.weight = weight
        self.concentration = concentration


class Phase:
    """One stretch at constant rate.

    kind         one of the names in dose.KINDS
    entered      the one or two quantities that define it, as typed
    dose_ng      ratio, or None when the concentration is not known
    volume_nl    ratio
    duration_us  ratio, not always whole (volume at a rate)
    first_step   steps of the plan before this phase
    steps        whole steps of this phase; may be 0 in a phase smaller than a step
    """

    def __init__(
        self,
        kind: str,
        entered: list[Entered],
        dose_ng: tuple[int, int] | None,
        volume_nl: tuple[int, int],
        duration_us: tuple[int, int],
    ) -> None:
        self.kind = kind
        self.entered = entered
        self.dose_ng = dose_ng
        self.volume_nl = volume_nl
        self.duration_us = duration_us
        self.first_step = 0
        self.steps = 0

    def rate_nl_per_s(self) -> tuple[int, int]:
        """Return the rate of the phase, exact."""
        return div(mul(self.volume_nl, US_PER_S), self.duration_us)


class Plan:
    """An infusion: ``setting`` and ``phases`` with their totals, ``canonical`` text and ``hash``.

    total_dose_ng is None when the concentration is not known; weight_g and concentration likewise.
    rate_nl_per_s is that of the first phase.  The canonical text holds no patient identity.
    """

    def __init__(self, setting: Setting, phases: list[Phase]) -> None:
        self.setting = setting
        self.phases = phases
        self.syringe = setting.syringe
        self.volume_per_step_nl = setting.volume_per_step_nl
        self.weight_g = setting.weight.value if setting.weight else None
        self.concentration = setting.concentration.value if setting.concentration else None
        self._add_up()
        self.rate_nl_per_s = phases[0].rate_nl_per_s()
        self.canonical = _canonical(self)
        self.hash = "%08X" % crc32(self.canonical.encode())

    def _add_up(self) -> None:
        """Set the totals, and the steps of each phase by cumulative rounding."""
        volume, duration, dose, steps = ZERO, ZERO, ZERO, 0
        for phase in self.phases:
            volume = add(volume, phase.volume_nl)
            duration = add(duration, phase.duration_us)
            dose = add(dose, phase.dose_ng or ZERO)
            phase.first_step = steps
            steps = half_up(div(volume, self.volume_per_step_nl))
            phase.steps = steps - phase.first_step
        self.total_volume_nl = volume
        self.total_duration_us = duration
        self.total_dose_ng = dose if self.concentration else None
        self.total_steps = steps

    def volume_at(self, elapsed_us: tuple[int, int]) -> tuple[int, int]:
        """Return the ideal volume (nL) delivered ``elapsed_us`` after the start, exact."""
        volume = ZERO
        for phase in self.phases:
            if compare(elapsed_us, phase.duration_us) < 0:
                part = mul(phase.volume_nl, div(elapsed_us, phase.duration_us))
                return add(volume, part)
            volume = add(volume, phase.volume_nl)
            elapsed_us = sub(elapsed_us, phase.duration_us)
        return volume

    def delivered_nl(self, steps: int) -> tuple[int, int]:
        """Return the volume (nL) of ``steps`` steps, exact."""
        return mul(make(steps), self.volume_per_step_nl)

    def judged(self) -> list[Entered]:
        """Return every quantity that hard and soft limits may be set on.

        The dose is that of the whole plan, so that splitting it into phases does not get round a
        limit; rate and dose rate are those of each phase.  Derived values read as ``show`` does.
        """
        listed = []
        total_us = self.total_duration_us
        for phase in self.phases:
            listed.append(self.as_entered(phase, "rate", phase.rate_nl_per_s()))
            per_kg = _dose_per_weight(phase.dose_ng, self.weight_g)
            if per_kg:
                rate = div(mul(per_kg, US_PER_S), phase.duration_us)
                listed.append(self.as_entered(phase, "dose-rate", rate))
        first = self.phases[0]
        per_kg = _dose_per_weight(self.total_dose_ng, self.weight_g)
        if per_kg:
            listed.append(self.as_entered(first, "dose", per_kg))
        listed.append(self.as_entered(first, "over", total_us))
        known = (self.setting.weight, self.setting.concentration)
        return listed + [entered for entered in known if entered]

    def as_entered(self, phase: Phase, field: str, value: tuple[int, int]) -> Entered:
        """Return ``value`` as typed when the phase says just that, else in the canonical unit."""
        for entered in phase.entered:
            if entered.field == field and entered.value == value:
                return entered
        dimension = dimension_of(field)
        unit = canonical_unit(dimension)
        return Entered(field, value, unit, show(value, unit, dimension))


def _dose_per_weight(
    dose_ng: tuple[int, int] | None, weight_g: tuple[int, int] | None
) -> tuple[int, int] | None:
    """Return ng/g, or None when either is not known."""
    return div(dose_ng, weight_g) if dose_ng and weight_g else None


def _pair(field: str, value: tuple[int, int], dimension: str) -> str:
    """Write key=value without rounding, in the canonical unit."""
    return field + "=" + exact(value, canonical_unit(dimension), dimension)


def _canonical(plan: Plan) -> str:
    """Return the text that the hash is taken of: all that decides what the motor does."""
    setting = plan.setting
    words = ["titra-plan=1", "syringe=" + setting.syringe.id]
    words.append(_pair("capacity", make(setting.syringe.volume_nl), "volume"))
    words.append("volume-per-step=" + exact(setting.volume_per_step_nl, "nL", "volume"))
    for entered in (setting.weight, setting.concentration):
        if entered:
            words.append(_pair(entered.field, entered.value, dimension_of(entered.field)))
    for at, phase in enumerate(plan.phases):
        words.append("phase=%d" % (at + 1))
        words.append("kind=" + phase.kind)
        for entered in phase.entered:
            words.append(_pair(entered.field, entered.value, dimension_of(entered.field)))
        words.append(_pair("total", phase.volume_nl, "volume"))
        words.append(_pair("duration", phase.duration_us, "time"))
        words.append("steps=%d" % phase.steps)
    return " ".join(words)
