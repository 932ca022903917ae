"""Samples for a plot over time: bounded, thinned out evenly, with gaps kept as gaps.

x is pump time in s since the start of the run where that is known, else since the first sample.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from pump.core import units
from titra import quantities

POINTS_MAX = 1200  # beyond that every second one goes: half the resolution, the same span


@dataclass(frozen=True)
class Point:
    """One sample: s, mL/h, mL."""

    x_s: float
    rate_ml_h: float
    target_ml_h: float
    volume_ml: float


class History:
    """The samples of one run; ``parts`` are the stretches between gaps."""

    def __init__(self) -> None:
        self.parts: list[list[Point]] = [[]]
        self._origin: tuple[int, int] | None = None  # boot, us
        self._newest_at = (-1, 0)
        self._gap = False

    def begin(self, t_us: int, boot: int) -> None:
        """A run has started; what came before it goes. One that is older than a sample here (out
        of the pump's log) is no news."""
        if self._newest_at < (boot, t_us):
            self.parts = [[]]
            self._origin = (boot, t_us)

    def interrupt(self) -> None:
        """Something is missing here."""
        self._gap = True

    def add(self, t_us: int, boot: int, fields: Mapping[str, str]) -> None:
        """Add a sample; one without a volume is left out."""
        volume_ml = number_in(fields.get("delivered"), "mL")
        if volume_ml is None:
            return
        if self._origin is None or self._origin[0] != boot:
            self.begin(t_us, boot)
        assert self._origin
        self._newest_at = (boot, t_us)
        if self._gap and self.parts[-1]:
            self.parts.append([])
        self._gap = False
        x_s = (t_us - self._origin[1]) / quantities.US_PER_S
        rate = number_in(fields.get("rate"), "mL/h") or 0.0
        target = number_in(fields.get("target"), "mL/h") or 0.0
        self.parts[-1].append(Point(x_s, rate, target, volume_ml))
        if sum(len(part) for part in self.parts) > POINTS_MAX:
            self.parts = [part[::2] for part in self.parts]

    @property
    def newest(self) -> Point | None:
        """The last sample."""
        return self.parts[-1][-1] if self.parts[-1] else None

    @property
    def points(self) -> list[Point]:
        """All of them, gaps forgotten."""
        return [point for part in self.parts for point in part]


def number_in(text: str | None, unit: str) -> float | None:
    """A quantity of the wire as a number of ``unit``, for display; None where there is none or
    where it is of another kind."""
    if not text:
        return None
    try:
        number, given = quantities.split(text)
    except ValueError:
        return None
    scale = _scale(given, unit)
    return None if scale is None else float(number * scale)


@functools.cache
def _scale(given: str, unit: str) -> Fraction | None:
    """How many ``unit`` one ``given`` is, by the firmware's own table."""
    for line in units.UNITS.strip().split("\n"):
        dimension = line.split(" ")[0]
        names = units.units_of(dimension)
        sizes = {name: Fraction(*units.unit_size(name, dimension)) for name in names}
        if given in sizes and unit in sizes:
            return sizes[given] / sizes[unit]
    return None
