"""A whole prescription, and what is made of it: plan, KVO after it, limits of boluses, hash.

    fields of the first request   dose.COMMON, one phase, and the options below
    of each later one             one phase, and a reason where a soft limit is passed

    kvo        rate that keeps the vein open after the end
    lockout    time from the end of a bolus to the next one
    hourly     most that boluses may give in any hour
    override   why a soft limit is passed

The hash that a start must quote covers all of it.
"""

from binascii import crc32

from micropython import const

from pump.core.bounds import Bounds
from pump.core.dose import COMMON, in_nl, plan_phases, split
from pump.core.dose import plan as make_plan
from pump.core.limits import Entered, check, enter
from pump.core.mechanics import Mechanics
from pump.core.plan import Plan
from pump.core.quantity import exact, format_down, parse
from pump.core.ratio import compare, div, floor, make, sub
from pump.core.refusal import Refusal

OPTIONS = ("kvo", "lockout", "hourly", "override")
KVO_MOST_NL_PER_S = make(1_000_000, 3600)  # 1 mL/h (DEL-14)
_KVO_LONGEST_S = const(24 * 3600)


class Order:
    """A prescription as it came: ``common`` fields, ``phases``, ``options`` and the ``reason`` of
    the last request, None without one."""

    def __init__(self, fields: dict[str, str]) -> None:
        self.options = {name: fields[name] for name in OPTIONS if name in fields}
        rest = {name: text for name, text in fields.items() if name not in OPTIONS}
        self.common, phase = split(rest)
        self.phases = [phase]
        self.reason = self.options.pop("override", None)

    def then(self, fields: dict[str, str]) -> "Order":
        """Return the same with one phase more."""
        more = Order(self.common)
        more.options = self.options
        phase = dict(fields)
        more.reason = phase.pop("override", None)
        more.phases = self.phases + [phase]
        return more


class Settled:
    """What an order comes to: ``plan``, ``kvo`` (a Plan or None), ``lockout_us`` (0: none),
    ``hourly_nl`` (None: no limit), the ``hash`` to confirm and the ``reason`` given."""

    def __init__(self, plan: Plan, kvo: Plan | None, order: Order, bounds: Bounds) -> None:
        self.plan = plan
        self.kvo = kvo
        self.reason = order.reason
        lockout = _option(order, bounds, "lockout", bounds.lockout, -1)
        self.lockout_us = floor(lockout.value) if lockout else 0
        hourly = _option(order, bounds, "hourly", bounds.hourly, 1)
        self.hourly_nl = in_nl(plan.setting, hourly) if hourly else None
        self.hash = confirmed(plan, kvo, order, bounds)


def settle(order: Order, mechanics: Mechanics, bounds: Bounds, known: tuple = ()) -> Settled:
    """Return what ``order`` comes to within ``bounds``, or raise Refusal. ``known``: what the plan
    before was allowed to be beyond."""
    plan = plan_phases(
        order.common, order.phases, mechanics, bounds, reason=order.reason, known=known
    )
    return Settled(plan, kvo_after(plan, order, mechanics), order, bounds)


def confirmed(plan: Plan, kvo: Plan | None, order: Order, bounds: Bounds) -> str:
    """Return the hash that a start must quote."""
    text = plan.canonical
    if bounds.drug:
        text += " drug=" + bounds.drug
    for name in ("lockout", "hourly"):
        if name in order.options:
            text += " %s=%s" % (name, order.options[name])
    if plan.overridden:
        text += " override=" + fields_of(plan.overridden)
    if kvo:
        text += " kvo " + kvo.canonical
    return "%08X" % crc32(text.encode())


def fields_of(overridden: tuple) -> str:
    """Name the fields that are beyond a soft limit, each once."""
    names: list[str] = []
    for field, _, _ in overridden:
        if field not in names:
            names.append(field)
    return ",".join(names)


def kvo_after(plan: Plan, order: Order, mechanics: Mechanics) -> Plan | None:
    """Return the plan of the KVO that follows ``plan``: its rate, for 24 h or what the syringe
    holds; None without one."""
    kvo = order.options.get("kvo")
    if kvo is None:
        return None
    rate = parse("kvo", kvo, "rate")
    slowest = KVO_MOST_NL_PER_S
    for last in [phase for phase in plan.phases if phase.rate_nl_per_s[0]][-1:]:
        if compare(last.rate_nl_per_s, slowest) < 0:
            slowest = last.rate_nl_per_s
    if compare(rate, slowest) > 0 or rate[0] <= 0:
        raise Refusal("out-of-range", "kvo", kvo, format_down(slowest, "mL/h", "rate", 3))
    left = sub(sub(plan.setting.available_nl(), plan.total_volume_nl), plan.beside_nl)
    seconds = min(_KVO_LONGEST_S, floor(div(left, rate)))
    if seconds < 1:
        raise Refusal("capacity", "kvo", kvo, exact(left, "mL", "volume"))
    wanted = {name: text for name, text in order.common.items() if name in COMMON}
    wanted["rate"] = kvo
    wanted["over"] = "%ds" % seconds
    return make_plan(wanted, mechanics)


def _option(order: Order, bounds: Bounds, name: str, default: str, looser: int) -> Entered | None:
    """Return what the order says, else ``default``; against a drug's own it may only be
    stricter. ``looser`` is the sign of the looser side."""
    text = order.options.get(name, default)
    if not text:
        return None
    entered = enter(name, text)
    check(entered)
    if bounds.drug and default and text != default:
        limit = enter(name, default)
        if entered.dimension != limit.dimension or compare(entered.value, limit.value) == looser:
            raise Refusal("hard-limit", name, text, default)
    return entered
