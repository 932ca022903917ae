"""Scenarios from TOML files, checked as a whole; every error names its line."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

from titra.errors import UsageError
from titra.scenario.grammar import STARTED, Step, parse

KEYS = ("title", "about", "steps")


class ScenarioError(UsageError):
    """A scenario that cannot be run as written; the message holds every error with its line."""

    code = "bad-scenario"


@dataclass(frozen=True)
class Scenario:
    """A checked scenario. ``file`` is '' for one made in Python."""

    title: str
    steps: tuple[Step, ...]
    about: str = ""
    file: str = ""

    @property
    def name(self) -> str:
        """A short name for reports."""
        return Path(self.file).stem if self.file else self.title

    @property
    def needs(self) -> tuple[str, ...]:
        """The capabilities of the bench that its steps need."""
        return tuple(dict.fromkeys(step.needs for step in self.steps if step.needs))

    @classmethod
    def of(cls, title: str, *texts: str) -> Scenario:
        """A scenario from its steps as text. Raises ScenarioError."""
        return cls(title, _checked([(text, 0) for text in texts], title))

    @classmethod
    def load(cls, path: Path) -> Scenario:
        """The scenario in ``path``. Raises ScenarioError, also where the file cannot be read."""
        try:
            source = path.read_text(encoding="utf-8")
            table = tomllib.loads(source)
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise ScenarioError(f"{path}: {error}") from error
        for key in table:
            if key not in KEYS:
                line = _line_of(source, key, 0)[0]
                raise ScenarioError(f"{path}:{line}: unknown key {key!r}; {', '.join(KEYS)}")
        title, about, texts = (table.get(key) for key in KEYS)
        if not isinstance(title, str) or not isinstance(about or "", str):
            raise ScenarioError(f"{path}: wants a title, as text")
        if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
            raise ScenarioError(f"{path}: wants steps, a list of texts")
        lines, place = [], source.index("steps")
        for text in texts:
            line, place = _line_of(source, text, place)
            lines.append((text, line))
        return cls(title, _checked(lines, str(path)), about or "", str(path))


def _line_of(source: str, text: str, start: int) -> tuple[int, int]:
    """(line, place after it) of ``text`` from ``start`` on; (0, start) for one that stands there
    in another spelling, as with escapes."""
    place = source.find(text, start)
    if place < 0:
        return 0, start
    return source.count("\n", 0, place) + 1, place + len(text)


def _checked(texts: list[tuple[str, int]], where: str) -> tuple[Step, ...]:
    steps: list[Step] = []
    wrong: list[str] = []
    offered = False
    for number, (text, line) in enumerate(texts, 1):
        place = f"{where}:{line}" if line else f"{where}, step {number}"
        try:
            step = parse(text, line)
            if step.verb == "start" and not offered and "plan" not in step.fields:
                raise ValueError(f"nothing to start; before it stands {', '.join(STARTED)}")
        except ValueError as error:
            wrong.append(f"{place}: {error}")
        else:
            steps.append(step)
        offered = offered or text.split()[:1] in [[verb] for verb in STARTED]
    if not texts:
        wrong.append(f"{where}: there are no steps")
    if wrong:
        raise ScenarioError("\n".join(wrong))
    return tuple(steps)
