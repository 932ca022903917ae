"""A drug library as people write it: TOML in, entries and every mistake in it out.

What an entry may say is decided by the pump's own ``pump.core.library``; here each mistake gets
its line, and what only matters to people (a zero at the end, the same id twice) is found as well.
"""

from __future__ import annotations

import importlib
import re
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from titra.library import Entry, Library, core

BOUNDS = ("hard-min", "soft-min", "soft-max", "hard-max")
TEXTS = ("note", "source")
KEYS = (*core.NEEDED, *core.LIMITED, "bolus", *TEXTS)
Refusal: Any = importlib.import_module("pump.core.refusal").Refusal
limits: Any = importlib.import_module("pump.core.limits")
check_label: Callable[..., None] = importlib.import_module("pump.core.settings").check_label

SAID = {
    "missing-field": "is missing",
    "unknown-field": "is no key here; known are {accepts}",
    "bad-number": "{given} is not a plain decimal like 70 or 0.5",
    "missing-unit": "{given} lacks its unit, one of {accepts}",
    "bad-unit": "{given} has a unit other than {accepts}",
    "out-of-range": "{given} is beyond {limit}",
    "bad-value": "{given} will not do; accepted: {accepts}",
    "not-rising": "{given} is beyond {limit}, though the bounds must rise: hard-min, soft-min, "
    "soft-max, hard-max",
    "route": "{given} is refused: the pump infuses into a vein only, route = {accepts}",
    "trailing-zero": "{given} ends in a zero that may be misread; leave it out",
    "duplicate": "{given} stands here a second time, first in line {limit}",
    "too-long": "{given} is longer than {limit}",
    "type": "must be {accepts}",
    "syntax": "{given}",
}


@dataclass(frozen=True)
class Problem:
    """One mistake: where, what, and what would have been right."""

    line: int
    entry: str
    field: str
    code: str
    given: str = ""
    limit: str = ""
    accepts: str = ""

    def __str__(self) -> str:
        where = "".join(f" {part}:" for part in (self.entry, self.field) if part)
        values = {
            "given": spaced(self.given),
            "limit": spaced(self.limit),
            "accepts": re.sub(",(?! )", ", ", self.accepts),
        }
        return f"{self.line}:{where} {SAID[self.code].format(**values)}"


def spaced(text: str) -> str:
    """A quantity as people write it, with a space before its unit."""
    return re.sub(r"([0-9])([a-zA-Z])", r"\1 \2", text) if re.match(r"[0-9]", text) else text


def parse(data: bytes) -> tuple[Library | None, list[Problem]]:
    """(the library, every mistake); None where there are mistakes."""
    try:
        text = data.decode("utf-8")
        tree = tomllib.loads(text)
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        found = re.search(r"line (\d+)", str(error))
        return None, [Problem(int(found[1]) if found else 1, "", "", "syntax", str(error))]
    return _Reader(tree, _lines(text)).library()


def _lines(text: str) -> dict[tuple[int, str], int]:
    """(number of the entry from 0, or -1, and key) to line; key '' is the head of the entry."""
    found: dict[tuple[int, str], int] = {}
    entry, inside = -1, ""
    for number, line in enumerate(text.splitlines(), 1):
        if not inside:
            if re.match(r"\s*\[\[\s*entry\s*\]\]", line):
                entry += 1
                found[entry, ""] = number
            key = re.match(r"\s*(?:\[\s*entry\s*\.\s*)?([\w-]+)\s*[].=]", line)
            if key:
                found.setdefault((entry, key[1]), number)
        for mark in ('"""', "'''"):
            if line.count(mark) % 2:
                inside = "" if inside == mark else inside or mark
    return found


class _Reader:
    """Walks through one file and collects."""

    def __init__(self, tree: dict[str, Any], lines: dict[tuple[int, str], int]) -> None:
        self._tree = tree
        self._lines = lines
        self._at = -1
        self._entry = ""
        self.problems: list[Problem] = []

    def library(self) -> tuple[Library | None, list[Problem]]:
        """All of it."""
        for key in self._tree:
            if key not in ("name", "version", "entry"):
                self._note(key, "unknown-field", accepts="name,version,entry")
        name, version = (self._label(key, core.TITLE_MAX) for key in ("name", "version"))
        rows = self._tree.get("entry")
        if not isinstance(rows, list) or not rows:
            self._note("entry", "type", accepts="one or more tables [[entry]]")
            rows = []
        if len(rows) > core.ENTRIES:
            self._note("entry", "too-long", str(len(rows)), str(core.ENTRIES))
        entries = [self._read(at, row) for at, row in enumerate(rows)]
        self._refuse_doubles(entries)
        if self.problems:
            return None, sorted(self.problems, key=lambda problem: problem.line)
        return Library(name, version, tuple(sorted(entries, key=lambda entry: entry.id))), []

    def _note(self, key: str, code: str, given: str = "", limit: str = "", accepts: str = "",
              sub: str = "") -> None:  # fmt: skip
        line = self._lines.get((self._at, key)) or self._lines.get((self._at, ""), 1)
        field = f"{key} {sub}".rstrip()
        self.problems.append(Problem(line, self._entry, field, code, given, limit, accepts))

    def _label(self, key: str, most: int) -> str:
        text = self._tree.get(key)
        if text is None:
            self._note(key, "missing-field")
        elif not isinstance(text, str):
            self._note(key, "type", accepts="text in quotes")
        else:
            self._try(key, lambda: check_label(key, text, most))
            return text
        return ""

    def _read(self, at: int, row: dict[str, Any]) -> Entry:
        self._at, self._entry = at, str(row.get("id", f"entry {at + 1}"))
        fields: dict[str, str] = {}
        for key in core.NEEDED:
            if key not in row:
                self._note(key, "missing-field")
        for key, value in row.items():
            if key in core.LIMITED:
                fields[key] = self._limits(key, value)
            elif key == "bolus":
                fields.update(self._bolus(value))
            elif key == "concentrations":
                fields[key] = self._concentrations(value)
            elif key not in KEYS:
                self._note(key, "unknown-field", accepts=",".join(KEYS))
            elif not isinstance(value, str):
                self._note(key, "type", accepts="text in quotes")
            elif key not in TEXTS:
                fields[key] = value
                self._try(key, partial(core.check_field, key, value))
        ordered = {key: fields[key] for key in core.FIELDS if key in fields}
        if not any(problem.entry == self._entry for problem in self.problems):
            self._try("id", lambda: core.line_of(ordered))
        self._at, self._entry = -1, ""
        return Entry(ordered, str(row.get("note", "")), str(row.get("source", "")))

    def _limits(self, key: str, value: Any) -> str:
        rows = value if isinstance(value, list) else [value]
        return ",".join(self._limit(key, row) for row in rows)

    def _limit(self, key: str, row: Any) -> str:
        if not isinstance(row, dict) or not row:
            self._note(key, "type", accepts="a table such as { hard-max = ... }")
            return ""
        before = len(self.problems)
        texts = {name: "" for name in BOUNDS}
        for name, value in row.items():
            if name not in BOUNDS:
                self._note(key, "unknown-field", accepts=",".join(BOUNDS), sub=name)
            else:
                texts[name] = self._quantity(key, value, key, name)
        if len(self.problems) == before:
            self._rising(key, texts)
        low, high = texts["hard-min"], texts["hard-max"]
        least = f"{low}<{texts['soft-min']}" if low else texts["soft-min"]
        most = f"{texts['soft-max']}<{high}" if high else texts["soft-max"]
        return f"{least}..{most}"

    def _rising(self, key: str, texts: dict[str, str]) -> None:
        last = None
        for name in BOUNDS:
            if texts[name]:
                entered = limits.enter(key, texts[name])
                if last and entered.dimension != last.dimension:
                    self._note(key, "bad-unit", texts[name], accepts=last.unit, sub=name)
                elif last and limits.compare(last.value, entered.value) > 0:
                    self._note(key, "not-rising", last.text, entered.text, sub=name)
                last = entered

    def _bolus(self, value: Any) -> dict[str, str]:
        fields = {}
        if not isinstance(value, dict):
            self._note("bolus", "type", accepts='a table { lockout = "...", hourly = "..." }')
            return {}
        for name, text in value.items():
            if name not in core.PLAIN or name == "concentrations":
                self._note("bolus", "unknown-field", accepts="lockout,hourly", sub=name)
            else:
                fields[name] = self._quantity("bolus", text, core.PLAIN[name], name)
        return fields

    def _concentrations(self, value: Any) -> str:
        if not isinstance(value, list) or not value:
            self._note("concentrations", "type", accepts="a list of one or more in quotes")
            return ""
        texts = [self._quantity("concentrations", one, "concentration") for one in value]
        for at, text in enumerate(texts):
            if text in texts[:at]:
                self._note("concentrations", "bad-value", text, accepts="each once")
        return ",".join(texts)

    def _quantity(self, key: str, value: Any, like: str, sub: str = "") -> str:
        """The text as on the wire, without the space; checked as a quantity of ``like``."""
        if not isinstance(value, str):
            self._note(key, "type", accepts='a quantity in quotes, as "0.5 mg/kg"', sub=sub)
            return ""
        text = re.sub(r"^(\S+) (\S+)$", r"\1\2", value)
        if re.match(r"[0-9]+\.[0-9]*0[a-zA-Z]", text):
            self._note(key, "trailing-zero", value, sub=sub)
        else:
            self._try(key, lambda: limits.check(limits.enter(like, text)), sub)
        return text

    def _try(self, key: str, checking: Callable[[], object], sub: str = "") -> None:
        try:
            checking()
        except Refusal as refusal:
            given, limit = str(refusal.given), str(refusal.limit)
            self._note(key, refusal.code, given, limit, str(refusal.accepts), sub)

    def _refuse_doubles(self, entries: list[Entry]) -> None:
        first: dict[str, int] = {}
        for at, entry in enumerate(entries):
            self._at, self._entry = at, entry.fields.get("id", "")
            if self._entry in first:
                line = self._lines.get((first[self._entry], "id"), 1)
                self._note("id", "duplicate", self._entry, str(line))
            first.setdefault(self._entry, at)
