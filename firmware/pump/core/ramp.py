"""Acceleration: a phase faster than the motor can start at is begun and ended in stairs.

A motor follows any change of rate below its start-stop frequency, and above it only as fast as the
load can be accelerated.  So a phase above it becomes several stretches of constant rate:

    stairs upwards       STAIR_US each, from the start-stop frequency on, every one faster than the
                         one before by at most what the acceleration gives in that time
    the rest of the steps at the rate ordered
    the same stairs downwards

No stretch is faster than the rate ordered, so the phase lasts a little longer than ordered: about
(rate - start-stop)^2 / (acceleration x rate).  The number of steps is exact.  A phase too short
for all stairs takes as many as fit and goes no faster than the last.

Durations are microseconds as ratios.  The intervals of stairs are whole multiples of 0.8 us, which
is a whole number of ticks of any generator in use: a stair then is one word, and a queue of words
lasts as long in a ramp as beside it.  8 ms is just below the shortest lease (TIMING.md), for the
same reason.
"""

from micropython import const

from pump.core.ratio import make

STAIR_US = 8_000
_UNITS_PER_S = const(1_250_000)  # of 0.8 us


class Ramp:
    """What the motor can follow: start_stop_hz and max_hz in steps/s, acceleration_hz_per_s in
    steps/s^2.  An acceleration too small to climb with raises ValueError."""

    def __init__(self, start_stop_hz: int, acceleration_hz_per_s: int, max_hz: int) -> None:
        gain_hz = acceleration_hz_per_s * STAIR_US // 1_000_000
        self._stairs = []  # (steps, interval in units)
        interval = _up(_UNITS_PER_S, start_stop_hz)
        while True:
            self._stairs.append((_up(STAIR_US * 5, interval * 4), interval))
            if start_stop_hz >= max_hz or interval * max_hz <= _UNITS_PER_S:
                break
            faster = _up(_UNITS_PER_S * interval, _UNITS_PER_S + gain_hz * interval)
            if faster >= interval:
                raise ValueError("ramp")
            interval = faster
        self._start_stop_hz = start_stop_hz

    def needed(self, steps: int, duration_us: tuple[int, int]) -> bool:
        """Tell whether so many steps in that time are faster than the motor can start."""
        return steps * 1_000_000 * duration_us[1] > self._start_stop_hz * duration_us[0]

    def shape(self, steps: int, duration_us: tuple[int, int]) -> list[tuple[int, tuple[int, int]]]:
        """Return (steps, duration) of each stretch of a phase; itself when slow enough."""
        if not self.needed(steps, duration_us):
            return [(steps, duration_us)]
        up = []
        left = steps
        pace = make(duration_us[0], steps * duration_us[1])  # us from step to step
        for count, interval in self._stairs:
            if 4 * interval * pace[1] <= 5 * pace[0]:
                break  # no slower than the rate ordered
            if left < 2 * count:
                pace = make(4 * (up[-1][2] if up else interval), 5)
                break
            up.append((count, make(4 * count * interval, 5), interval))
            left -= 2 * count
        stairs = [(count, duration) for count, duration, _ in up]
        cruise = [(left, make(left * pace[0], pace[1]))] if left else []
        return stairs + cruise + stairs[::-1]


def _up(n: int, d: int) -> int:
    """Return n / d, rounded up."""
    return -(-n // d)
