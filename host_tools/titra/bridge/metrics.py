"""What pumps have said, as Prometheus metrics; names and units are listed in BRIDGE.md.

Values of a pump that is not live are left out, so that a graph of old data breaks off instead of
going on flat.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from threading import Lock
from typing import Any

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from pump.core import alarms as alarm_table
from pump.core import states
from titra import quantities
from titra.alarm_texts import TEXTS
from titra.errors import UsageError
from titra.history import number_in
from titra.pump_state import PumpState

LABELS = ("pump", "model", "serial")
ML_PER_L, S_PER_H = 1000, 3600

# name, help, how to get it from a live pump (None: leave it out)
Reader = Callable[[PumpState], float | None]


def _field(name: str, unit: str, scale: float = 1.0) -> Reader:
    def read(state: PumpState) -> float | None:
        value = number_in(state.word.get(name), unit)
        return None if value is None else value * scale

    return read


def _count(name: str) -> Reader:
    return lambda state: quantities.whole(state.word.get(name))


def _lease_s(state: PumpState) -> float | None:
    text = state.word.get("lease")
    return 0.0 if text == "off" else number_in(text, "s")


def _stop_loop(state: PumpState) -> float | None:
    text = state.word.get("stop-loop")
    return None if text is None else float(text == "open")


PER_S = 1 / (ML_PER_L * S_PER_H)
GAUGES: tuple[tuple[str, str, Reader], ...] = (
    ("titra_rate_liters_per_second", "Flow now.", _field("rate", "mL/h", PER_S)),
    ("titra_target_rate_liters_per_second", "Flow of the plan.", _field("target", "mL/h", PER_S)),
    ("titra_delivered_volume_liters", "Delivered of this plan.", _field("delivered", "L")),
    ("titra_delivered_dose_grams", "Delivered of this plan.", _field("dose", "g")),
    ("titra_steps_counted", "Steps measured at the STEP pin.", _count("steps")),
    ("titra_steps_commanded", "Steps ordered.", _count("commanded")),
    ("titra_steps_planned", "Steps of the plan.", _count("planned")),
    ("titra_remaining_seconds", "Time left of the plan.", _field("remaining", "s")),
    ("titra_elapsed_seconds", "Time in motion.", _field("elapsed", "s")),
    ("titra_lease_seconds", "Host lease of the run; 0 for none.", _lease_s),
    ("titra_override", "1 while soft limits are passed.", lambda s: float("override" in s.word)),
    ("titra_stop_loop_open", "1 while the stop loop is open.", _stop_loop),
)
COUNTERS: tuple[tuple[str, str, Callable[[PumpState], int]], ...] = (
    ("titra_events_lost", "Events that not even the pump's log has.", lambda s: s.losses.events),
    ("titra_telemetry_lost", "Samples missing in the numbering.", lambda s: s.losses.telemetry),
    ("titra_bad_lines", "Lines damaged on the way.", lambda s: s.losses.bad_lines),
    ("titra_reconnects", "Links found again after a loss.", lambda s: s.reconnects),
)


class PumpCollector(Collector):
    """Reads the states when they are scraped; ``lock`` keeps them still meanwhile."""

    def __init__(
        self,
        pumps: Sequence[PumpState],
        lock: Lock,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._pumps = pumps
        self._lock = lock
        self._clock = clock

    def collect(self) -> Iterable[Metric]:
        """All metrics of all pumps."""
        with self._lock:
            now_s = self._clock()
            live = [pump for pump in self._pumps if pump.freshness(now_s) == "live"]
            return [
                *self._presence(now_s),
                *(_gauge(name, text, live, read) for name, text, read in GAUGES),
                _states(live),
                _alarms(live),
                *(_counter(name, text, self._pumps, read) for name, text, read in COUNTERS),
            ]

    def _presence(self, now_s: float) -> list[Metric]:
        up = GaugeMetricFamily("titra_up", "1 while the pump is heard.", labels=LABELS)
        age = GaugeMetricFamily("titra_data_age_seconds", "Since it was heard.", labels=LABELS)
        info = GaugeMetricFamily("titra_info", "Firmware.", labels=(*LABELS, "firmware"))
        for pump in self._pumps:
            up.add_metric(labels(pump), float(pump.freshness(now_s) == "live"))
            seconds = pump.age_s(now_s)
            if seconds is not None:
                age.add_metric(labels(pump), seconds)
            if pump.identity:
                info.add_metric((*labels(pump), pump.identity.firmware), 1.0)
        return [up, age, info]


def labels(pump: PumpState) -> tuple[str, str, str]:
    """The values of LABELS; model and serial number are '' until the pump has been found."""
    who = pump.identity
    return (pump.port, who.model, who.serial) if who else (pump.port, "", "")


def _gauge(name: str, text: str, pumps: Sequence[PumpState], read: Reader) -> Metric:
    family = GaugeMetricFamily(name, text, labels=LABELS)
    for pump in pumps:
        value = read(pump)
        if value is not None:
            family.add_metric(labels(pump), value)
    return family


def _counter(
    name: str, text: str, pumps: Sequence[PumpState], read: Callable[[PumpState], int]
) -> Metric:
    family = CounterMetricFamily(name, text, labels=LABELS)
    for pump in pumps:
        family.add_metric(labels(pump), read(pump))
    return family


def _states(pumps: Sequence[PumpState]) -> Metric:
    text = "1 for the state that the pump is in, 0 for the others."
    family = GaugeMetricFamily("titra_state", text, labels=(*LABELS, "state"))
    for pump in pumps:
        for state in states.STATES:
            family.add_metric((*labels(pump), state), float(state == pump.state))
    return family


def _alarms(pumps: Sequence[PumpState]) -> Metric:
    text = "1 for an alarm that is on, 0 for the others."
    family = GaugeMetricFamily("titra_alarm", text, labels=(*LABELS, "cause", "priority"))
    for pump in pumps:
        for cause in TEXTS:
            names = (*labels(pump), cause, alarm_table.row_of(cause)[alarm_table.PRIORITY])
            family.add_metric(names, float(cause in pump.alarms))
    return family


def serve(address: str, collector: PumpCollector) -> tuple[str, Callable[[], None]]:
    """Serve /metrics at ``host:port`` (port 0: any free one); the URL, and what ends it."""
    host, colon, port = address.rpartition(":")
    if not colon or not port.isdecimal():
        details = {"field": "metrics", "given": address, "accepts": "host:port"}
        raise UsageError(f"--metrics takes host:port, not {address!r}", details=details)
    registry = CollectorRegistry(auto_describe=False)
    registry.register(collector)
    try:
        server, _ = start_http_server(int(port), host or "127.0.0.1", registry)
    except OSError as error:
        details = {"field": "metrics", "given": address}
        raise UsageError(f"cannot serve {address}: {error.strerror}", details=details) from error
    bound: Any = server.server_address
    return f"http://{host or '127.0.0.1'}:{bound[1]}/metrics", server.shutdown
