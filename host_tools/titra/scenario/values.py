"""What a scenario expects of a value: ``A``, ``A~T`` (within T), ``A..B``, ``!A``; all exact.

Quantities of one dimension compare by value (17.5mL is 17.500mL is 17500mcL); words by letter.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

from titra import quantities
from titra.results import mass_ng, rate_nl_per_s, volume_nl

Scaled = tuple[str, Fraction]
SCALES: tuple[tuple[str, Callable[[str], Fraction | int | None]], ...] = (
    ("volume", volume_nl),
    ("mass", mass_ng),
    ("rate", rate_nl_per_s),
    ("time", quantities.time_us),
)


def scaled(text: str) -> Scaled | None:
    """(dimension, value in its base unit), or None for a word. An unknown unit is its own
    dimension."""
    for name, scale in SCALES:
        value = scale(text)
        if value is not None:
            return name, Fraction(value)
    try:
        number, unit = quantities.split(text)
    except ValueError:
        return None
    return unit, number


@dataclass(frozen=True)
class Expected:
    """An expectation as written. ValueError, when made, on one that makes no sense."""

    text: str

    def __post_init__(self) -> None:
        if "~" in self.text:
            self._pair("~")
        elif ".." in self.text:
            least, most = self._pair("..")
            if least[1] > most[1]:
                raise ValueError(f"{self.text}: the first is larger than the second")

    def quantity(self) -> Scaled:
        """The value as a quantity. ValueError for a word."""
        found = scaled(self.text)
        if found is None:
            raise ValueError(f"not a quantity: {self.text!r}")
        return found

    def met_by(self, said: str | None) -> bool:
        """True when ``said`` is as expected; a field that is absent never is."""
        if said is None:
            return False
        if self.text.startswith("!"):
            return not Expected(self.text[1:]).met_by(said)
        value = scaled(said)
        if "~" in self.text:
            middle, tolerance = self._pair("~")
            return _alike(value, middle) and abs(_number(value) - middle[1]) <= tolerance[1]
        if ".." in self.text:
            least, most = self._pair("..")
            return _alike(value, least) and least[1] <= _number(value) <= most[1]
        wanted = scaled(self.text)
        return said == self.text or (wanted is not None and value == wanted)

    def _pair(self, mark: str) -> tuple[Scaled, Scaled]:
        first, second = (scaled(part) for part in self.text.split(mark, 1))
        if first is None or second is None or first[0] != second[0]:
            raise ValueError(f"{self.text}: wants two quantities of one dimension around {mark!r}")
        return first, second


def _alike(value: Scaled | None, wanted: Scaled) -> bool:
    return value is not None and value[0] == wanted[0]


def _number(value: Scaled | None) -> Fraction:
    return value[1] if value else Fraction(0)
