"""The supervisor's hands: reads the inputs, keeps its time, and feeds the watchdog.

The judgement is in ``core.supervisor``; the controller carries it out. Nothing here starts a
motor.
"""

from micropython import const

from pump.core.supervisor import LOOK_US, CheckIns, Seen, Supervisor

IDLE_LOOK_US = 500_000
_EARLY_US = const(240_000)  # a loop that is awake anyway looks so much before it is due
TASKS = ("control", "journal", "session", "supervisor")


class Guard:
    """Watches the motor of one pump through ``hal``, to the limits of ``watch`` (core.supervisor),
    some of which are ``settings``."""

    def __init__(self, hal, watch, settings) -> None:
        self._hal = hal
        self._watch = watch.copy()
        self._settings = settings
        self._seen = Seen()
        self.set_limits()
        self._supervisor = Supervisor(self._watch, hal.counter.steps())
        self._motion = None
        self._due_us = 0
        self._checks = CheckIns(TASKS, hal.clock.now_us())
        self.alive = self._checks.alive  # (task, now_us): a task of the loop has done its part
        self._fed_us = -1

    def set_limits(self) -> None:
        """Take over what the settings say now."""
        watch = self._watch
        watch.force_stop_mn = self._settings.get("occlusion-force")
        watch.supply_warn_mv = self._settings.get("supply-warn")
        watch.supply_stop_mv = self._settings.get("supply-stop")

    def begin(self, motion) -> None:
        """``motion`` has begun."""
        self._supervisor.begin(
            motion.begun_us, motion.position_us, motion.done, motion.count, motion.stretches
        )
        self._motion = motion
        # sooner, never later: starts that follow each other closely must not put it off for good
        self._due_us = min(self._due_us, motion.begun_us[1] + LOOK_US)

    def end(self) -> str:
        """The motor is off or held. Returns the cause if what was made is not what was due."""
        cause = ""
        count = self._hal.counter.steps()
        if self._motion:
            seen = self._seen
            seen.before_us, seen.after_us = self._motion.halted_us
            seen.count = count
            seen.commanded = self._motion.handed
            seen.end_of_travel = False
            # those of the last look were judged by it
            seen.force_mn = seen.supply_mv = seen.driver = None
            cause = self._supervisor.look(seen)
        self._motion = None
        self._supervisor.end(count)
        return cause

    def look(self, now_us: int) -> str:
        """The cause to stop for, or ''. Does nothing before it is due."""
        if now_us + _EARLY_US < self._due_us:
            return ""
        self._due_us = now_us + (LOOK_US if self._motion else IDLE_LOOK_US)
        hal = self._hal
        seen = self._seen
        seen.before_us = hal.clock.now_us()
        seen.count = hal.counter.steps()
        seen.after_us = hal.clock.now_us()
        if self._motion:
            seen.commanded = self._motion.commanded()
        seen.end_of_travel = hal.travel is not None and hal.travel.at_end()
        seen.force_mn = hal.force.read_mn() if hal.force else None
        seen.supply_mv = hal.supply.read_mv() if hal.supply else None
        seen.driver = hal.driver.check(seen.count if self._motion else None)
        cause = self._supervisor.look(seen)
        self.alive("supervisor", now_us)
        return cause

    def supply_low(self) -> bool:
        """The supply is below its warning level."""
        return self._supervisor.supply_low

    def driver_hot(self) -> bool:
        """The motor driver is near its limit of temperature."""
        return self._supervisor.driver_hot

    def unmet(self) -> str:
        """The first precondition of motion that does not hold now, or '' (PROG-02)."""
        hal = self._hal
        if hal.stop.opened():
            return "stop-loop"
        if hal.travel is not None and hal.travel.at_end():
            return "travel"
        return self._supervisor.unmet(
            hal.force.read_mn() if hal.force else None,
            hal.supply.read_mv() if hal.supply else None,
            hal.driver.check(),
        )

    def strayed(self) -> bool:
        """A step was made since the motor was switched off."""
        return self._supervisor.strayed(self._hal.counter.steps())

    def due_us(self) -> int:
        """When ``look`` and the watchdog want to be called next."""
        return self._due_us

    def feed(self, now_us: int) -> None:
        """Feed the watchdog, if every task has been alive since it was last fed."""
        if self._hal.watchdog and not self._checks.missing(self._fed_us):
            self._hal.watchdog.feed()
            self._fed_us = now_us
