"""A plan: phases with exact volumes and durations and whole steps, and its hash.

A plan never changes once made.  The number of steps at the end of each phase is the cumulative
volume over the volume per step, rounded half up once; the steps of a phase are the difference of
two such numbers, so rounding never adds up and the total is within half a step.  A phase is made
of stretches of constant rate, one except in a ramp; their steps are rounded in the same way.
"""

from pump.core.crc import crc32
from pump.core.limits import Entered
from pump.core.quantity import exact, show
from pump.core.ratio import ZERO, add, compare, div, half_up, make, mul, sub
from pump.core.syringe import Syringe
from pump.core.units import canonical_unit

US_PER_S = (10**6, 1)
PAUSE = "pause"
RAMP = "rate-to-over"
# A ramp is delivered as so many stairs of equal time, each at the rate of the line at its middle.
# The volume of each is that of the line; between them the rate is off by at most a twentieth of
# (rate - to), the volume by an 800th of (rate - to) x over.
STAIRS = 10


class Setting:
    """What holds for all phases: syringe, nL per step, slowest and fastest rate (nL/s), weight
    (g), concentration (ng/nL) and fill (nL); the last three as entered, or None."""

    def __init__(
        self,
        syringe: Syringe,
        volume_per_step_nl: tuple[int, int],
        rates_nl_per_s: tuple[tuple[int, int], tuple[int, int]],
        weight: Entered | None,
        concentration: Entered | None,
        fill: Entered | None,
    ) -> None:
        self.syringe = syringe
        self.volume_per_step_nl = volume_per_step_nl
        self.rates_nl_per_s = rates_nl_per_s
        self.weight = weight
        self.concentration = concentration
        self.fill = fill

    def available_nl(self) -> tuple[int, int]:
        """Return what may be delivered: what is in the syringe, or what it holds."""
        return self.fill.value if self.fill else make(self.syringe.volume_nl)


class Phase:
    """One part of a plan.

    kind           what was entered, as in "dose-over", "rate-to-over", "pause"
    entered        the quantities that define it, as typed
    volume_nl      ratio
    duration_us    ratio, not always whole (volume at a rate)
    rate_nl_per_s  ratio; the mean in a ramp, 0 in a pause
    ends_nl_per_s  the two ends of a ramp, else ()
    first_step     steps of the plan before this phase
    steps          whole steps of this phase; may be 0 in a phase smaller than a step
    stretches      (steps, duration in us as a ratio) at constant rate
    """

    def __init__(
        self,
        kind: str,
        entered: list[Entered],
        volume_nl: tuple[int, int],
        duration_us: tuple[int, int],
        rate_nl_per_s: tuple[int, int],
        ends_nl_per_s: tuple = (),
    ) -> None:
        self.kind = kind
        self.entered = entered
        self.volume_nl = volume_nl
        self.duration_us = duration_us
        self.rate_nl_per_s = rate_nl_per_s
        self.ends_nl_per_s = ends_nl_per_s
        self.first_step = 0
        self.steps = 0
        self.stretches: list[tuple[int, tuple[int, int]]] = []

    def rates(self) -> list[tuple[int, int]]:
        """Return the rates that a limit looks at: both ends of a ramp, none of a pause."""
        return [rate for rate in self.ends_nl_per_s or (self.rate_nl_per_s,) if rate[0]]

    def lay(self, first_step: int, before_nl: tuple[int, int], step_nl: tuple[int, int]) -> int:
        """Round to whole steps after ``before_nl``; returns the steps of the plan at the end."""
        self.first_step = first_step
        self.stretches = []
        done = first_step
        volumes = self._volumes(before_nl)
        time_us = div(self.duration_us, make(len(volumes)))
        for n, d in volumes:
            steps = half_up((n * step_nl[1], d * step_nl[0]))
            self.stretches.append((steps - done, time_us))
            done = steps
        self.steps = done - first_step
        return done

    def _volumes(self, before_nl: tuple[int, int]) -> list[tuple[int, int]]:
        """Volume of the plan at the end of each stretch, as unreduced ratios: C_i is
        T (2 S a i + (b - a) i^2) / 2 S^2 after i of S stairs from a to b in the time T."""
        if not self.ends_nl_per_s:
            return [add(before_nl, self.volume_nl)]
        (a_n, a_d), (b_n, b_d) = self.ends_nl_per_s
        t_n, t_d = self.duration_us
        first, last = a_n * b_d, b_n * a_d
        below = t_d * 10**6 * a_d * b_d * 2 * STAIRS * STAIRS
        volumes = []
        for stair in range(1, STAIRS + 1):
            above = t_n * (2 * STAIRS * first * stair + (last - first) * stair * stair)
            volumes.append((above * before_nl[1] + before_nl[0] * below, below * before_nl[1]))
        return volumes


class Plan:
    """An infusion: ``setting`` and ``phases`` with their totals, ``canonical`` text and ``hash``.

    total_dose_ng is None when the concentration is not known; weight_g and concentration likewise.
    rate_nl_per_s is that of the first phase with any flow; beside_nl is what is given besides
    (boluses, or for a bolus the plan itself) and counts where volume and dose are limited.
    The canonical text holds no patient identity.
    """

    def __init__(
        self, setting: Setting, phases: list[Phase], beside_nl: tuple[int, int] = ZERO
    ) -> None:
        self.setting = setting
        self.phases = phases
        self.beside_nl = beside_nl
        self.syringe = setting.syringe
        self.volume_per_step_nl = setting.volume_per_step_nl
        self.weight_g = setting.weight.value if setting.weight else None
        self.concentration = setting.concentration.value if setting.concentration else None
        self._add_up()
        self.canonical = _canonical(self)
        self.hash = "%08X" % crc32(self.canonical.encode())

    def _add_up(self) -> None:
        """Set the totals, and the steps of each phase by cumulative rounding."""
        volume, duration, steps = ZERO, ZERO, 0
        self.rate_nl_per_s = ZERO
        for phase in self.phases:
            steps = phase.lay(steps, volume, self.volume_per_step_nl)
            volume = add(volume, phase.volume_nl)
            duration = add(duration, phase.duration_us)
            if not self.rate_nl_per_s[0]:
                self.rate_nl_per_s = (phase.rates() or (ZERO,))[0]
        self.total_volume_nl = volume
        self.total_duration_us = duration
        self.total_dose_ng = self.drug_ng(volume)
        self.total_steps = steps

    def drug_ng(self, volume_nl: tuple[int, int]) -> tuple[int, int] | None:
        """Return the drug in a volume, or None without a concentration."""
        return mul(volume_nl, self.concentration) if self.concentration else None

    def stretches(self) -> list[tuple[int, tuple[int, int]]]:
        """Return (steps, duration in us as a ratio) of all that is at constant rate, in order."""
        return [stretch for phase in self.phases for stretch in phase.stretches]

    def as_entered(
        self, field: str, dimension: str, value: tuple[int, int], unit: str = ""
    ) -> Entered:
        """Return ``value`` as typed where some field says just that, else in ``unit``, by default
        the canonical one."""
        setting = self.setting
        typed = [entered for phase in self.phases for entered in phase.entered]
        for entered in typed + [setting.weight, setting.concentration]:
            if entered and (entered.field, entered.dimension) == (field, dimension):
                if entered.value == value:
                    return entered
        unit = unit or canonical_unit(dimension)
        return Entered(field, dimension, value, unit, show(value, unit, dimension))

    def volume_at(self, elapsed_us: tuple[int, int]) -> tuple[int, int]:
        """Return the ordered volume (nL) ``elapsed_us`` after the start, exact."""
        volume = ZERO
        for phase in self.phases:
            if compare(elapsed_us, phase.duration_us) < 0:
                return add(volume, _part(phase, div(elapsed_us, phase.duration_us)))
            volume = add(volume, phase.volume_nl)
            elapsed_us = sub(elapsed_us, phase.duration_us)
        return volume

    def delivered_nl(self, steps: int) -> tuple[int, int]:
        """Return the volume (nL) of ``steps`` steps, exact."""
        return mul(make(steps), self.volume_per_step_nl)


def _part(phase: Phase, part: tuple[int, int]) -> tuple[int, int]:
    """Return the ordered volume of the first ``part`` of a phase; in a ramp, of the line."""
    if not phase.ends_nl_per_s:
        return mul(phase.volume_nl, part)
    first, last = phase.ends_nl_per_s
    mean = add(first, div(mul(sub(last, first), part), make(2)))
    return mul(mul(mean, part), div(phase.duration_us, US_PER_S))


def _pair(field: str, value: tuple[int, int], dimension: str) -> str:
    """Write key=value without rounding, in the canonical unit."""
    return field + "=" + exact(value, canonical_unit(dimension), dimension)


def _canonical(plan: Plan) -> str:
    """Return the text that the hash is taken of: all that decides what the motor does."""
    setting = plan.setting
    words = ["titra-plan=1", "syringe=" + setting.syringe.id]
    words.append(_pair("capacity", make(setting.syringe.volume_nl), "volume"))
    words.append("volume-per-step=" + exact(setting.volume_per_step_nl, "nL", "volume"))
    for entered in (setting.fill, setting.weight, setting.concentration):
        if entered:
            words.append(_pair(entered.field, entered.value, entered.dimension))
    for at, phase in enumerate(plan.phases):
        words.append("phase=%d" % (at + 1))
        words.append("kind=" + phase.kind)
        for entered in phase.entered:
            words.append(_pair(entered.field, entered.value, entered.dimension))
        words.append(_pair("total", phase.volume_nl, "volume"))
        words.append(_pair("duration", phase.duration_us, "time"))
        words.append("steps=%d" % phase.steps)
    return " ".join(words)
