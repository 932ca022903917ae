"""Numbers and times of a preview as people read them."""

from __future__ import annotations


def figures(value: float, digits: int = 3) -> str:
    """``digits`` figures or all that stand before the point: 0.99, 36.6, 177, 1234."""
    whole = len(str(int(value)))
    return f"{value:.{max(0, digits - whole)}f}"


def minute_text(minute: float) -> str:
    """A time of the course for people: 40 min, 1.51 min."""
    return f"{round(minute, 2):g} min"
