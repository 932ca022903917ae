"""The courses as charts of letters for a terminal: one chart for each way of ending."""

from __future__ import annotations

import importlib
from typing import Any

from titra.pk.models import observed
from titra.pk.outlook import Outlook, Run
from titra.pk.words import minute_text
from titra.ticks import MINUTE_STEPS, ticks

COLOURS = ("blue", "green", "red", "magenta")
OBSERVED = "*"
HEADROOM = 1.1
WIDTH_MIN = 50
HEIGHT = 18
POINTS_PER_COLUMN = 2


def charts(found: Outlook, width: int = 80) -> str:
    """All charts under one another, ``width`` columns wide, with ANSI colours."""
    return "\n\n".join(_chart(found, ending, max(width, WIDTH_MIN)) for ending in found.endings)


def _chart(found: Outlook, ending: tuple[Run, ...], width: int) -> str:
    plot: Any = importlib.import_module("plotext")
    plot.clear_figure()
    plot.limit_size(False, False)
    plot.theme("clear")
    plot.plot_size(width, HEIGHT)
    plot.xlim(0, found.horizon_min)
    top = HEADROOM * found.peak_ng_per_ml
    plot.ylim(0, top)
    plot.xticks(ticks(found.horizon_min, MINUTE_STEPS))
    plot.yticks(ticks(top))
    points = POINTS_PER_COLUMN * width
    minutes = [found.horizon_min * n / points for n in range(points + 1)]
    for n, (model, run) in enumerate(zip(found.models, ending)):
        levels = run.course.sample(minutes).tolist()
        colour = COLOURS[n % len(COLOURS)]
        plot.plot(minutes, levels, marker=_letter(model.name), color=colour)
    if ending[0].at_min <= found.horizon_min:
        plot.vline(ending[0].at_min)
    marked = found.is_reference() and ending[0].stop_min is None
    if marked:
        plot.scatter([observed()["end_minutes"]], [observed()["end_ng_per_ml"]], marker=OBSERVED)
    plot.xlabel(_key(found, marked))
    return f"{_title(ending[0])}\n{str(plot.build()).rstrip()}"


def _title(run: Run) -> str:
    when = "to the end" if run.stop_min is None else f"disconnected at {minute_text(run.stop_min)}"
    return f"ng/mL by minute, {when}: models disagree, no clinical advice"


def _letter(name: str) -> str:
    return name[0].upper()


def _key(found: Outlook, marked: bool) -> str:
    key = "  ".join(f"{_letter(model.name)} {model.name}" for model in found.models)
    return key + (f"  {OBSERVED} observed, {observed()['end_source']}" if marked else "")
