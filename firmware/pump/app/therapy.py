"""The therapy in memory: what the motor is to do and what was counted of it."""

from pump.app import runs
from pump.core import states
from pump.core.boluses import Boluses
from pump.core.bounds import NONE
from pump.core.journal import Entry
from pump.core.quantity import format
from pump.core.ratio import make, mul


class Therapy:
    """One plan with what goes with it, and the state it is in.

    run          the Run in memory: an infusion or a prime
    side         a bolus that is offered or given, or the KVO in progress
    kvo          the KVO that will follow the plan
    offer        an infusion changed as offered, and in ``offered`` the fields of the offer
    order        the prescription (core.order.Order), ``settled`` what it comes to
    overridden   (field, given, limit) of the soft limits that it is beyond, for a reason
    bounds       what limits it (core.bounds.Bounds); of the last one where there is none
    extra_steps  of boluses and KVO that have ended
    last         journal.Entry of the run that a reset has interrupted
    last_rate    of the infusion started last since power-on, nL/s, or None
    boluses      given since power-on
    """

    def __init__(self) -> None:
        self.bounds = NONE
        self.last_rate = None
        self.boluses = Boluses()
        self.state = states.POST
        self.forget()

    def forget(self) -> None:
        """No therapy any more."""
        self.run = None
        self.last = None
        self.side = None
        self.kvo = None
        self.offer = None
        self.offered = {}
        self.order = None
        self.settled = None
        self.overridden = ()
        self.extra_steps = 0
        self.lease_us = 0

    @property
    def plan(self):
        """The plan in memory, or None."""
        return self.run.plan if self.run else None

    @property
    def motion(self):
        """The motion of the plan in memory, or None."""
        return self.run.motion if self.run else None

    def active(self):
        """The run that moves in this state."""
        return self.side if self.state in (states.BOLUS, states.KVO) else self.run

    def steps(self) -> int:
        """Steps counted at the pin for the therapy in memory, boluses and KVO included."""
        side = self.side.motion.measured() if self.side else 0
        return self.extra_steps + side + (self.motion.measured() if self.run else 0)

    def delivered(self) -> list:
        """Measured steps as pairs, and what they come to in volume and drug."""
        if self.last:
            volume = make(self.last.steps * self.last.step_fl, runs.FL_PER_NL)
            delivered = format(volume, "mL", "volume", 3)
            return [("steps", str(self.last.steps)), ("delivered", delivered)]
        steps = self.steps()
        plan = self.plan
        volume = plan.delivered_nl(steps) if plan else (0, 1)
        primed = self.run is not None and self.run.kind == runs.PRIME
        pairs = [
            ("steps", str(steps)),
            ("primed" if primed else "delivered", format(volume, "mL", "volume", 3)),
        ]
        if plan and plan.concentration and not primed:
            pairs.append(("dose", format(mul(volume, plan.concentration), "mg", "mass", 3)))
        return pairs

    def entry(self, boot: int, before: Entry) -> Entry:
        """What the journal is to hold now; ``before`` is what it holds."""
        if not self.run or self.run.kind == runs.PRIME:
            done = (before.plan, self.state, before.steps, before.of, before.step_fl)
        else:
            steps = self.steps()
            done = (self.run.hash, self.state, steps, self.planned_steps(), self.run.step_fl)
        return Entry(boot, *done)

    def planned_steps(self) -> int:
        """Steps of the therapy in memory as far as started."""
        begun = self.side is not None and self.side.motion.commanded()
        side = self.side.plan.total_steps if begun else 0
        return self.extra_steps + side + self.plan.total_steps

    def commanded(self) -> int:
        """Steps given to the generator for the therapy in memory."""
        side = self.side.motion.commanded() if self.side else 0
        return self.extra_steps + side + self.motion.commanded()
