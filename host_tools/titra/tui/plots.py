"""Rate and volume over time."""

from __future__ import annotations

import math

from textual_plotext import PlotextPlot

from titra.history import History, Point

LONG_S = 180.0  # from here on the axis is in minutes
RATE_COLOUR, TARGET_COLOUR, VOLUME_COLOUR = "cyan", "gray", "green"
TICKS = 4


class Plot(PlotextPlot):
    """A curve over pump time. ``measured`` is drawn strong, ``wanted`` beneath it."""

    def __init__(self, title: str, colour: str, measured: str, wanted: str = "") -> None:
        super().__init__()
        self._title = title
        self._colour = colour
        self._measured = measured
        self._wanted = wanted

    def show(self, history: History, old: bool) -> None:
        """Draw ``history``; ``old``: nothing new has come."""
        points = history.points
        plt = self.plt
        plt.clear_data()
        unit, scale = ("min", 60.0) if points and points[-1].x_s >= LONG_S else ("s", 1.0)
        mark = " (old)" if old and points else ""
        plt.title(f"{self._title}, time in {unit}{mark}" if points else f"{self._title}: no data")
        for field, colour in ((self._wanted, TARGET_COLOUR), (self._measured, self._colour)):
            for part in history.parts if field else ():
                self._line(part, field, colour, scale)
        top = nice_top(max((self._value(point) for point in points), default=1.0))
        plt.ylim(0, top)
        plt.yticks([0, top / 2, top], [f"{value:g}" for value in (0, top / 2, top)])
        if points:
            self._time_axis(points[0].x_s / scale, points[-1].x_s / scale)
        self.refresh()

    def _time_axis(self, first: float, last: float) -> None:
        step = nice_top(max(last - first, 1e-3) / TICKS)
        start = int(first / step) * step
        ticks = [start + step * index for index in range(TICKS + 2)]
        ticks = [tick for tick in ticks if first <= tick <= last]
        self.plt.xlim(first, max(last, first + 1e-3))
        self.plt.xticks(ticks, [f"{tick:g}" for tick in ticks])

    def _line(self, part: list[Point], field: str, colour: str, scale: float) -> None:
        if part:
            xs = [point.x_s / scale for point in part]
            ys = [getattr(point, field) for point in part]
            self.plt.plot(xs, ys, color=colour, marker="braille")

    def _value(self, point: Point) -> float:
        fields = [field for field in (self._measured, self._wanted) if field]
        return float(max(getattr(point, field) for field in fields))


def nice_top(value: float) -> float:
    """The least of 1, 2, 3, 4, 5, 6, 8 times a power of ten that is not below ``value``."""
    if value <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    return next((n * power for n in (1, 2, 3, 4, 5, 6, 8) if n * power >= value), 10 * power)


def rate_plot() -> Plot:
    """Rate and the rate ordered."""
    return Plot("rate mL/h", RATE_COLOUR, "rate_ml_h", "target_ml_h")


def volume_plot() -> Plot:
    """Volume delivered."""
    return Plot("volume mL", VOLUME_COLOUR, "volume_ml")
