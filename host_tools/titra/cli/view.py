"""How a run looks while it goes on: a live bar on a terminal, plain lines elsewhere, or nothing.

A view is fed only with what the pump has said.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Protocol

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn
from rich.text import Text

from titra import quantities
from titra.protocol import Event, Report

LINE_EVERY_PERCENT = 10


class View(Protocol):
    """Shows a run."""

    def update(self, word: Mapping[str, str], steps: int, reports: list[Report]) -> None:
        """Show the pump's latest ``word`` and new ``reports``."""

    def note(self, text: str) -> None:
        """Show a remark of the tool."""

    def close(self) -> None:
        """Leave the screen tidy."""


class NoView:
    """Shows nothing (--json)."""

    def update(self, word: Mapping[str, str], steps: int, reports: list[Report]) -> None:
        """Nothing."""

    def note(self, text: str) -> None:
        """Nothing."""

    def close(self) -> None:
        """Nothing."""


class LineView:
    """A line for every event and every tenth of the way."""

    def __init__(self, console: Console, planned: int) -> None:
        self._console = console
        self._planned = planned
        self._tenth = 0

    def update(self, word: Mapping[str, str], steps: int, reports: list[Report]) -> None:
        """Print what is new."""
        for report in reports:
            if isinstance(report, Event):
                self._console.print(Text(event_line(report)))
        tenth = 100 * steps // max(1, self._planned) // LINE_EVERY_PERCENT
        if tenth > self._tenth:
            self._tenth = tenth
            self._console.print(Text(summary_line(word, steps, self._planned)))

    def note(self, text: str) -> None:
        """Print it."""
        self._console.print(Text(text))

    def close(self) -> None:
        """Nothing to tidy."""


class LiveView:
    """A progress bar with state, volume, dose, rate and time left; events scroll above it."""

    def __init__(self, console: Console, planned: int) -> None:
        self._progress = Progress(
            TextColumn("{task.fields[state]}"),
            BarColumn(bar_width=None),
            TextColumn("{task.percentage:>5.1f} %"),
            TextColumn("{task.fields[words]}"),
            console=console,
            expand=True,
        )
        self._task = self._progress.add_task("run", total=planned, state="starting", words="")
        self._progress.start()

    def update(self, word: Mapping[str, str], steps: int, reports: list[Report]) -> None:
        """Redraw."""
        for report in reports:
            if isinstance(report, Event):
                self._progress.console.print(Text(event_line(report), style="dim"))
        state = word.get("state", "?")
        colour = "green" if state in ("infusing", "complete") else "red"
        self._progress.update(
            self._task,
            completed=steps,
            state=f"[bold {colour}]{escape(state)}[/]",
            words=escape(words_of(word)),
        )

    def note(self, text: str) -> None:
        """Print it above the bar."""
        self._progress.console.print(Text(text, style="yellow"))

    def close(self) -> None:
        """Draw a last time and give the screen back."""
        self._progress.stop()


def event_line(event: Event) -> str:
    """An event for people."""
    skip = ("t", "boot", "name")
    words = " ".join(f"{key}={value}" for key, value in event.fields.items() if key not in skip)
    us = quantities.time_us(event.fields.get("t"))
    at = "-" if us is None else quantities.decimal(Fraction(us, quantities.US_PER_S))
    return f"{at:>12} s  * {event.name} {words}".rstrip()


def view_for(console: Console, as_json: bool, planned: int) -> View:
    """The view that fits ``console``."""
    if as_json:
        return NoView()
    if console.is_terminal and not console.is_dumb_terminal:
        return LiveView(console, planned)
    return LineView(console, planned)


def words_of(word: Mapping[str, str]) -> str:
    """Volume, dose, rate and time left, in the pump's own words."""
    parts = [word[key] for key in ("delivered", "dose", "rate") if key in word]
    left = quantities.time_us(word.get("remaining"))
    if left is not None:
        parts.append(f"left {quantities.show_time(left)}")
    return "  ".join(parts)


def summary_line(word: Mapping[str, str], steps: int, planned: int) -> str:
    """One plain line of progress."""
    percent = 100 * steps // max(1, planned)
    return f"{percent:>4} %  {word.get('state', '?'):<9} {words_of(word)}"
