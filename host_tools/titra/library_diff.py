"""What is different between two drug libraries, and whether that is looser or tighter."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from fractions import Fraction
from typing import Any

from titra.library import Entry, Library, core

limits: Any = importlib.import_module("pump.core.limits")
TIGHTER, LOOSER, CHANGED, ADDED, REMOVED = "tighter", "looser", "changed", "added", "removed"


@dataclass(frozen=True)
class Change:
    """``what`` of ``entry``; '' before or after: none there."""

    entry: str
    what: str
    before: str
    after: str
    change: str

    def as_json(self) -> dict[str, str]:
        """As an object."""
        return asdict(self)


def diff(before: Library, after: Library) -> list[Change]:
    """Every change, by entry."""
    old = {entry.id: entry for entry in before.entries}
    new = {entry.id: entry for entry in after.entries}
    changes: list[Change] = []
    for id in sorted({*old, *new}):
        if id not in new:
            changes.append(Change(id, "entry", id, "", REMOVED))
        elif id not in old:
            changes.append(Change(id, "entry", "", id, ADDED))
        else:
            changes += _entry(old[id], new[id])
    return changes


def _entry(old: Entry, new: Entry) -> Iterator[Change]:
    for name in ("drug", "route"):
        if old.fields[name] != new.fields[name]:
            yield Change(old.id, name, old.fields[name], new.fields[name], CHANGED)
    had, has = (_concentrations(entry) for entry in (old, new))
    for value in sorted({*had, *has}):
        if value not in has:
            yield Change(old.id, "concentration", had[value], "", TIGHTER)
        elif value not in had:
            yield Change(old.id, "concentration", "", has[value], LOOSER)
    left, right = _bounds(old), _bounds(new)
    for key in sorted({*left, *right}):
        before, after = left.get(key, ""), right.get(key, "")
        if _value(key[1], before) != _value(key[1], after):
            what = f"{key[1]} {key[3]}" if "-" in key[3] else key[3]
            yield Change(old.id, what, before, after, _sense(key, before, after))


def _concentrations(entry: Entry) -> dict[Fraction, str]:
    listed = entry.fields["concentrations"].split(",")
    return {Fraction(*limits.enter("concentration", text).value): text for text in listed}


def _bounds(entry: Entry) -> dict[tuple[int, str, str, str], str]:
    """(place, what it is read as, dimension, bound or field) to text."""
    found = {}
    for place, field in enumerate((*core.LIMITED, "lockout", "hourly")):
        text = entry.fields.get(field, "")
        if field not in core.LIMITED:
            if text:
                found[place, core.PLAIN[field], "", field] = text
            continue
        for rows, strength in zip(core.rows_of(field, text) if text else (), ("hard", "soft")):
            for _, least, most in rows:
                for bound, side in ((least, "min"), (most, "max")):
                    if bound:
                        dimension = limits.enter(field, bound).dimension
                        found[place, field, dimension, f"{strength}-{side}"] = bound
    return found


def _value(field: str, text: str) -> Fraction | None:
    return Fraction(*limits.enter(field, text).value) if text else None


def _sense(key: tuple[int, str, str, str], before: str, after: str) -> str:
    """A bound that goes is looser, one that comes tighter; else it depends on its side."""
    if not before or not after:
        return TIGHTER if after else LOOSER
    one, other = limits.enter(key[1], before), limits.enter(key[1], after)
    if one.dimension != other.dimension:
        return CHANGED
    rises = limits.compare(other.value, one.value) > 0
    least = key[3].endswith("min") or key[3] == "lockout"
    return TIGHTER if rises == least else LOOSER
