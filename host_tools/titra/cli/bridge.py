"""``titra bridge``: what pumps say, for Prometheus and MQTT. Control never goes through it."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Lock
from typing import Annotated

import typer
from rich.markup import escape

from titra import pump_state
from titra.bridge import metrics, mqtt
from titra.cli.ask import event_json
from titra.cli.common import (
    JsonOption,
    chosen_ports,
    err,
    guarded,
    make_link,
    print_json,
    wants_json,
)
from titra.cli.interrupt import StopRequests
from titra.cli.monitor import PortsOption, news_json
from titra.errors import UsageError
from titra.link import Link
from titra.pump_state import News
from titra.watcher import Fleet, Watched
from titra.wirelog import default_path

TURN_S = 0.1


@guarded
def bridge(
    ctx: typer.Context,
    port: PortsOption = None,
    metrics_at: Annotated[
        str | None,
        typer.Option("--metrics", metavar="HOST:PORT", help="Serve Prometheus metrics here."),
    ] = None,
    mqtt_url: Annotated[
        str | None,
        typer.Option("--mqtt", metavar="URL", help="Publish to this broker: mqtt://host:1883."),
    ] = None,
    topic: Annotated[str, typer.Option(help="First part of every topic.")] = "titra",
    as_json: JsonOption = False,
) -> None:
    """Publish what pumps say: Prometheus metrics, MQTT telemetry and events. See BRIDGE.md.

    It only listens: it sends nothing but *IDN?, info, status and log, subscribes to nothing, and
    does not keep a lease alive. Ctrl-C ends it. Example: titra bridge --port /dev/ttyACM0
    --port /dev/ttyACM1 --metrics 127.0.0.1:9464 --mqtt mqtt://broker.lab
    """
    if not metrics_at and not mqtt_url:
        raise UsageError("where to? Give --metrics host:port, --mqtt mqtt://host, or both")
    broker = mqtt.broker_of(mqtt_url, topic) if mqtt_url else None

    def make(name: str, tell: Callable[[News], None]) -> Link:
        link = make_link(Link, ctx, name, tell, "bridge", None, no_wire_log=True)
        if broker:
            link.resume_after = lambda serial: _delivered(serial).read()
        return link

    fleet = Fleet(chosen_ports(ctx, port), make)
    bridge_ = _Bridge(fleet, broker, wants_json(ctx, as_json))
    url, end = None, None
    if metrics_at:
        states = [pump.state for pump in fleet.pumps]
        url, end = metrics.serve(metrics_at, metrics.PumpCollector(states, bridge_.lock))
    bridge_.announce(url, mqtt_url.rpartition("@")[2] if mqtt_url else None, topic)
    try:
        with StopRequests() as asked:
            fleet.start()
            while not asked.count:
                bridge_.turn()
                time.sleep(TURN_S)
    finally:
        fleet.close()
        bridge_.turn()  # what came meanwhile
        bridge_.close()
        if end:
            end()


def _delivered(serial: str) -> mqtt.Delivered:
    return mqtt.Delivered(default_path("bridge").parent.parent / "bridge", serial)


class _Bridge:
    """Takes the news round by round and passes it on."""

    def __init__(self, fleet: Fleet[Link], broker: mqtt.Broker | None, as_json: bool) -> None:
        self.lock = Lock()
        self._fleet = fleet
        self._broker = broker
        self._json = as_json
        self._publishers: dict[str, mqtt.PumpPublisher] = {}

    def announce(self, url: str | None, broker: str | None, topic: str) -> None:
        """Say where it can be read."""
        if self._json:
            print_json({"type": "bridge", "metrics": url, "mqtt": broker, "topic": topic})
            return
        for where in (url, f"{broker}, topic {topic}/" if broker else None):
            if where:
                err().print(f"bridge to {escape(where)}")

    def turn(self) -> None:
        """One round."""
        with self.lock:
            drained = self._fleet.drain()
        for pump, news in drained:
            if isinstance(news, pump_state.Up | pump_state.Down):
                self._say(pump, news)
            publisher = self._publisher(pump)
            if publisher:
                publisher.take(pump.state, news)
        now_s = time.monotonic()
        for pump in self._fleet.pumps:
            publisher = self._publisher(pump)
            if publisher:
                publisher.tell(pump.state, now_s)

    def close(self) -> None:
        """Say goodbye to the broker."""
        for publisher in self._publishers.values():
            publisher.close()

    def _publisher(self, pump: Watched[Link]) -> mqtt.PumpPublisher | None:
        who = pump.state.identity
        if who is None or self._broker is None:
            return None
        if who.serial not in self._publishers:
            self._publishers[who.serial] = mqtt.PumpPublisher(
                self._broker, who.serial, event_json, _delivered(who.serial)
            )
        return self._publishers[who.serial]

    def _say(self, pump: Watched[Link], news: News) -> None:
        if self._json:
            print_json({"port": pump.state.port, **(news_json(news) or {})})
        elif isinstance(news, pump_state.Down):
            err().print(f"[red]{escape(pump.state.port)} lost:[/] {escape(news.why)}")
        else:
            err().print(f"[green]{escape(pump.state.port)} up[/]")
