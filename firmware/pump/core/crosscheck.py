"""The second way of computing a plan: back from steps and durations to what was entered.

Forward, ``dose`` turns the prescription into volumes, durations and steps.  Here each phase's
steps and duration are turned back into the entered dose, rate or volume, in plain integers and
without any function of the forward way.  Bounds, with v the volume of a step:

    phase       |steps v - entered volume| < v    (two roundings of half a step each)
    cumulative  |sum of steps v - sum of volumes| <= v/2 at the end of every phase
    durations   equal to the entered ones; a volume at a rate: duration x rate = volume

A disagreement is refused as internal-mismatch.
"""

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
        steps += phase.steps
        volume_n = volume_n * phase.volume_nl[1] + phase.volume_nl[0] * volume_d
        volume_d *= phase.volume_nl[1]
        _check_within_half(plan, steps, volume_n, volume_d)
        _check_duration(phase)
        _check_entered(plan, phase)
    if steps != plan.total_steps:
        _mismatch("steps", str(plan.total_steps), str(steps))
    if volume_n * plan.total_volume_nl[1] != plan.total_volume_nl[0] * volume_d:
        _mismatch("volume", "%d/%d" % plan.total_volume_nl, "%d/%d" % (volume_n, volume_d))


def _check_within_half(plan: Plan, steps: int, volume_n: int, volume_d: int) -> None:
    """Check 2 |steps v - volume| <= v for the plan up to here."""
    v_n, v_d = plan.volume_per_step_nl
    apart = abs(steps * v_n * volume_d - volume_n * v_d)
    if 2 * apart > v_n * volume_d:
        _mismatch("steps", str(steps), "%d/%d" % (volume_n, volume_d))


def _entered(phase: Phase, field: str) -> tuple[int, int] | None:
    for entered in phase.entered:
        if entered.field == field:
            return entered.value
    return None


def _check_duration(phase: Phase) -> None:
    """Check the duration against ``over``, or against volume and rate where both were entered."""
    over = _entered(phase, "over")
    rate = _entered(phase, "rate")
    volume = _entered(phase, "volume")
    n, d = phase.duration_us
    if over:
        same = n * over[1] == over[0] * d
    elif rate and volume:
        same = n * rate[0] * volume[1] == volume[0] * d * rate[1] * 10**6
    else:
        same = False
    if not same:
        _mismatch("over", "%d/%d" % (n, d), phase.kind)


def _check_entered(plan: Plan, phase: Phase) -> None:
    """Turn the phase's steps back into each quantity entered; it must agree within a step.

    s steps are the quantity s v / scale, where scale is: 1 for a volume; the time for a rate;
    weight / concentration for a dose; time x weight / concentration for a dose rate.
    """
    v_n, v_d = plan.volume_per_step_nl
    for field, timed, dosed in FIELDS_BACK:
        value = _entered(phase, field)
        if value is None:
            continue
        scale_n, scale_d = 1, 1
        if timed:
            scale_n, scale_d = phase.duration_us[0], phase.duration_us[1] * 10**6
        if dosed:
            weight, strong = plan.weight_g or NOTHING, plan.concentration or NOTHING
            scale_n, scale_d = scale_n * weight[0] * strong[1], scale_d * weight[1] * strong[0]
        wanted = value[0] * scale_n * v_d
        unit = value[1] * scale_d * v_n
        if not -unit < phase.steps * unit - wanted < unit:
            _mismatch(field, str(phase.steps), "%d/%d" % (wanted, unit))


NOTHING = (0, 1)

# field, is a quantity per time, is a dose per weight
FIELDS_BACK = (
    ("dose", False, True),
    ("dose-rate", True, True),
    ("rate", True, False),
    ("volume", False, False),
)
