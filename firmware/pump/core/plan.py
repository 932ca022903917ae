"""A plan: phases with exact volumes and durations and whole steps, and its hash.

A plan never changes once made.  The number of steps at the end of each phase is the cumulative
volume over the volume per step, rounded half up once; the steps of a phase are the difference of
two such numbers, so rounding never adds up and the total is within half a step.  A phase is made
of stretches of constant rate, one except in a ramp; their steps are rounded in the same way.
"""

from binascii import crc32

from pump.core.limits import Entered
from pump.core.quantity import exact, show
from pump.core.ratio import ZERO, add, compare, div, half_up, make, mul, sub
from pump.core.syringe import Syringe
from pump.core.units import canonical_unit

US_PER_S = (10**6, 1)
PAUSE = "pause"
PAST = "past"
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

    def rate_of(self, stretch: int) -> tuple[int, int]:
        """Return the rate of a stretch: the phase's own, or that of the line in the middle of a
        stair."""
        if not self.ends_nl_per_s:
            return self.rate_nl_per_s
        first, last = self.ends_nl_per_s
        return add(first, mul(sub(last, first), make(2 * stretch + 1, 2 * STAIRS)))

    def rates(self) -> list[tuple[int, int]]:
        """Return the rates that a limit looks at: both ends of a ramp, none of a pause."""
        return [rate for rate in self.ends_nl_per_s or (self.rate_nl_per_s,) if rate[0]]

    def lay(
        self,
        first_step: int,
        before_nl: tuple[int, int],
        step_nl: tuple[int, int],
        begun: tuple[int, int] = ZERO,
    ) -> int:
        """Round to whole steps after ``before_nl``; returns the steps of the plan at the end.

        ``begun`` is the part of the first step that is due already: it comes after the rest of
        its interval at the rate of this phase.
        """
        self.first_step = first_step
        self.stretches = []
        done = first_step
        volumes = self.volumes(before_nl)
        time_us = div(self.duration_us, make(len(volumes)))
        for n, d in volumes:
            steps = half_up((n * step_nl[1], d * step_nl[0]))
            self.stretches.append((steps - done, time_us))
            done = steps
        self.steps = done - first_step
        if begun[0] and self.stretches[0][0]:
            interval_us = div(mul(US_PER_S, step_nl), self.rate_of(0))
            self.stretches[:1] = _carried(*self.stretches[0], interval_us, begun)
        return done

    def volumes(self, before_nl: tuple[int, int]) -> list[tuple[int, int]]:
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


class Past(Phase):
    """What was delivered before a change: ``steps`` in ``duration_us``, and ``begun`` of the step
    after them, which is ``volume_nl`` as ordered."""

    def __init__(
        self,
        steps: int,
        begun: tuple[int, int],
        volume_nl: tuple[int, int],
        duration_us: tuple[int, int],
    ) -> None:
        super().__init__(PAST, [], volume_nl, duration_us, ZERO)
        self.steps = steps
        self.begun = begun
        self.stretches = [(steps, duration_us)]

    def lay(
        self,
        first_step: int,
        before_nl: tuple[int, int],
        step_nl: tuple[int, int],
        begun: tuple[int, int] = ZERO,
    ) -> int:
        """The past stays as it was."""
        return self.steps


def _carried(
    steps: int, time_us: tuple[int, int], interval_us: tuple[int, int], begun: tuple[int, int]
) -> list[tuple[int, tuple[int, int]]]:
    """Return the stretch of ``steps`` in ``time_us`` as two: the first step after the rest of its
    interval, the others evenly in what is left. Where that would leave them less than half of
    their interval (a few steps, and the rounding of the total), all come evenly."""
    first_us = mul(interval_us, sub(make(1), begun))
    rest_us = sub(time_us, first_us)
    others = make(2 * rest_us[0], rest_us[1])
    if rest_us[0] <= 0 or compare(others, mul(interval_us, make(steps - 1))) < 0:
        return [(steps, time_us)]
    return [(1, first_us), (steps - 1, rest_us)]


class Plan:
    """An infusion: ``setting`` and ``phases`` with their totals, ``canonical`` text and ``hash``.

    total_dose_ng is None when the concentration is not known; weight_g and concentration likewise.
    rate_nl_per_s is that of the first phase with any flow; beside_nl is what is given besides
    (boluses, or for a bolus the plan itself) and counts where volume and dose are limited.
    overridden lists (field, given, limit) of the soft limits that it is beyond, for a reason.
    The canonical text holds no patient identity.
    """

    def __init__(
        self, setting: Setting, phases: list[Phase], beside_nl: tuple[int, int] = ZERO
    ) -> None:
        self.setting = setting
        self.phases = phases
        self.beside_nl = beside_nl
        self.overridden: tuple = ()
        self.syringe = setting.syringe
        self.volume_per_step_nl = setting.volume_per_step_nl
        self.weight_g = setting.weight.value if setting.weight else None
        self.concentration = setting.concentration.value if setting.concentration else None
        self._add_up()
        self.canonical = _canonical(self)
        self.hash = "%08X" % crc32(self.canonical.encode())

    def _add_up(self) -> None:
        """Set the totals, and the steps of each phase by cumulative rounding."""
        volume, duration, steps, begun = ZERO, ZERO, 0, ZERO
        self.rate_nl_per_s = ZERO
        for phase in self.phases:
            steps = phase.lay(steps, volume, self.volume_per_step_nl, begun)
            begun = phase.begun if phase.kind == PAST else ZERO
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

    def past_steps(self) -> int:
        """Return the steps made before the last change, 0 without one."""
        return self.phases[0].steps if self.phases[0].kind == PAST else 0

    def ordered_nl(self, steps: tuple[int, int]) -> tuple[int, int]:
        """Return the ordered volume (nL) that stands behind so many steps, a ratio: that of all
        phases before, and the same part of a stretch as of its steps."""
        before, done = ZERO, 0
        for phase in self.phases:
            volumes = phase.volumes(before)
            counts = [count for count, _ in phase.stretches]
            if len(counts) > len(volumes):  # the first step of a change has a stretch of its own
                counts[:2] = [counts[0] + counts[1]]
            for count, volume in zip(counts, volumes):
                begun = self.begun(done)
                if count and compare(steps, make(done + count)) < 0:
                    part = div(sub(steps, add(make(done), begun)), sub(make(count), begun))
                    return add(before, mul(sub(volume, before), part if part[0] > 0 else ZERO))
                done += count
                before = make(*volume)
        return before

    def begun(self, step: int) -> tuple[int, int]:
        """Return what of the step after ``step`` was due when the plan was last changed there."""
        past = self.phases[0]
        return past.begun if past.kind == PAST and past.steps == step else ZERO

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

    def delivered_nl(self, steps: int) -> tuple[int, int]:
        """Return the volume (nL) of ``steps`` steps, exact."""
        return mul(make(steps), self.volume_per_step_nl)


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
