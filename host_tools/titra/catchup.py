"""The host's copy of the pump's event record: what is missing is read from the pump's own log.

A live event that does not follow its predecessor is held back until the log has given what lies
between. Only when the log, read to its end, does not have it, is an event counted as lost.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from titra.errors import NoAnswer, PumpRefused
from titra.protocol import Event
from titra.quantities import whole
from titra.sequence import EventOrder, Mark, mark_of, parse_mark

if TYPE_CHECKING:
    from titra.client import PumpClient

PAGE_TRIES = 3
ROUNDS_MAX = 400  # more than the 1056 events that the pump keeps, four at a time
AGAIN_S = 1.0
GIVE_UP_S = 30.0  # events behind a gap are held back no longer when the pump's log stays silent
BEYOND = 10**9  # no event of a boot has such a number


@dataclass(frozen=True)
class LogPage:
    """A page of the pump's log: events in order, and whether there are others after them."""

    events: list[Event]
    more: bool
    newest: Mark | None


class EventRecord:
    """Every event of a pump once and in order, over any number of links and resets.

    ``lost`` counts those that cannot be had any more; ``reading`` is true while the log is read.
    """

    def __init__(self, client: PumpClient) -> None:
        self.lost = 0
        self.reading = False
        self._client = client
        self._order = EventOrder()
        self._again_at_s = 0.0
        self._gap_since_s: float | None = None
        self._suspicious = False

    @property
    def cursor(self) -> Mark | None:
        """(boot, seq) of the last event released or taken as known."""
        return self._order.cursor

    @property
    def newest_boot(self) -> int:
        """The highest boot number heard of; -1 before any."""
        return self._order.newest_boot

    def feed(self, event: Event) -> list[Event]:
        """Take an event from the wire; return what is in order now."""
        return self._order.feed(event)

    def suspect(self) -> None:
        """Something on the wire was damaged or is missing; it may have been the last event, which
        no later one will betray."""
        self._suspicious = True

    def catch_up(self, since: Mark | None, boot: int) -> list[Event]:
        """Read the log after ``since``; see PumpClient.catch_up. ``boot`` is the present one."""
        if since is not None:
            self._order.begin(since)
        self._suspicious = False
        cursor = self._order.cursor
        newest = self.page_after(cursor or (boot, BEYOND)).newest
        if cursor is None:
            self._order.begin(newest or (boot, 0))
            return []
        if newest and newest[0] < cursor[0]:
            self._order.begin((0, 0))  # the pump's store was wiped: a new history
        return self._read(to_end=True)

    def recover(self) -> list[Event]:
        """Fill the gap, if there is one; try again later if the pump does not answer."""
        now_s = self._client.transport.clock()
        if self._order.gap:
            if self._gap_since_s is None:
                self._gap_since_s = self._again_at_s = now_s
        else:
            self._gap_since_s = None
            if not self._suspicious or self.cursor is None:
                return []
        if now_s < self._again_at_s:
            return []
        self._again_at_s = now_s + AGAIN_S
        to_end, self._suspicious = self._suspicious, False
        try:
            return self._read(to_end)
        except (PumpRefused, NoAnswer):
            self._suspicious = to_end
            gap_since_s = self._gap_since_s
            if gap_since_s is not None and now_s - gap_since_s > GIVE_UP_S:
                return self._give_up(None)
            return []

    def release(self) -> list[Event]:
        """All that is held back; what lies before it counts as lost."""
        return self._give_up(None)

    def page_after(self, mark: Mark) -> LogPage:
        """The pump's events after ``mark``, four at most, asked for again until they are whole.
        Raises NoAnswer, PumpRefused, LinkGone."""
        for _ in range(PAGE_TRIES):
            reply = self._client.request("log", since=f"{mark[0]}:{mark[1]}")
            newest = parse_mark(reply.fields.get("newest"))
            events = [
                event
                for event in self._client.log_page(reply)
                if mark < mark_of(event) <= (newest or mark_of(event))
            ]
            if len(events) == whole(reply.fields.get("events")):
                return LogPage(events, reply.fields.get("more") == "yes", newest)
        raise NoAnswer(
            f"{self._client.transport.name}: the pump's log does not come through whole"
        )

    def _read(self, to_end: bool) -> list[Event]:
        """Let the log after the cursor come in, to its end or until no gap is left. A gap that is
        there at the end is one in the pump's own record."""
        mark = self._order.cursor or (0, 0)
        self.reading = True
        try:
            for _ in range(ROUNDS_MAX):
                page = self.page_after(mark)
                if not page.more:
                    return self._give_up(page.newest)
                if not to_end and not self._order.gap:
                    break
                mark = mark_of(page.events[-1])
        finally:
            self.reading = False
        return []

    def _give_up(self, upto: Mark | None) -> list[Event]:
        """Release what is held, up to where the log was read to."""
        events, lost = self._order.give_up(upto)
        self.lost += lost
        return events
