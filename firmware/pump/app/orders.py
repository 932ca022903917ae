"""What is ordered: each request is checked, kept and answered, and moves nothing by itself.

A prescription comes as `program` and one `phase` for each further phase; prime, bolus and change
are offers. All of them wait for a start that quotes their hash.
"""

from micropython import const

from pump.app import runs
from pump.app.therapy import Therapy
from pump.core import states
from pump.core.order import Order, fields_of, settle
from pump.core.quantity import show
from pump.core.ratio import compare, make, mul
from pump.core.refusal import Refusal

_PLANNING_US = const(400_000)  # what planning a bolus or a change may hold up an infusion for
TENFOLD = make(10)


class Orders(Therapy):
    """The requests that plan. ``record(name, pairs)`` is called for each event, after the state
    has changed."""

    def __init__(self, hal, board, library, record) -> None:
        super().__init__()
        self._hal = hal
        self._board = board
        self._library = library
        self._record = record

    def program(self, fields: dict) -> None:
        """Compute a plan and keep it."""
        self.allow(states.PROGRAM)
        bounds, wanted = self._library.bounds(self._board, fields, self.top_up)
        order = Order(wanted)
        self._keep_order(order, bounds, settle(order, self._board.MECHANICS, bounds))

    def phase(self, fields: dict) -> None:
        """Append a phase to the plan in memory, which becomes another one."""
        self.allow(states.PHASE)
        if self.run.kind != runs.INFUSION:
            raise Refusal("no-plan")
        order = self.order.then(fields)
        known = self.overridden
        settled = settle(order, self._board.MECHANICS, self.bounds, known)
        self._keep_order(order, self.bounds, settled)

    def prime(self, fields: dict) -> None:
        """Compute a prime and keep it."""
        self.allow(states.PROGRAM)
        run = runs.prime(self._hal, self._board, fields)
        self._keep(run)
        self._record("prime-offered", [("plan", run.hash), ("steps", str(run.plan.total_steps))])

    def bolus(self, fields: dict) -> None:
        """Compute a bolus of this infusion."""
        self.allow(states.START_BOLUS)
        self._make_room()
        now_us = self._hal.clock.now_us()
        self.side = runs.bolus(self._hal, self._board, fields, self, now_us)
        self.offer = None
        self._record("bolus-offered", _told(self.side, fields))

    def change(self, fields: dict) -> None:
        """Compute how this infusion would go on with another phase from now on."""
        self.allow(states.CHANGE)
        self._make_room()
        place = self.motion.place(self._hal.clock.now_us())
        self.offer, _ = runs.change(self._hal, self._board, fields, self, place)
        self.offered = dict(fields)
        self.side = None
        self._record("change-offered", _told(self.offer, fields))

    def take_change(self) -> None:
        """Let the change offered be the plan from now on; the motor is held."""
        place = self.motion.place(self._hal.clock.now_us())
        run, kvo = runs.change(self._hal, self._board, self.offered, self, place, self.offer.hash)
        self.run, self.kvo, self.offer = run, kvo, None
        self.override(run.plan.overridden)
        self.last_rate = run.plan.rate_nl_per_s

    def override(self, rows: tuple) -> None:
        """Soft limits that are passed from now on, until the end of the therapy."""
        self.overridden += tuple([row for row in rows if row not in self.overridden])

    def need_meant(self, rate_nl_per_s: tuple, tenfold: bool) -> None:
        """Refuse (tenfold) a rate ten times the present or last one, or a tenth, that is not said
        to be meant."""
        last = self.tenfold_of(rate_nl_per_s)
        if last and not tenfold:
            given = show(rate_nl_per_s, "mL/h", "rate")
            raise Refusal("tenfold", "rate", given, last, "tenfold=yes")
        if tenfold and not last:
            raise Refusal("needless", "tenfold", "yes")

    def tenfold_of(self, rate_nl_per_s: tuple) -> str:
        """The present or last rate as text, where ``rate_nl_per_s`` is ten times as much or more,
        or a tenth or less; else ''."""
        last = self._rate_before()
        if last is None:
            return ""
        much = compare(rate_nl_per_s, mul(last, TENFOLD)) >= 0
        little = compare(mul(rate_nl_per_s, TENFOLD), last) <= 0
        return show(last, "mL/h", "rate") if much or little else ""

    def drop_side(self) -> None:
        """A bolus or KVO ends, given or not."""
        steps = self.side.motion.measured()
        plan = self.side.plan
        if self.side.kind == runs.BOLUS and steps:
            whole = steps == plan.total_steps  # counts as ordered, not as rounded
            volume_nl = plan.total_volume_nl if whole else plan.delivered_nl(steps)
            self.boluses.add(self._hal.clock.now_us(), volume_nl)
        self.extra_steps += steps
        self.side = None

    def _rate_before(self) -> tuple | None:
        """The rate of the infusion in progress, if it flows, else the one started last."""
        if self.state in (states.INFUSING, states.PAUSED):
            number, stretch = self.motion.present(self._hal.clock.now_us())
            rate = self.plan.phases[number].rate_of(stretch)
            if rate[0]:
                return rate
        return self.last_rate

    def _keep_order(self, order, bounds, settled) -> None:
        run, kvo = runs.infusion(self._hal, self._board, settled)
        overridden = settled.plan.overridden
        self._keep(run)
        self.kvo, self.order, self.bounds, self.settled = kvo, order, bounds, settled
        self.overridden = overridden
        said = [self._library.said(bounds, True)]
        self._record("programmed", _told(run, {"override": settled.reason}) + said)

    def _keep(self, run) -> None:
        self.forget()
        self.run = run
        self.cause = "none"
        self.alarms.acknowledge("end-of-infusion", self._hal.clock.now_us())
        self._enter(states.PROGRAM)

    def _make_room(self) -> None:
        """Refuse (busy) what would hold up an infusion too long to go unnoticed."""
        self.top_up(2 * _PLANNING_US)
        if self.outlasts_us(self._hal.clock.now_us()) < _PLANNING_US:
            raise Refusal("busy")


def _told(run, fields: dict) -> list:
    """What the event of an order says: plan, steps, and why a soft limit is passed."""
    pairs = [("plan", run.hash), ("steps", str(run.plan.total_steps))]
    if fields.get("override"):
        pairs += [("override", fields_of(run.plan.overridden)), ("reason", fields["override"])]
    return pairs
