"""Puts events in order and notices what is missing; pure, no I/O.

Events are numbered 1, 2, 3 ... within a boot. An event that follows its predecessor is released at
once; one that does not is held until the gap is filled from the pump's log or given up.
"""

from __future__ import annotations

import re

from titra.protocol import Event

Mark = tuple[int, int]
_MARK = re.compile(r"([0-9]{1,18}):([0-9]{1,18})\Z")


def mark_of(event: Event) -> Mark:
    """(boot, seq), which names an event for good."""
    return event.boot, event.seq


def parse_mark(text: str | None) -> Mark | None:
    """``boot:seq`` as the pump writes it; None for anything else."""
    found = _MARK.match(text or "")
    return (int(found[1]), int(found[2])) if found else None


class EventOrder:
    """Sequence keeper. ``cursor`` is the (boot, seq) of the last event released."""

    def __init__(self) -> None:
        self.cursor: Mark | None = None
        self._held: dict[Mark, Event] = {}

    def begin(self, mark: Mark) -> None:
        """Take all up to ``mark`` as known and forget what is held."""
        self.cursor = mark
        self._held.clear()

    def feed(self, event: Event) -> list[Event]:
        """Take an event; return what may be dispatched now, in order. Repeats vanish."""
        mark = mark_of(event)
        if self.cursor is None:
            self.cursor = mark
            return [event]
        if mark > self.cursor:
            self._held[mark] = event
        return self._release()

    @property
    def newest_boot(self) -> int:
        """The highest boot number heard of; -1 before any."""
        known = self.cursor[0] if self.cursor else -1
        return max([known, *(mark[0] for mark in self._held)])

    @property
    def gap(self) -> bool:
        """True while events are held back because something before them is missing."""
        return bool(self._held)

    def give_up(self, upto: Mark | None = None) -> tuple[list[Event], int]:
        """Release what is held up to ``upto`` (default: all) and what follows it, in order, and
        how many events are known to be missing before them."""
        marks = sorted(mark for mark in self._held if upto is None or mark <= upto)
        lost = self._missing(marks)
        events = [self._held.pop(mark) for mark in marks]
        if marks:
            self.cursor = marks[-1]
        return events + self._release(), lost

    def _release(self) -> list[Event]:
        released = []
        while self.cursor and (mark := (self.cursor[0], self.cursor[1] + 1)) in self._held:
            released.append(self._held.pop(mark))
            self.cursor = mark
        return released

    def _missing(self, marks: list[Mark]) -> int:
        missing = 0
        boot, seq = self.cursor or (0, 0)
        for mark in marks:
            if mark[0] != boot:
                boot, seq = mark[0], 0
            missing += mark[1] - seq - 1
            seq = mark[1]
        return missing
