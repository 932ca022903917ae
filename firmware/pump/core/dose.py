"""From a prescription (fields as they came on the wire) to a plan, or to a typed refusal.

    dose and over:       dose_ng = dose x weight;          volume = dose_ng / concentration
    dose-rate and over:  dose_ng = rate x weight x time;   volume = dose_ng / concentration
    rate and over:       volume = rate x time
    rate and volume:     time = volume / rate
    volume and over:     as given

All in exact ratios; steps are rounded once, cumulatively (``plan``).  Nothing is defaulted and
nothing is clamped: a field that is missing, superfluous or out of range is refused.
"""

from pump.core.crosscheck import check_plan
from pump.core.limits import (
    STEPS_MAX,
    Entered,
    beyond,
    check,
    check_rate,
    dimension_of,
    rate_range,
)
from pump.core.mechanics import Mechanics
from pump.core.plan import US_PER_S, Phase, Plan, Setting
from pump.core.quantity import exact, format_down, format_up, read, show
from pump.core.ratio import compare, div, floor, make, mul
from pump.core.refusal import Refusal
from pump.core.syringe import Syringe, custom, find

COMMON = ("syringe", "diameter", "capacity", "volume-per-step", "weight", "concentration")
KINDS = (
    ("dose-over", ("dose", "over")),
    ("dose-rate-over", ("dose-rate", "over")),
    ("rate-over", ("rate", "over")),
    ("rate-volume", ("rate", "volume")),
    ("volume-over", ("volume", "over")),
)
PHASE = ("dose", "dose-rate", "rate", "volume", "over")
MAX_PHASES = 16

# A calibrated volume per step may differ from the geometry by a quarter: makers' tables disagree
# by a few per cent, a slipped decimal point by 900.
CALIBRATION_LEAST = (3, 4)
CALIBRATION_MOST = (5, 4)


def plan(
    fields: dict[str, str], mechanics: Mechanics, hard: dict[str, tuple[str, str]] | None = None
) -> Plan:
    """Return the plan of a prescription of one phase, or raise Refusal.

    ``fields`` maps names of COMMON and PHASE to text with units; ``hard`` maps fields to
    (least, most) as text (see limits.beyond).
    """
    common = {}
    phase = {}
    for name in sorted(fields):
        if name in COMMON:
            common[name] = fields[name]
        elif name in PHASE:
            phase[name] = fields[name]
        else:
            raise Refusal("unknown-field", name, accepts=",".join(COMMON + PHASE))
    return plan_phases(common, [phase], mechanics, hard)


def plan_phases(
    common: dict[str, str],
    phases: list[dict[str, str]],
    mechanics: Mechanics,
    hard: dict[str, tuple[str, str]] | None = None,
) -> Plan:
    """Return the plan of several phases, each a dict of PHASE fields, or raise Refusal."""
    drafted = draft(common, phases, mechanics)
    _check_capacity(drafted)
    _check_hard(drafted, hard or {})
    return drafted


def draft(common: dict[str, str], phases: list[dict[str, str]], mechanics: Mechanics) -> Plan:
    """Return the plan without looking at the syringe's capacity and at hard limits.

    For arithmetic (tests, previews over several syringes), never for running.
    """
    if not 0 < len(phases) <= MAX_PHASES:
        raise Refusal("too-long", "phases", str(len(phases)), str(MAX_PHASES))
    setting = _setting(common, mechanics)
    drafted = Plan(setting, [_phase(setting, fields) for fields in phases])
    check(_derived("over", drafted.total_duration_us, "s"))
    if drafted.total_steps > STEPS_MAX:
        raise Refusal("out-of-range", "steps", str(drafted.total_steps), str(STEPS_MAX))
    check_plan(drafted)
    return drafted


def _derived(field: str, value: tuple[int, int], unit: str) -> Entered:
    """Return a computed quantity in the form of an entered one."""
    return Entered(field, value, unit, show(value, unit, dimension_of(field)))


def _entered(field: str, fields: dict[str, str]) -> Entered:
    """Read ``field`` from ``fields``, checked against the device's limits; refuse it if absent."""
    if field not in fields:
        raise Refusal("missing-field", field)
    value, unit = read(field, fields[field], dimension_of(field))
    entered = Entered(field, value, unit, fields[field])
    if field != "rate":  # its range depends on syringe and mechanics
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


def _setting(common: dict[str, str], mechanics: Mechanics) -> Setting:
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
    rates = rate_range(per_step, mechanics.max_hz, mechanics.slowest_step_s)
    return Setting(syringe, per_step, rates, weight, strong)


def _check_calibration(calibrated: Entered, geometry: tuple[int, int]) -> None:
    """Refuse (out-of-range) a volume per step that the syringe's geometry makes incredible."""
    least = mul(geometry, CALIBRATION_LEAST)
    most = mul(geometry, CALIBRATION_MOST)
    if compare(calibrated.value, least) < 0 or compare(calibrated.value, most) > 0:
        low = format_up(least, "nL", "volume", 4)
        limit = low + ".." + format_down(most, "nL", "volume", 4)
        raise Refusal("out-of-range", calibrated.field, calibrated.text, limit)


def _kind(fields: dict[str, str]) -> tuple[str, tuple[str, str]]:
    """Return the row of KINDS that ``fields`` fit exactly, or refuse what lacks or is too much."""
    combinations = ",".join(["+".join(needs) for _, needs in KINDS])
    for name in sorted(fields):
        if name not in PHASE:
            raise Refusal("unknown-field", name, accepts=",".join(PHASE))
    for kind, needs in KINDS:
        if needs[0] in fields and needs[1] in fields:
            for name in PHASE:
                if name in fields and name not in needs:
                    raise Refusal("unknown-field", name, fields[name], accepts=combinations)
            return kind, needs
    missing = "over"
    if "over" in fields or not fields:
        missing = "dose"
    raise Refusal("missing-field", missing, accepts=combinations)


def _phase(setting: Setting, fields: dict[str, str]) -> Phase:
    """Compute one phase: dose, volume and duration, exact; refuse a rate that cannot be had."""
    kind, needs = _kind(fields)
    entered = [_entered(name, fields) for name in needs]
    first, second = entered[0].value, entered[1].value
    if "rate" in needs:
        check_rate(entered[0], *setting.rates_nl_per_s)
    if kind == "rate-volume":
        duration_us = div(mul(second, US_PER_S), first)
        check(_derived("over", duration_us, "s"))
        return Phase(kind, entered, _dose_of(setting, second), second, duration_us)
    seconds = div(second, US_PER_S)
    amount = mul(first, seconds) if needs[0] in ("rate", "dose-rate") else first
    if needs[0] in ("dose", "dose-rate"):
        dose_ng = mul(amount, _known(setting.weight, "weight"))
        volume_nl = div(dose_ng, _known(setting.concentration, "concentration"))
        phase = Phase(kind, entered, dose_ng, volume_nl, second)
    else:
        phase = Phase(kind, entered, _dose_of(setting, amount), amount, second)
    check_rate(_derived("rate", phase.rate_nl_per_s(), "mL/h"), *setting.rates_nl_per_s)
    return phase


def _known(entered: Entered | None, field: str) -> tuple[int, int]:
    """Return the value, or refuse its absence."""
    if entered is None:
        raise Refusal("missing-field", field)
    return entered.value


def _dose_of(setting: Setting, volume_nl: tuple[int, int]) -> tuple[int, int] | None:
    """Return the drug (ng) in ``volume_nl``, or None without a concentration."""
    return mul(volume_nl, setting.concentration.value) if setting.concentration else None


def _check_capacity(drafted: Plan) -> None:
    """Refuse more than the syringe holds, and less than half a step (nothing would move)."""
    volume = drafted.as_entered(drafted.phases[0], "volume", drafted.total_volume_nl)
    capacity = make(drafted.syringe.volume_nl)
    if compare(volume.value, capacity) > 0:
        raise Refusal("capacity", "volume", volume.text, exact(capacity, "mL", "volume"))
    if drafted.total_steps == 0:
        least = format_up(div(drafted.volume_per_step_nl, (2, 1)), "nL", "volume", 4)
        raise Refusal("out-of-range", "volume", volume.text, least)


def _check_hard(drafted: Plan, hard: dict[str, tuple[str, str]]) -> None:
    """Refuse (hard-limit) the first quantity beyond ``hard``; a dose must not escape for want of
    a weight."""
    if drafted.total_dose_ng and not drafted.weight_g and ("dose" in hard or "dose-rate" in hard):
        raise Refusal("missing-field", "weight")
    for field, given, limit in beyond(drafted.judged(), hard):
        raise Refusal("hard-limit", field, given, limit)
