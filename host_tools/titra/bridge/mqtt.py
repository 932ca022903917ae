"""Telemetry and events of pumps to an MQTT broker; nothing is subscribed to. Topics: BRIDGE.md.

Each pump has a client of its own, because a client has one last will. Events go out with QoS 1,
once per (boot, seq); what the broker has acknowledged is remembered on disk, so that neither a
restart of the broker nor one of the bridge loses or repeats any.
"""

from __future__ import annotations

import binascii
import json
import os
import socket
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion

from titra.errors import UsageError
from titra.protocol import Event, Report, Telemetry
from titra.pump_state import News, PumpState, Told
from titra.sequence import Mark

STATE_EVERY_S = 5.0  # the retained state, when only figures have changed
KEEPALIVE_S = 15
RECONNECT_S = (1, 10)
FLUSH_S = 3.0
LINK, STATE, TELEMETRY, EVENT = "link", "state", "telemetry", "event"
OFFLINE = "offline"
TELLING = ("state", "cause", "plan", "stop-loop", "lease", "latched")


@dataclass(frozen=True)
class Broker:
    """Where to publish. ``topic`` is the first part of every topic."""

    host: str
    port: int
    tls: bool
    user: str | None
    password: str | None
    topic: str


def broker_of(url: str, topic: str) -> Broker:
    """``mqtt://[user[:password]@]host[:1883]`` or ``mqtts://``; the password may stand in
    TITRA_MQTT_PASSWORD instead. Raises UsageError."""
    details = {"field": "mqtt", "given": url.rpartition("@")[2]}
    try:
        parts = urlsplit(url)
        tls, host, port = parts.scheme == "mqtts", parts.hostname, parts.port
    except ValueError:
        host = None
    if not host or parts.scheme not in ("mqtt", "mqtts"):
        raise UsageError("--mqtt takes mqtt://host:1883 or mqtts://host:8883", details=details)
    if not topic or any(sign in topic for sign in "+#\0"):
        raise UsageError(f"not a topic: {topic!r}", details={"field": "topic", "given": topic})
    password = unquote(parts.password) if parts.password else None
    return Broker(
        host,
        port or (8883 if tls else 1883),
        tls,
        unquote(parts.username) if parts.username else None,
        password or os.environ.get("TITRA_MQTT_PASSWORD"),
        topic,
    )


class Delivered:
    """The last event of a pump that the broker has acknowledged, with all before it."""

    def __init__(self, folder: Path, serial: str) -> None:
        self._path = folder / f"{serial}.json"

    def read(self) -> Mark | None:
        """The mark, or None where there is none that can be read."""
        try:
            boot, seq = json.loads(self._path.read_text("ascii"))
            return int(boot), int(seq)
        except (OSError, ValueError, TypeError):
            return None

    def write(self, mark: Mark) -> None:
        """Replace it in one step."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        fresh = self._path.with_suffix(".new")
        fresh.write_text(json.dumps(mark), "ascii")
        fresh.replace(self._path)


class PumpPublisher:
    """Publishes one pump, once it is known by its serial number."""

    def __init__(
        self,
        broker: Broker,
        serial: str,
        row: Callable[[Report], dict[str, Any]],
        delivered: Delivered,
    ) -> None:
        """``row`` turns a report into what goes out as JSON."""
        self._row = row
        self._base = f"{broker.topic}/{serial}"
        self._delivered = delivered
        self._pending: OrderedDict[int, Mark] = OrderedDict()  # by message id, in order
        self._early: set[int] = set()  # acknowledged before an earlier one
        self._acknowledged: deque[int] = deque()
        self._anew = False
        self._told: tuple[object, ...] = ()
        self._told_s = 0.0
        self._link = ""
        self._client = _client(broker, f"{self._base}/{LINK}", serial)
        self._client.on_publish = self._on_publish
        self._client.on_connect = self._on_connect
        self._client.connect_async(broker.host, broker.port, KEEPALIVE_S)
        self._client.loop_start()

    @property
    def connected(self) -> bool:
        """True while the broker is there."""
        return self._client.is_connected()

    def take(self, state: PumpState, news: News) -> None:
        """Publish an event or a sample."""
        if not isinstance(news, Told):
            return
        report = news.report
        if isinstance(report, Event):
            self._event(report)
        elif isinstance(report, Telemetry) and self.connected:
            self._send(TELEMETRY, self._row(report), qos=0)

    def tell(self, state: PumpState, now_s: float) -> None:
        """Publish link and state where they have changed, figures every STATE_EVERY_S. Without
        the broker nothing of that waits: what counts then is how things are when it is back."""
        self._remember()
        if not self.connected:
            return
        if self._anew:  # the will may have been published meanwhile
            self._anew, self._told, self._link = False, (), ""
        fresh = state.freshness(now_s)
        telling = (fresh, state.alarms, *(state.word.get(key) for key in TELLING))
        if fresh != self._link:
            self._link = fresh
            self._client.publish(f"{self._base}/{LINK}", fresh, 1, True)
        late = now_s - self._told_s >= STATE_EVERY_S and fresh == "live"
        if telling != self._told or late:
            self._told, self._told_s = telling, now_s
            self._send(STATE, state_row(state, fresh), qos=1, retain=True)

    def close(self) -> None:
        """Say that nobody publishes any more, and wait a moment for the broker to take it."""
        last = self._client.publish(f"{self._base}/{LINK}", OFFLINE, 1, True)
        if self.connected:
            last.wait_for_publish(FLUSH_S)
        self._client.disconnect()
        self._client.loop_stop()
        self._remember()

    def _event(self, event: Event) -> None:
        info = self._send(EVENT, self._row(event), qos=1)
        self._pending[info.mid] = (event.boot, event.seq)

    def _send(
        self, kind: str, row: dict[str, Any], qos: int, retain: bool = False
    ) -> paho.MQTTMessageInfo:
        return self._client.publish(f"{self._base}/{kind}", json.dumps(row), qos, retain)

    def _on_connect(self, *args: object) -> None:
        self._anew = True

    def _on_publish(self, client: object, data: object, mid: int, *more: object) -> None:
        """In the client's thread, which must not wait for ours."""
        self._acknowledged.append(mid)

    def _remember(self) -> None:
        """Write down the last event that is acknowledged with all before it."""
        done: Mark | None = None
        while self._acknowledged:
            self._early.add(self._acknowledged.popleft())
        self._early &= self._pending.keys()
        while self._pending and next(iter(self._pending)) in self._early:
            mid, done = self._pending.popitem(last=False)
            self._early.discard(mid)
        if done:
            self._delivered.write(done)


def state_row(state: PumpState, link: str) -> dict[str, Any]:
    """The retained state: who, whether it is live, and the latest value of every field."""
    who = state.identity
    return {
        "port": state.port,
        "model": who.model if who else "",
        "serial": who.serial if who else "",
        "firmware": who.firmware if who else "",
        "link": link,
        "published": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "alarms": list(state.alarms),
        "fields": {key: value for key, value in state.word.items() if key != "alarms"},
    }


def _client(broker: Broker, will: str, serial: str) -> paho.Client:
    """A client with a name that is the same in every run, so that the broker keeps its session."""
    host = socket.gethostname().partition(".")[0]
    name = f"titra-{binascii.crc_hqx(host.encode(), 0):04X}-{serial}"
    client = paho.Client(CallbackAPIVersion.VERSION2, name, clean_session=False)
    client.will_set(will, OFFLINE, 1, True)
    client.reconnect_delay_set(*RECONNECT_S)
    client.max_queued_messages_set(0)  # events wait for the broker in any number
    if broker.user:
        client.username_pw_set(broker.user, broker.password)
    if broker.tls:
        client.tls_set()
    return client
