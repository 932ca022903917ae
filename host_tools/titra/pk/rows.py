"""The table of a preview as text, for the terminal and the page."""

from __future__ import annotations

from fractions import Fraction

from titra.pk.outlook import LEVEL_NG_PER_ML, Outlook, Run
from titra.pk.words import minute_text
from titra.quantities import decimal

LEVEL = f"{LEVEL_NG_PER_ML:g}"
HEADINGS = ("when", "model", "ng/mL", "to half", f"to {LEVEL}", "peak", "at min")
BELOW = "below"
LEGEND = f"to half, to {LEVEL}: min until half of that and {LEVEL} ng/mL ({BELOW}: not above it)"


def rows(found: Outlook) -> list[tuple[str, ...]]:
    """A row for each way of ending and model, in the order of HEADINGS."""
    return [
        (_when(run), model.name, *_figures(run))
        for ending in found.endings
        for model, run in zip(found.models, ending)
    ]


def _when(run: Run) -> str:
    what = "end" if run.stop_min is None else "disconnect"
    return f"{what} {minute_text(run.at_min)}"


def _figures(run: Run) -> tuple[str, ...]:
    level = BELOW if run.level_after_min is None else tenths(run.level_after_min)
    half = "-" if run.half_after_min is None else tenths(run.half_after_min)
    return tenths(run.ng_per_ml), half, level, tenths(run.peak_ng_per_ml), tenths(run.peak_min)


def tenths(value: float) -> str:
    """One decimal, half up."""
    return decimal(Fraction(value), 1)
