"""Rate and volume of a plan against time, drawn with letters."""

from __future__ import annotations

import importlib
from typing import Any

from titra.prescription import HostPlan
from titra.quantities import NL_PER_ML, NL_PER_S_IN_ML_H
from titra.ticks import MINUTE_STEPS, ticks
from titra.timetable import timetable

HEIGHT = 12
WIDTH_MIN, WIDTH_MAX = 50, 120
HEADROOM = 1.1
UNITS = (("h", 3600 * 10**6), ("min", 60 * 10**6), ("s", 10**6))
LEGEND = "line and left: rate, mL/h; dots and right: volume, mL"


def chart(plan: HostPlan, width: int) -> str:
    """The chart, at most ``width`` columns wide."""
    unit, size_us = next((each for each in UNITS if plan.duration_us >= 5 * each[1]), UNITS[-1])
    edges, rates, times, volumes = _curves(plan, size_us)
    end = edges[-1]
    plot: Any = importlib.import_module("plotext")
    plot.clear_figure()
    plot.limit_size(False, False)
    plot.theme("clear")
    plot.plot_size(max(WIDTH_MIN, min(width, WIDTH_MAX)), HEIGHT)
    plot.plot(edges, rates, marker="braille", yside="left")
    plot.plot(times, volumes, marker="dot", yside="right")
    plot.xlim(0, end)
    plot.xticks(ticks(end, MINUTE_STEPS))
    for side, highest in (("left", max(rates)), ("right", volumes[-1])):
        plot.ylim(0, HEADROOM * highest, yside=side)
        plot.yticks(ticks(HEADROOM * highest), yside=side)
    plot.xlabel(f"{unit}; {LEGEND}")
    lines: list[str] = plot.uncolorize(plot.build()).splitlines()
    return "\n".join(line.rstrip() for line in lines)


def _curves(
    plan: HostPlan, size_us: int
) -> tuple[list[float], list[float], list[float], list[float]]:
    """Corners of the rate (time, mL/h) and of the volume (time, mL)."""
    edges: list[float] = [0]
    rates: list[float] = [0]
    times: list[float] = [0]
    volumes: list[float] = [0]
    for line in timetable(plan):
        rate = float(line.rate_nl_per_s / NL_PER_S_IN_ML_H)
        edges += [float(line.start_us / size_us), float(line.end_us / size_us)]
        rates += [rate, rate]
        times.append(edges[-1])
        volumes.append(float(line.total_nl / NL_PER_ML))
    return [*edges, edges[-1]], [*rates, 0], times, volumes
