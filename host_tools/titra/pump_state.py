"""What a pump has said, as one picture; pure. A link feeds it, screens and exporters read it.

Times ``at_s`` and ``now_s`` are seconds of the host's monotonic clock. Nothing here is older than
it looks: ``freshness`` says whether the picture may be shown as what is true now.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from titra import quantities
from titra.history import History
from titra.protocol import Event, Identity, Report, Telemetry

STALE_S = 3.0  # at least; a pump that reports seldom is given STALE_PERIODS of its interval
STALE_PERIODS = 2.5
EVENTS_MAX = 300
MOVING = ("infusing", "bolus", "priming", "kvo")
UNFINISHED = (*MOVING, "paused")
STOPPED = ("stopped", "alarm", "fault", "halted", "complete")

Freshness = Literal["never", "live", "stale", "lost"]
StopPhase = Literal["none", "asked", "acknowledged", "unheard"]


@dataclass(frozen=True)
class Up:
    """The link is there; ``info`` is the answer to ``info``."""

    at_s: float
    identity: Identity
    info: Mapping[str, str]


@dataclass(frozen=True)
class Down:
    """The link is not there: ``code`` (EXIT_CODES.md) and ``why``. It is tried again."""

    at_s: float
    code: str
    why: str


@dataclass(frozen=True)
class Told:
    """An event or a sample."""

    at_s: float
    report: Report


@dataclass(frozen=True)
class Answered:
    """The fields of an answer to ``status``."""

    at_s: float
    fields: Mapping[str, str]


@dataclass(frozen=True)
class StopNews:
    """How far a stop has come; ``text`` for people."""

    at_s: float
    phase: StopPhase
    text: str = ""


@dataclass(frozen=True)
class Remark:
    """The outcome of a request other than stop, for people."""

    at_s: float
    text: str
    ok: bool


@dataclass(frozen=True)
class Losses:
    """What is known to be missing since the start, in all."""

    at_s: float
    events: int
    telemetry: int
    bad_lines: int


News = Up | Down | Told | Answered | StopNews | Remark | Losses


@dataclass
class PumpState:
    """The picture. ``word`` holds the latest value of every field that the pump has reported."""

    port: str
    identity: Identity | None = None
    info: dict[str, str] = field(default_factory=dict)
    word: dict[str, str] = field(default_factory=dict)
    alarms: tuple[str, ...] = ()
    events: deque[Event] = field(default_factory=lambda: deque(maxlen=EVENTS_MAX))
    history: History = field(default_factory=History)
    up: bool = False
    why_down: str = ""
    heard_s: float | None = None
    interval_s: float = 0.0
    reconnects: int = 0
    on_loss: str = ""
    stop: StopNews = StopNews(0.0, "none")
    remark: Remark | None = None
    losses: Losses = Losses(0.0, 0, 0, 0)
    _sample_s: float | None = None
    _ran: bool = False
    _sampled: frozenset[str] = frozenset()

    def take(self, news: News) -> None:
        """Add what is new."""
        if isinstance(news, Told):
            self.heard_s = news.at_s
            self._report(news)
        elif isinstance(news, Answered):
            self.heard_s = news.at_s
            self.word.update(news.fields)
            self._alarms_of_status(news.fields)
        elif isinstance(news, Up):
            self._up(news)
        elif isinstance(news, Down):
            self.up, self.why_down = False, news.why
            self.history.interrupt()
        elif isinstance(news, StopNews):
            self.stop = news
        elif isinstance(news, Losses):
            self.losses = news
        else:
            self.remark = news

    def freshness(self, now_s: float) -> Freshness:
        """never: not heard yet; live; stale: the link is there and silent; lost: it is not."""
        if self.heard_s is None:
            return "never"
        if not self.up:
            return "lost"
        allowed_s = max(STALE_S, STALE_PERIODS * self.interval_s)
        return "live" if now_s - self.heard_s <= allowed_s else "stale"

    def age_s(self, now_s: float) -> float | None:
        """Seconds since the pump was last heard; None before that."""
        return None if self.heard_s is None else max(0.0, now_s - self.heard_s)

    @property
    def state(self) -> str:
        """The state last reported; '' before that."""
        return self.word.get("state", "")

    @property
    def cause(self) -> str:
        """Why it is in that state; '' where there is no cause."""
        cause = self.word.get("cause", "none")
        return "" if cause == "none" else cause

    @property
    def steps(self) -> int | None:
        """Steps that the pump has counted."""
        return quantities.whole(self.word.get("steps"))

    @property
    def planned(self) -> int | None:
        """Steps of the plan."""
        return quantities.whole(self.word.get("planned"))

    @property
    def lag_steps(self) -> int | None:
        """Commanded less counted steps."""
        commanded = quantities.whole(self.word.get("commanded"))
        return None if commanded is None or self.steps is None else commanded - self.steps

    @property
    def share(self) -> float | None:
        """Counted steps as a share of the plan, 0 to 1; None without a plan."""
        if not self.planned or self.steps is None:
            return None
        return min(1.0, self.steps / self.planned)

    def _up(self, news: Up) -> None:
        self.reconnects += self.identity is not None and not self.up
        self.identity, self.info = news.identity, dict(news.info)
        self.up, self.why_down = True, ""
        if news.info.get("boot") != self.word.get("boot"):
            self._begin_boot(news.info.get("boot", ""))
        self.interval_s, self._sample_s = 0.0, None

    def _report(self, news: Told) -> None:
        report = news.report
        if isinstance(report, Event):
            self.events.append(report)
            if report.name == "started":
                self.history.begin(report.t_us or 0, report.boot)
        before = self._place()
        if (report.boot, report.t_us or 0) < before:
            return  # an older event out of the log
        if report.boot > before[0]:
            self._begin_boot(str(report.boot))
        if isinstance(report, Telemetry):
            self._forget_what_is_gone(report)
        self.word.update(report.fields)
        if isinstance(report, Event):
            self._event(report)
        else:
            self._note_interval(news.at_s)
            self._alarms_of_sample(report.fields)
            if self.state in UNFINISHED or self._ran:  # and the first sample after the end
                self.history.add(report.t_us or 0, report.boot, report.fields)
            self._ran = self.state in UNFINISHED

    def _forget_what_is_gone(self, sample: Telemetry) -> None:
        """A field of the sample before that this one lacks is true no longer (the plan's, say)."""
        if sample.fields.get("cut") != "yes":
            for key in self._sampled - sample.fields.keys():
                self.word.pop(key, None)
            self._sampled = frozenset(sample.fields)

    def _begin_boot(self, boot: str) -> None:
        """What was said in another boot is not true any more."""
        self.word = {"boot": boot}
        self.alarms = ()

    def _note_interval(self, at_s: float) -> None:
        if self._sample_s is not None:
            self.interval_s = at_s - self._sample_s
        self._sample_s = at_s

    def _event(self, event: Event) -> None:
        self.word.pop("name", None)
        if event.name == "host-lost":
            self.on_loss = event.fields.get("on-loss", "")
        elif event.name == "alarm" and (cause := event.fields.get("cause")):
            self.alarms = (*(name for name in self.alarms if name != cause), cause)

    def _alarms_of_status(self, fields: Mapping[str, str]) -> None:
        text = fields.get("alarms", "none")
        self.alarms = () if text == "none" else tuple(text.split(","))

    def _alarms_of_sample(self, fields: Mapping[str, str]) -> None:
        """A sample names the first cause or the first alarm; with neither there is no alarm."""
        named = fields.get("alarm") or fields.get("cause")
        if named is None:
            self.alarms = ()
            for key in ("cause", "alarm"):
                self.word.pop(key, None)
        elif named not in self.alarms and self.state in ("stopped", "alarm", "fault"):
            self.alarms = (named, *self.alarms)

    def _place(self) -> tuple[int, int]:
        boot = quantities.whole(self.word.get("boot"))
        return (-1 if boot is None else boot, quantities.time_us(self.word.get("t")) or 0)
