"""What happened, in order: numbered lines that a host can fetch again.

Each event line carries the boot number and a sequence number that starts at 1 and never repeats
within the boot. RAM keeps the last _KEPT lines whether or not they reached the host; the ring in
flash (``event_ring``) keeps those of older days and boots. An event is in RAM, and on its way to
the host, at once; it is written _HOLD_US later or as soon as a write cannot be felt, several at a
time. Events that leave RAM unwritten are counted and told.
"""

from micropython import const

from pump.app.event_ring import NONE
from pump.core.frame import fitted, seal

_KEPT = const(64)
_BATCH = const(8)  # lines in one write
_HOLD_US = const(200_000)  # what happens together is written together, and told before
_PUT_OFF_US = const(100_000)  # when it must not be felt
_RETRY_US = const(10_000_000)  # after a write that failed


class EventLog:
    """The events of boot number ``boot``, and (with a ``ring``) those before it.

    newest   number of the last event
    failing  the last write has failed
    """

    def __init__(self, boot: int, ring=None) -> None:
        self.boot = boot if ring is None else max(boot, ring.newest[0] + 1)
        self.newest = 0
        self.failing = False
        self._ring = ring
        self._lines = [b""] * _KEPT
        self._written = 0  # the last event that needs no write any more
        self._lost = 0
        self._due_us = 0

    # ---- in -----------------------------------------------------------------------------------

    def add(self, now_us: int, name: str, pairs: list) -> bytes:
        """Record an event; returns its line as it goes on the wire."""
        if self.newest - self._written >= _KEPT:
            self._written += 1
            if self._ring:
                self._lost += 1
        if self._written == self.newest:
            self._due_us = now_us + _HOLD_US
        self.newest += 1
        head = "!%d event t=%dms boot=%d " % (self.newest, now_us // 1000, self.boot)
        line = seal(fitted(head, [("name", name)] + pairs))
        self._lines[self.newest % _KEPT] = line
        return line

    def take_lost(self) -> int:
        """Events that left RAM unwritten since last asked; 0 until one can be added unharmed."""
        if self.newest - self._written > _KEPT // 2:
            return 0
        lost = self._lost
        self._lost = 0
        return lost

    # ---- to flash -----------------------------------------------------------------------------

    def due_us(self) -> int | None:
        """When ``flush`` has something to do, or None."""
        if self._ring is None or self._written == self.newest:
            return None
        return self._due_us

    def flush(self, now_us: int, may_write: bool) -> bool:
        """Write the oldest of what waits, if it is due and ``may_write``: at most _BATCH lines in
        one write, or (after a failure) one look at what is there. True when a write fails after
        one that went well: worth an alarm."""
        due_us = self.due_us()
        if due_us is None or now_us < due_us:
            return False
        if not may_write:
            self._due_us = now_us + _PUT_OFF_US
            return False
        if self._ring.unsure:
            self._look()
            return False
        first = self._written + 1
        last = min(self.newest, self._written + _BATCH)
        lines = [self._lines[number % _KEPT] for number in range(first, last + 1)]
        try:
            self._written += self._ring.write((self.boot, first), lines)
        except OSError:
            known = self.failing
            self.failing = True
            self._due_us = now_us + _RETRY_US
            return not known
        self.failing = False
        return False

    def write_all(self, now_us: int) -> bool:
        """Write everything that waits, however long that takes: for a motor that is off, before
        the pump is left. False when a write fails."""
        while self.due_us() is not None:
            self.flush(max(now_us, self._due_us), True)
            if self.failing and self._ring.unsure:
                return False
        return True

    # ---- out ----------------------------------------------------------------------------------

    def oldest(self) -> tuple:
        """The mark (boot, number) of the oldest event kept; of the next one when there is none."""
        if self._ring and self._ring.oldest != NONE:
            return self._ring.oldest
        return self.boot, self._oldest_in_ram()

    def page(self, mark: tuple, most: int, room: int, between) -> tuple:
        """Return (lines, more): the events after ``mark`` as they go on the wire, at most ``most``
        of at most ``room`` bytes together, and whether there are others after them. ``between``
        is called before every step that takes long."""
        page = []
        for line in self._after(mark, between):
            room -= len(line)
            if len(page) == most or room < 0:
                return page, True
            page.append(line)
        return page, False

    # ---- inside -------------------------------------------------------------------------------

    def _oldest_in_ram(self) -> int:
        return max(1, self.newest - _KEPT + 1)

    def _look(self) -> None:
        """What of the failed write is in flash is not written again."""
        self._ring.mount()
        boot, number = self._ring.newest
        if boot == self.boot:
            self._written = max(self._written, number)

    def _after(self, mark: tuple, between):
        """Yield the lines after ``mark``, from flash as long as RAM does not have them."""
        number = self._oldest_in_ram()
        if self._ring and mark < (self.boot, number - 1):
            for found, line in self._ring.after(mark, between):
                if found >= (self.boot, number):
                    break
                yield line
        if mark[0] == self.boot:
            number = max(number, mark[1] + 1)
        elif mark[0] > self.boot:
            return
        while number <= self.newest:
            yield self._lines[number % _KEPT]
            number = max(number + 1, self._oldest_in_ram())
