"""The limits that a board or a drug library sets, and what a plan says to them.

A row is (field, least, most), each bound text with a unit or '' for none; the unit tells the
dimension, so that ("rate", "", "1mg/kg/h") limits what a kilogram gets in an hour however the rate
was entered. A hard limit is never passed; a soft one is passed by a reason (``override``).

    dose           of the whole plan and what is given besides: splitting it gets round nothing
    rate           of each phase; of a ramp, both ends that are not 0
    over           time of the whole plan
    concentration, weight

Inclusive, exact ratios; see ``limits``.
"""

from pump.core.limits import dimensions_of, in_unit
from pump.core.plan import Plan
from pump.core.quantity import read
from pump.core.ratio import add, compare, div, mul
from pump.core.refusal import Refusal


class Bounds:
    """What limits a plan: rows ``hard`` and ``soft``; ``lockout`` (time) and ``hourly`` (volume)
    of boluses as text; ``concentrations`` allowed as text, all where empty; ``drug``, its name and
    entry as the plan's hash is to cover them, '' without a library."""

    def __init__(
        self,
        hard: tuple = (),
        soft: tuple = (),
        lockout: str = "",
        hourly: str = "",
        concentrations: tuple[str, ...] = (),
        drug: str = "",
    ) -> None:
        self.hard = hard
        self.soft = soft
        self.lockout = lockout
        self.hourly = hourly
        self.concentrations = concentrations
        self.drug = drug


NONE = Bounds()


def check_hard(plan: Plan, bounds: Bounds) -> None:
    """Refuse (hard-limit) the first quantity beyond the hard limits."""
    strong = plan.setting.concentration
    if bounds.drug and strong is None:
        raise Refusal("missing-field", "concentration")
    if strong and bounds.concentrations:
        allowed = [read("concentration", text, ("concentration",))[0]
                   for text in bounds.concentrations]  # fmt: skip
        if strong.value not in allowed:
            accepts = ",".join(bounds.concentrations)
            raise Refusal("hard-limit", "concentration", strong.text, accepts=accepts)
    for field, given, limit in beyond(plan, bounds.hard):
        raise Refusal("hard-limit", field, given, limit)


def check_soft(plan: Plan, bounds: Bounds, reason: str | None, known: tuple = ()) -> tuple:
    """Return (field, given, limit) of all that is beyond the soft limits.

    What of it is not ``known`` from the plan before wants a ``reason``, else it is refused
    (soft-limit); a reason for nothing is refused too (needless).
    """
    found = tuple(beyond(plan, bounds.soft))
    new = [row for row in found if row not in known]
    if reason is None:
        for field, given, limit in new:
            raise Refusal("soft-limit", field, given, limit, "override=<reason>")
    elif not reason:
        raise Refusal("bad-value", "override", accepts="a-reason")
    elif not new:
        raise Refusal("needless", "override", reason)
    return found


def beyond(plan: Plan, rows: tuple) -> list[tuple[str, str, str]]:
    """Return (field, given, limit) for every quantity of ``plan`` outside ``rows``, in order."""
    found = []
    for field, least, most in rows:
        for bound, wrong in ((least, -1), (most, 1)):
            if not bound:
                continue
            limit, _, dimension = read(field, bound, dimensions_of(field))
            for value in judged(plan, field, dimension):
                if compare(value, limit) == wrong:
                    said = plan.as_entered(field, dimension, value)
                    found.append((field, said.text, in_unit(bound, dimension, said.unit)))
                    break
    return found


def judged(plan: Plan, field: str, dimension: str) -> list[tuple[int, int]]:
    """Return the quantities of ``plan`` that a limit on ``field`` in ``dimension`` is about; a
    dose must not escape for want of a weight."""
    if field == "over":
        return [plan.total_duration_us]
    if field != "dose" and field != "rate":
        entered = plan.setting.weight if field == "weight" else plan.setting.concentration
        return [entered.value] if entered else []
    if field == "dose":
        values = [add(plan.total_volume_nl, plan.beside_nl)]
    else:
        values = [rate for phase in plan.phases for rate in phase.rates()]
    if dimension in ("volume", "rate"):
        return values
    if not plan.concentration:
        return []
    values = [mul(value, plan.concentration) for value in values]
    if dimension in ("mass", "mass-rate"):
        return values
    if not plan.weight_g:
        raise Refusal("missing-field", "weight")
    return [div(value, plan.weight_g) for value in values]
