"""The infusions in a recording: what was ordered, what was planned, how it went, how it ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from importlib import import_module

from titra.errors import TitraError, UsageError
from titra.infusion import ENDED, MOVING
from titra.prescription import HostPlan, compute
from titra.protocol import Event
from titra.quantities import whole
from titra.recording import Exchange, Gap, Recording, Timed
from titra.results import Plan, Status

RESET, OPEN_END = "reset", "recording ended"
ENDS = ("complete", "primed", "halted", "stopped", "alarm", "fault")
CHANGED = "changed"
WAITS = ("paused", "bolus-started")
GOES_ON = ("resumed", "bolus-complete")
ORDERS = ("program", "phase", "prime")


@dataclass
class Run:
    """One infusion, from ``started`` to its end, in the pump's words.

    ``orders`` (the requests that made the plan) and ``plan`` are empty and None where the
    recording began later; ``host_plan`` is the host's own computation where it has the same hash.
    ``state`` is that of the end, or ``reset``, or ``recording ended``.
    """

    number: int
    begun: Timed
    plan_hash: str
    orders: list[Exchange] = field(default_factory=list)
    plan: Plan | None = None
    host_plan: HostPlan | None = None
    policy: Mapping[str, str] = field(default_factory=dict)
    end: Timed | None = None
    state: str = OPEN_END
    entries: list[Timed | Gap] = field(default_factory=list)

    @property
    def samples(self) -> list[Timed]:
        """Telemetry of the run."""
        found = (entry for entry in self.entries if isinstance(entry, Timed))
        return [entry for entry in found if not isinstance(entry.report, Event)]

    @property
    def events(self) -> list[Timed]:
        """Events of the run and of its sequel."""
        found = (entry for entry in self.entries if isinstance(entry, Timed))
        return [entry for entry in found if isinstance(entry.report, Event)]

    @property
    def gaps(self) -> list[Gap]:
        """What is missing of it."""
        return [entry for entry in self.entries if isinstance(entry, Gap)]

    @property
    def boot(self) -> int:
        """The boot in which it ran."""
        return self.begun.report.boot

    @property
    def began_us(self) -> int:
        """Pump time of its start."""
        report = self.begun.report
        elapsed_us = 0 if isinstance(report, Event) else Status.of(report.fields).elapsed_us or 0
        return (report.t_us or 0) - elapsed_us

    @property
    def last_word(self) -> Status | None:
        """The fields of the end, and what the last sample before it adds."""
        until = self.end.report.t_us if self.end and self.state != RESET else None
        fields: dict[str, str] = {}
        for sample in self.samples:
            at_us = sample.report.t_us or 0
            if sample.report.boot == self.boot and (until is None or at_us <= until):
                fields.update(sample.report.fields)
        if self.end and self.state != RESET:
            fields.update(self.end.report.fields)
        return Status.of(fields) if fields else None

    @property
    def changed_us(self) -> int | None:
        """Pump time at which the plan was changed while it ran; no due volume is known then."""
        times = [
            one.report.t_us for one in self.events if one.report.fields.get("name") == CHANGED
        ]
        return times[0] if times else None

    @property
    def planned_steps(self) -> int | None:
        """Steps of the plan as last changed; None where nothing tells them."""
        counts = [
            whole(one.report.fields.get("steps"))
            for one in self.events
            if one.report.fields.get("name") == CHANGED
        ]
        if counts:
            return counts[-1]
        if self.plan:
            return self.plan.steps
        return self.last_word.planned if self.last_word else None

    def motion_us(self, until_us: int) -> int:
        """Time in which the plan went on, from the start to ``until_us`` of pump time: pauses and
        boluses, as told by their events, left out."""
        waits = 0
        since: int | None = None
        for entry in self.events:
            report = entry.report
            name, t_us = report.fields.get("name"), report.t_us
            if report.boot != self.boot or t_us is None or t_us > until_us:
                continue
            if name in WAITS and since is None:
                since = t_us
            elif name in GOES_ON and since is not None:
                waits, since = waits + t_us - since, None
        if since is not None:
            waits += until_us - since
        return until_us - self.began_us - waits

    def due_nl(self, motion_us: int) -> Fraction | None:
        """Volume that the plan has delivered after ``motion_us`` of motion; None where the host
        did not compute the plan and it may be more than one phase at one rate."""
        if self.host_plan:
            return _along(self.host_plan, motion_us)
        plan = self.plan
        plain = len(self.orders) == 1 and "to" not in self.orders[0].fields
        if not plain or plan is None or plan.step_nl is None or not plan.duration_us:
            return None
        share = min(Fraction(1), Fraction(motion_us, plan.duration_us))
        return plan.steps * plan.step_nl * share


def runs_of(recording: Recording) -> list[Run]:
    """The infusions of a recording, in order; one that was under way when it began counts."""
    entries = recording.entries
    starts = [at for at, entry in enumerate(entries) if _named(entry, "started")]
    joined = _joined(entries, starts[0] if starts else len(entries))
    begins = ([joined] if joined is not None else []) + starts
    edges = [_first_of_run(entries, at, floor) for at, floor in zip(begins, [0, *begins])]
    found = []
    for number, (at, first, last) in enumerate(
        zip(begins, edges, [*edges[1:], len(entries)], strict=False), 1
    ):
        begun = entries[at]
        assert isinstance(begun, Timed)
        run = Run(number, begun, begun.report.fields.get("plan", ""), entries=entries[first:last])
        _find_end(run, entries[at + 1 : last])
        _find_orders(run, recording)
        found.append(run)
    return found


def chosen(recording: Recording, number: int | None) -> tuple[Run, int]:
    """Run ``number`` (from 1; default the last) and how many there are. Raises UsageError."""
    runs = runs_of(recording)
    if not runs:
        raise UsageError(f"{recording.path}: no infusion is in this recording", code="no-run")
    number = number or len(runs)
    if not 1 <= number <= len(runs):
        raise UsageError(
            f"--run takes 1 to {len(runs)}",
            details={"field": "run", "given": str(number), "limit": f"1..{len(runs)}"},
        )
    return runs[number - 1], len(runs)


def _named(entry: Timed | Gap, name: str) -> bool:
    return (
        isinstance(entry, Timed) and isinstance(entry.report, Event) and entry.report.name == name
    )


def _joined(entries: list[Timed | Gap], until: int) -> int | None:
    """Where a run shows that had begun before the recording."""
    for at, entry in enumerate(entries[:until]):
        if isinstance(entry, Gap) or isinstance(entry.report, Event):
            continue
        if entry.report.fields.get("state") in MOVING:
            return at
    return None


def _first_of_run(entries: list[Timed | Gap], start: int, floor: int) -> int:
    """The plan's acceptance belongs to the run, when it is not before the last start."""
    for at in range(start, floor, -1):
        if _named(entries[at], "programmed") or _named(entries[at], "prime-offered"):
            return at
    return start


def _find_end(run: Run, rest: list[Timed | Gap]) -> None:
    for entry in rest:
        if not isinstance(entry, Timed) or not isinstance(entry.report, Event):
            continue
        event = entry.report
        state = event.fields.get("state", event.name)
        if event.name == "boot" and event.boot > run.boot:
            run.end, run.state = entry, RESET
            return
        if event.name in ENDS and state in (*ENDED, "primed"):
            run.end, run.state = entry, state
            return


def _find_orders(run: Run, recording: Recording) -> None:
    """What was asked and answered before the start, as far as the recording holds it."""
    before = [
        exchange
        for exchange in recording.exchanges
        if exchange.reply and exchange.reply.ok and exchange.at <= run.begun.at
    ]
    starts = [one for one in before if one.verb == "start"]
    if not starts or starts[-1].fields.get("plan") != run.plan_hash:
        return
    run.policy = starts[-1].reply.fields if starts[-1].reply else {}
    programs = [at for at, one in enumerate(before) if one.verb in ("program", "prime")]
    if not programs:
        return
    run.orders = [one for one in before[programs[-1] :] if one.verb in ORDERS]
    for order in run.orders:
        if order.reply and order.reply.fields.get("plan") == run.plan_hash:
            run.plan = Plan.of(order.reply.fields)
    run.host_plan = _recomputed(run)


def _recomputed(run: Run) -> HostPlan | None:
    """The host's own plan of the same prescription, if it is the same."""
    if not run.orders or run.orders[0].verb != "program":
        return None
    try:
        plan = _computed([order.fields for order in run.orders])
    except TitraError:
        return None
    return plan if plan.hash == run.plan_hash else None


def _computed(orders: list[Mapping[str, str]]) -> HostPlan:
    first, *others = orders
    if not others:
        return compute(first)
    common, one = import_module("pump.core.dose").split(dict(first))
    return compute(common, phases=[one, *others])


def _along(plan: HostPlan, motion_us: int) -> Fraction:
    """Volume due after ``motion_us``, stretch by stretch."""
    done = Fraction(0)
    left = Fraction(motion_us)
    for stretch in (stretch for phase in plan.phases for stretch in phase.stretches):
        volume_nl = stretch.steps * plan.volume_per_step_nl
        if left < stretch.duration_us:
            return done + volume_nl * left / stretch.duration_us
        left -= stretch.duration_us
        done += volume_nl
    return done
