"""One infusion seen from the host: start it, follow what the pump says, tell how it ended.

Nothing here comes from what the tool asked for; state, steps and volume are the pump's words.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from titra import quantities
from titra.client import PumpClient
from titra.errors import (
    DISCONNECTED,
    OK,
    PUMP_FAILED,
    STOPPED_BY_OPERATOR,
    ConnectionLost,
    NoConnection,
)
from titra.prescription import HostPlan
from titra.protocol import Event, Reply, Report

ENDED = ("complete", "halted", "stopped", "alarm", "fault")
MOVING = ("infusing", "paused", "bolus", "kvo")
RESET = "reset"  # the cause when the pump booted in mid-run: its count of the run is gone
BUTTON = ("disconnect", "stop-open")
# Fields of telemetry that the event of an end does not carry: after it, the last sample is stale.
SAMPLED = ("rate", "target", "remaining", "elapsed", "commanded")
SILENCE_MIN_S = 3.0
SILENT_PERIODS = 4


@dataclass(frozen=True)
class Outcome:
    """How it ended, in the pump's words; ``elapsed_us`` is pump time from start to end.

    After a reset in mid-run the steps are None and ``before_reset`` holds the last word before it.
    """

    state: str
    cause: str
    delivered_steps: int | None
    elapsed_us: int | None
    said: Mapping[str, str] = field(default_factory=dict)
    before_reset: Mapping[str, str] = field(default_factory=dict)

    @property
    def exit_code(self) -> int:
        """The exit code for this end."""
        if self.state == "complete":
            return OK
        if self.state == "halted":
            return STOPPED_BY_OPERATOR
        if self.state == "stopped" and self.cause in BUTTON:
            return DISCONNECTED
        return PUMP_FAILED


def program(client: PumpClient, planned: HostPlan) -> dict[str, str]:
    """Send a prescription, phase by phase; the pump's answer to the whole. Nothing moves."""
    answer: dict[str, str] = {}
    for verb, fields in planned.requests:
        answer.update(client.request(verb, fields).fields)
    return answer


class Infusion:
    """Follows one run. ``word`` holds the latest value of every field the pump has reported."""

    def __init__(self, client: PumpClient, planned_steps: int, period_us: int) -> None:
        """``period_us`` is the telemetry interval asked for, in pump time."""
        self.client = client
        self.planned_steps = planned_steps
        self.word: dict[str, str] = {}
        self.ended = False
        self.rebooted = False
        self.host_lost = False
        self.before_reset: dict[str, str] = {}
        self.policy: dict[str, str] = {}
        self._boot = quantities.whole(client.info.get("boot"))
        self._asked_us = -1
        self._started_us: int | None = None
        self._ended_us: int | None = None
        self._silence_s = max(SILENCE_MIN_S, SILENT_PERIODS * period_us / quantities.US_PER_S)

    def start(self, fields: Mapping[str, str], lease: str | None, on_loss: str | None) -> Reply:
        """Send ``start`` with ``fields`` (``plan`` and what it wants besides).

        ``policy`` then holds what the pump agreed to.
        """
        self.client.take()
        self._asked_us = self.client.pump_t_us or 0
        self.policy = {"lease": lease or "off", "on-loss": on_loss or "stop"}
        try:
            reply = self.client.request("start", fields, lease=lease, on_loss=on_loss)
        except NoConnection as gone:
            raise ConnectionLost(f"{gone.message}; it may have started") from gone
        agreed = {key: reply.fields[key] for key in self.policy if key in reply.fields}
        self.policy.update(agreed)
        self.word["state"] = reply.fields.get("state", "infusing")
        self.client.lease_us = quantities.time_us(reply.fields.get("lease"))
        return reply

    def follow(self, timeout_s: float) -> list[Report]:
        """Wait up to ``timeout_s`` for news. Raises ConnectionLost when the pump has gone."""
        try:
            reports = self.client.poll(timeout_s)
        except NoConnection as gone:
            raise ConnectionLost(gone.message) from gone
        for report in reports:
            self._take(report)
        silent_s = self.client.transport.clock() - self.client.last_rx_s
        if not self.ended and silent_s > self._silence_s:
            self._probe()
        return reports

    def stop(self) -> Reply:
        """Stop and take over what the acknowledgement says."""
        try:
            reply = self.client.stop()
        except NoConnection as gone:
            raise ConnectionLost(gone.message) from gone
        self.word.update(reply.fields)
        self.ended = True
        return reply

    def outcome(self) -> Outcome:
        """Ask for the final ``status`` and sum up. Raises ConnectionLost."""
        try:
            for report in self.client.poll(0):
                self._take(report)
            status = dict(self.client.request("status").fields)
        except NoConnection as gone:
            raise ConnectionLost(gone.message) from gone
        for report in self.client.take():
            self._take(report)
        said = {**self.word, **status}
        state = said.get("state", "unknown")
        cause = "none" if state == "complete" else said.get("cause", "none")
        if self.rebooted:
            return Outcome(state, RESET, None, None, said, self.before_reset)
        return Outcome(
            state, cause, quantities.whole(said.get("steps")), self._elapsed(said), said
        )

    def last_word(self) -> dict[str, str]:
        """What is worth repeating of the last report, when nothing more comes."""
        keys = ("t", "boot", "state", "cause", "steps", "delivered", "rate", "remaining")
        return {key: self.word[key] for key in keys if key in self.word}

    @property
    def steps(self) -> int:
        """Steps that the pump has counted, as last reported."""
        return quantities.whole(self.word.get("steps")) or 0

    def _take(self, report: Report) -> None:
        if self._boot is None:
            self._boot = report.boot
        if report.boot > self._boot:
            self.rebooted = self.ended = True
            self.before_reset = self.last_word()
            self.word.clear()
            self._boot = report.boot
        if (report.t_us or 0) < self._asked_us and not self.rebooted:
            return
        self.word.update(report.fields)
        if isinstance(report, Event):
            self._take_event(report)
        elif report.fields.get("state") in ENDED:
            self.ended = True

    def _take_event(self, event: Event) -> None:
        if event.name == "started":
            self._started_us = event.t_us
        elif event.name == "host-lost":
            self.host_lost = True
        elif event.name in ENDED and event.fields.get("state", event.name) in ENDED:
            self.ended = True
            self._ended_us = event.t_us
            for key in SAMPLED:
                self.word.pop(key, None)

    def _probe(self) -> None:
        try:
            self.word.update(self.client.request("status").fields)
        except NoConnection as error:
            raise ConnectionLost(
                f"{self.client.transport.name}: the pump has gone silent in mid-run"
            ) from error
        self.ended = self.word.get("state") not in MOVING

    def _elapsed(self, said: Mapping[str, str]) -> int | None:
        """Pump time in motion. A complete plan says it exactly; any other end is timed from the
        events, because a queue that was dropped counts into the pump's own ``elapsed``."""
        elapsed_us = quantities.time_us(said.get("elapsed"))
        if said.get("state") == "complete" and elapsed_us is not None:
            return elapsed_us
        if self._started_us is None or self._ended_us is None:
            return elapsed_us
        return self._ended_us - self._started_us
