"""The bridge: metrics as Prometheus wants them, MQTT through a real broker, and no control."""

from __future__ import annotations

import json
import re
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

import titra
from pump.core import dose
from pump.core.mechanics import Mechanics
from titra.bridge.metrics import PumpCollector, serve
from titra.bridge.mqtt import Delivered, PumpPublisher, broker_of
from titra.cli.ask import event_json
from titra.errors import UsageError
from titra.protocol import Event
from titra.pump_state import PumpState, Told

from . import screens
from .brokers import PATIENCE_S, Broker, Subscriber
from .commands import BENCH, run, run_json
from .fake_pump import US, FakePump

SERIAL = "e661640843000001"


# ---- metrics ----------------------------------------------------------------------------------


def scrape(*states: PumpState, now_s: float = screens.NOW_S) -> dict[tuple[str, str], float]:
    """(name, the label that is no name of the pump or '') of the first pump: value."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(PumpCollector(states, threading.Lock(), lambda: now_s))
    values = {}
    for family in text_string_to_metric_families(generate_latest(registry).decode()):
        for sample in family.samples:
            if sample.labels["pump"] == states[0].port:
                extra = sample.labels.get("state") or sample.labels.get("cause") or ""
                values[sample.name, extra] = sample.value
    return values


def fed(feed: Callable[[PumpState], None], port: str = "/dev/ttyACM0") -> PumpState:
    state = PumpState(port)
    feed(state)
    return state


@pytest.mark.requirement("HOST-16")
def test_metrics_of_a_running_pump_in_base_units() -> None:
    values = scrape(fed(screens.infusing))
    assert values["titra_up", ""] == 1
    assert values["titra_rate_liters_per_second", ""] == pytest.approx(52.5e-3 / 3600)
    assert values["titra_delivered_volume_liters", ""] == pytest.approx(13.994e-3)
    assert values["titra_delivered_dose_grams", ""] == pytest.approx(13.994e-3)
    assert values["titra_steps_counted", ""] == 100_800
    assert values["titra_steps_commanded", ""] == 100_953
    assert values["titra_lease_seconds", ""] == 10
    assert values["titra_stop_loop_open", ""] == 0
    assert values["titra_state", "infusing"] == 1 and values["titra_state", "idle"] == 0
    assert values["titra_alarm", "occlusion"] == 0


def test_metrics_of_an_alarm() -> None:
    values = scrape(fed(screens.alarm))
    assert values["titra_alarm", "occlusion"] == values["titra_alarm", "supply-low"] == 1
    assert values["titra_state", "alarm"] == 1


@pytest.mark.requirement("HOST-16")
@pytest.mark.parametrize("feed", [screens.lost, screens.silent, screens.absent])
def test_old_values_are_left_out(feed: Callable[[PumpState], None]) -> None:
    names = {name for name, _ in scrape(fed(feed))}
    assert scrape(fed(feed))["titra_up", ""] == 0
    assert not names & {"titra_rate_liters_per_second", "titra_state", "titra_steps_counted"}


def document() -> str:
    return (Path(titra.__file__).parent / "BRIDGE.md").read_text()


def test_the_document_lists_the_metrics_that_there_are() -> None:
    listed = set(re.findall(r"^\| `(titra_\w+)`", document(), re.M))
    assert listed == {name for name, _ in scrape(fed(screens.infusing))}


def test_the_dashboard_asks_only_for_metrics_that_there_are() -> None:
    dashboard = (Path(titra.__file__).parent / "bridge" / "grafana.json").read_text()
    asked = set(re.findall(r"titra_\w+", json.dumps(json.loads(dashboard)["panels"])))
    assert asked <= {name for name, _ in scrape(fed(screens.infusing))} and len(asked) > 5


def test_metrics_over_http() -> None:
    collector = PumpCollector([fed(screens.infusing)], threading.Lock(), lambda: screens.NOW_S)
    url, end = serve("127.0.0.1:0", collector)
    try:
        text = urllib.request.urlopen(url, timeout=PATIENCE_S).read().decode()
    finally:
        end()
    assert 'titra_up{model="rpi_pico",pump="/dev/ttyACM0"' in text


@pytest.mark.parametrize("address", ["9464", "host", "host:", "host:x", "256.0.0.1:1"])
def test_an_address_that_cannot_be_served(address: str) -> None:
    with pytest.raises(UsageError):
        serve(address, PumpCollector([], threading.Lock()))


# ---- MQTT -------------------------------------------------------------------------------------


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    folder = tmp_path / "broker"
    folder.mkdir()
    started = Broker(folder)
    yield started
    started.stop()


@pytest.fixture
def subscriber(broker: Broker) -> Iterator[Subscriber]:
    made = Subscriber(broker)
    yield made
    made.close()


@pytest.fixture
def publish(broker: Broker, tmp_path: Path) -> Iterator[Callable[[], PumpPublisher]]:
    """Makes publishers of the pump SERIAL, each as after a start of the bridge."""
    made: list[PumpPublisher] = []

    def start() -> PumpPublisher:
        target = broker_of(f"mqtt://127.0.0.1:{broker.port}", "titra")
        made.append(PumpPublisher(target, SERIAL, event_json, Delivered(tmp_path, SERIAL)))
        return made[-1]

    yield start
    for publisher in made:
        publisher.close()


def happen(publisher: PumpPublisher, first: int, last: int) -> None:
    """Events of boot 3 with these numbers."""
    state = PumpState("x")
    for seq in range(first, last + 1):
        fields = {"t": f"{seq}ms", "boot": "3", "name": "paused"}
        publisher.take(state, Told(0.0, Event("", fields, seq)))


def numbers(subscriber: Subscriber) -> list[int]:
    return [event["seq"] for event in subscriber.of("event")]


def until(wanted: Callable[[], object], turn: Callable[[], object]) -> None:
    end = time.monotonic() + PATIENCE_S
    while not wanted():
        turn()
        assert time.monotonic() < end, "in vain"


@pytest.mark.requirement("HOST-16")
def test_state_is_retained_and_telemetry_and_events_come(
    broker: Broker, subscriber: Subscriber, publish: Callable[[], PumpPublisher]
) -> None:
    publisher, state = publish(), fed(screens.infusing)
    until(lambda: publisher.connected, lambda: None)
    publisher.tell(state, screens.NOW_S)
    happen(publisher, 1, 3)
    fields = {"t": "1ms", "boot": "3", "state": "infusing", "steps": "7"}
    publisher.take(state, Told(0.0, screens.Telemetry("", fields, 9)))
    subscriber.wait(lambda s: len(s.of("event")) == 3 and s.of("telemetry") and s.of("state"))
    assert numbers(subscriber) == [1, 2, 3]
    assert subscriber.of("telemetry")[0] == {
        **{"type": "telemetry", "seq": 9, "boot": 3, "t_us": 1000},
        **{"state": "infusing", "steps": 7},
    }
    assert subscriber.of("link") == ["live"]
    late = Subscriber.__new__(Subscriber)
    subscriber.close()
    late.__init__(broker)  # type: ignore[misc]
    late.wait(lambda s: s.of("state") and s.of("link"))
    late.close()
    kept = {topic.rpartition("/")[2] for topic, _, retained in late.messages if retained}
    assert kept == {"state", "link"} and late.of("state")[0]["fields"]["state"] == "infusing"


@pytest.mark.requirement("HOST-16")
def test_a_restart_of_the_broker_loses_and_doubles_no_event(
    broker: Broker, subscriber: Subscriber, publish: Callable[[], PumpPublisher]
) -> None:
    publisher = publish()
    happen(publisher, 1, 5)
    until(lambda: broker.log.count("Received PUBACK from listener") == 5, lambda: None)
    broker.stop()
    happen(publisher, 6, 30)
    broker.start()
    happen(publisher, 31, 40)
    subscriber.wait(lambda s: len(s.of("event")) >= 40)
    assert numbers(subscriber) == list(range(1, 41))


@pytest.mark.requirement("HOST-16")
def test_a_restart_of_the_bridge_goes_on_after_what_the_broker_has(
    tmp_path: Path, publish: Callable[[], PumpPublisher]
) -> None:
    publisher, state = publish(), fed(screens.infusing)
    happen(publisher, 1, 5)
    delivered = Delivered(tmp_path, SERIAL)
    until(lambda: delivered.read() == (3, 5), lambda: publisher.tell(state, screens.NOW_S))
    assert publish()._delivered.read() == (3, 5)


@pytest.mark.requirement("HOST-16")
def test_a_bridge_that_dies_is_said_to_be_offline(
    subscriber: Subscriber, publish: Callable[[], PumpPublisher]
) -> None:
    publisher, state = publish(), fed(screens.infusing)
    until(lambda: publisher.connected, lambda: None)
    publisher.tell(state, screens.NOW_S)
    subscriber.wait(lambda s: s.of("link") == ["live"])
    publisher._client._sock.shutdown(2)  # type: ignore[union-attr]
    subscriber.wait(lambda s: "offline" in s.of("link"))
    until(lambda: subscriber.of("link")[-1] == "live", lambda: publisher.tell(state, 1000.0))


@pytest.mark.requirement("HOST-12")
def test_the_bridge_subscribes_to_nothing(
    broker: Broker, publish: Callable[[], PumpPublisher]
) -> None:
    publisher, state = publish(), fed(screens.infusing)
    happen(publisher, 1, 5)
    until(lambda: "Received PUBACK" in broker.log or "Sending PUBACK" in broker.log, lambda: None)
    publisher.tell(state, screens.NOW_S)
    publisher.close()
    until(lambda: "Received DISCONNECT" in broker.log, lambda: None)
    assert "SUBSCRIBE" not in broker.log


@pytest.mark.parametrize("text", ["", "[1]", "[1, null]", "nonsense"])
def test_a_mark_that_cannot_be_read_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "x.json").write_text(text)
    assert Delivered(tmp_path, "x").read() is None


@pytest.mark.parametrize("url", ["broker", "http://x", "mqtt://", "mqtt://h:port"])
def test_a_url_that_is_no_brokers(url: str) -> None:
    with pytest.raises(UsageError):
        broker_of(url, "titra")


def test_a_password_is_not_shown_and_may_come_from_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert broker_of("mqtts://me:a%40b@h", "t").password == "a@b"
    monkeypatch.setenv("TITRA_MQTT_PASSWORD", "secret")
    found = broker_of("mqtt://me@h:1", "t")
    assert (found.user, found.password, found.port) == ("me", "secret", 1)
    with pytest.raises(UsageError) as caught:
        broker_of("mqtt://me:secret@h", "a/#")
    assert "secret" not in json.dumps(caught.value.as_json())


# ---- the command ------------------------------------------------------------------------------


@pytest.mark.requirement("HOST-12")
def test_the_command_publishes_and_sends_the_pump_nothing_but_read_only_verbs(
    wired: FakePump, broker: Broker, subscriber: Subscriber
) -> None:
    wired.plan, wired.state, wired.lease = dose.plan(dict(BENCH), Mechanics()), "infusing", "10s"
    wired.started_us, wired.every_us = wired.now_us, US
    events = iter(["paused", "resumed"])
    asked: list[Any] = []

    def before_read() -> None:
        if wired.now_us > 40 * US and not asked:
            import signal

            asked.append(signal.raise_signal(signal.SIGINT))
        elif wired.now_us > 20 * US and (name := next(events, None)):
            wired.event(name)

    wired.before_read = before_read
    url = f"mqtt://127.0.0.1:{broker.port}"
    result = run("bridge", "--port", "x", "--metrics", "127.0.0.1:0", "--mqtt", url, "--json")
    rows = [json.loads(line) for line in result.stdout.splitlines()]
    assert result.exit_code == 0 and rows[0]["metrics"].startswith("http://127.0.0.1:")
    verbs = {line.split("*")[0].split(" ")[1] for line in wired.received if line != "*IDN?"}
    assert verbs == {"info", "status", "log"}
    assert wired.cause == "host-lost"  # it did not keep the lease alive
    subscriber.wait(lambda s: s.of("link") and s.of("link")[-1] == "offline")
    assert [event["name"] for event in subscriber.of("event")] == [
        *("host-lost", "stopped", "paused", "resumed")
    ]


@pytest.mark.parametrize(
    ("args", "field"),
    [([], None), (["--mqtt", "x"], "mqtt"), (["--metrics", "1:x"], "metrics")],
)
def test_usage(wired: FakePump, args: list[str], field: str | None) -> None:
    code, said = run_json("bridge", "--port", "x", *args)
    assert code == 2 and said["error"].get("field") == field
