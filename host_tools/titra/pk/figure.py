"""The courses as a picture: PNG or SVG by matplotlib, without a display and without a clock."""

from __future__ import annotations

import importlib
import io
import textwrap
from typing import Any

from titra.pk import KETAMINE_ONLY, NO_ADVICE
from titra.pk.models import observed
from titra.pk.outlook import LEVEL_NG_PER_ML, Outlook
from titra.pk.words import minute_text

# Okabe and Ito's colours, told apart by colour-blind eyes, with a line style each.
STYLES = (("#0072B2", "-"), ("#D55E00", "--"), ("#009E73", "-."), ("#CC79A7", ":"))
WIDTH_IN = 10.0
PLOT_IN = 5.0
LINE_IN = 0.15
TEXT_COLUMNS = 178
STOPPED_ALPHA = 0.55


def picture(found: Outlook, kind: str) -> bytes:
    """The chart as ``png`` or ``svg``, with what must be known about it written below."""
    matplotlib: Any = importlib.import_module("matplotlib")
    figure_module: Any = importlib.import_module("matplotlib.figure")
    words = [line for text in _words(found) for line in textwrap.wrap(text, TEXT_COLUMNS)]
    below_in = LINE_IN * (len(words) + 1)
    with matplotlib.rc_context({"svg.hashsalt": found.plan.hash, "svg.fonttype": "none"}):
        figure = figure_module.Figure(figsize=(WIDTH_IN, PLOT_IN + below_in), dpi=120)
        share = below_in / (PLOT_IN + below_in)
        axes = figure.add_axes((0.07, share + 0.09, 0.91, 1 - share - 0.15))
        _draw(axes, found)
        figure.text(0.02, share - 0.005, "\n".join(words), va="top", fontsize=7.5, linespacing=1.4)
        stream = io.BytesIO()
        metadata = {"Date": None} if kind == "svg" else {}
        figure.savefig(stream, format=kind, metadata=metadata)
    return stream.getvalue()


def _words(found: Outlook) -> list[str]:
    sources = [f"{model.name}: {model.source}" for model in found.models]
    return [*found.disagreement(), f"{NO_ADVICE} {KETAMINE_ONLY}", _seen(), *sources]


def _seen() -> str:
    return f"Observed: {observed()['text']}."


def _draw(axes: Any, found: Outlook) -> None:
    seen, minutes = observed(), found.minutes()
    low, high = seen["dissociation_ng_per_ml"]
    label = f"{low}-{high} ng/mL with dissociation ({seen['dissociation_source']})"
    axes.axhspan(low, high, color="0.92", zorder=0, label=label)
    for (colour, style), model, runs in zip(_styles(found), found.models, found.runs):
        for run in runs:
            to_end = run.stop_min is None
            shown = [minute for minute in minutes if to_end or minute >= run.at_min]
            axes.plot(
                shown,
                run.course.sample(shown),
                color=colour,
                linestyle=style,
                linewidth=1.8 if to_end else 1.1,
                alpha=1 if to_end else STOPPED_ALPHA,
                label=model.name if to_end else None,
            )
    _mark(axes, found)
    axes.set_xlim(0, found.horizon_min)
    axes.set_ylim(0, 1.1 * max(found.peak_ng_per_ml, LEVEL_NG_PER_ML))
    axes.set_xlabel("minutes from the start of the infusion")
    axes.set_ylabel("ketamine in plasma, ng/mL")
    axes.set_title(
        f"Plan {found.plan.hash}, {found.infusion.weight_kg:g} kg: {len(found.models)} published "
        "models, which disagree. No clinical advice.",
        fontsize=11,
    )
    axes.grid(color="0.85", linewidth=0.5)
    axes.legend(loc="upper right", fontsize=8)


def _mark(axes: Any, found: Outlook) -> None:
    """The end, the disconnects, and the value observed where it belongs to this plan."""
    for ending in found.endings:
        run = ending[0]
        if run.at_min > found.horizon_min:
            continue
        text = "end" if run.stop_min is None else f"disconnect {minute_text(run.stop_min)}"
        axes.axvline(run.at_min, color="0.4", linewidth=0.8, linestyle="-")
        where = {"xycoords": ("data", "axes fraction"), "textcoords": "offset points"}
        axes.annotate(
            text, (run.at_min, 0), (3, 4), fontsize=7.5, color="0.3", rotation=90, **where
        )
    if found.is_reference():
        seen = observed()
        label = f"observed {seen['end_ng_per_ml']} ng/mL ({seen['end_source']})"
        axes.plot([seen["end_minutes"]], [seen["end_ng_per_ml"]], "k*", markersize=11, label=label)


def _styles(found: Outlook) -> list[tuple[str, str]]:
    return [STYLES[n % len(STYLES)] for n in range(len(found.models))]
