"""Events in flash: a ring of SLOTS records ("segments") of up to LINES event lines each.

A segment is a record ``events-NN`` of text:

    #7 boot=12 seq=5*hhhh                     its number, and the first event in it
    !5 event t=1834567ms boot=12 name=...*hhhh
    ...

Lines are those of the wire, check included. Segment n lives in slot n % SLOTS, so a new one
replaces the oldest; at least (SLOTS - 1) x LINES + 1 events are kept, in at most 8 KB a segment.
An event is named by its mark (boot, sequence within the boot); marks rise along the ring.

A line whose check does not fit is no event: so a tail that a power cut has torn is dropped; it is
ended before the next line begins. At power-on the heads of the slots are read and
one segment is checked; reads go through CHUNK bytes at a time.
"""

from micropython import const

from pump.core.crc import crc16_ccitt_false
from pump.core.frame import seal

LINES = 32
SLOTS = 33
CHUNK = 512
_NAME = const("events-%02d")
NONE = (0, 0)
_HEAD_MAX = const(64)
_NO_EVENT = const(b"?\n")  # ends a torn tail, also one that lacks nothing but its end


class EventRing:
    """The ring in ``store``.

    newest  mark of the last event in flash; (0, 0) without one
    oldest  mark of the first one kept
    unsure  a write has failed: ``mount`` must tell what of it is there
    """

    def __init__(self, store) -> None:
        self._store = store
        self.mount()

    def mount(self) -> None:
        """Find out what is in flash: SLOTS short reads and one segment."""
        self._firsts = [None] * SLOTS  # per slot (number, mark of its first event) or None
        self._number = 0  # the newest segment; 0: none
        for slot in range(SLOTS):
            head = self._head(slot)
            self._firsts[slot] = head
            if head and head[0] > self._number:
                self._number = head[0]
        self._drop_strangers()
        self.newest = NONE
        self._count = LINES  # lines in the newest segment
        self._torn = False
        if self._number:
            self._check_newest()
        self.oldest = self._oldest()
        self.unsure = False

    def write(self, mark: tuple, lines: list) -> int:
        """Append as many of ``lines`` (sealed, with consecutive marks from ``mark``, above
        ``newest``) as the segment takes: one operation of the store. Returns how many they were.
        OSError: the store failed, ``unsure`` is set."""
        if self.unsure:
            raise OSError("mount first")
        self.unsure = True
        if self._count < LINES:
            lines = lines[: LINES - self._count]
            data = b"".join(lines)
            name = _NAME % (self._number % SLOTS)
            self._store.append(name, _NO_EVENT + data if self._torn else data)
            self._count += len(lines)
        else:
            number = self._number + 1
            head = seal("#%d boot=%d seq=%d" % (number, mark[0], mark[1]))
            lines = lines[:LINES]
            self._store.save(_NAME % (number % SLOTS), head + b"".join(lines))
            self._firsts[number % SLOTS] = (number, mark)
            self._number = number
            self._count = len(lines)
        self._torn = False
        self.newest = (mark[0], mark[1] + len(lines) - 1)
        self.oldest = self._oldest()
        self.unsure = False
        return len(lines)

    def after(self, mark: tuple, between):
        """Yield (mark, sealed line) of each whole event above ``mark``, in order; ``between()`` is
        called before every step that takes long. Nothing may be written meanwhile."""
        number = self._begin(mark)
        while number and number <= self._number:
            slot = number % SLOTS
            if self._firsts[slot] and self._firsts[slot][0] == number:
                for line in lines(self._store, _NAME % slot, between):
                    found = mark_of(line)
                    if found > mark:
                        between()
                        if is_whole(line):
                            mark = found
                            yield found, line
            number += 1

    # ---- inside -------------------------------------------------------------------------------

    def _head(self, slot: int):
        """(number, mark of the first event) of a slot's segment, or None."""
        line = self._store.read(_NAME % slot, 0, _HEAD_MAX)
        line = line[: line.find(b"\n") + 1]
        if line[:1] != b"#" or not is_whole(line):
            return None
        words = line[:-6].decode().split(" ")
        number = int(words[0][1:])
        if number % SLOTS != slot:
            return None
        return number, (int(words[1][5:]), int(words[2][4:]))

    def _drop_strangers(self) -> None:
        """Forget segments too old to belong to this round, as left by another firmware."""
        for slot in range(SLOTS):
            first = self._firsts[slot]
            if first and first[0] <= self._number - SLOTS:
                self._firsts[slot] = None

    def _check_newest(self) -> None:
        self._count = 0
        line = b"\n"
        slot = self._number % SLOTS
        for line in lines(self._store, _NAME % slot, _nothing):
            if is_whole(line):
                found = mark_of(line)
                if found > self.newest:
                    self.newest = found
                    self._count += 1
        self._torn = line[-1:] != b"\n"
        if self.newest == NONE:  # only the head is whole: its first event is lost, not its number
            self.newest = self._firsts[slot][1]

    def _oldest(self) -> tuple:
        firsts = [first for first in self._firsts if first]
        return min(firsts)[1] if firsts else NONE

    def _begin(self, mark: tuple) -> int:
        """The segment in which to look for what comes after ``mark``; 0 when all is older."""
        begin = 0
        least = 0
        for first in self._firsts:
            if first:
                if first[1] <= mark and first[0] > begin:
                    begin = first[0]
                if not least or first[0] < least:
                    least = first[0]
        return begin or least


def lines(store, name: str, between):
    """Yield the lines of a record with their ends; what has no end, or none in CHUNK bytes, comes
    as it is. ``between()`` is called before every read."""
    at = 0
    while True:
        between()
        data = store.read(name, at, CHUNK)
        if not data:
            return
        start = 0
        end = data.find(b"\n") + 1
        while end:
            yield data[start:end]
            start = end
            end = data.find(b"\n", start) + 1
        if not start:
            yield data
            start = len(data)
        at += start


def is_whole(line: bytes) -> bool:
    """True for a line with its end and the check that fits it."""
    if len(line) < 7 or line[-6:-5] != b"*" or line[-1:] != b"\n":
        return False
    return line[-5:-1] == b"%04X" % crc16_ccitt_false(line[:-6])


def mark_of(line: bytes) -> tuple:
    """(boot, sequence) of an event line, NONE for anything else; the check is not looked at."""
    words = line[:_HEAD_MAX].split(b" ")
    if line[:1] != b"!" or len(words) < 4 or words[3][:5] != b"boot=":
        return NONE
    try:
        return int(words[3][5:]), int(words[0][1:])
    except ValueError:
        return NONE


def _nothing() -> None:
    pass
