"""Which alarms there are, which of them are on, and what that makes the pump signal.

Nothing here can start the motor: an alarm only ever takes away.  ``blocking`` names what forbids
a start; that it names nothing is not a start.

Priorities: *high* where the motor has stopped unasked or what was delivered may be wrong,
*medium* where somebody should come, *low* where it is enough to know.

Rules, with the requirements they come from:

    ALM-05  an alarm that stops the motor stays until it is acknowledged; ``first`` keeps the first
            of them until none is left
    ALM-06  the highest priority signals; ``active`` lists all, highest priority and oldest first
    ALM-04  a silence mutes the buzzer alone, for _SILENCE_US at most; it cannot be prolonged while
            it lasts, a new alarm of any priority breaks it, and it ends with the last alarm
    ALM-07  _LOCK_STOPS alarms of the same stopping cause within _LOCK_WINDOW_US (ends included)
            raise lock-out.  One counts if the motor was started since that cause last counted.

Lock-out and a failed self-test stay for good, that is until the next reset (power cycle or
``maintenance``): this module lives in RAM and starts empty, and the pump comes up with the alarm
``reset`` instead.

Times are whole microseconds since boot, >= 0 and not decreasing, without upper bound.
"""

from micropython import const

from pump.core import annunciator
from pump.core.annunciator import NONE, PRIORITIES

SELF = "self"  # goes when its condition goes
LATCHED = "latched"  # stays until it is acknowledged
FOR_GOOD = "for-good"  # stays until the next reset

# Priority, latching, whether it stops the motor, causes as on the wire.
TABLE = (
    "high latched stops disconnect stop-open host-lost occlusion over-delivery runaway miscount"
    " starved internal limit-switch force-sensor supply-critical driver",
    "high for-good stops post lock-out",
    "medium latched stops reset",
    "high latched - under-delivery",
    "medium latched - end-of-infusion log-failure",
    "medium self - host-silent supply-low driver-hot pause-long",
    "low self - near-end kvo program-idle",
)
CAUSE, PRIORITY, LATCHING, STOPS = range(4)  # what ``row_of`` returns
LOCK_OUT = "lock-out"
DELIBERATE = ("disconnect", "stop-open", "host-lost")  # what people and hosts do does not lock out

_SILENCE_US = const(120_000_000)
_LOCK_STOPS = const(3)
_LOCK_WINDOW_US = const(600_000_000)


def row_of(cause: str) -> tuple:
    """Return (cause, priority, latching, whether it stops); a cause that is not in TABLE raises
    KeyError."""
    for line in TABLE:
        words = line.split(" ")
        if cause in words[3:]:
            return cause, words[0], words[1], words[2] == "stops"
    raise KeyError(cause)


class Alarms:
    """The alarms of one pump since its reset.

    first   the first cause that stopped the motor, '' when no such alarm is active
    locked  True from a lock-out until the next reset
    """

    def __init__(self) -> None:
        self.first = ""
        self.locked = False
        self._active = []  # what ``row_of`` returns, in the order of ``active``
        self._signal_us = 0  # since when the highest priority has been what it is
        self._quiet_us = 0  # when the latest silence ends or ended
        self._starts = 0
        self._counted = {}  # cause: (start it counted for, then the latest _LOCK_STOPS - 1 times)

    # ---- what happens -------------------------------------------------------------------------

    def raise_(self, cause: str, now_us: int) -> bool:
        """Note that the condition of ``cause`` holds; True if the alarm is new.

        May be called at every poll while the condition holds.  A KeyError is a mistake in the
        caller.  A third stop raises lock-out as well, see ``locked``.
        """
        if self.is_active(cause):
            return False
        row = row_of(cause)
        before = self.highest()
        self._insert(row)
        self._signal(before, now_us)
        self._quiet_us = min(self._quiet_us, now_us)
        if row[STOPS]:
            self.first = self.first or cause
            self._count(cause, now_us)
        if cause == LOCK_OUT:
            self.locked = True
        return True

    def drop(self, cause: str, now_us: int) -> bool:
        """Note that the condition of ``cause`` has gone; True if that ends its alarm.

        May be called at every poll.  Latched alarms take no notice.
        """
        if not self.is_active(cause) or row_of(cause)[LATCHING] != SELF:
            return False
        self._remove(cause, now_us)
        return True

    def acknowledge(self, cause: str, now_us: int) -> list[str]:
        """End the latched alarm ``cause``, or all of them for ''; returns the causes that ended.

        An empty list when there was nothing to acknowledge: the cause is unknown, not active,
        goes by itself or stays for good.
        """
        done = []
        for row in self._active:
            if row[LATCHING] == LATCHED and cause in ("", row[CAUSE]):
                done.append(row[CAUSE])
        for ended in done:
            self._remove(ended, now_us)
        return done

    def started(self) -> None:
        """Note that the motor was started (start or resume): later stops count for lock-out."""
        self._starts += 1

    def silence(self, now_us: int) -> bool:
        """Mute the buzzer for _SILENCE_US; False, and nothing changes, when no alarm is active or
        a silence lasts already."""
        if not self._active or self.silenced(now_us):
            return False
        self._quiet_us = now_us + _SILENCE_US
        return True

    # ---- how things stand ---------------------------------------------------------------------

    def is_active(self, cause: str) -> bool:
        """Tell whether the alarm ``cause`` is on."""
        for row in self._active:
            if row[CAUSE] == cause:
                return True
        return False

    def quiet(self) -> bool:
        """Tell whether no alarm is on."""
        return not self._active

    def active(self) -> list[str]:
        """Return the causes of all alarms that are on, highest priority and oldest first."""
        return [row[CAUSE] for row in self._active]

    def highest(self) -> str:
        """Return the highest priority of the active alarms, or NONE."""
        return self._active[0][PRIORITY] if self._active else NONE

    def blocking(self) -> str:
        """Return the cause that forbids a start (PROG-02), or '': one that stays for good, else
        the first of ``active`` that wants an acknowledgement."""
        found = ""
        for row in self._active:
            if row[LATCHING] == FOR_GOOD:
                return row[CAUSE]
            if row[LATCHING] == LATCHED and not found:
                found = row[CAUSE]
        return found

    def silenced(self, now_us: int) -> bool:
        """Tell whether the buzzer is muted."""
        return now_us < self._quiet_us

    def buzzer(self, now_us: int) -> bool:
        """Tell whether the buzzer sounds now."""
        if self.silenced(now_us):
            return False
        return annunciator.buzzer(self.highest(), now_us - self._sound_us())

    def light(self, now_us: int) -> tuple[str, bool]:
        """Return (colour, on) of the alarm light now."""
        return annunciator.light(self.highest(), now_us - self._signal_us)

    def due_us(self, now_us: int) -> int | None:
        """Return when, after ``now_us``, buzzer or light may change by themselves; None: never."""
        top = self.highest()
        sound_us = self._sound_us()
        if self.silenced(now_us):
            heard = self._quiet_us
        else:
            heard = annunciator.buzzer_change_us(top, now_us - sound_us)
            if heard is None:
                return None
            heard += sound_us
        seen = annunciator.light_change_us(top, now_us - self._signal_us)
        return heard if seen is None else min(heard, self._signal_us + seen)

    # ---- inside -------------------------------------------------------------------------------

    def _sound_us(self) -> int:
        """When the sound began: every silence is followed by a whole burst."""
        return max(self._signal_us, self._quiet_us)

    def _signal(self, before: str, now_us: int) -> None:
        if self.highest() != before:
            self._signal_us = now_us

    def _insert(self, row: tuple) -> None:
        rank = PRIORITIES.index(row[PRIORITY])
        at = 0
        for other in self._active:
            if PRIORITIES.index(other[PRIORITY]) > rank:
                break
            at += 1
        self._active.insert(at, row)

    def _remove(self, cause: str, now_us: int) -> None:
        before = self.highest()
        self._active.remove(row_of(cause))
        self._signal(before, now_us)
        if not self._active:
            self._quiet_us = 0
        for row in self._active:
            if row[STOPS]:
                return
        self.first = ""

    def _count(self, cause: str, now_us: int) -> None:
        if cause in DELIBERATE:
            return
        start, *times = self._counted.get(cause, (0,))
        if start == self._starts:
            return
        times.append(now_us)
        if len(times) == _LOCK_STOPS and now_us - times.pop(0) <= _LOCK_WINDOW_US:
            self.raise_(LOCK_OUT, now_us)
        self._counted[cause] = [self._starts] + times
