"""What the motor is to do: a plan, what it is for, and its motion.

An infusion is the plan of a prescription. A prime fills the line before the patient is connected;
a bolus interrupts an infusion; KVO (keep vein open) follows it. Each is a plan of its own with its
own dose fuse, and none moves without a start that quotes its hash.
"""

from pump.app.motion import Motion
from pump.core.bounds import Bounds
from pump.core.crc import crc32
from pump.core.dose import COMMON, plan_phases, split
from pump.core.dose import plan as make_plan
from pump.core.quantity import exact, format_down, parse
from pump.core.ratio import add, compare, div, floor, half_up, make, mul, sub
from pump.core.refusal import Refusal

INFUSION = "infusion"
PRIME = "prime"
BOLUS = "bolus"
KVO = "kvo"

PRIME_MOST_NL = 3_000_000  # an extension line holds 1 to 2 mL
KVO_MOST_NL_PER_S = make(1_000_000, 3600)  # 1 mL/h (DEL-14)
KVO_LONGEST_S = 24 * 3600


FL_PER_NL = 10**6


class Run:
    """A plan and its motion. ``hash`` is what a start must quote; ``step_fl`` the volume of a step
    in femtolitres, rounded."""

    def __init__(self, hal, board, kind: str, plan, confirmed: str) -> None:
        self.kind = kind
        self.plan = plan
        self.hash = confirmed
        self.step_fl = half_up(mul(plan.volume_per_step_nl, make(FL_PER_NL)))
        try:
            self.motion = Motion(hal, plan, board.MECHANICS)
        except ValueError:
            raise Refusal("rate-range", "rate", limit="step-generator") from None


def bounds_of(board) -> Bounds:
    """What the board itself limits, without a drug library."""
    return Bounds(board.HARD_LIMITS)


def infusion(hal, board, fields: dict, bounds: Bounds) -> tuple:
    """Return (Run, Run of the KVO after it or None) of a prescription within ``bounds``."""
    wanted = dict(fields)
    kvo = wanted.pop("kvo", None)
    plan = make_plan(wanted, board.MECHANICS, bounds)
    if kvo is None:
        return Run(hal, board, INFUSION, plan, plan.hash), None
    after = _kvo_plan(board, wanted, plan, kvo)
    confirmed = "%08X" % crc32((plan.canonical + " kvo " + after.canonical).encode())
    main = Run(hal, board, INFUSION, plan, confirmed)
    return main, Run(hal, board, KVO, after, confirmed)


def prime(hal, board, fields: dict) -> Run:
    """The run of a prime: a volume at a rate, and the word that nobody is connected."""
    wanted = dict(fields)
    connected = wanted.pop("connected", None)
    if connected is None:
        raise Refusal("missing-field", "connected", accepts="no")
    if connected != "no":
        raise Refusal("bad-value", "connected", connected, accepts="no")
    if "volume" not in wanted:
        raise Refusal("missing-field", "volume", accepts="volume+rate,volume+over")
    plan = make_plan(wanted, board.MECHANICS)
    if compare(plan.total_volume_nl, make(PRIME_MOST_NL)) > 0:
        most = exact(make(PRIME_MOST_NL), "mL", "volume")
        raise Refusal("out-of-range", "volume", wanted["volume"], most)
    confirmed = "%08X" % crc32((plan.canonical + " prime").encode())
    return Run(hal, board, PRIME, plan, confirmed)


def bolus(hal, board, fields: dict, therapy) -> Run:
    """The run of a bolus during a ``therapy``: of the same syringe and drug, and within its
    bounds. Together with the plan and the boluses so far it must fit the syringe and the hard
    limits.
    """
    main, given_steps = therapy.run, therapy.extra_steps
    shared = {name: text for name, text in therapy.fields.items() if name in COMMON}
    entered, phase = split(fields)
    for name in entered:
        raise Refusal("unknown-field", name, fields[name], accepts="dose,volume,rate,over")
    beside = add(main.plan.total_volume_nl, main.plan.delivered_nl(given_steps))
    plan = plan_phases(shared, [phase], board.MECHANICS, therapy.bounds, beside)
    confirmed = "%08X" % crc32((main.hash + plan.canonical + " bolus %d" % given_steps).encode())
    return Run(hal, board, BOLUS, plan, confirmed)


def _kvo_plan(board, fields: dict, plan, kvo: str):
    """The plan of the KVO that follows ``plan``: its rate, for 24 h or what the syringe holds."""
    rate = parse("kvo", kvo, "rate")
    slowest = plan.phases[-1].rate_nl_per_s
    most = slowest if compare(slowest, KVO_MOST_NL_PER_S) < 0 else KVO_MOST_NL_PER_S
    if compare(rate, most) > 0 or rate[0] <= 0:
        raise Refusal("out-of-range", "kvo", kvo, format_down(most, "mL/h", "rate", 3))
    left = sub(plan.setting.available_nl(), plan.total_volume_nl)
    seconds = min(KVO_LONGEST_S, floor(div(left, rate)))
    if seconds < 1:
        raise Refusal("capacity", "kvo", kvo, exact(left, "mL", "volume"))
    wanted = {name: text for name, text in fields.items() if name in COMMON}
    wanted["rate"] = kvo
    wanted["over"] = "%ds" % seconds
    return make_plan(wanted, board.MECHANICS)
