"""The second way of computing a plan: back from steps and durations to what was entered.

Forward, ``dose`` turns the prescription into volumes, durations and steps.  Here each phase's
steps and duration are turned back into the entered dose, rate or volume, in plain integers and
without any function of the forward way.  Bounds, with v the volume of a step:

    phase       |steps v - entered volume| < v    (two roundings of half a step each);
                2 v after a change, 3/2 v in the past (the step begun there is not made yet)
    stretches   together the steps and the duration of their phase
    cumulative  |sum of steps v - sum of volumes| <= v/2 at the end of every phase
    durations   equal to the entered ones; an amount at a rate: duration x rate = amount

A disagreement is refused as internal-mismatch.
"""

from pump.core.limits import Entered
from pump.core.plan import Phase, Plan
from pump.core.refusal import Refusal, clean


def _mismatch(field: str, given: str, limit: str) -> None:
    raise Refusal("internal-mismatch", field, given, clean(limit))


def check_plan(plan: Plan) -> None:
    """Refuse (internal-mismatch) a plan that does not lead back to its own prescription."""
    steps = 0
    volume_n, volume_d = 0, 1
    for phase in plan.phases:
        if phase.first_step != steps or phase.steps < 0:
            _mismatch("first-step", str(phase.first_step), str(steps))
        changed = phase.kind == "past"
        steps += phase.steps
        volume_n = volume_n * phase.volume_nl[1] + phase.volume_nl[0] * volume_d
        volume_d *= phase.volume_nl[1]
        _check_steps(plan, steps, volume_n, volume_d, 3 if changed else 1)
        _check_duration(phase)
        if not changed:
            _check_entered(plan, phase, 2 if plan.phases[0].kind == "past" else 1)
    if steps != plan.total_steps:
        _mismatch("steps", str(plan.total_steps), str(steps))
    if volume_n * plan.total_volume_nl[1] != plan.total_volume_nl[0] * volume_d:
        _mismatch("volume", "%d/%d" % plan.total_volume_nl, "%d/%d" % (volume_n, volume_d))


def _check_steps(plan: Plan, steps: int, volume_n: int, volume_d: int, most: int) -> None:
    """Check 2 |steps v - volume| <= most v for the plan up to here."""
    v_n, v_d = plan.volume_per_step_nl
    apart = abs(steps * v_n * volume_d - volume_n * v_d)
    if 2 * apart > most * v_n * volume_d:
        _mismatch("steps", str(steps), "%d/%d" % (volume_n, volume_d))


def _check_duration(phase: Phase) -> None:
    """Check the duration against the time entered, and that the stretches make up the phase."""
    n, d = phase.duration_us
    for entered in phase.entered:
        if entered.dimension == "time" and n * entered.value[1] != entered.value[0] * d:
            _mismatch(entered.field, "%d/%d" % (n, d), phase.kind)
    steps, us_n, us_d = 0, 0, 1
    for count, (stretch_n, stretch_d) in phase.stretches:
        if count < 0:
            _mismatch("steps", str(count), phase.kind)
        steps += count
        if stretch_d != us_d:
            us_n, us_d, stretch_n = us_n * stretch_d, us_d * stretch_d, stretch_n * us_d
        us_n += stretch_n
    if steps != phase.steps or us_n * d != n * us_d:
        _mismatch("stretches", str(steps), str(phase.steps))


def _check_entered(plan: Plan, phase: Phase, most: int) -> None:
    """Turn each quantity entered into a volume; the phase's steps must agree within ``most``.

    An amount at a rate gives the same volume twice, exactly; a ramp that of the mean of its ends.
    """
    if "-".join([e.field for e in phase.entered]) != phase.kind:
        _mismatch("phase", phase.kind, "entered")
    volumes = [_volume_of(plan, phase, e) for e in phase.entered if e.dimension != "time"]
    if phase.kind == "rate-to-over":
        (a_n, a_d), (b_n, b_d) = volumes
        volumes = [(a_n * b_d + b_n * a_d, 2 * a_d * b_d)]
    if len(volumes) == 2 and volumes[0][0] * volumes[1][1] != volumes[1][0] * volumes[0][1]:
        _mismatch("over", "%d/%d" % phase.duration_us, phase.kind)
    v_n, v_d = plan.volume_per_step_nl
    for n, d in volumes:
        if not -most * v_n * d < phase.steps * v_n * d - n * v_d < most * v_n * d:
            _mismatch(phase.kind, str(phase.steps), "%d/%d" % (n, d))


def _volume_of(plan: Plan, phase: Phase, entered: Entered) -> tuple[int, int]:
    """Return an entered amount, or what an entered rate comes to in the phase, in nL."""
    n, d = entered.value
    dimension = entered.dimension
    if dimension in ("rate", "mass-rate", "dose-rate"):
        n, d = n * phase.duration_us[0], d * phase.duration_us[1] * 10**6
    if dimension in ("dose", "dose-rate"):
        weight = plan.weight_g or NOTHING
        n, d = n * weight[0], d * weight[1]
    if dimension in ("mass", "mass-rate", "dose", "dose-rate"):
        strong = plan.concentration or NOTHING
        n, d = n * strong[1], d * strong[0]
    return n, d


NOTHING = (0, 1)
