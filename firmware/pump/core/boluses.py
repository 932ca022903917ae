"""Which boluses were given since power-on, and whether another may be: lock-out and hourly limit.

A bolus counts with what was delivered of it, at its end, also one that was interrupted.  The
lock-out runs from there to the offer of the next; the hour is sliding, and what ended exactly an
hour ago is out of it.  A new prescription does not begin anew.
"""

from pump.core.quantity import exact, format_down, show
from pump.core.ratio import ZERO, add, compare, make, sub
from pump.core.refusal import Refusal

HOUR_US = 3_600_000_000


class Boluses:
    """The boluses of the last hour, and the end of the last one; at most one a minute (the
    shortest lock-out), so the list is short."""

    def __init__(self) -> None:
        self._given: list[tuple[int, tuple[int, int]]] = []  # end in us, nL
        self._last_us: int | None = None

    def add(self, now_us: int, volume_nl: tuple[int, int]) -> None:
        """A bolus has ended."""
        self._forget(now_us)
        self._given.append((now_us, volume_nl))
        self._last_us = now_us

    def check(
        self,
        now_us: int,
        volume_nl: tuple[int, int],
        lockout_us: int,
        hourly_nl: tuple[int, int] | None,
    ) -> None:
        """Refuse (lockout, hourly-limit) a bolus of ``volume_nl`` now; both are inclusive."""
        if self._last_us is not None and now_us - self._last_us < lockout_us:
            left_us = self._last_us + lockout_us - now_us
            left = exact(make(-(-left_us // 1000) * 1000), "s", "time")
            raise Refusal("lockout", "bolus", limit=left)
        if hourly_nl is None:
            return
        self._forget(now_us)
        given = ZERO
        for _, part in self._given:
            given = add(given, part)
        if compare(add(given, volume_nl), hourly_nl) > 0:
            left_nl = sub(hourly_nl, given)
            left = format_down(left_nl if left_nl[0] > 0 else ZERO, "mL", "volume", 6)
            raise Refusal("hourly-limit", "volume", show(volume_nl, "mL", "volume"), left)

    def _forget(self, now_us: int) -> None:
        self._given = [row for row in self._given if now_us - row[0] < HOUR_US]
