"""Timing statistics of a run: intervals of telemetry, how late it came, how long answers took."""

from __future__ import annotations

from dataclasses import dataclass

from titra.protocol import Telemetry
from titra.quantities import US_PER_S
from titra.recording import Exchange, Recording, Timed
from titra.runs import Run


@dataclass(frozen=True)
class Spread:
    """What was measured, how often, and least, median, 95th percentile, most; in s."""

    what: str
    count: int
    least_s: float
    median_s: float
    p95_s: float
    most_s: float


def spread(what: str, values_s: list[float]) -> Spread | None:
    """The spread of ``values_s``; None of nothing."""
    if not values_s:
        return None
    ordered = sorted(values_s)
    last = len(ordered) - 1
    return Spread(
        what,
        len(ordered),
        ordered[0],
        ordered[last // 2],
        ordered[-(-last * 95 // 100)],
        ordered[last],
    )


def spreads(run: Run, recording: Recording) -> list[Spread]:
    """All that the recording tells about timing, on the transport's clock and the pump's."""
    samples = [entry for entry in run.samples if isinstance(entry.report, Telemetry)]
    asked = _during(run, recording)
    found = (
        spread("telemetry interval, pump time", [pump for pump, _ in _steps(samples)]),
        spread("telemetry interval, host clock", [host for _, host in _steps(samples)]),
        spread("difference of the two", [abs(host - pump) for pump, host in _steps(samples)]),
        spread(
            "answer to a request",
            [one.round_trip_s for one in asked if one.round_trip_s is not None],
        ),
        spread(
            "answer to stop",
            [
                one.round_trip_s
                for one in asked
                if one.verb == "stop" and one.round_trip_s is not None
            ],
        ),
        spread(
            "host silence between two lines sent",
            [after.clock_s - before.clock_s for before, after in zip(asked, asked[1:])],
        ),
    )
    return [one for one in found if one]


def unanswered(run: Run, recording: Recording) -> int:
    """Requests of the run that got no reply."""
    return sum(1 for one in _during(run, recording) if one.reply is None)


def _steps(samples: list[Timed]) -> list[tuple[float, float]]:
    """(pump s, host s) between samples that follow one another."""
    steps = []
    for before, after in zip(samples, samples[1:]):
        one, two = before.report, after.report
        if two.boot == one.boot and two.seq == one.seq + 1 and None not in (one.t_us, two.t_us):
            pump_s = ((two.t_us or 0) - (one.t_us or 0)) / US_PER_S
            steps.append((pump_s, after.clock_s - before.clock_s))
    return steps


def _during(run: Run, recording: Recording) -> list[Exchange]:
    until = run.end.clock_s if run.end else float("inf")
    return [
        one
        for one in recording.exchanges
        if run.begun.clock_s <= one.clock_s and (one.clock_s <= until or _sequel(one, until))
    ]


def _sequel(exchange: Exchange, until_s: float) -> bool:
    """A stop's answer comes after the event of the end, its line before."""
    return exchange.verb == "stop" and exchange.clock_s <= until_s + 1.0
