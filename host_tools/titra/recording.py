"""A recording read whole: what the pump said, what it was asked, and what is missing.

The pump's lines go through the same codec and the same event order as those of a live pump. Gaps
are things of their own: they are listed and exported, never bridged.
"""

from __future__ import annotations

import datetime
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from titra import protocol, wirelog
from titra.protocol import BadLine, Event, Identity, Message, Reply, Report, Telemetry
from titra.quantities import US_PER_S
from titra.sequence import EventOrder, Mark, mark_of
from titra.wirelog import Record

TELEMETRY, EVENTS, LINK = "telemetry", "events", "link"


@dataclass(frozen=True)
class Timed:
    """A report with the host time and the transport's clock (s) at which it came."""

    at: datetime.datetime
    clock_s: float
    report: Report


@dataclass
class Exchange:
    """A request and its reply; ``round_trip_s`` of the transport's clock, None unanswered."""

    at: datetime.datetime
    clock_s: float
    verb: str
    fields: Mapping[str, str]
    reply: Reply | None = None
    round_trip_s: float | None = None


@dataclass
class Gap:
    """Something is missing between ``since`` and ``until``; ``missing`` counts it where known.
    ``lasted_s``: pump time between two samples, the transport's clock for a link."""

    kind: str
    since: datetime.datetime
    until: datetime.datetime | None
    missing: int | None
    why: str = ""
    lasted_s: float | None = None


@dataclass
class Recording:
    """All of one file. ``entries``: reports and gaps in order; ``bad_lines``: unreadable."""

    path: Path
    head: Mapping[str, str]
    sha256: str
    size: int
    identity: Identity | None = None
    info: dict[str, str] = field(default_factory=dict)
    entries: list[Timed | Gap] = field(default_factory=list)
    exchanges: list[Exchange] = field(default_factory=list)
    bad_lines: int = 0
    first_at: datetime.datetime | None = None
    last_at: datetime.datetime | None = None

    @property
    def events(self) -> list[Timed]:
        """Every event once, in the pump's order."""
        return [entry for entry in self.reports() if isinstance(entry.report, Event)]

    @property
    def samples(self) -> list[Timed]:
        """Telemetry as it came."""
        return [entry for entry in self.reports() if isinstance(entry.report, Telemetry)]

    @property
    def gaps(self) -> list[Gap]:
        """What is missing."""
        return [entry for entry in self.entries if isinstance(entry, Gap)]

    def reports(self) -> Iterator[Timed]:
        """Events and telemetry."""
        return (entry for entry in self.entries if isinstance(entry, Timed))


def load(path: Path) -> Recording:
    """Read a recording. Raises BadRecording."""
    head = wirelog.header(path)
    reader = _Reader(Recording(path, head, _sha256(path), path.stat().st_size))
    for record in wirelog.records(path):
        reader.take(record)
    return reader.finish()


class _Reader:
    def __init__(self, recording: Recording) -> None:
        self._recording = recording
        self._splitter = protocol.LineSplitter()
        self._order = EventOrder()
        self._heard: dict[Mark, Timed] = {}
        self._asked: dict[str, Exchange] = {}
        self._last: Timed | None = None
        self._down: Gap | None = None
        self._down_s = 0.0

    def take(self, record: Record) -> None:
        recording = self._recording
        recording.first_at = recording.first_at or record.at
        recording.last_at = record.at
        if record.direction == wirelog.RX:
            for line in self._splitter.feed(record.data):
                if line:
                    self._heard_from_pump(protocol.decode(line), record)
        elif record.direction == wirelog.TX:
            for line in record.data.split(b"\n"):
                self._sent(line, record)
        elif record.direction == wirelog.LINK:
            self._link(record)

    def finish(self) -> Recording:
        """Release what a gap has held back to the end."""
        held, lost = self._order.give_up()
        if lost and self._recording.last_at:
            first = self._heard[mark_of(held[0])].at
            self._recording.entries.append(
                Gap(EVENTS, first, self._recording.last_at, lost, "not in the recording")
            )
        self._keep_events(held)
        return self._recording

    def _heard_from_pump(self, message: Message, record: Record) -> None:
        recording = self._recording
        if isinstance(message, Identity):
            recording.identity = message
        elif isinstance(message, Reply):
            self._answered(message, record)
        elif isinstance(message, Event):
            self._heard.setdefault(mark_of(message), Timed(record.at, record.clock_s, message))
            self._keep_events(self._order.feed(message))
        elif isinstance(message, Telemetry):
            self._keep_sample(Timed(record.at, record.clock_s, message))
        elif isinstance(message, BadLine):
            recording.bad_lines += 1

    def _keep_events(self, events: list[Event]) -> None:
        self._recording.entries += [self._heard[mark_of(event)] for event in events]

    def _keep_sample(self, sample: Timed) -> None:
        last, self._last = self._last, sample
        if last and last.report.boot == sample.report.boot:
            missing = sample.report.seq - last.report.seq - 1
            if missing > 0:
                self._recording.entries.append(
                    Gap(
                        TELEMETRY,
                        last.at,
                        sample.at,
                        missing,
                        lasted_s=((sample.report.t_us or 0) - (last.report.t_us or 0)) / US_PER_S,
                    )
                )
        self._recording.entries.append(sample)

    def _sent(self, line: bytes, record: Record) -> None:
        text = line.decode("ascii", "backslashreplace").strip()
        tag, _, rest = text.rpartition("*")[0].partition(" ")
        verb, _, words = rest.partition(" ")
        if tag.isdecimal() and verb:
            exchange = Exchange(record.at, record.clock_s, verb, protocol.pairs(words) or {})
            self._asked[tag] = exchange
            self._recording.exchanges.append(exchange)

    def _answered(self, reply: Reply, record: Record) -> None:
        exchange = self._asked.get(reply.tag)
        if exchange and exchange.reply is None:
            exchange.reply = reply
            exchange.round_trip_s = record.clock_s - exchange.clock_s
            if exchange.verb == "info" and reply.ok:
                self._recording.info = dict(reply.fields)

    def _link(self, record: Record) -> None:
        word = record.data.decode("latin-1")
        if word.startswith("down"):
            self._down_s = record.clock_s
            self._down = Gap(LINK, record.at, None, None, word.partition(": ")[2])
            self._recording.entries.append(self._down)
        elif self._down:
            self._down.until = record.at
            self._down.lasted_s = record.clock_s - self._down_s
            self._down = None
        self._splitter = protocol.LineSplitter()


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
