"""A recording as a transport: the pump's bytes, in the recording's own time."""

from __future__ import annotations

from pathlib import Path

from titra import wirelog
from titra.errors import EndOfRecording
from titra.transport import REPLAY


class ReplayTransport:
    """Plays the bytes that came from the pump. ``clock`` is the recording's; what is written goes
    nowhere. For a ``passive`` client."""

    def __init__(self, path: Path) -> None:
        """Raises BadRecording."""
        self.name = f"{REPLAY}{path}"
        self._records = wirelog.records(path)
        self._next = self._received()
        self._clock_s = self._next[0] if self._next else 0.0

    def write(self, data: bytes) -> None:
        """Nobody is there to hear it."""

    def read(self, timeout_s: float) -> bytes:
        """What came within ``timeout_s`` of the recording's time. EndOfRecording at its end."""
        if self._next is None:
            raise EndOfRecording(f"{self.name}: this is the end of the recording")
        at_s, data = self._next
        if at_s > self._clock_s + timeout_s:
            self._clock_s += timeout_s
            return b""
        self._clock_s = max(self._clock_s, at_s)
        self._next = self._received()
        return data

    def close(self) -> None:
        """Close the file."""
        self._records.close()

    def clock(self) -> float:
        """Seconds of the recording's clock."""
        return self._clock_s

    def _received(self) -> tuple[float, bytes] | None:
        for record in self._records:
            if record.direction == wirelog.RX:
                return record.clock_s, record.data
        return None
