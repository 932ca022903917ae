"""What the motor is to do: a plan, what it is for, and its motion.

An infusion is the plan of a prescription. A prime fills the line before the patient is connected;
a bolus interrupts an infusion; KVO (keep vein open) follows it. Each is a plan of its own with its
own dose fuse, and none moves without a start that quotes its hash. A change makes of what was
delivered and what is to come one plan.
"""

from binascii import crc32

from micropython import const

from pump.app.motion import Motion
from pump.core import dose
from pump.core.bounds import Bounds
from pump.core.order import Settled, kvo_after
from pump.core.plan import Past
from pump.core.quantity import exact
from pump.core.ratio import add, compare, half_up, make, mul
from pump.core.refusal import Refusal

INFUSION = "infusion"
PRIME = "prime"
BOLUS = "bolus"
KVO = "kvo"

_PRIME_MOST_NL = const(3_000_000)  # an extension line holds 1 to 2 mL
FL_PER_NL = 10**6


class Run:
    """A plan and its motion. ``hash`` is what a start must quote; ``step_fl`` the volume of a step
    in femtolitres, rounded. ``position``: of a plan with a past, its end in ticks."""

    def __init__(self, hal, board, kind: str, plan, confirmed: str, position: int = 0) -> None:
        self.kind = kind
        self.plan = plan
        self.hash = confirmed
        self.step_fl = half_up(mul(plan.volume_per_step_nl, make(FL_PER_NL)))
        try:
            self.motion = Motion(hal, plan, board.MECHANICS, position)
        except ValueError:
            raise Refusal("rate-range", "rate", limit="step-generator") from None


def bounds_of(board) -> Bounds:
    """What the board itself limits, without a drug library."""
    return Bounds(board.HARD_LIMITS, board.SOFT_LIMITS, board.BOLUS_LOCKOUT, board.BOLUS_HOURLY)


def infusion(hal, board, settled: Settled) -> tuple:
    """Return (Run, Run of the KVO after it or None) of a prescription."""
    main = Run(hal, board, INFUSION, settled.plan, settled.hash)
    return main, _kvo(hal, board, settled.kvo, settled.hash)


def change(hal, board, fields: dict, therapy, place: tuple, confirmed: str = "") -> tuple:
    """Return (Run, Run of the KVO after it or None) of the infusion of a ``therapy`` that goes on
    with another phase from ``place``, (steps made, ticks), on. ``confirmed``: the hash offered
    for it."""
    done, position = place
    old = therapy.run.plan
    begun = therapy.motion.begun(done, position)
    n, d = hal.generator.tick_ns
    past = Past(done, begun, old.ordered_nl(add(make(done), begun)), make(position * n, 1000 * d))
    wanted, reason = _reason(fields)
    beside = old.delivered_nl(therapy.extra_steps)
    plan = dose.change(old, past, wanted, therapy.bounds, beside, reason, therapy.overridden)
    kvo = kvo_after(plan, therapy.order, board.MECHANICS)
    text = therapy.run.hash + plan.canonical + " change"
    confirmed = confirmed or "%08X" % crc32(text.encode())
    run = Run(hal, board, INFUSION, plan, confirmed, position)
    return run, _kvo(hal, board, kvo, confirmed)


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
    plan = dose.plan(wanted, board.MECHANICS)
    if compare(plan.total_volume_nl, make(_PRIME_MOST_NL)) > 0:
        most = exact(make(_PRIME_MOST_NL), "mL", "volume")
        raise Refusal("out-of-range", "volume", wanted["volume"], most)
    confirmed = "%08X" % crc32((plan.canonical + " prime").encode())
    return Run(hal, board, PRIME, plan, confirmed)


def bolus(hal, board, fields: dict, therapy, now_us: int) -> Run:
    """The run of a bolus during a ``therapy``: of the same syringe and drug, and within its
    bounds. Together with the plan and the boluses so far it must fit the syringe and the limits;
    lock-out and hourly limit come last.
    """
    main, given_steps = therapy.run, therapy.extra_steps
    wanted, reason = _reason(fields)
    beside = add(main.plan.total_volume_nl, main.plan.delivered_nl(given_steps))
    plan = dose.plan_phases(
        therapy.order.common, [wanted], board.MECHANICS, therapy.bounds, beside, reason
    )
    settled = therapy.settled
    volume_nl = plan.total_volume_nl
    therapy.boluses.check(now_us, volume_nl, settled.lockout_us, settled.hourly_nl)
    confirmed = "%08X" % crc32((main.hash + plan.canonical + " bolus %d" % given_steps).encode())
    return Run(hal, board, BOLUS, plan, confirmed)


def _reason(fields: dict) -> tuple:
    """Return (``fields`` without the reason for an override, the reason or None)."""
    wanted = dict(fields)
    reason = wanted.pop("override", None)
    return wanted, reason


def _kvo(hal, board, plan, confirmed: str):
    return Run(hal, board, KVO, plan, confirmed) if plan else None
