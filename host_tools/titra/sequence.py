"""Puts events in order and notices what is missing; pure, no I/O.

Events are numbered 1, 2, 3 ... within a boot. An event that follows its predecessor is released at
once; one that does not is held until the gap is filled from the pump's log or given up.
"""

from __future__ import annotations

from titra.protocol import Event

Mark = tuple[int, int]


class EventOrder:
    """Sequence keeper. ``cursor`` is the (boot, seq) of the last event released."""

    def __init__(self) -> None:
        self.cursor: Mark | None = None
        self._held: dict[Mark, Event] = {}

    def feed(self, event: Event) -> list[Event]:
        """Take an event; return what may be dispatched now, in order. Repeats vanish."""
        mark = (event.boot, event.seq)
        if self.cursor is None:
            self.cursor = mark
            return [event]
        if mark > self.cursor:
            self._held[mark] = event
        return self._release()

    @property
    def gap(self) -> bool:
        """True while events are held back because something before them is missing."""
        return bool(self._held)

    @property
    def whole(self) -> bool:
        """True when the held events follow the cursor without a hole, new boots allowed."""
        return self._missing() == 0

    def give_up(self) -> tuple[list[Event], int]:
        """Release all that is held, in order, and how many events are known to be missing."""
        lost = self._missing()
        marks = sorted(self._held)
        events = [self._held.pop(mark) for mark in marks]
        if marks:
            self.cursor = marks[-1]
        return events, lost

    def _release(self) -> list[Event]:
        released = []
        while self.cursor and (mark := (self.cursor[0], self.cursor[1] + 1)) in self._held:
            released.append(self._held.pop(mark))
            self.cursor = mark
        return released

    def _missing(self) -> int:
        missing = 0
        boot, seq = self.cursor or (0, 0)
        for mark in sorted(self._held):
            if mark[0] != boot:
                boot, seq = mark[0], 0
            missing += mark[1] - seq - 1
            seq = mark[1]
        return missing
