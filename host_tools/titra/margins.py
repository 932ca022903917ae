"""How far a plan is from each limit that it was judged by, in the order in which it was.

    device     what the firmware takes of a quantity at all
    syringe    what is in it
    motor      slowest and fastest rate of syringe and motor
    soft, hard limits of the board or the drug library

Distances are exact and relative to the limit: 0 % is at it, 50 % half of it away from it.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from titra.quantities import decimal

PLACES = 3


@dataclass(frozen=True)
class Margin:
    """A quantity between its bounds, all as text with units, '' for no bound.

    ``above_least`` = 100 (1 - least / given) and ``below_most`` = 100 (1 - given / most), percent;
    None without that bound.
    """

    kind: str
    field: str
    given: str
    least: str
    most: str
    above_least: Fraction | None
    below_most: Fraction | None

    @property
    def is_beyond(self) -> bool:
        """True where a bound is passed."""
        return any(room is not None and room < 0 for room in (self.above_least, self.below_most))

    def as_json(self) -> dict[str, object]:
        """The margin as an object; percentages as decimals."""
        return {
            "kind": self.kind,
            "field": self.field,
            "given": self.given,
            "least": self.least or None,
            "most": self.most or None,
            "above_least_percent": _percent(self.above_least),
            "below_most_percent": _percent(self.below_most),
        }


def margins_of(plan: Any, bounds: Any) -> tuple[Margin, ...]:
    """Every margin of a plan of the dose core within ``bounds`` (pump.core.bounds.Bounds)."""
    found = [*_device(plan), _syringe(plan), *_motor(plan)]
    for kind, rows in (("soft", bounds.soft), ("hard", bounds.hard)):
        for row in rows:
            found += _judged(plan, kind, *row)
    return tuple(found)


def _device(plan: Any) -> Iterable[Margin]:
    """Weight, concentration, and what defines the phases: of each field the least and the most."""
    limits: Any = importlib.import_module("pump.core.limits")
    setting = plan.setting
    entered = [setting.weight, setting.concentration, setting.fill]
    entered += [each for phase in plan.phases for each in phase.entered]
    groups: dict[tuple[str, str], list[Any]] = {}
    for each in entered:
        if each and each.value[0] and each.dimension != "rate":
            field = "rate" if each.field == "to" else each.field
            groups.setdefault((field, each.dimension), []).append(each)
    for (field, dimension), group in groups.items():
        least, most = limits.row_of(field, dimension)
        for each in _ends(group):
            yield _margin("device", field, dimension, each, least, most)


def _ends(group: list[Any]) -> list[Any]:
    """The smallest and the largest of entered quantities; one where they are equal."""
    low, high = (pick(group, key=lambda each: Fraction(*each.value)) for pick in (min, max))
    return [low] if low.value == high.value else [low, high]


def _syringe(plan: Any) -> Margin:
    quantity: Any = importlib.import_module("pump.core.quantity")
    ratio: Any = importlib.import_module("pump.core.ratio")
    volume = plan.as_entered("volume", "volume", plan.total_volume_nl, "mL")
    left = ratio.sub(plan.setting.available_nl(), plan.beside_nl)
    most = quantity.exact(left, "mL", "volume")
    return _margin("syringe", "volume", "volume", volume, "", most)


def _motor(plan: Any) -> Iterable[Margin]:
    """The slowest and the fastest of all stretches."""
    limits: Any = importlib.import_module("pump.core.limits")
    slow, fast = plan.setting.rates_nl_per_s
    rates = [
        plan.as_entered("rate", "rate", rate, "mL/h")
        for phase in plan.phases
        for rate in phase.rates()
    ]
    for each in _ends(rates):
        least, most = limits.range_text(slow, fast, each.unit).split("..")
        yield _margin("motor", "rate", "rate", each, least, most)


def _judged(plan: Any, kind: str, field: str, least: str, most: str) -> Iterable[Margin]:
    """The quantities that a row of bounds is about: the smallest and the largest."""
    core: Any = importlib.import_module("pump.core.bounds")
    limits: Any = importlib.import_module("pump.core.limits")
    for bounds in ((least, ""), ("", most)) if _mixed(field, least, most) else ((least, most),):
        text = bounds[0] or bounds[1]
        if not text:
            continue
        dimension = limits.enter(field, text).dimension
        values = core.judged(plan, field, dimension)
        group = [plan.as_entered(field, dimension, value) for value in values]
        for each in _ends(group) if group else ():
            yield _margin(kind, field, dimension, each, *bounds)


def _mixed(field: str, least: str, most: str) -> bool:
    """True where the two bounds are of different dimensions."""
    limits: Any = importlib.import_module("pump.core.limits")
    texts = [text for text in (least, most) if text]
    return len({limits.enter(field, text).dimension for text in texts}) > 1


def _margin(kind: str, field: str, dimension: str, each: Any, least: str, most: str) -> Margin:
    """The margin of one entered quantity. Bounds are shown in its unit where that is exact, those
    of the device in their own (a limit of 1 ng/mL would be 0.000001 mg/mL)."""
    limits: Any = importlib.import_module("pump.core.limits")

    def read(bound: str) -> tuple[str, Fraction | None]:
        if not bound:
            return "", None
        shown = bound if kind == "device" else limits.in_unit(bound, dimension, each.unit)
        return shown, Fraction(*limits.enter(field, bound).value)

    given = Fraction(*each.value)
    (least_text, low), (most_text, high) = read(least), read(most)
    above = None if low is None else 100 * (1 - low / given)
    below = None if high is None else 100 * (1 - given / high)
    return Margin(kind, field, each.text, least_text, most_text, above, below)


def _percent(value: Fraction | None) -> str | None:
    return None if value is None else decimal(value, PLACES)
