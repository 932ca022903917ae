"""A conversation with one pump: identify, ask, listen, keep the lease alive, miss no event.

All waiting is in the transport's own time, so the same client drives a board, the pty of a
simulator, a virtual pump in this process and a recording. Nothing here decides anything for the
pump. ``titra.pump.Pump`` is this client behind a thread.
"""

from __future__ import annotations

import random
import threading
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

from titra import protocol
from titra.catchup import EventRecord, LogPage
from titra.errors import NoAnswer, OtherPump, PumpRefused
from titra.identify import identify
from titra.protocol import BadLine, Event, Identity, Message, Reply, Report, Telemetry
from titra.quantities import US_PER_S, time_us, whole
from titra.sequence import Mark
from titra.transport import Transport
from titra.wirelog import WireLog

INBOX_MAX = 10_000
HEARTBEAT_SLACK_S = 0.001


@dataclass(frozen=True)
class Timeouts:
    """All in seconds of the transport's clock. ``connect`` (drain, three times identify, and one
    request with its retry) and ``stop`` stay below 5 s, the start of the tool included."""

    quiet_s: float = 0.05
    drain_s: float = 0.25
    identify_s: float = 1.0
    identify_tries: int = 3
    request_s: float = 0.6
    stop_s: float = 3.5
    stop_resend_s: float = 0.25


class PumpClient:
    """Client of one pump over ``transport``. One thread may use it; ``send_stop`` any.

    Events (each once, in order, gaps filled from the pump's log) and telemetry wait in an inbox
    that ``poll`` and ``take`` hand out. ``lease_us`` set makes ``poll`` send heartbeats. After a
    reset of the pump ``poll`` reads ``info`` again and restores the telemetry interval.

    Counted, never hidden: ``events_lost`` (not even in the pump's log), ``telemetry_lost``,
    ``bad_lines``.
    """

    def __init__(
        self,
        transport: Transport,
        wire_log: WireLog | None = None,
        timeouts: Timeouts | None = None,
        first_id: int | None = None,
        passive: bool = False,
    ) -> None:
        """``first_id`` fixes the request ids (1 to 99999); by default they start anywhere, so that
        the pump never takes a request of this session for a repeat of the last one. A ``passive``
        client sends nothing of its own accord (a recording answers no questions)."""
        self.transport = transport
        self.timeouts = timeouts or Timeouts()
        self.passive = passive
        self.identity: Identity | None = None
        self.info: dict[str, str] = {}
        self.lease_us: int | None = None
        self.pump_t_us: int | None = None
        self.telemetry_lost = 0
        self.bad_lines = 0
        self.heard_pump = False
        self.last_rx_s = transport.clock()
        self.rx_bytes = 0
        self._log = wire_log
        self._splitter = protocol.LineSplitter()
        self._record = EventRecord(self)
        self._inbox: deque[Report] = deque()
        self._replies: dict[str, Reply] = {}
        self._awaited = ""
        self._log_events: list[Event] = []
        self._next_id = first_id or random.randrange(1, protocol.MAX_ID)
        self._telemetry_seq: Mark | None = None
        self._every: str | None = None
        self._boot = -1
        self._sent_s = transport.clock()
        self._sent_pump_us: int | None = None
        self._sending = threading.Lock()

    # ---- who is there ---------------------------------------------------------------------------

    def connect(self) -> Identity:
        """Find out who is there and read ``info``. Raises PumpSilent, NotAPump, WrongSpeed or
        NoAnswer within 5 s. A passive client listens for both instead."""
        if self.passive:
            while not (self.identity and self.info):
                self.receive(1.0)
            return self.identity
        self.identity = identify(self)
        self._read_info()
        return self.identity

    def reconnect(self, transport: Transport) -> Identity:
        """Go on with the same pump over a new ``transport``: what it did meanwhile comes out of
        ``poll``, each event once. Raises what ``connect`` raises, and OtherPump."""
        before = self.identity
        self.transport = transport
        self._splitter = protocol.LineSplitter()
        self.last_rx_s = self._sent_s = transport.clock()
        self.pump_t_us = self._sent_pump_us = None
        who = identify(self)
        if before and who.serial != before.serial:
            raise OtherPump(
                f"{transport.name}: this is the pump {who.serial}; it was {before.serial}"
            )
        self.identity = who
        self._read_info()
        self._restore()
        self.lease_us = time_us(self.request("status").fields.get("lease"))
        self.catch_up()
        self.note_link("up")
        return who

    def note_link(self, word: str) -> None:
        """Write ``up``, or ``down`` and why, into the wire log."""
        if self._log:
            self._log.link(word, self.transport.clock())

    # ---- asking ---------------------------------------------------------------------------------

    def request(
        self, verb: str, fields: Mapping[str, str] | None = None, /, **more: str | None
    ) -> Reply:
        """Send a request with id and check; return the ok. A time-out or a line damaged on the
        way is repeated once under the same id, so that it acts at most once.

        Keywords are fields too: ``on_loss="stop"`` sends ``on-loss=stop``, None is left out.
        Raises PumpRefused, NoAnswer, LinkGone.
        """
        named = {key.replace("_", "-"): value for key, value in more.items() if value is not None}
        tag = str(self._take_id())
        try:
            text = protocol.encode(verb, {**(fields or {}), **named}, tag)
        except ValueError as error:
            raise PumpRefused("bad-line", {"given": verb, "accepts": str(error)}) from error
        reply = None
        for _ in range(2):
            self._send(protocol.seal(text))
            reply = self._await(tag, self.timeouts.request_s) or reply
            if reply and reply.code not in ("bad-crc", "bad-line", "too-long"):
                break
        if reply is None:
            raise NoAnswer(f"{self.transport.name}: the pump did not answer `{verb}`")
        if not reply.ok:
            raise PumpRefused(reply.code or "unknown", reply.fields)
        if verb == "telemetry":
            self._every = reply.fields.get("every")
        return reply

    def stop(self) -> Reply:
        """Stop now: repeat the same ``stop`` until the pump acknowledges it.

        Raises NoAnswer after ``timeouts.stop_s``.
        """
        tag, line = self._stop_line()
        until = self.transport.clock() + self.timeouts.stop_s
        self._send(b"\n")
        while self.transport.clock() < until:
            self._send(line)
            reply = self._await(tag, self.timeouts.stop_resend_s)
            if reply and reply.ok:
                return reply
        raise NoAnswer(
            f"{self.transport.name}: the pump did not acknowledge `stop`; press its stop button"
        )

    def send_stop(self) -> None:
        """Send one ``stop`` and wait for nothing; from any thread."""
        self._send(b"\n" + self._stop_line()[1])

    # ---- listening ------------------------------------------------------------------------------

    def poll(self, timeout_s: float) -> list[Report]:
        """Wait up to ``timeout_s`` for reports, keep the lease alive, fill event gaps."""
        if not self._inbox:
            self.receive(min(timeout_s, self._heartbeat_in_s()))
        if not self.passive:
            self._follow_reset()
            self._inbox.extend(self._record.recover())
            if self._heartbeat_in_s() < HEARTBEAT_SLACK_S:
                text = protocol.encode("heartbeat", {}, self._take_id())
                self._send(protocol.seal(text))
        return self.take()

    def take(self) -> list[Report]:
        """Empty the inbox without waiting."""
        reports = list(self._inbox)
        self._inbox.clear()
        return reports

    def release(self) -> list[Report]:
        """Hold nothing back any more: what a gap has kept, at the end of a recording."""
        self._inbox.extend(self._record.release())
        return self.take()

    def receive(self, timeout_s: float) -> list[Message]:
        """Read once and dispatch; return every message that came, for those who must see all."""
        data = self.transport.read(max(0.0, timeout_s))
        if not data:
            return []
        self.last_rx_s = self.transport.clock()
        self.rx_bytes += len(data)
        if self._log:
            self._log.rx(data, self.last_rx_s)
        messages = [protocol.decode(line) for line in self._splitter.feed(data) if line]
        for message in messages:
            self._dispatch(message)
        return messages

    @property
    def partial(self) -> bytes:
        """What has come of a line that has not ended."""
        return self._splitter.partial

    def send_raw(self, data: bytes) -> None:
        """Send bytes as they are."""
        self._send(data)

    def close(self) -> None:
        """Close the transport and the wire log."""
        self.transport.close()
        if self._log:
            self._log.close()

    @property
    def cursor(self) -> Mark | None:
        """(boot, seq) of the last event handed out or taken as known."""
        return self._record.cursor

    @property
    def events_lost(self) -> int:
        """Events that are known to have been, and are not even in the pump's log."""
        return self._record.lost

    def catch_up(self, since: Mark | None = None) -> None:
        """From here on miss nothing that happened after ``since``: (boot, seq), (0, 0) for all
        that the pump keeps. Without it: after the last event handed out, or, before any, after
        now. What was missed comes out of ``poll``. Raises NoAnswer, PumpRefused, LinkGone."""
        if since is not None:  # those that came while connecting come again, in their place
            samples = [report for report in self._inbox if not isinstance(report, Event)]
            self._inbox = deque(samples)
        self._inbox.extend(self._record.catch_up(since, self._boot))

    def log_after(self, mark: Mark) -> LogPage:
        """A page of the pump's log after ``mark``. Raises NoAnswer, PumpRefused, LinkGone."""
        return self._record.page_after(mark)

    def log_page(self, reply: Reply) -> list[Event]:
        """The event lines after ``reply``, an answer to ``log``; live ones may be among them."""
        expected = whole(reply.fields.get("events")) or 0
        count = 0
        until = self.transport.clock() + self.timeouts.request_s
        while len(self._log_events) < expected:
            if len(self._log_events) > count:  # other lines, damaged ones too, buy no time
                count = len(self._log_events)
                until = self.transport.clock() + self.timeouts.request_s
            if (left := until - self.transport.clock()) <= 0:
                break
            self.receive(left)
        return list(self._log_events)

    # ---- inside ---------------------------------------------------------------------------------

    def _read_info(self) -> None:
        self.info = dict(self.request("info").fields)
        self._boot = whole(self.info.get("boot")) or 0

    def _restore(self) -> None:
        """The telemetry interval that this session has asked for; a reset forgets it."""
        if self._every:
            self.request("telemetry", every=self._every)

    def _follow_reset(self) -> None:
        """The pump has booted since ``info`` was read: what was agreed with it is gone."""
        heard = self._telemetry_seq[0] if self._telemetry_seq else -1
        if self._boot < 0 or max(heard, self._record.newest_boot) <= self._boot:
            return
        self.lease_us = None
        try:
            self._read_info()
            self._restore()
        except (PumpRefused, NoAnswer):
            return  # still in its self-test: the next poll asks again

    def _await(self, tag: str, timeout_s: float) -> Reply | None:
        self._awaited = tag
        until = self.transport.clock() + timeout_s
        while tag not in self._replies:
            left = until - self.transport.clock()
            if left <= 0:
                return None
            self.receive(left)
        return self._replies.pop(tag)

    def _dispatch(self, message: Message) -> None:
        self.heard_pump = self.heard_pump or isinstance(message, Reply | Event | Telemetry)
        if self.passive:
            self._overhear(message)
        if isinstance(message, Reply):
            if message.tag == self._awaited:
                self._replies = {message.tag: message}
                self._log_events = []
        elif isinstance(message, Event):
            self._note_time(message)
            self._log_events.append(message)
            self._inbox.extend(self._record.feed(message))
        elif isinstance(message, Telemetry):
            self._note_time(message)
            self._count_telemetry(message)
            if len(self._inbox) < INBOX_MAX:
                self._inbox.append(message)
            else:
                self.telemetry_lost += 1  # nobody takes what comes; events are kept all the same
        elif isinstance(message, BadLine):
            self.bad_lines += 1
            self._record.suspect()

    def _overhear(self, message: Message) -> None:
        """Learn who the pump is from what it told another."""
        if isinstance(message, Identity):
            self.identity = message
        elif isinstance(message, Reply) and {"model", "serial"} <= message.fields.keys():
            self.info = dict(message.fields)

    def _note_time(self, report: Report) -> None:
        if report.t_us is not None and not self._record.reading:
            self.pump_t_us = report.t_us

    def _count_telemetry(self, sample: Telemetry) -> None:
        if self._telemetry_seq and self._telemetry_seq[0] == sample.boot:
            missing = max(0, sample.seq - self._telemetry_seq[1] - 1)
            self.telemetry_lost += missing
            if missing:
                self._record.suspect()
        self._telemetry_seq = (sample.boot, sample.seq)

    def _heartbeat_in_s(self) -> float:
        """Transport seconds until a heartbeat is due; infinite without a lease."""
        if self.lease_us is None or self.passive:
            return float("inf")
        quarter_s = self.lease_us / 4 / US_PER_S
        pump_s = 0.0
        if self.pump_t_us is not None and self._sent_pump_us is not None:
            pump_s = (self.pump_t_us - self._sent_pump_us) / US_PER_S
        return max(0.0, quarter_s - max(pump_s, self.transport.clock() - self._sent_s))

    def _send(self, data: bytes) -> None:
        with self._sending:
            self.transport.write(data)
            self._sent_s = self.transport.clock()
            self._sent_pump_us = self.pump_t_us
            if self._log:
                self._log.tx(data, self._sent_s)

    def _stop_line(self) -> tuple[str, bytes]:
        tag = str(self._take_id())
        return tag, protocol.seal(protocol.encode("stop", {}, tag))

    def _take_id(self) -> int:
        with self._sending:
            tag = self._next_id
            self._next_id = tag % protocol.MAX_ID + 1
        return tag
