"""A conversation with one pump: identify, ask, listen, keep the lease alive.

All waiting is in the transport's own time, so the same client drives a board, the pty of a
simulator and a virtual pump in this process. Nothing here decides anything for the pump.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

from titra import protocol
from titra.errors import NoAnswer, PumpRefused
from titra.identify import identify
from titra.protocol import BadLine, Event, Identity, Message, Reply, Report, Telemetry
from titra.quantities import US_PER_S, whole
from titra.sequence import EventOrder
from titra.transport import Transport
from titra.wirelog import WireLog

INBOX_MAX = 10_000
LOG_ROUNDS_MAX = 400  # more than the 1056 events that the pump keeps, four at a time
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
    """Client of one pump over ``transport``; not thread-safe.

    Events (in order, gaps filled) and telemetry wait in an inbox that ``poll`` and ``take`` hand
    out. ``lease_us`` set makes ``poll`` send heartbeats.
    """

    def __init__(
        self,
        transport: Transport,
        wire_log: WireLog | None = None,
        timeouts: Timeouts | None = None,
        first_id: int | None = None,
    ) -> None:
        """``first_id`` fixes the request ids (1 to 99999); by default they start anywhere, so that
        the pump never takes a request of this session for a repeat of the last one."""
        self.transport = transport
        self.timeouts = timeouts or Timeouts()
        self.info: dict[str, str] = {}
        self.lease_us: int | None = None
        self.pump_t_us: int | None = None
        self.events_lost = 0
        self.telemetry_lost = 0
        self.bad_lines = 0
        self.heard_pump = False
        self.last_rx_s = transport.clock()
        self.rx_bytes = 0
        self._log = wire_log
        self._splitter = protocol.LineSplitter()
        self._order = EventOrder()
        self._inbox: deque[Report] = deque(maxlen=INBOX_MAX)
        self._replies: dict[str, Reply] = {}
        self._awaited = ""
        self._log_events: list[Event] = []
        self._recovering = False
        self._next_id = first_id or random.randrange(1, protocol.MAX_ID)
        self._telemetry_seq: tuple[int, int] | None = None
        self._sent_s = transport.clock()
        self._sent_pump_us: int | None = None

    def connect(self) -> Identity:
        """Find out who is there and read ``info``. Raises PumpSilent, NotAPump, WrongSpeed or
        NoAnswer within 5 s."""
        who = identify(self)
        self.info = dict(self.request("info").fields)
        return who

    def request(
        self, verb: str, fields: Mapping[str, str] | None = None, /, **more: str | None
    ) -> Reply:
        """Send a request with id and check; return the ok. A time-out or a line damaged on the
        way is repeated once under the same id, so that it acts at most once.

        Keywords are fields too: ``on_loss="stop"`` sends ``on-loss=stop``, None is left out.
        Raises PumpRefused, NoAnswer, ConnectionLost.
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
        return reply

    def stop(self) -> Reply:
        """Stop now: repeat the same ``stop`` until the pump acknowledges it.

        Raises NoAnswer after ``timeouts.stop_s``.
        """
        tag = str(self._take_id())
        line = protocol.seal(protocol.encode("stop", {}, tag))
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

    def poll(self, timeout_s: float) -> list[Report]:
        """Wait up to ``timeout_s`` for reports, keep the lease alive, fill event gaps."""
        if not self._inbox:
            self.receive(min(timeout_s, self._heartbeat_in_s()))
        self._recover_events()
        if self._heartbeat_in_s() < HEARTBEAT_SLACK_S:
            text = protocol.encode("heartbeat", {}, self._take_id())
            self._send(protocol.seal(text))
        return self.take()

    def take(self) -> list[Report]:
        """Empty the inbox without waiting."""
        reports = list(self._inbox)
        self._inbox.clear()
        return reports

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

    def log_page(self, reply: Reply) -> list[Event]:
        """The event lines that follow ``reply``, an answer to ``log``."""
        expected = whole(reply.fields.get("events")) or 0
        until = self.transport.clock() + self.timeouts.request_s
        while len(self._log_events) < expected and self.transport.clock() < until:
            if self.receive(self.timeouts.request_s):
                until = self.transport.clock() + self.timeouts.request_s
        return list(self._log_events)

    def close(self) -> None:
        """Close the transport and the wire log."""
        self.transport.close()
        if self._log:
            self._log.close()

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
        if isinstance(message, Reply):
            if message.tag == self._awaited:
                self._replies = {message.tag: message}
                self._log_events = []
        elif isinstance(message, Event):
            self._note_time(message)
            self._log_events.append(message)
            self._inbox.extend(self._order.feed(message))
        elif isinstance(message, Telemetry):
            self._note_time(message)
            self._count_telemetry(message)
            self._inbox.append(message)
        elif isinstance(message, BadLine):
            self.bad_lines += 1

    def _note_time(self, report: Report) -> None:
        if report.t_us is not None and not self._recovering:
            self.pump_t_us = report.t_us

    def _count_telemetry(self, sample: Telemetry) -> None:
        if self._telemetry_seq and self._telemetry_seq[0] == sample.boot:
            self.telemetry_lost += max(0, sample.seq - self._telemetry_seq[1] - 1)
        self._telemetry_seq = (sample.boot, sample.seq)

    def _recover_events(self) -> None:
        """Ask the pump's log for what is missing before the events held back."""
        if not self._order.gap or not self._order.cursor:
            return
        self._recovering = True
        mark = self._order.cursor
        try:
            for _ in range(LOG_ROUNDS_MAX):
                reply = self.request("log", since=f"{mark[0]}:{mark[1]}")
                page = self.log_page(reply)[: whole(reply.fields.get("events")) or 0]
                if not page or reply.fields.get("more") != "yes" or not self._order.gap:
                    break
                mark = (page[-1].boot, page[-1].seq)
        except (PumpRefused, NoAnswer):
            pass
        finally:
            self._recovering = False
        events, lost = self._order.give_up()
        self.events_lost += lost
        self._inbox.extend(events)

    def _heartbeat_in_s(self) -> float:
        """Transport seconds until a heartbeat is due; infinite without a lease."""
        if self.lease_us is None:
            return float("inf")
        quarter_s = self.lease_us / 4 / US_PER_S
        pump_s = 0.0
        if self.pump_t_us is not None and self._sent_pump_us is not None:
            pump_s = (self.pump_t_us - self._sent_pump_us) / US_PER_S
        return max(0.0, quarter_s - max(pump_s, self.transport.clock() - self._sent_s))

    def _send(self, data: bytes) -> None:
        self.transport.write(data)
        self._sent_s = self.transport.clock()
        self._sent_pump_us = self.pump_t_us
        if self._log:
            self._log.tx(data, self._sent_s)

    def _take_id(self) -> int:
        tag = self._next_id
        self._next_id = tag % protocol.MAX_ID + 1
        return tag
