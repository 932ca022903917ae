"""Time since boot, for every chip."""

import time


class Clock:
    """``ticks_us`` made wide."""

    def __init__(self) -> None:
        self._ticks = time.ticks_us()  # the chip's timer starts at 0 with the chip
        self._us = self._ticks

    def now_us(self) -> int:
        ticks = time.ticks_us()
        self._us += time.ticks_diff(ticks, self._ticks)
        self._ticks = ticks
        return self._us
