"""The courses as charts of letters for a terminal: one chart for each way of ending."""

from __future__ import annotations

import importlib
from typing import Any

from titra.pk.models import observed
from titra.pk.outlook import Outlook, Run
from titra.pk.words import minute_text

COLOURS = ("blue", "green", "red", "magenta")
OBSERVED = "*"
HEADROOM = 1.1
WIDTH_MIN = 50
HEIGHT = 18
LABELS_MAX = 7
LEVEL_STEPS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000)
MINUTE_STEPS = (1, 2, 5, 10, 15, 20, 30, 60, 120, 240, 480, 720, 1440)
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
    plot.xticks(_ticks(found.horizon_min, MINUTE_STEPS))
    plot.yticks(_ticks(top, LEVEL_STEPS))
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


def _ticks(end: float, steps: tuple[int, ...]) -> list[int]:
    """Round numbers from 0 to ``end``, at most LABELS_MAX unless ``end`` is beyond all steps."""
    step = next((step for step in steps if end / step < LABELS_MAX), round(end / LABELS_MAX))
    return list(range(0, int(end) + 1, step))


def _title(run: Run) -> str:
    when = "to the end" if run.stop_min is None else f"disconnected at {minute_text(run.stop_min)}"
    return f"ng/mL by minute, {when}: models disagree, no clinical advice"


def _letter(name: str) -> str:
    return name[0].upper()


def _key(found: Outlook, marked: bool) -> str:
    key = "  ".join(f"{_letter(model.name)} {model.name}" for model in found.models)
    return key + (f"  {OBSERVED} observed, {observed()['end_source']}" if marked else "")
