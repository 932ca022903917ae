"""Bytes on their way to the host: one bounded buffer, filled in order of importance.

Replies may use all of it, events leave room for replies, telemetry is taken only while little else
waits: a byte costs some 80 us on the chip, and an event must not stand behind a queue of samples.
What does not fit is refused at once; nothing here ever waits for the host.
"""

SIZE = 2048
FOR_REPLY = 0
FOR_EVENT = 512
FOR_TELEMETRY = 1600


class Outbox:
    """The buffer between the pump and a host that may read slowly or not at all."""

    def __init__(self, link) -> None:
        self._link = link
        self._bytes = bytearray(SIZE)
        self._view = memoryview(self._bytes)
        self._start = 0
        self._end = 0

    def room(self) -> int:
        """Bytes that can still be taken."""
        return SIZE - (self._end - self._start)

    def waiting(self) -> bool:
        """True while bytes are left to send."""
        return self._start < self._end

    def put(self, data: bytes, spare: int) -> bool:
        """Take ``data`` if ``spare`` bytes stay free after it."""
        length = len(data)
        if self.room() - length < spare:
            return False
        if self._end + length > SIZE:
            held = self._end - self._start
            self._bytes[:held] = self._bytes[self._start : self._end]
            self._start = 0
            self._end = held
        self._bytes[self._end : self._end + length] = data
        self._end += length
        return True

    def send(self, most: int) -> bool:
        """Give the link what it takes now, ``most`` bytes at most. True when some are left."""
        if self._start < self._end:
            end = min(self._end, self._start + most)
            self._start += self._link.write(self._view[self._start : end])
        if self._start == self._end:
            self._start = self._end = 0
        return self.waiting()
