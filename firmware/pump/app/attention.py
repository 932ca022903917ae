"""What wants a person's attention without stopping anything, and how the pump calls for it.

Looks at the controller from outside: how long a state has lasted, what is left to deliver, the
supply; raises and drops the alarms that go by themselves, and drives buzzer and light for all.
"""

from micropython import const

from pump.app.runs import FL_PER_NL
from pump.core import states

_IDLE_ALERT_US = const(300_000_000)  # PROG-01
_IDLE_CLEAR_US = const(600_000_000)
_PAUSE_ALERT_US = const(600_000_000)  # PROG-04
_NEAR_END_NL = const(1_000_000)  # DEL-13, and no more than the last tenth of a plan of some length
_NEAR_END_LEAST_US = const(300_000_000)
_LOOK_US = const(1_000_000)
_EARLY_US = const(240_000)  # a loop that is awake anyway looks so much before it is due


class Attention:
    """Calls for a person. ``poll`` when due."""

    def __init__(self, hal, controller) -> None:
        self._indicators = hal.indicators
        self._controller = controller
        self._state = controller.state
        self._run = controller.run
        self._since_us = 0
        self._look_us = 0
        self._shown = ()

    def poll(self, now_us: int) -> None:
        """Judge, once a second or when state or run have changed; then show."""
        controller = self._controller
        if controller.state != self._state or controller.run is not self._run:
            self._state = controller.state
            self._run = controller.run
            self._since_us = now_us
            self._look_us = now_us
        if now_us + _EARLY_US >= self._look_us:
            self._look_us = now_us + _LOOK_US
            self._judge(now_us)
        if self._indicators and (self._shown or not controller.alarms.quiet()):
            shown = (controller.alarms.buzzer(now_us),) + controller.alarms.light(now_us)
            if shown != self._shown:
                self._shown = shown
                self._indicators.show(*shown)
            if controller.alarms.quiet():
                self._shown = ()

    def due_us(self, now_us: int) -> int:
        """When ``poll`` has something to do."""
        alarms = self._controller.alarms
        signal = None
        if self._indicators and not alarms.quiet():
            signal = alarms.due_us(now_us)
        return self._look_us if signal is None else min(self._look_us, signal)

    def _judge(self, now_us: int) -> None:
        controller = self._controller
        lasted_us = now_us - self._since_us
        waits = self._state == states.READY
        self._tell("program-idle", waits and lasted_us >= _IDLE_ALERT_US, now_us)
        paused = self._state == states.PAUSED
        self._tell("pause-long", paused and lasted_us >= _PAUSE_ALERT_US, now_us)
        self._tell("near-end", self._near_end(), now_us)
        self._tell("kvo", self._state == states.KVO, now_us)
        self._tell("supply-low", controller.guard.supply_low(), now_us)
        self._tell("driver-hot", controller.guard.driver_hot(), now_us)
        if waits and lasted_us >= _IDLE_CLEAR_US:
            controller.clear()

    def _tell(self, cause: str, holds: bool, now_us: int) -> None:
        if holds:
            self._controller.warn(cause)
        else:
            self._controller.alarms.drop(cause, now_us)

    def _near_end(self) -> bool:
        """Less than _NEAR_END_NL and a tenth of the plan are left of a running infusion."""
        controller = self._controller
        if self._state != states.INFUSING or controller.motion.total_us() < _NEAR_END_LEAST_US:
            return False
        plan = controller.plan
        left = plan.total_steps - controller.motion.commanded()
        left_fl = left * controller.run.step_fl
        return left * 10 < plan.total_steps and left_fl < _NEAR_END_NL * FL_PER_NL
