"""Ctrl-C as a request that the main loop sees, never as an exception in the middle of a line."""

from __future__ import annotations

import signal
from types import FrameType
from typing import Any

SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP")
GIVE_UP = 10  # so many in a row end the tool wherever it is; the pump then goes by its lease


class StopRequests:
    """While active, counts Ctrl-C (and SIGTERM, and SIGHUP unless nohup ignores it)."""

    def __init__(self) -> None:
        self.count = 0
        self._before: dict[int, Any] = {}

    def __enter__(self) -> StopRequests:
        for name in SIGNALS:
            number = getattr(signal, name, None)
            if number is None:
                continue
            if name == "SIGHUP" and signal.getsignal(number) is signal.SIG_IGN:
                continue
            try:
                self._before[number] = signal.signal(number, self._note)
            except ValueError:  # not in the main thread: nobody to interrupt
                return self
        return self

    def __exit__(self, *exc: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _note(self, number: int, frame: FrameType | None) -> None:
        del number, frame
        self.count += 1
        if self.count >= GIVE_UP:
            raise KeyboardInterrupt
