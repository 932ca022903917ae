"""From a prescription (fields as they came on the wire) to a plan, or to a typed refusal.

A phase is given by two of an amount, a rate and a time:

    amount and over    volume and time as given
    rate and over      volume = rate x time
    amount and rate    time = volume / rate
    rate, to and over  a ramp: volume = (rate + to) / 2 x time
    pause              time without flow

An amount is a ``dose`` or a ``volume``; the unit tells the dimension. Per kg it is multiplied by
the weight, a drug divided by the concentration, and what is not needed may be absent.

All in exact ratios; steps are rounded once, cumulatively (``plan``).  Nothing is defaulted and
nothing is clamped: a field that is missing, superfluous or out of range is refused, in the order
of LIMITS.md.
"""

from micropython import const

from pump.core.bounds import NONE, Bounds, check_hard, check_soft
from pump.core.crosscheck import check_plan
from pump.core.limits import STEPS_MAX, Entered, check, check_rate, enter, rate_range
from pump.core.mechanics import Mechanics
from pump.core.plan import PAST, PAUSE, RAMP, STAIRS, US_PER_S, Past, Phase, Plan, Setting
from pump.core.quantity import exact, format_down, format_up, show
from pump.core.ratio import ZERO, add, compare, div, floor, make, mul, sub
from pump.core.refusal import Refusal
from pump.core.syringe import Syringe, custom, find

COMMON = ("syringe", "diameter", "capacity", "fill", "volume-per-step", "weight", "concentration")
PHASE = ("dose", "volume", "rate", "over", "to", "pause")
_COMBINATIONS = const("dose+over,dose+rate,volume+over,volume+rate,rate+over,rate+to+over,pause")
_MAX_PHASES = const(16)
_MAX_STRETCHES = const(64)

# A calibrated volume per step may differ from the geometry by a quarter: makers' tables disagree
# by a few per cent, a slipped decimal point by 900.
_CALIBRATION_LEAST = const((3, 4))
_CALIBRATION_MOST = const((5, 4))


def plan(fields: dict[str, str], mechanics: Mechanics, bounds: Bounds = NONE) -> Plan:
    """Return the plan of a prescription of one phase, or raise Refusal.

    ``fields`` maps names of COMMON and PHASE to text with units; ``bounds`` are those of the board
    or the drug.
    """
    common, phase = split(fields)
    return plan_phases(common, [phase], mechanics, bounds)


def split(fields: dict[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """Return (what holds for all phases, the phase); refuse a field that is neither."""
    common = {}
    phase = {}
    for name in sorted(fields):
        if name in COMMON:
            common[name] = fields[name]
        elif name in PHASE:
            phase[name] = fields[name]
        else:
            raise Refusal("unknown-field", name, accepts=",".join(COMMON + PHASE))
    return common, phase


def plan_phases(
    common: dict[str, str],
    phases: list[dict[str, str]],
    mechanics: Mechanics,
    bounds: Bounds = NONE,
    beside_nl: tuple[int, int] = ZERO,
    reason: str | None = None,
    known: tuple = (),
) -> Plan:
    """Return the plan of several phases, each a dict of PHASE fields, or raise Refusal.

    ``beside_nl`` comes out of the same syringe besides; volume and dose are limited with it.
    ``reason`` and ``known``: see bounds.check_soft.
    """
    setting = setting_of(common, mechanics)
    drafted = _drafted(setting, [_phase(setting, fields) for fields in phases], beside_nl)
    return checked(drafted, bounds, reason, known)


def change(
    plan: Plan,
    past: Past,
    fields: dict[str, str],
    bounds: Bounds,
    beside_nl: tuple[int, int],
    reason: str | None,
    known: tuple,
) -> Plan:
    """Return the plan that goes on after ``past`` of ``plan`` with another phase; a ``rate`` alone
    is for what is left of the volume."""
    setting = plan.setting
    if tuple(fields) == ("rate",):
        rate = _entered("rate", fields)
        flow = in_nl(setting, rate)
        left = sub(plan.total_volume_nl, past.volume_nl)
        phase = Phase("rate", [rate], left, div(mul(left, US_PER_S), flow), flow)
        check(_derived("over", "time", phase.duration_us, "s"))
    elif PAUSE in fields:
        raise Refusal("unknown-field", PAUSE, fields[PAUSE], accepts=_COMBINATIONS)
    else:
        phase = _phase(setting, fields)
    return checked(_drafted(setting, [past, phase], beside_nl), bounds, reason, known)


def checked(plan: Plan, bounds: Bounds, reason: str | None, known: tuple) -> Plan:
    """Return ``plan`` if it may run, else raise Refusal; in the order of LIMITS.md."""
    check_capacity(plan)
    check_rates(plan)
    check_hard(plan, bounds)
    plan.overridden = check_soft(plan, bounds, reason, known)
    check_plan(plan)
    return plan


def _drafted(setting: Setting, phases: list[Phase], beside_nl: tuple[int, int]) -> Plan:
    """Return the plan of what was typed, its ranges checked."""
    if not 0 < len(phases) <= _MAX_PHASES:
        raise Refusal("too-long", "phases", str(len(phases)), str(_MAX_PHASES))
    drafted = Plan(setting, phases, beside_nl)
    stretches = sum([len(phase.stretches) for phase in drafted.phases])
    if stretches > _MAX_STRETCHES:
        raise Refusal("too-long", "stretches", str(stretches), str(_MAX_STRETCHES))
    check(_derived("over", "time", drafted.total_duration_us, "s"))
    if drafted.total_steps > STEPS_MAX:
        raise Refusal("out-of-range", "steps", str(drafted.total_steps), str(STEPS_MAX))
    return drafted


def _derived(field: str, dimension: str, value: tuple[int, int], unit: str) -> Entered:
    """Return a computed quantity in the form of an entered one."""
    return Entered(field, dimension, value, unit, show(value, unit, dimension))


def _entered(field: str, fields: dict[str, str]) -> Entered:
    """Read ``field`` from ``fields``, checked against the device's limits; refuse it if absent.

    An end of a ramp may be 0.
    """
    if field not in fields:
        raise Refusal("missing-field", field)
    entered = enter(field, fields[field])
    if entered.value[0] or "to" not in fields:
        check(entered)
    return entered


def _syringe(common: dict[str, str]) -> Syringe:
    """Return the syringe named by id, or that of ``diameter`` and ``capacity``; never both."""
    if "syringe" in common:
        for name in ("diameter", "capacity"):
            if name in common:
                raise Refusal("unknown-field", name, common[name], accepts="syringe")
        return find(common["syringe"])
    if "diameter" not in common and "capacity" not in common:
        raise Refusal("missing-field", "syringe", accepts="syringe,diameter+capacity")
    diameter = _entered("diameter", common)
    return custom(floor(_entered("capacity", common).value), diameter.text)


def setting_of(common: dict[str, str], mechanics: Mechanics) -> Setting:
    """Read the fields that hold for all phases."""
    for name in sorted(common):
        if name not in COMMON:
            raise Refusal("unknown-field", name, accepts=",".join(COMMON))
    syringe = _syringe(common)
    per_step = mechanics.volume_per_step_nl(syringe.diameter_um())
    if "volume-per-step" in common:
        calibrated = _entered("volume-per-step", common)
        _check_calibration(calibrated, per_step)
        per_step = calibrated.value
    weight = _entered("weight", common) if "weight" in common else None
    strong = _entered("concentration", common) if "concentration" in common else None
    fill = _entered("fill", common) if "fill" in common else None
    rates = rate_range(per_step, mechanics.max_hz, mechanics.slowest_step_s)
    return Setting(syringe, per_step, rates, weight, strong, fill)


def _check_calibration(calibrated: Entered, geometry: tuple[int, int]) -> None:
    """Refuse (out-of-range) a volume per step that the syringe's geometry makes incredible."""
    least = mul(geometry, _CALIBRATION_LEAST)
    most = mul(geometry, _CALIBRATION_MOST)
    if compare(calibrated.value, least) < 0 or compare(calibrated.value, most) > 0:
        low = format_up(least, "nL", "volume", 4)
        limit = low + ".." + format_down(most, "nL", "volume", 4)
        raise Refusal("out-of-range", calibrated.field, calibrated.text, limit)


def _kind(fields: dict[str, str]) -> tuple[str, ...]:
    """Return the names of the quantities that define a phase, or refuse what lacks or is too
    much."""
    for name in sorted(fields):
        if name not in PHASE:
            raise Refusal("unknown-field", name, accepts=",".join(PHASE))
    needs: tuple[str, ...] = ()
    if PAUSE in fields:
        needs = (PAUSE,)
    elif "to" in fields:
        needs = ("rate", "to", "over")
    else:
        given = [name for name in ("dose", "over", "rate", "volume") if name in fields][:2]
        needs = tuple([name for name in PHASE if name in given])
        if needs == ("dose", "volume"):
            needs = ("dose",)
    for name in PHASE:
        if name in fields and name not in needs:
            raise Refusal("unknown-field", name, fields[name], accepts=_COMBINATIONS)
    for name in needs:
        if name not in fields:
            raise Refusal("missing-field", name, accepts=_COMBINATIONS)
    if len(needs) < 2 and needs != (PAUSE,):
        lacking = "dose" if needs in ((), ("over",)) else "over"
        raise Refusal("missing-field", lacking, accepts=_COMBINATIONS)
    return needs


def _phase(setting: Setting, fields: dict[str, str]) -> Phase:
    """Compute one phase: volume, duration and rate, exact."""
    needs = _kind(fields)
    kind = "-".join(needs)
    entered = [_entered(name, fields) for name in needs]
    if kind == PAUSE:
        return Phase(kind, entered, ZERO, entered[0].value, ZERO)
    first = in_nl(setting, entered[0])
    if kind == RAMP:
        last = in_nl(setting, entered[1])
        mean = div(add(first, last), make(2))
        seconds = div(entered[2].value, US_PER_S)
        return Phase(kind, entered, mul(mean, seconds), entered[2].value, mean, (first, last))
    if needs[1] == "rate":
        rate = in_nl(setting, entered[1])
        duration_us = div(mul(first, US_PER_S), rate)
        check(_derived("over", "time", duration_us, "s"))
        return Phase(kind, entered, first, duration_us, rate)
    time_us = entered[1].value
    seconds = div(time_us, US_PER_S)
    if needs[0] == "rate":
        return Phase(kind, entered, mul(first, seconds), time_us, first)
    return Phase(kind, entered, first, time_us, div(first, seconds))


def in_nl(setting: Setting, entered: Entered) -> tuple[int, int]:
    """Return an amount in nL or a rate in nL/s; refuse the want of a weight or a concentration
    where the unit needs one."""
    value = entered.value
    if entered.dimension in ("dose", "dose-rate"):
        value = mul(value, _known(setting.weight, "weight"))
    if entered.dimension not in ("volume", "rate"):
        value = div(value, _known(setting.concentration, "concentration"))
    return value


def _known(entered: Entered | None, field: str) -> tuple[int, int]:
    """Return the value, or refuse its absence."""
    if entered is None:
        raise Refusal("missing-field", field)
    return entered.value


def check_capacity(drafted: Plan) -> None:
    """Refuse more than the syringe holds or is filled with, and less than half a step (nothing
    would move)."""
    setting = drafted.setting
    capacity = make(drafted.syringe.volume_nl)
    if setting.fill and compare(setting.fill.value, capacity) > 0:
        raise Refusal("capacity", "fill", setting.fill.text, exact(capacity, "mL", "volume"))
    volume = drafted.as_entered("volume", "volume", drafted.total_volume_nl, "mL")
    left = sub(setting.available_nl(), drafted.beside_nl)
    if compare(volume.value, left) > 0:
        raise Refusal("capacity", "volume", volume.text, exact(left, "mL", "volume"))
    if drafted.total_steps == drafted.past_steps():
        least = format_up(div(drafted.volume_per_step_nl, (2, 1)), "nL", "volume", 4)
        raise Refusal("out-of-range", "volume", volume.text, least)


def check_rates(drafted: Plan) -> None:
    """Refuse (rate-range) a phase, or a stair of a ramp, that syringe and mechanics cannot
    make."""
    slow, fast = drafted.setting.rates_nl_per_s
    for phase in drafted.phases:
        rate = phase.rate_nl_per_s
        if phase.ends_nl_per_s:
            _check_ramp(phase, slow, fast)
        elif phase.kind not in (PAUSE, PAST) and (
            compare(rate, slow) < 0 or compare(rate, fast) > 0
        ):
            check_rate(drafted.as_entered("rate", "rate", rate, "mL/h"), slow, fast)


def _check_ramp(phase: Phase, slow: tuple[int, int], fast: tuple[int, int]) -> None:
    """Judge the upper end of the line and its slowest stair, the middle of which is a twentieth
    of the way from the lower end."""
    first, last = phase.ends_nl_per_s
    fields = ("rate", "to") if compare(first, last) < 0 else ("to", "rate")
    low, high = (first, last) if fields[0] == "rate" else (last, first)
    check_rate(_derived(fields[1], "rate", high, "mL/h"), slow, fast)
    stair = add(low, div(sub(high, low), make(2 * STAIRS)))
    check_rate(_derived(fields[0], "rate", stair, "mL/h"), slow, fast)
