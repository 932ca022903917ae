"""What happened, in order: numbered lines that a host can fetch again.

Each event line carries the boot number and a sequence number that starts at 1 and never repeats
within the boot. The ring keeps the last KEPT lines whether or not they reached the host.
"""

from pump.core.frame import fitted

KEPT = 64


class EventLog:
    """The ring of this boot's events."""

    def __init__(self, boot: int) -> None:
        self.boot = boot
        self.newest = 0
        self._lines = [""] * KEPT

    def oldest(self) -> int:
        """The number of the oldest line kept; newest + 1 when there is none."""
        return max(1, self.newest - KEPT + 1)

    def add(self, now_us: int, name: str, pairs: list) -> str:
        """Record an event; returns its line without check."""
        self.newest += 1
        head = "!%d event t=%dms boot=%d " % (self.newest, now_us // 1000, self.boot)
        line = fitted(head, [("name", name)] + pairs)
        self._lines[self.newest % KEPT] = line
        return line

    def line(self, number: int) -> str:
        """The line of event ``number``, which must be one of oldest()..newest."""
        return self._lines[number % KEPT]
