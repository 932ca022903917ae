"""The second opinion on motion: is what happens at the pin what was ordered?

Apart from the control path: its own copy of the timeline, its own count, its own limits.  It never
starts or changes anything; it names a cause, and the motor is switched off.  Time (us) and all
readings are arguments.

    over-delivery    more steps than due, by more than 1 + 1 % of those due          (DEL-07)
    under-delivery   fewer steps than due, by more than 5 and 10 % of a minute's     (DEL-08)
    miscount         more steps than the generator was given                         (DEL-06)
    runaway          a step while the motor is held or off                           (PWR-08)
    limit-switch     end of travel                                                   (DEL-13)
    occlusion        force on the plunger above the limit, twice in a row            (DEL-10)
    force-sensor     a reading that no syringe gives (open or short), twice in a row
    supply-critical  supply below the stop level, twice in a row                     (PWR-06)
    driver           what the motor driver says of itself, twice in a row            (DRV-01)
"""

from micropython import const

from pump.core.timeline import Timeline

LOOK_US = 480_000  # between two looks; two in a row are within the second that DEL-10 allows
_OVER_STEPS = const(1)
_OVER_PERCENT = const(1)
_UNDER_STEPS = const(5)
_UNDER_PERCENT = const(10)
_WINDOW_US = const(30_000_000)  # under-delivery is judged over the last one to two of these
_TWICE = const(2)
DRIVER_SOUND = ("", "hot")  # hot is a warning
_UNDER = const("under-delivery")
_COUNTER_MASK = const(0xFFFFFFFF)


class Watch:
    """A board's limits: force on the plunger in mN, supply in mV; None where there is no sensor.

    force_least_mn   below: the sensor is open, short or not mounted
    force_stop_mn    above: occlusion
    force_most_mn    above: the sensor is open or short
    """

    def __init__(
        self,
        force_least_mn: int = -2_000,
        force_stop_mn: int = 40_000,
        force_most_mn: int = 150_000,
        supply_warn_mv: int = 4_500,
        supply_stop_mv: int = 4_000,
    ) -> None:
        self.force_least_mn = force_least_mn
        self.force_stop_mn = force_stop_mn
        self.force_most_mn = force_most_mn
        self.supply_warn_mv = supply_warn_mv
        self.supply_stop_mv = supply_stop_mv

    def copy(self) -> "Watch":
        """Another one with the same limits."""
        return Watch(
            self.force_least_mn,
            self.force_stop_mn,
            self.force_most_mn,
            self.supply_warn_mv,
            self.supply_stop_mv,
        )


class Seen:
    """One look. ``before_us`` and ``after_us`` enclose the reading of ``count`` (mod 2^32);
    commanded: steps of this run given to the generator so far; force_mn, supply_mv: None where
    there is no such sensor; driver: what the motor driver says, '' in order, None: not asked."""

    def __init__(self) -> None:
        self.before_us = 0
        self.after_us = 0
        self.count = 0
        self.commanded = 0
        self.end_of_travel = False
        self.force_mn = None
        self.supply_mv = None
        self.driver = ""


class Supervisor:
    """Watches one motor. ``supply_low`` and ``driver_hot`` are the warnings of the last look."""

    def __init__(self, watch: Watch, count: int) -> None:
        self._watch = watch
        self._rest = count
        self._moving = False
        self._line = None
        self._base = 0
        self._done = 0
        self._begun_us = (0, 0)
        self._marks = [(0, 0), (0, 0)]  # (due, made) at the last window's end and the one before
        self._mark_us = 0
        self._forced = 0
        self._odd = 0
        self._low = 0
        self._broken = 0
        self.supply_low = False
        self.driver_hot = False

    def begin(
        self, begun_us: tuple[int, int], position_us: int, done: int, count: int, stretches: list
    ) -> None:
        """Motion begins: ``stretches`` lists (steps, duration in us as a ratio) of the whole run,
        ``done`` steps and ``position_us`` of which are past; the first instant lies between the
        two of ``begun_us``; ``count`` is the counter's before it."""
        self._line = Timeline(stretches)
        self._done = done
        self._base = count
        # plan time 0 on the clock, earliest and latest
        self._begun_us = (begun_us[0] - position_us, begun_us[1] - position_us)
        self._mark_us = begun_us[1]
        self._marks = [(done, done), (done, done)]
        self._moving = True

    def end(self, count: int) -> None:
        """The motor is off or held: the count must stay what it is."""
        self._moving = False
        self._rest = count

    def look(self, seen: Seen) -> str:
        """The worst that is wrong, or ''. What stops nothing hides nothing."""
        around = self._surroundings(seen)
        cause = self._motion(seen) if self._moving else self._stillness(seen)
        return cause if cause and cause != _UNDER else around or cause

    def unmet(self, force_mn: int | None, supply_mv: int | None, driver: str = "") -> str:
        """The precondition of motion that these readings break, or ''."""
        watch = self._watch
        if driver not in DRIVER_SOUND:
            return "driver"
        if supply_mv is not None and supply_mv < watch.supply_stop_mv:
            return "supply"
        if force_mn is not None:
            if not watch.force_least_mn <= force_mn <= watch.force_most_mn:
                return "force-sensor"
            if force_mn > watch.force_stop_mn:
                return "force"
        return ""

    def strayed(self, count: int) -> bool:
        """Tell whether the counter has moved since it was last known to stand still."""
        return count != self._rest

    def _stillness(self, seen: Seen) -> str:
        moved = self.strayed(seen.count)
        self._rest = seen.count  # told once: an acknowledgement stands until it moves again
        return "runaway" if moved else ""

    def _motion(self, seen: Seen) -> str:
        made = self._done + ((seen.count - self._base) & _COUNTER_MASK)
        if made > seen.commanded:
            return "miscount"
        due = self._line.steps_at(seen.after_us - self._begun_us[0])
        if made > due + _OVER_STEPS + (due - self._done) * _OVER_PERCENT // 100:
            return "over-delivery"
        # a look in the first microseconds lies before the latest instant of the beginning
        due = self._line.steps_at(max(0, seen.before_us - self._begun_us[1]))
        since, had = self._marks[1]
        missing = (due - since) - (made - had)
        if missing > _UNDER_STEPS and missing * 100 > (due - since) * _UNDER_PERCENT:
            return _UNDER
        if seen.before_us - self._mark_us >= _WINDOW_US:
            self._mark_us = seen.before_us
            self._marks = [(due, made), self._marks[0]]
        return ""

    def _surroundings(self, seen: Seen) -> str:
        watch = self._watch
        if seen.supply_mv is not None:
            self.supply_low = seen.supply_mv < watch.supply_warn_mv
            self._low = self._low + 1 if seen.supply_mv < watch.supply_stop_mv else 0
        if seen.driver is not None:
            self.driver_hot = seen.driver == "hot"
            self._broken = 0 if seen.driver in DRIVER_SOUND else self._broken + 1
        if seen.force_mn is not None:
            odd = not watch.force_least_mn <= seen.force_mn <= watch.force_most_mn
            self._odd = self._odd + 1 if odd else 0
            forced = not odd and seen.force_mn > watch.force_stop_mn
            self._forced = self._forced + 1 if forced else 0
        if self._low >= _TWICE:
            return "supply-critical"
        if self._broken >= _TWICE:
            return "driver"
        if seen.end_of_travel and self._moving:
            return "limit-switch"
        if self._odd >= _TWICE:
            return "force-sensor"
        if self._forced >= _TWICE and self._moving:
            return "occlusion"
        return ""


class CheckIns:
    """Tells whether every task of the loop has been alive since the watchdog was last fed."""

    def __init__(self, tasks: tuple[str, ...], now_us: int) -> None:
        self._seen = {task: now_us for task in tasks}

    def alive(self, task: str, now_us: int) -> None:
        """``task`` has done its part. KeyError: no such task."""
        if task not in self._seen:
            raise KeyError(task)
        self._seen[task] = now_us

    def missing(self, since_us: int) -> str:
        """The first task that has not checked in after ``since_us``, or ''."""
        for task in sorted(self._seen):
            if self._seen[task] <= since_us:
                return task
        return ""
