"""``Pump``: one pump for a program of one's own, kept by a thread that reads and reconnects.

    with Pump("/dev/ttyACM0") as pump:
        plan = pump.program(weight="70kg", dose="0.5mg/kg", over="40min",
                            concentration="1mg/mL", syringe="bd-60")
        pump.start(plan)
        print(pump.wait().delivered_nl)

Leaving the block stops what this session has started, unless ``leave_running=True``. The thread
renews the lease as long as the process lives; when that dies, the pump goes by its lease.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

from titra import DEFAULT_BAUD
from titra.client import INBOX_MAX, PumpClient, Timeouts
from titra.errors import EndOfRecording, LinkGone, NoAnswer, NoConnection, TitraError
from titra.protocol import Event, Reply, Report, Telemetry
from titra.quantities import time_us, whole
from titra.results import Plan, Status
from titra.sequence import Mark, mark_of
from titra.transport import REPLAY, Transport, open_transport
from titra.wirelog import WireLog

POLL_S = 0.25
POLL_UNWOKEN_S = 0.02  # a transport whose read cannot be interrupted
RETRY_S = 0.5
SILENCE_S = 3.0
ENDED = ("idle", "complete", "halted", "stopped", "alarm", "fault")
UNDER_WAY = ("infusing", "paused", "bolus", "priming", "kvo")
Result = TypeVar("Result")


@dataclass(frozen=True)
class LinkChange:
    """The link has gone down, or is up again with no event missed. ``why`` says what happened."""

    up: bool
    why: str


News = Report | LinkChange
Listener = Callable[[News], None]


class Pump:
    """A connected pump; every method may be called from any thread, ``stop`` at any time.

    ``identity`` and ``info`` say who it is; ``client`` holds the counts of what was lost.
    """

    retry_s = RETRY_S
    silence_s = SILENCE_S

    def __init__(
        self,
        port: str | Callable[[], Transport],
        *,
        baud: int = DEFAULT_BAUD,
        wire_log: WireLog | Path | str | None = None,
        since: Mark | None = None,
        listener: Listener | None = None,
        leave_running: bool = False,
        timeouts: Timeouts | None = None,
    ) -> None:
        """Connect to ``port``: a device, a URL of pyserial, ``replay:FILE``, or what opens one.

        ``since`` (boot, seq): hand out all events after it; default: from now on. ``listener`` is
        called from the reader thread with every report and LinkChange; without one they wait for
        ``take``. Raises NoConnection and its kinds within 5 s.
        """
        self._open = port if callable(port) else lambda: open_transport(port, baud)
        transport = self._open()
        if isinstance(wire_log, Path | str):
            wire_log = WireLog(Path(wire_log), transport.name)
        passive = transport.name.startswith(REPLAY)
        self.client = PumpClient(transport, wire_log, timeouts, passive=passive)
        self.leave_running = leave_running
        self._listener = listener
        self._steered = False
        self._lease = "off"
        self._down: NoConnection | None = None
        self._news: deque[News] = deque()
        self._jobs: deque[tuple[Callable[[], Any], Future[Any]]] = deque()
        self._changed = threading.Condition()
        self._sample: Telemetry | None = None
        self._closing = threading.Event()
        try:
            self.identity = self.client.connect()
            if not passive:
                self.client.catch_up(since)
        except BaseException:
            self.client.close()
            raise
        self._thread = threading.Thread(target=self._run, name="titra-reader", daemon=True)
        self._thread.start()

    def __enter__(self) -> Pump:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    # ---- asking ---------------------------------------------------------------------------------

    @property
    def info(self) -> dict[str, str]:
        """What the pump last said to ``info``."""
        return dict(self.client.info)

    def request(
        self, verb: str, fields: Mapping[str, str] | None = None, /, **more: str | None
    ) -> Reply:
        """Any request of PROTOCOL.md; ``on_loss="stop"`` sends ``on-loss=stop``. Raises
        PumpRefused, NoAnswer, LinkGone."""
        if verb in ("start", "resume"):
            self._steered = True
        return self._do(lambda: self.client.request(verb, fields, **more))

    def status(self) -> Status:
        """Ask the pump how it is."""
        return Status.of(self.request("status").fields)

    def program(self, fields: Mapping[str, str] | None = None, /, **more: str | None) -> Plan:
        """Have a prescription checked and planned; nothing moves. Fields as in PROTOCOL.md."""
        return Plan.of(self.request("program", fields, **more).fields)

    def prime(self, fields: Mapping[str, str] | None = None, /, **more: str | None) -> Plan:
        """Have a prime planned; ``start`` gives it."""
        return Plan.of(self.request("prime", fields, **more).fields)

    def bolus(self, fields: Mapping[str, str] | None = None, /, **more: str | None) -> Plan:
        """Have a bolus planned while infusing; ``start`` gives it."""
        return Plan.of(self.request("bolus", fields, **more).fields)

    def start(self, plan: Plan | str, lease: str | None = "10s", on_loss: str = "stop") -> Reply:
        """Start ``plan``. When nothing is heard from this program for ``lease``, the pump does
        ``on_loss``: stop or finish. ``lease=None``: it never minds. The answer says what holds."""
        name = plan.hash if isinstance(plan, Plan) else plan
        return self._do(lambda: self._start(name, lease, on_loss if lease else None))

    def pause(self) -> Reply:
        """Hold the motor; ``resume`` goes on."""
        return self.request("pause")

    def resume(self) -> Reply:
        """Go on after a pause."""
        return self.request("resume")

    def ack(self, alarm: str | None = None) -> Reply:
        """Acknowledge a latched stop, or ``alarm``. Never moves."""
        return self.request("ack", alarm=alarm)

    def silence(self) -> Reply:
        """Silence the buzzer for 120 s at most. Never moves."""
        return self.request("silence")

    def telemetry(self, every: str) -> Reply:
        """Have samples sent ``every`` so often, 20ms to 60s; kept up over resets of the pump."""
        return self.request("telemetry", every=every)

    def stop(self) -> Reply:
        """Stop now. The line goes out at once, whatever other threads wait for; it is repeated
        until the pump acknowledges it. Raises NoAnswer, LinkGone: then press its stop button."""
        if self._down is None and not self._here():
            self.client.send_stop()
        reply = self._do(self.client.stop, first=True)
        self._steered = False
        return reply

    def log(self, since: Mark = (0, 0)) -> list[Event]:
        """The pump's own record of events after ``since``, as far back as it keeps it."""
        events: list[Event] = []
        more = True
        while more:
            mark = mark_of(events[-1]) if events else since
            page = self._do(lambda mark=mark: self.client.log_after(mark))  # type: ignore[misc]
            events += page.events
            more = page.more
        return events

    # ---- listening ------------------------------------------------------------------------------

    @property
    def link_up(self) -> bool:
        """False while the pump cannot be reached; it is tried again every ``retry_s``."""
        return self._down is None

    @property
    def sample(self) -> Status | None:
        """The latest telemetry."""
        return Status.of(self._sample.fields) if self._sample else None

    def take(self, timeout_s: float = 0.0) -> list[News]:
        """What has come since the last call, waiting up to ``timeout_s`` for the first."""
        with self._changed:
            self._changed.wait_for(lambda: self._news or self._closing.is_set(), timeout_s)
            news = list(self._news)
            self._news.clear()
        return news

    def wait(self, *states: str, timeout_s: float | None = None) -> Status:
        """Wait until the pump says it is in one of ``states``, over lost links too; default: until
        nothing is under way. Raises TimeoutError, and LinkGone when the pump is closed."""
        wanted = states or ENDED
        until = None if timeout_s is None else time.monotonic() + timeout_s
        status = self.status()
        asked = (whole(self.client.info.get("boot")) or 0, status.t_us or 0)
        while status.state not in wanted:
            sample = self._next_sample(until)
            if sample is None:
                raise TimeoutError(f"the pump is {status.state}, not {' or '.join(wanted)}")
            if (sample.boot, sample.t_us or 0) >= asked:
                status = Status.of(sample.fields)
        return status

    def close(self) -> None:
        """Stop what this session has started (not with ``leave_running``), and let go of the
        port. Raises LinkGone or NoAnswer when that cannot be made sure of."""
        try:
            if self._steered and not self.leave_running and self._thread.is_alive():
                self._stop_what_moves()
        finally:
            self._closing.set()
            self._wake()
            if not self._here():
                self._thread.join()
            self.client.close()

    # ---- inside, any thread ---------------------------------------------------------------------

    def _start(self, plan: str, lease: str | None, on_loss: str | None) -> Reply:
        self._steered = True
        reply = self.client.request("start", plan=plan, lease=lease, on_loss=on_loss)
        self._lease = reply.fields.get("lease", "off")
        self.client.lease_us = time_us(self._lease)
        return reply

    def _stop_what_moves(self) -> None:
        try:
            if self.status().state in UNDER_WAY:
                self.stop()
        except NoConnection as error:
            error.message += f"; the pump was left to its lease ({self._lease})"
            raise

    def _next_sample(self, until: float | None) -> Telemetry | None:
        seen = self._sample
        left = None if until is None else max(0.0, until - time.monotonic())
        with self._changed:
            self._changed.wait_for(
                lambda: self._sample is not seen or self._closing.is_set(), left
            )
        if self._closing.is_set():
            raise LinkGone("closed while waiting")
        return self._sample if self._sample is not seen else None

    def _here(self) -> bool:
        return threading.current_thread() is self._thread

    def _do(self, job: Callable[[], Result], first: bool = False) -> Result:
        """Have the reader thread do ``job`` and wait for its result."""
        if self._here():
            return job()
        future: Future[Result] = Future()
        with self._changed:
            if self._closing.is_set():
                raise LinkGone("this Pump is closed")
            if self._down:
                raise LinkGone(f"{self._down.message}; trying to reach it again")
            if first:
                self._jobs.appendleft((job, future))
            else:
                self._jobs.append((job, future))
        self._wake()
        return future.result()

    def _wake(self) -> None:
        wake = getattr(self.client.transport, "wake", None)
        if wake:
            wake()

    # ---- inside, the reader thread --------------------------------------------------------------

    def _run(self) -> None:
        try:
            while not self._closing.is_set():
                try:
                    self._turn()
                except EndOfRecording as end:
                    self._lose(end)
                    return
                except NoConnection as gone:
                    self._lose(gone)
                    self._reconnect()
        finally:
            self._closing.set()
            self._refuse(LinkGone("this Pump is closed"))
            with self._changed:
                self._changed.notify_all()

    def _turn(self) -> None:
        while self._jobs:
            self._carry_out(*self._jobs.popleft())
        wakes = hasattr(self.client.transport, "wake")
        self._hand_out(self.client.poll(POLL_S if wakes else POLL_UNWOKEN_S))
        if self.client.passive:
            return
        if self.client.transport.clock() - self.client.last_rx_s > self.silence_s:
            try:
                self.client.request("status")
            except NoAnswer as unheard:
                raise LinkGone(f"{unheard.message}: it has gone silent") from unheard

    def _carry_out(self, job: Callable[[], Any], future: Future[Any]) -> None:
        try:
            future.set_result(job())
        except LinkGone as gone:
            future.set_exception(gone)
            raise
        except Exception as error:  # the caller's to judge
            future.set_exception(error)

    def _hand_out(self, news: Sequence[News]) -> None:
        if not news:
            return
        samples = [item for item in news if isinstance(item, Telemetry)]
        with self._changed:
            self._sample = samples[-1] if samples else self._sample
            if self._listener is None:
                self._queue(news)
            self._changed.notify_all()
        if self._listener is None:
            return
        for item in news:
            try:
                self._listener(item)
            except Exception:  # a slip in a callback must not cost the pump its heartbeat
                logging.getLogger("titra").exception("the listener failed")

    def _queue(self, news: Sequence[News]) -> None:
        for item in news:
            if isinstance(item, Telemetry) and len(self._news) >= INBOX_MAX:
                self.client.telemetry_lost += 1
            else:
                self._news.append(item)

    def _lose(self, gone: NoConnection) -> None:
        with self._changed:
            self._down = gone
        self.client.note_link(f"down: {gone.message}")
        self.client.transport.close()
        self._refuse(gone)
        self._hand_out([LinkChange(False, gone.message)])

    def _refuse(self, error: NoConnection) -> None:
        while self._jobs:
            self._jobs.popleft()[1].set_exception(error)

    def _reconnect(self) -> None:
        """Try until it works or the Pump is closed."""
        while not self._closing.is_set():
            try:
                transport = self._open()
                try:
                    self.client.reconnect(transport)
                except BaseException:
                    transport.close()
                    raise
            except TitraError as error:
                self._down = LinkGone(error.message)
                self._closing.wait(self.retry_s)
                continue
            self._down = None
            self._hand_out([LinkChange(True, "connected again")])
            return
