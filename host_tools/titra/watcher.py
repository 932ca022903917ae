"""Several links, each on a thread of its own, and what they tell in one queue.

``drain`` hands over the news to whoever shows or publishes it; the states belong to that thread.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from titra.link import Link
from titra.pump_state import Down, News, PumpState

AFTER_BUG_S = 1.0
JOIN_S = 3.0


SomeLink = TypeVar("SomeLink", bound=Link)


@dataclass
class Watched(Generic[SomeLink]):
    """A link and the picture of its pump."""

    link: SomeLink
    state: PumpState


class Fleet(Generic[SomeLink]):
    """The pumps under watch. ``make_link(port, tell)`` makes the link of a port."""

    def __init__(
        self, names: Sequence[str], make_link: Callable[[str, Callable[[News], None]], SomeLink]
    ) -> None:
        self._news: deque[tuple[int, News]] = deque()
        self._closing = threading.Event()
        self._threads: list[threading.Thread] = []
        self.pumps: list[Watched[SomeLink]] = []
        for index, name in enumerate(names):
            link = make_link(name, self._teller(index))
            self.pumps.append(Watched(link, PumpState(name)))

    def start(self) -> None:
        """Begin to listen."""
        for pump in self.pumps:
            thread = threading.Thread(
                target=self._run, args=(pump.link,), name=f"titra {pump.link.name}", daemon=True
            )
            thread.start()
            self._threads.append(thread)

    def turn(self) -> None:
        """One round of every link in this thread, instead of ``start``."""
        for pump in self.pumps:
            pump.link.turn()

    def drain(self) -> list[tuple[Watched[SomeLink], News]]:
        """Take what has been told, bring the states up to date, and hand it on."""
        drained = []
        while self._news:
            index, news = self._news.popleft()
            self.pumps[index].state.take(news)
            drained.append((self.pumps[index], news))
        return drained

    def close(self) -> None:
        """End the threads and give up the ports."""
        self._closing.set()
        for thread in self._threads:
            thread.join(JOIN_S)

    def _teller(self, index: int) -> Callable[[News], None]:
        return lambda news: self._news.append((index, news))

    def _run(self, link: SomeLink) -> None:
        while not self._closing.is_set():
            try:
                link.turn()
            except Exception as error:  # a bug must show on the screen, and must not end the watch
                link.tell(Down(time.monotonic(), "internal", f"bug in titra: {error!r}"))
                self._closing.wait(AFTER_BUG_S)
        link.close()
