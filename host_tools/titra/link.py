"""A link to one pump that is kept up: it reads, reconnects for ever and fills gaps from the log.

``Link`` sends nothing but ``*IDN?``, ``info``, ``status`` and ``log``; ``SteeredLink`` can also
stop, acknowledge, silence and keep a lease alive. ``turn`` is one round and belongs to one thread
(``titra.watcher``); ``stop`` and ``order`` may be called from any other. What happens is told as
``pump_state.News``.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections import deque
from collections.abc import Callable

from titra import quantities
from titra.catchup import BEYOND
from titra.client import PumpClient, Timeouts
from titra.errors import NoConnection, OtherPump, PumpRefused, TitraError
from titra.protocol import Event
from titra.pump_state import Answered, Down, Losses, News, Remark, StopNews, Told, Up
from titra.sequence import Mark
from titra.transport import Transport
from titra.wirelog import WireLog

POLL_S = 0.05  # longest wait for bytes, so that a stop never waits longer
RETRY_S = 1.0
SILENT_S = 65.0  # longer than the longest telemetry interval: the link is taken for dead
STATUS_AFTER_EVENT_S = 0.2
PRESS = "press the pump's stop button"


class Link:
    """Listens to one pump. ``name`` is for people, ``open_transport`` makes a new transport,
    ``client`` belongs to the thread that turns."""

    status_every_s: float | None = None  # besides the status after a connect and after events
    events_shown = 0  # of those before the first connect, where ``resume_after`` knows none
    resume_after: Callable[[str], Mark | None] = staticmethod(lambda serial: None)

    def __init__(
        self,
        name: str,
        open_transport: Callable[[], Transport],
        tell: Callable[[News], None],
        log: WireLog | None = None,
        timeouts: Timeouts | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = name
        self.clock = clock
        self.tell = tell
        self._open = open_transport
        self._log = log
        self._timeouts = timeouts
        self.client: PumpClient | None = None
        self._up = False
        self._retry_s = clock()
        self._status_due_s = 0.0
        self._losses = (0, 0, 0)
        self._closing = threading.Event()

    def turn(self) -> None:
        """One round: wait POLL_S at most for what comes, or try to connect."""
        try:
            if self._up and self.client:
                self._follow(self.client)
            elif self.clock() >= self._retry_s:
                self.connect()
            else:
                self._closing.wait(POLL_S)
        except TitraError as error:
            self._drop(error)

    def close(self) -> None:
        """Give the port up; the pump goes on by itself."""
        self._closing.set()
        self._up = False
        if self.client:
            self.client.close()
        elif self._log:
            self._log.close()

    def connect(self) -> None:
        """Connect now. Raises what is wrong; ``turn`` would go on trying."""
        transport = self._open()
        before = self.client.identity if self.client else None
        if self.client is None or before is None:
            self.client = PumpClient(transport, self._log, self._timeouts)
        client = self.client
        bad_lines = client.bad_lines
        try:
            who = client.reconnect(transport) if before else client.connect()
        except OtherPump:
            self.client = None
            raise
        client.lease_us = None
        client.bad_lines = bad_lines  # half a line where one begins to listen is none
        self._up = True
        self.tell(Up(self.clock(), who, client.info))
        self._prepare(client)
        if not before:
            since = self.resume_after(who.serial) or _recent(client, self.events_shown)
            client.take()  # what has come so far comes again, in its place
            client.catch_up(since)
        self._ask_status(client)

    def _prepare(self, client: PumpClient) -> None:
        """What to ask of a pump just found."""

    def _follow(self, client: PumpClient) -> None:
        reports = client.poll(POLL_S)
        now_s = self.clock()
        for report in reports:
            self.tell(Told(now_s, report))
            if isinstance(report, Event):
                self._status_due_s = min(self._status_due_s, now_s + STATUS_AFTER_EVENT_S)
        self._tell_losses(client)
        if now_s >= self._status_due_s:
            self._ask_status(client)
        if client.transport.clock() - client.last_rx_s > SILENT_S:
            raise NoConnection(f"{self.name}: nothing came for {SILENT_S:.0f} s", code="silent")

    def _ask_status(self, client: PumpClient) -> None:
        fields = client.request("status").fields
        now_s = self.clock()
        self._status_due_s = now_s + (self.status_every_s or float("inf"))
        self.tell(Answered(now_s, fields))
        self._note_status(client, fields.get("lease", "off"))

    def _note_status(self, client: PumpClient, lease: str) -> None:
        """Act on a status."""

    def _tell_losses(self, client: PumpClient) -> None:
        counts = (client.events_lost, client.telemetry_lost, client.bad_lines)
        if counts != self._losses:
            self._losses = counts
            self.tell(Losses(self.clock(), *counts))

    def _drop(self, error: TitraError) -> None:
        if self.client:
            if self._up:
                self.client.note_link(f"down: {error.message}")
            self.client.transport.close()
        self._up = False
        self._retry_s = self.clock() + RETRY_S
        self.tell(Down(self.clock(), error.code, error.message))


class SteeredLink(Link):
    """A link through which a person watches: it renews the lease of a run (so the pump acts on
    its loss by its own policy), asks for the status every 2 s, and carries orders."""

    status_every_s = 2.0
    events_shown = 20
    every: str | None = None  # telemetry interval to ask for

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        self._orders: deque[str] = deque()
        self._stop_wanted = threading.Event()

    def stop(self) -> None:
        """Stop the pump now, whatever this link's thread waits for, which then sees to it that
        the pump acknowledges it. Without a link: as soon as there is one."""
        self._stop_wanted.set()
        self.tell(StopNews(self.clock(), "asked"))
        threading.Thread(target=self._shout, daemon=True).start()  # the port may be stuck

    def order(self, verb: str) -> None:
        """Send ``ack`` or ``silence``; the outcome is told as a Remark. Without a link it is
        dropped: late, it could meet another alarm than the one that was seen."""
        self._orders.append(verb)

    def turn(self) -> None:
        """One round, orders first."""
        client = self.client if self._up else None
        try:
            if client and self._stop_wanted.is_set():
                self._carry_stop(client)
            while self._orders:
                self._carry(client, self._orders.popleft())
        except TitraError as error:
            self._drop(error)
        super().turn()

    def _carry_stop(self, client: PumpClient) -> None:
        try:
            fields = client.stop().fields
        except NoConnection as error:
            self.tell(StopNews(self.clock(), "unheard", f"{error.message}; {PRESS}"))
            raise
        self._stop_wanted.clear()
        said = " ".join(f"{key}={value}" for key, value in fields.items())
        self.tell(StopNews(self.clock(), "acknowledged", said))
        self.tell(Answered(self.clock(), fields))
        self._status_due_s = 0.0

    def _carry(self, client: PumpClient | None, verb: str) -> None:
        if client is None:
            self.tell(Remark(self.clock(), f"{verb}: not sent, there is no link", ok=False))
            return
        try:
            fields = client.request(verb).fields
            said = " ".join(f"{key}={value}" for key, value in fields.items())
            self.tell(Remark(self.clock(), f"{verb}: {said}", ok=True))
        except PumpRefused as error:
            self.tell(Remark(self.clock(), f"{verb}: {error.message}", ok=False))
        self._status_due_s = 0.0

    def _shout(self) -> None:
        if self.client:
            with contextlib.suppress(TitraError):
                self.client.send_stop()

    def _prepare(self, client: PumpClient) -> None:
        if self.every:
            client.request("telemetry", every=self.every)

    def _note_status(self, client: PumpClient, lease: str) -> None:
        client.lease_us = quantities.time_us(lease)

    def _drop(self, error: TitraError) -> None:
        super()._drop(error)
        if self._stop_wanted.is_set():
            text = f"no link; it is sent as soon as there is one. Until then: {PRESS}"
            self.tell(StopNews(self.clock(), "unheard", text))


def _recent(client: PumpClient, count: int) -> Mark:
    """The mark after which the last ``count`` events of this boot come."""
    boot = quantities.whole(client.info.get("boot")) or 0
    newest = client.log_after((boot, BEYOND)).newest or (boot, 0)
    return newest[0], max(0, newest[1] - count)
