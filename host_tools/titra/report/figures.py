"""The plots of a report, drawn by matplotlib: volume with its deviation, and rate."""

from __future__ import annotations

import io
import math
import re
from importlib import import_module
from typing import Any

from titra.report.curves import NAN, Curves
from titra.runs import Run

INK, PALE, GRID = "#1f2933", "#8793a1", "#e3e8ee"
MEASURED, PLAN, DEVIATION = "#0b5fa5", "#7b8794", "#b5541c"
GAP, PAUSE, BAND = "#d64545", "#f3e6c4", "#e8eef4"
POINTS_MAX = 2000
WIDTH_IN = 8.6
STYLE: dict[str, Any] = {
    "font.family": "sans-serif",
    "font.size": 9,
    "axes.edgecolor": PALE,
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": GRID,
    "axes.axisbelow": True,
    "xtick.color": INK,
    "ytick.color": INK,
    "text.color": INK,
    "legend.frameon": False,
    "svg.fonttype": "path",
}
_ID = re.compile(r"""(\bid="|href="#|url\(#)""")
Marks = list[tuple[int, float, bool]]  # number in the table of events, s since the start, alarm


def volume_figure(run: Run, curves: Curves, marks: Marks) -> Any:
    """Measured volume against the plan; below it the deviation."""
    with _styled():
        return _volume_figure(run, curves, marks)


def _volume_figure(run: Run, curves: Curves, marks: Marks) -> Any:
    figure, (above, below) = _figure(2, 3.9, (2.6, 1))
    unit, scale = _time_unit(curves)
    t = _thin(curves, [value / scale for value in curves.t_s])
    whole = _whole_plan(run, scale)
    if whole:
        above.plot(*whole, color=PLAN, lw=1, ls=(0, (1, 2)), label="plan without pauses")
    above.plot(
        t, _thin(curves, curves.due_ml), color=PLAN, lw=2.6, alpha=0.6, label="due by the plan"
    )
    above.plot(
        t, _thin(curves, curves.measured_ml), color=MEASURED, lw=1.4, label="measured steps"
    )
    above.set_ylabel("volume / mL")
    above.set_ylim(0, 1.05 * above.get_ylim()[1])
    above.legend(loc="best", fontsize=8)
    below.plot(t, _thin(curves, curves.deviation_mcl), color=DEVIATION, lw=1)
    step_mcl = float(run.plan.step_nl) / 1000 if run.plan and run.plan.step_nl else 0.0
    below.axhspan(-step_mcl, step_mcl, color=BAND, lw=0, zorder=0)
    below.axhline(0, color=PALE, lw=0.8)
    below.set_ylabel("deviation / mcL")
    below.set_xlabel(f"pump time since the start / {unit}")
    if all(math.isnan(value) for value in curves.due_ml):
        _say(below, "the plan is not in this recording")
    _shade((above, below), curves, marks, scale)
    return figure


def rate_figure(curves: Curves, marks: Marks) -> Any:
    """The rate commanded, and that of the steps counted."""
    with _styled():
        return _rate_figure(curves, marks)


def _rate_figure(curves: Curves, marks: Marks) -> Any:
    figure, (axes,) = _figure(1, 2.3, (1,))
    unit, scale = _time_unit(curves)
    t = _thin(curves, [value / scale for value in curves.t_s])
    axes.plot(
        t,
        _thin(curves, curves.commanded_ml_h),
        color=PLAN,
        lw=2.6,
        alpha=0.6,
        label="commanded",
        drawstyle="steps-post",
    )
    axes.plot(
        t, _thin(curves, curves.measured_ml_h), color=MEASURED, lw=1.2, label="measured steps"
    )
    axes.set_ylabel("rate / mL/h")
    axes.set_xlabel(f"pump time since the start / {unit}")
    axes.set_ylim(0, 1.05 * axes.get_ylim()[1])
    axes.legend(loc="best", fontsize=8)
    _shade((axes,), curves, marks, scale)
    return figure


def svg(figure: Any, salt: str) -> str:
    """``figure`` as an SVG element without prolog; the same input gives the same text. ``salt``
    keeps the ids of several figures on one page apart."""
    with _styled({"svg.hashsalt": salt}):
        buffer = io.StringIO()
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    text = buffer.getvalue()
    text = _ID.sub(lambda found: f"{found[1]}{salt}-", text[text.index("<svg") :])
    return text.replace("<svg ", f'<svg role="img" aria-label="{salt}" ', 1)


def save(figure: Any, path: Any) -> None:
    """Write ``figure`` as .png (200 dpi) or .svg. OSError."""
    with _styled():
        figure.savefig(path, dpi=200)


def _styled(more: dict[str, Any] | None = None) -> Any:
    matplotlib: Any = import_module("matplotlib")
    return matplotlib.rc_context({**STYLE, **(more or {})})


def _figure(rows: int, height_in: float, ratios: tuple[float, ...]) -> tuple[Any, tuple[Any, ...]]:
    figures: Any = import_module("matplotlib.figure")
    figure = figures.Figure(figsize=(WIDTH_IN, height_in), layout="constrained")
    axes = figure.subplots(rows, 1, sharex=True, squeeze=False, height_ratios=ratios)
    return figure, tuple(axes[:, 0])


def _time_unit(curves: Curves) -> tuple[str, float]:
    longest_s = max(curves.t_s, default=0.0)
    if longest_s > 5 * 3600:
        return "h", 3600.0
    return ("min", 60.0) if longest_s > 180 else ("s", 1.0)


def _whole_plan(run: Run, scale: float) -> tuple[list[float], list[float]] | None:
    plan = run.host_plan
    duration_us = (
        float(plan.duration_us) if plan else float((run.plan and run.plan.duration_us) or 0)
    )
    if not duration_us:
        return None
    times_us = [int(duration_us * part / 200) for part in range(201)]
    due = [run.due_nl(at_us) for at_us in times_us]
    return (
        [at_us / 1e6 / scale for at_us in times_us],
        [NAN if nl is None else float(nl) / 10**6 for nl in due],
    )


def _shade(rows: tuple[Any, ...], curves: Curves, marks: Marks, scale: float) -> None:
    """Gaps hatched, pauses shaded, events as numbered lines."""
    for axes in rows:
        for start, end in curves.pauses:
            axes.axvspan(start / scale, end / scale, color=PAUSE, lw=0, zorder=0)
        for start, end in curves.gaps:
            axes.axvspan(
                start / scale, end / scale, facecolor="none", edgecolor=GAP, hatch="////", lw=0
            )
        for _, at_s, alarm in marks:
            axes.axvline(at_s / scale, color=GAP if alarm else PALE, lw=0.9, ls="--", zorder=1)
    for number, at_s, alarm in marks:
        rows[0].annotate(
            str(number),
            (at_s / scale, 1.0),
            xycoords=("data", "axes fraction"),
            ha="center",
            va="bottom",
            fontsize=7.5,
            color=GAP if alarm else INK,
        )


def _say(axes: Any, text: str) -> None:
    axes.text(0.5, 0.5, text, transform=axes.transAxes, ha="center", va="center", color=PALE)


def _thin(curves: Curves, values: list[float]) -> list[float]:
    """Some POINTS_MAX of ``values``, the same places for every series: evenly, with all gaps and
    the end."""
    every = math.ceil(len(values) / POINTS_MAX)
    last = len(values) - 1
    return [
        value
        for at, value in enumerate(values)
        if at % every == 0 or at == last or math.isnan(curves.measured_ml[at])
    ]
