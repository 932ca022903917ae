"""Round numbers for the axes of charts."""

from __future__ import annotations

from collections.abc import Sequence

LABELS_MAX = 7
ROUND_STEPS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000)
MINUTE_STEPS = (1, 2, 5, 10, 15, 20, 30, 60, 120, 240, 480, 720, 1440)


def ticks(end: float, steps: Sequence[float] = ROUND_STEPS) -> list[float]:
    """Round numbers from 0 to ``end``, at most LABELS_MAX unless ``end`` is beyond all steps."""
    step = next((step for step in steps if end / step < LABELS_MAX), round(end / LABELS_MAX))
    return [n * step for n in range(int(end / step) + 1)]
