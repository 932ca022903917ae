"""What the pump is doing: state, plan, motion, and what each event makes of them.

The table in ``core.states`` decides what may follow; this module carries it out through the HAL
and records each change as an event. The motor is off before anything else is said about a stop.
"""

from pump.app.motion import NO_END, Motion, MotionError
from pump.core import states
from pump.core.dose import plan as make_plan
from pump.core.quantity import format
from pump.core.ratio import mul
from pump.core.refusal import Refusal

# What to do when the host is lost.
STOP = "stop"
FINISH = "finish"
ON_LOSS = (STOP, FINISH)


class Controller:
    """The pump. ``record(name, pairs)`` is called for each event, after the state has changed."""

    def __init__(self, hal, board, record) -> None:
        self._hal = hal
        self._board = board
        self._record = record
        self.state = states.POST
        self.cause = "none"
        self.plan = None
        self.motion = None
        self.lease_us = 0  # 0: none
        self.on_loss = STOP
        self._heard_us = 0
        self._host_lost = False

    # ---- requests -----------------------------------------------------------------------------

    def program(self, fields: dict) -> None:
        """Compute a plan and keep it; nothing moves."""
        self.allow(states.PROGRAM)
        plan = make_plan(fields, self._board.MECHANICS, self._board.HARD_LIMITS)
        motion = self._motion(plan)
        self.plan = plan
        self.motion = motion
        self.cause = "none"
        self.lease_us = 0
        self._enter(states.PROGRAM)
        self._record("programmed", [("plan", plan.hash), ("steps", str(plan.total_steps))])

    def start(self, plan_hash: str, lease_us: int, on_loss: str) -> None:
        """Begin the plan with that hash."""
        if self.plan is None:
            raise Refusal("no-plan")
        if plan_hash != self.plan.hash:
            raise Refusal("wrong-plan", "plan", plan_hash, accepts=self.plan.hash)
        self.allow(states.START)
        self._need_closed_loop()
        self.lease_us = lease_us
        self.on_loss = on_loss
        self._host_lost = False
        self._enter(states.START)
        if self._move():
            self._record("started", [("plan", self.plan.hash)])

    def pause(self) -> None:
        """Hold, keeping the place."""
        self.allow(states.PAUSE)
        self.motion.halt()
        self._enter(states.PAUSE)
        self._record("paused", self.delivered())

    def resume(self) -> None:
        """Go on from a pause."""
        self.allow(states.RESUME)
        self._need_closed_loop()
        self._enter(states.RESUME)
        if self._move():
            self._record("resumed", self.delivered())

    def stop(self) -> None:
        """The stop verb: motor off, in any state, however often."""
        self._motor_off()
        ended = self.state in (states.INFUSING, states.PAUSED)
        if ended:
            self.cause = "command"
        self._enter(states.STOP)
        if ended:
            self._record("halted", self._ending())

    def acknowledge(self, alarm: str) -> None:
        """Leave a latched stop, once its loop is closed. ``alarm`` is its cause, or '' for any."""
        self.allow(states.ACK)
        if alarm not in ("", self.cause):
            raise Refusal("bad-value", "alarm", alarm, accepts=self.cause)
        if not self._hal.stop.rearm():
            raise Refusal("stop-open")
        self.cause = "none"
        self._enter(states.ACK)
        self._record("acked", [])

    # ---- what happens by itself ---------------------------------------------------------------

    def self_test(self) -> None:
        """Power-on self-test: an open stop loop keeps the pump from becoming ready."""
        self._motor_off()
        if not self._hal.stop.rearm():
            self._stopped(states.DISCONNECT, "stop-open")
            return
        self._enter(states.SELF_TEST_OK)

    def poll(self, now_us: int) -> None:
        """See to the stop input, the queue, the end of the plan and the host lease."""
        if self._hal.stop.opened() and self.state not in states.LATCHED:
            self._stopped(states.DISCONNECT, "disconnect")
        if self.moving():
            try:
                if self.motion.poll(now_us):
                    self._motor_off()
                    self._enter(states.END)
                    self._record("complete", self._ending())
            except MotionError as error:
                self.fail(error.args[0])
        silence_due_us = self.silence_due_us()
        if silence_due_us is not None and now_us >= silence_due_us:
            self._lose_host()

    def top_up(self) -> None:
        """Make sure that motion outlasts what is about to be done."""
        if self.moving():
            try:
                self.motion.top_up()
            except MotionError as error:
                self.fail(error.args[0])

    def moving(self) -> bool:
        """True while the motor may move."""
        return self.state in states.MOVING

    def outlasts_us(self, now_us: int) -> int:
        """How long the CPU may be held up without being felt."""
        return self.motion.outlasts_us(now_us) if self.moving() else NO_END

    def heard(self, now_us: int) -> None:
        """A valid line came: the host lease begins anew."""
        self._heard_us = now_us
        self._host_lost = False

    def fail(self, cause: str) -> None:
        """The pump found itself at fault."""
        self._stopped(states.FAIL, cause)

    def due_us(self) -> int | None:
        """When ``poll`` must be called next, or None."""
        due = self.silence_due_us()
        if self.moving():
            feed = self.motion.due_us()
            if due is None or feed < due:
                due = feed
        return due

    def silence_due_us(self) -> int | None:
        """When a silent host will be taken for lost, or None."""
        waiting = self.lease_us and not self._host_lost
        if waiting and self.state in (states.INFUSING, states.PAUSED):
            return self._heard_us + self.lease_us
        return None

    # ---- reports ------------------------------------------------------------------------------

    def steps(self) -> int:
        """Steps counted at the pin for the plan in memory."""
        return self.motion.measured() if self.motion else 0

    def delivered(self) -> list:
        """Measured steps as pairs, and what they come to in volume and drug."""
        steps = self.steps()
        plan = self.plan
        volume = plan.delivered_nl(steps) if plan else (0, 1)
        pairs = [("steps", str(steps)), ("delivered", format(volume, "mL", "volume", 3))]
        if plan and plan.concentration:
            pairs.append(("dose", format(mul(volume, plan.concentration), "mg", "mass", 3)))
        return pairs

    def allow(self, event: str) -> None:
        """Raise not-now unless the state table takes ``event``."""
        if states.follow(self.state, event) == states.REFUSED:
            raise Refusal("not-now", accepts=states.accepting(event))

    # ---- inside -------------------------------------------------------------------------------

    def _motion(self, plan):
        try:
            return Motion(self._hal, plan, self._board.MECHANICS)
        except ValueError:
            raise Refusal("rate-range", "rate", limit="step-generator") from None

    def _move(self) -> bool:
        try:
            self.motion.begin()
        except MotionError as error:
            self.fail(error.args[0])
            return False
        return True

    def _need_closed_loop(self) -> None:
        if self._hal.stop.opened():
            raise Refusal("stop-open")

    def _motor_off(self) -> None:
        try:
            if self.motion:
                self.motion.halt()
        finally:
            self._hal.driver.enable(False)

    def _stopped(self, event: str, cause: str) -> None:
        self._motor_off()
        if self.state not in states.LATCHED:
            self.cause = cause
        self._enter(event)
        name = "fault" if self.state == states.FAULT else "stopped"
        self._record(name, self._ending())

    def _ending(self) -> list:
        return [("cause", self.cause), ("state", self.state)] + self.delivered()

    def _enter(self, event: str) -> None:
        after = states.follow(self.state, event)
        if after not in (states.IGNORED, states.REFUSED):
            self.state = after
        if self.state == states.IDLE:
            self.plan = None
            self.motion = None
            self.lease_us = 0

    def _lose_host(self) -> None:
        self._host_lost = True
        self._record("host-lost", [("on-loss", self.on_loss)])
        if self.on_loss == STOP:
            self._stopped(states.HOST_LOST, "host-lost")
