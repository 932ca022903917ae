"""Plays a scenario on a rig. All waiting is in the time of the rig's transport.

Whatever happens, a pump that still moves at the end is stopped, and that is told.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from titra import quantities
from titra.client import PumpClient, Timeouts
from titra.errors import NoConnection, PumpRefused, UsageError
from titra.protocol import Event, Reply, Report, Telemetry
from titra.results import volume_nl
from titra.scenario.grammar import ABOUT, STARTED, VERBS, Step
from titra.scenario.load import Scenario
from titra.scenario.result import (
    FAILED,
    INTERRUPTED,
    NOT_RUN,
    PASSED,
    SKIPPED,
    Result,
    StepResult,
)
from titra.scenario.values import Expected
from titra.targets import BOOT_US, US, Rig
from titra.wirelog import WireLog

MOVING = ("infusing", "paused", "bolus", "priming", "kvo")
POLL_S = 1.0
RAW_S = 0.5  # a raw line has that long for its answer
ASK_EVERY_S = 5.0  # status, where telemetry is rare
BEYOND_US = 60_000_000  # a wait may take that much longer than what remains of the plan
RELEASED_US = 60_000  # a released button has come to rest


class Failed(Exception):
    """The step did not come out as written."""


class Interrupted(Exception):
    """The person has had enough."""


class Audience:
    """Sees a scenario go on; override what you want to know."""

    def step(self, result: StepResult) -> None:
        """A step is done."""

    def word(self, word: Mapping[str, str]) -> None:
        """The pump's latest word on every field, while a step waits."""

    def enough(self) -> bool:
        """True to stop the pump and end."""
        return False


def play(
    scenario: Scenario,
    rig: Rig,
    audience: Audience | None = None,
    timeouts: Timeouts | None = None,
    log: WireLog | None = None,
) -> Result:
    """Run ``scenario``.

    Raises NoConnection and UsageError, only before the first step. A rig that lacks what a step
    needs moves nothing: the scenario is skipped.
    """
    audience = audience or Audience()
    result = Result(scenario, rig.name)

    def note(made: StepResult) -> None:
        result.steps.append(made)
        audience.step(made)

    missing = [need for need in scenario.needs if need not in rig.capabilities]
    if missing:
        for step in scenario.steps:
            lacks = step.needs in missing
            why = f"{rig.name} has no {step.needs if lacks else ', '.join(missing)}"
            note(StepResult(step, SKIPPED if lacks else NOT_RUN, why))
        return result
    runner = _Runner(rig, audience, PumpClient(rig.transport, log, timeouts))
    runner.client.connect()
    runner.must_rest()
    try:
        for step in scenario.steps:
            if result.steps and result.steps[-1].verdict != PASSED:
                note(StepResult(step, NOT_RUN, "an earlier step did not pass"))
            else:
                note(runner.do(step))
    finally:
        result.closing = runner.leave_at_rest()
    return result


class _Runner:
    def __init__(self, rig: Rig, audience: Audience, client: PumpClient) -> None:
        self.client = client
        self._rig = rig
        self._audience = audience
        self._word: dict[str, str] = {}
        self._events: list[Event] = []
        self._seen = 0  # events that a wait has used up
        self._sample: Telemetry | None = None
        self._reply: Reply | None = None
        self._offered = ""
        self._plan_us = 0
        self._said = ""

    def do(self, step: Step) -> StepResult:
        """One step, timed; never raises what belongs to the pump."""
        start_s = self._now()
        verdict, why = PASSED, ""
        self._said = ""
        try:
            if self._audience.enough():
                raise Interrupted
            self._act(step)
        except (Failed, NoConnection, PumpRefused) as error:
            verdict, why = FAILED, str(error)
        except Interrupted:
            verdict, why = INTERRUPTED, "interrupted"
        said = self._said or " ".join(f"{key}={text}" for key, text in self._word.items())
        return StepResult(step, verdict, why, said, self._now() - start_s)

    def must_rest(self) -> None:
        """Raise UsageError for a pump in the midst of something: it is somebody else's run."""
        state = self.client.request("status").fields.get("state", "?")
        if state in MOVING:
            raise UsageError(
                f"{self._rig.name}: the pump is {state}; a scenario begins with a pump at rest",
                code="not-at-rest",
                details={"state": state},
            )

    def leave_at_rest(self) -> str:
        """Stop a pump that moves; what was done, or '' for nothing."""
        try:
            self._rest()
            state = self.client.request("status").fields.get("state", "?")
            if state not in MOVING:
                return ""
            said = self.client.stop().fields
        except (NoConnection, PumpRefused) as error:
            return f"the pump could not be stopped, press its button: {error}"
        return f"the pump was {state}; stopped: {said.get('state')} {said.get('delivered', '')}"

    # ---- steps ----------------------------------------------------------------------------------

    def _act(self, step: Step) -> None:
        if VERBS[step.verb].wire:
            self._request(step)
        elif step.verb == "wait":
            self._wait(step.fields)
        elif step.verb == "expect":
            self._expect(step.fields)
        elif step.verb == "silent":
            self._silent(_us(step.fields["time"]))
        elif step.verb == "send":
            self._send_raw(step.text.partition(" ")[2])
        elif step.verb == "press-stop":
            self._rig.jig.press()
        elif step.verb == "release-stop":
            self._rig.jig.release()
            self._pass_us(RELEASED_US)
        else:
            self._rig.jig.power_cut()
            self._pass_us(BOOT_US)

    def _request(self, step: Step) -> None:
        fields = dict(step.fields)
        refused = fields.pop("refused", None)
        if step.verb == "start":
            fields.setdefault("plan", self._offered)
        try:
            reply = self.client.request(step.verb, fields)
        except PumpRefused as refusal:
            self._said = "err " + " ".join(f"{k}={v}" for k, v in refusal.fields.items())
            self._look()
            if refusal.code != refused:
                raise
            return
        self._reply, self._said = reply, reply.raw
        self._word.update(reply.fields)
        if refused:
            raise Failed(f"expected a refusal with {refused}, the pump said ok")
        if step.verb in STARTED:
            self._offered = reply.fields.get("plan", "")
            self._plan_us = quantities.time_us(reply.fields.get("duration")) or 0
        if step.verb == "start":
            self.client.lease_us = quantities.time_us(reply.fields.get("lease"))
        self._look()

    def _wait(self, fields: Mapping[str, str]) -> None:
        if "time" in fields:
            self._pass_us(_us(fields["time"]))
            return
        self._ask()
        within_us = _us(fields["within"]) if "within" in fields else self._patience_us()
        until_s = self._now() + within_us / US
        asked_s = self._now()
        while not self._come(fields):
            if self._now() >= until_s:
                seen = " ".join(event.name for event in self._events[-8:]) or "none"
                raise Failed(
                    f"not within {quantities.show_time(within_us)}; state is "
                    f"{self._word.get('state')}, delivered {self._word.get('delivered')}; "
                    f"last events: {seen}"
                )
            self._poll(min(POLL_S, until_s - self._now()))
            if self._now() - asked_s >= ASK_EVERY_S:
                self._ask()
                asked_s = self._now()

    def _come(self, fields: Mapping[str, str]) -> bool:
        if "state" in fields:
            return self._word.get("state") in fields["state"].split(",")
        if "event" in fields:
            for place, event in enumerate(self._events[self._seen :], self._seen + 1):
                if event.name == fields["event"]:
                    self._seen = place
                    return True
            return False
        wanted, said = volume_nl(fields["delivered"]), volume_nl(self._word.get("delivered"))
        return wanted is not None and said is not None and said >= wanted

    def _expect(self, fields: Mapping[str, str]) -> None:
        self._rest()
        about = next((key for key in ABOUT if key in fields), "status")
        named = [event for event in self._events if event.name == fields.get(about)]
        if about == "no-event":
            if named:
                raise Failed(f"there was an event {fields[about]}: {named[-1].raw}")
            return
        said = self._fields(about, fields, named)
        self._said = self._said or " ".join(f"{key}={text}" for key, text in said.items())
        wrong = [
            f"{key}: expected {text}, the pump said {said.get(key, 'nothing')}"
            for key, text in fields.items()
            if key not in ABOUT and not Expected(text).met_by(said.get(key))
        ]
        if wrong:
            raise Failed("; ".join(wrong))

    def _fields(
        self, about: str, fields: Mapping[str, str], named: list[Event]
    ) -> Mapping[str, str]:
        if about == "status":
            self._ask()
            edges = {"step-edges": str(self._rig.bench.step_edges())} if self._rig.bench else {}
            return {**self._word, **edges}
        found = {
            "event": named[-1] if named else None,
            "reply": self._reply,
            "telemetry": self._sample,
        }[about]
        if found is None:
            raise Failed(f"there was no {about} {fields[about]}")
        self._said = found.raw
        return found.fields

    def _silent(self, us: int) -> None:
        """Nothing is sent, so that the pump misses its host."""
        self.client.lease_us = None
        until_s = self._now() + us / US
        while self._now() < until_s:
            self._heed()
            self.client.receive(min(POLL_S, until_s - self._now()))
        self._look()

    def _send_raw(self, text: str) -> None:
        self.client.send_raw(text.encode("ascii", "replace") + b"\n")
        until_s = self._now() + RAW_S
        answer = None
        while answer is None and self._now() < until_s:
            messages = self.client.receive(until_s - self._now())
            answer = next((each for each in messages if isinstance(each, Reply)), None)
        self._reply = answer
        self._said = answer.raw if answer else "nothing"
        self._look()

    # ---- time and news --------------------------------------------------------------------------

    def _now(self) -> float:
        return self.client.transport.clock()

    def _heed(self) -> None:
        if self._audience.enough():
            raise Interrupted

    def _pass_us(self, us: int) -> None:
        until_s = self._now() + us / US
        while (left_s := until_s - self._now()) > 1e-6:
            self._poll(min(POLL_S, left_s))

    def _poll(self, timeout_s: float) -> None:
        self._heed()
        self._take(self.client.poll(timeout_s))
        self._audience.word(self._word)

    def _look(self) -> None:
        self._take(self.client.take())

    def _rest(self) -> None:
        """Fill what is missing of the events."""
        self._take(self.client.poll(0))

    def _ask(self) -> None:
        """Status; the pump's latest word on everything. Of a line that was cut, what is missing
        stays as it was said before."""
        said = self.client.request("status").fields
        kept = self._word if said.get("cut") == "yes" else {}
        self._word = {**kept, **said}
        self._look()

    def _take(self, reports: Sequence[Report]) -> None:
        for report in reports:
            if isinstance(report, Event):
                self._events.append(report)
                self._word.update({k: v for k, v in report.fields.items() if k == "state"})
            elif isinstance(report, Telemetry):
                self._sample = report
                self._word.update(report.fields)

    def _patience_us(self) -> int:
        left_us = quantities.time_us(self._word.get("remaining"))
        return BEYOND_US + (self._plan_us if left_us is None else left_us)


def _us(text: str) -> int:
    return quantities.time_us(text) or 0
