"""What the pump is doing: state, runs, alarms, and what each event makes of them.

The table in ``core.states`` decides what may follow; this module carries it out through the HAL
and records each change as an event. The motor is off before anything else is said about a stop.
"""

from micropython import const

from pump.app import runs
from pump.app.guard import Guard
from pump.app.motion import NO_END, MotionError
from pump.app.orders import Orders
from pump.core import states
from pump.core.alarms import FOR_GOOD, LATCHING, PRIORITY, STOPS, Alarms, row_of
from pump.core.refusal import Refusal

# What to do when the host is lost.
STOP = "stop"
FINISH = "finish"
ON_LOSS = (STOP, FINISH)
FAULTS = ("runaway", "miscount")
EVENT_OF = {states.STOPPED: "stopped", states.ALARM: "alarm", states.FAULT: "fault"}
RELEASE_US = 50_000  # a released button has come to rest
_TOP_UP_US = const(200_000)  # nothing that is done between two looks at the queue takes longer


class Controller(Orders):
    """The pump. ``record(name, pairs)`` is called for each event, after the state has changed;
    ``write_down(therapy)`` brings the journal up to date and tells whether it could.

    alarms    core.alarms.Alarms
    """

    def __init__(self, hal, board, settings, library, record, write_down) -> None:
        super().__init__(hal, board, library, record)
        self._settings = settings
        self._write_down = write_down
        self.guard = Guard(hal, board.WATCH, settings)
        self.alarms = Alarms()
        self.cause = "none"
        self.lease_us = 0  # 0: none
        self.on_loss = STOP
        self._heard_us = 0
        self._host_lost = False
        self._stirred_us = -RELEASE_US

    # ---- requests -----------------------------------------------------------------------------

    def start(self, plan_hash: str, lease_us: int, on_loss: str, tenfold: bool = False) -> None:
        """Begin the plan with that hash: the one in memory, or the bolus or change that is
        offered. ``tenfold``: a rate ten times the one before, or a tenth, is meant."""
        if self.run is None:
            raise Refusal("no-plan")
        offered = self.side if self.state == states.INFUSING else None
        if offered and plan_hash == offered.hash:
            self._start_bolus()
            return
        if self.offer and plan_hash == self.offer.hash:
            self._change(tenfold)
            return
        if plan_hash != self.run.hash:
            raise Refusal("wrong-plan", "plan", plan_hash, accepts=self.run.hash)
        event = states.START_PRIME if self.run.kind == runs.PRIME else states.START
        self.allow(event)
        if event == states.START:
            self.need_meant(self.run.plan.rate_nl_per_s, tenfold)
        self._need_all()
        if not self._write_down(self):  # a cut right after the start must find the plan
            raise Refusal("store-failed", "journal")
        self.lease_us = lease_us
        self.on_loss = on_loss
        self._host_lost = False
        self._enter(event)
        if event == states.START:
            self.last_rate = self.run.plan.rate_nl_per_s
        self._move(self.run, "started", [("plan", self.run.hash)])

    def pause(self) -> None:
        """Hold, keeping the place; a bolus is dropped."""
        self.allow(states.PAUSE)
        odd = self._hold()
        self._enter(states.PAUSE)
        self._record("paused", self.delivered())
        if odd:
            self.trip(odd)

    def resume(self) -> None:
        """Go on from a pause."""
        self.allow(states.RESUME)
        self._need_all()
        self.offer = None
        self._enter(states.RESUME)
        self._move(self.run, "resumed", self.delivered())

    def stop(self) -> None:
        """The stop verb: motor off, in any state, however often."""
        self._motor_off()
        before = self.state
        ended = before in states.MOVING or before == states.PAUSED
        if ended:
            self.cause = "command"
        delivered = self.delivered()
        self._enter(states.STOP)
        if ended:
            self._record("halted", [("cause", "command"), ("state", self.state)] + delivered)
        elif self.state != before:
            self._record("cleared", [])

    def clear(self) -> None:
        """Forget the plan in memory."""
        self.allow(states.CLEAR)
        self.forget()
        self.cause = "none"
        self._enter(states.CLEAR)
        self._record("cleared", [])

    def acknowledge(self, alarm: str) -> None:
        """Leave a latched stop, once what caused it is over, or put an alarm out. ``alarm`` is its
        cause, or '' for any."""
        now_us = self._hal.clock.now_us()
        latched = self.state in states.LATCHED
        if not latched and not self.alarms.active():
            self.allow(states.ACK)
        if alarm not in ("", self.cause) and alarm not in self.alarms.active():
            known = ",".join([self.cause] + [c for c in self.alarms.active() if c != self.cause])
            raise Refusal("bad-value", "alarm", alarm, accepts=known)
        if latched and alarm in ("", self.cause):
            blocking = self.alarms.blocking()
            if blocking and row_of(blocking)[LATCHING] == FOR_GOOD:
                raise Refusal("locked-out", "alarm", blocking)
            self._watch_release(now_us)
            if now_us - self._stirred_us < RELEASE_US or not self._hal.stop.rearm():
                raise Refusal("stop-open")
            if self.cause == "stop-open":  # with an open loop no step could be tried
                from pump.app.post import self_test

                found = self_test(self._hal, self._board, self._settings, self._library)
                self.guard.end()
                if found.failures:
                    self.self_test(found.failures, None, False)
                    return
            self.alarms.acknowledge("", now_us)
            self.cause = "none"
            self._enter(states.ACK)
        else:
            self.alarms.acknowledge(alarm, now_us)
        self._record("acked", [("alarm", alarm)] if alarm else [])

    def silence(self) -> None:
        """Quiet for at most two minutes; the light and everything else stay."""
        if not self.alarms.active():
            raise Refusal("not-now", accepts="alarm")
        self.alarms.silence(self._hal.clock.now_us())
        self._record("silenced", [])

    # ---- what happens by itself ---------------------------------------------------------------

    def self_test(self, failures: list, last, interrupted: bool) -> None:
        """After the power-on self-test: ``failures`` are causes; ``interrupted`` tells that the
        run before this boot, ``last``, had not ended or that the reset was not asked for."""
        self._motor_off()
        self.guard.end()  # the test has counted steps
        self.last = last if interrupted else None
        if failures:
            self._latch(states.FAIL, "post")
            self._record("post-failed", [("what", ",".join(failures))])
        elif not self._hal.stop.rearm():
            self._latch(states.DISCONNECT, "stop-open")
        elif interrupted:
            self._latch(states.RESET_FOUND, "reset")
        else:
            self._enter(states.SELF_TEST_OK)

    def poll(self, now_us: int) -> None:
        """See to the stop input, the queue, the end of the plan, the supervisor and the host."""
        if self._hal.stop.opened():
            self._watch_release(now_us)
            if not self._knows_of_open_loop():
                self._latch(states.DISCONNECT, "disconnect")
        if self.moving():
            run = self.active()
            try:
                if run.motion.poll(now_us):
                    self._end(run)
            except MotionError as error:
                self.fail(error.args[0])
        self.guard.alive("control", now_us)
        cause = self.guard.look(now_us)
        if cause:
            self.trip(cause)
        silence_due_us = self.silence_due_us()
        if silence_due_us is not None and now_us >= silence_due_us:
            self._lose_host()

    def top_up(self, outlast_us: int = _TOP_UP_US) -> None:
        """Make sure that motion outlasts what is about to be done, if it can."""
        if self.outlasts_us(self._hal.clock.now_us()) < outlast_us:
            try:
                self.active().motion.top_up()
            except MotionError as error:
                self.fail(error.args[0])

    def moving(self) -> bool:
        """True while the motor may move."""
        return self.state in states.MOVING

    def outlasts_us(self, now_us: int, stall_us: int = 0) -> int:
        """How long the CPU may be busy without being felt; held up, if a ``stall_us`` is named."""
        return self.active().motion.outlasts_us(now_us, stall_us) if self.moving() else NO_END

    def heard(self, now_us: int) -> None:
        """A valid line came: the host lease begins anew."""
        self._heard_us = now_us
        self._host_lost = False
        self.alarms.drop("host-silent", now_us)

    def fail(self, cause: str) -> None:
        """The pump found itself at fault."""
        self._latch(states.FAIL, cause)

    def trip(self, cause: str) -> None:
        """The supervisor has found something. What stops, stops; steps that nobody ordered are a
        fault."""
        if cause in FAULTS:
            self.fail(cause)
        elif not row_of(cause)[STOPS]:
            self.warn(cause)
        elif self.state not in states.LATCHED:
            self._latch(states.TRIP, cause)

    def warn(self, cause: str) -> None:
        """Raise an alarm that stops nothing."""
        if self.alarms.raise_(cause, self._hal.clock.now_us()):
            priority = row_of(cause)[PRIORITY]
            pairs = [("cause", cause), ("state", self.state), ("priority", priority)]
            self._record("alarm", pairs)

    def due_us(self) -> int:
        """When ``poll`` must be called next."""
        due = self.guard.due_us()
        if self.moving():
            due = min(due, self.active().motion.due_us())
        silence = self.silence_due_us()
        return due if silence is None else min(due, silence)

    def silence_due_us(self) -> int | None:
        """When a silent host will be taken for lost, or None."""
        waiting = self.lease_us and not self._host_lost
        if waiting and (self.moving() or self.state == states.PAUSED):
            return self._heard_us + self.lease_us
        return None

    def allow(self, event: str) -> None:
        """Raise not-now unless the state table takes ``event``."""
        if states.follow(self.state, event) == states.REFUSED:
            raise Refusal("not-now", accepts=states.accepting(event))

    # ---- inside -------------------------------------------------------------------------------

    def _watch_release(self, now_us: int) -> None:
        """The first edge stops; only the release is debounced (STOP-05)."""
        if self._hal.stop.restless():
            self._stirred_us = now_us

    def _knows_of_open_loop(self) -> bool:
        return self.alarms.is_active("disconnect") or self.alarms.is_active("stop-open")

    def _start_bolus(self) -> None:
        self.allow(states.START_BOLUS)
        self._need_all()
        if self._stops_for(self._hold(False)):
            return
        self._enter(states.START_BOLUS)
        self.override(self.side.plan.overridden)
        self._move(self.side, "bolus-started", [("plan", self.side.hash)])

    def _change(self, tenfold: bool) -> None:
        """Go on as offered, from the step and the part of a step that is due by now."""
        self.allow(states.CHANGE)
        moving = self.moving()
        if moving:
            self._need_all()
        self.need_meant(self.offer.plan.rate_nl_per_s, tenfold)
        if moving and self._stops_for(self._hold(False)):
            return
        try:
            self.take_change()
        except Refusal:
            if moving:
                self._move(self.run, "resumed", self.delivered())
            raise
        pairs = [("plan", self.run.hash), ("steps", str(self.planned_steps()))]
        if moving:
            self._move(self.run, "changed", pairs)
        else:
            self._record("changed", pairs)

    def _stops_for(self, odd: str) -> bool:
        """Act on what ``_hold`` has found; True when the pump does not go on after it."""
        if odd:
            self.trip(odd)
        return self.state in states.LATCHED

    def _end(self, run) -> None:
        """``run`` has made its last step."""
        if self._stops_for(self._hold()):
            return
        if run.kind == runs.BOLUS:
            self._enter(states.END)
            self._move(self.run, "bolus-complete", self.delivered())
        elif run.kind == runs.INFUSION and self.kvo:
            self.side, self.kvo = self.kvo, None
            self._enter(states.KEEP_OPEN)
            rate = self.side.plan.phases[0].entered[0].text
            self._move(self.side, "kvo", [("rate", rate)] + self._ending())
        else:
            self._hal.driver.enable(False)
            delivered = self.delivered()
            self._enter(states.END)
            if run.kind == runs.PRIME:
                self._record("primed", delivered)
            else:
                self.alarms.raise_("end-of-infusion", self._hal.clock.now_us())
                self._record("complete", self._ending())

    def _move(self, run, event: str, pairs: list) -> None:
        try:
            going = run.motion.begin()
        except MotionError as error:
            self.fail(error.args[0])
            return
        self.guard.begin(run.motion)
        self.alarms.started()
        if going:
            self._record(event, pairs)
        else:  # opened since it was asked before the start
            self._latch(states.DISCONNECT, "disconnect")

    def _need_all(self) -> None:
        """Refuse motion unless every precondition holds at once; each is watched from then on."""
        unmet = self.guard.unmet()
        if unmet == "stop-loop":
            raise Refusal("stop-open")
        if not self.moving() and self.guard.strayed():
            self.fail("runaway")
        unmet = unmet or self.alarms.blocking()
        if unmet:
            raise Refusal("unsafe", "because", unmet)

    def _hold(self, drop: bool = True) -> str:
        """Halt what moves; a bolus or KVO ends with it. Returns what is wrong with the count."""
        if not self.moving():
            return ""
        self.active().motion.halt()
        odd = self.guard.end()
        if drop:
            self.offer = None
            if self.side:
                self.drop_side()
        return odd

    def _motor_off(self) -> None:
        try:
            self._hold()
        finally:
            self._hal.driver.enable(False)

    def _latch(self, event: str, cause: str) -> None:
        """Stop for ``cause``, which stands until it is acknowledged; the first one is kept."""
        was = self.state
        self._motor_off()
        if was not in states.LATCHED:
            self.cause = cause
        self._enter(event)
        new = self.alarms.raise_(cause, self._hal.clock.now_us())
        if new or self.state != was:
            self._record(EVENT_OF[self.state], self._ending())

    def _ending(self) -> list:
        return [("cause", self.cause), ("state", self.state)] + self.delivered()

    def _enter(self, event: str) -> None:
        after = states.follow(self.state, event)
        if after not in (states.IGNORED, states.REFUSED):
            self.state = after
        if self.state == states.IDLE:
            self.forget()

    def _lose_host(self) -> None:
        self._host_lost = True
        self._record("host-lost", [("on-loss", self.on_loss)])
        if self.on_loss == STOP:
            self._latch(states.HOST_LOST, "host-lost")
        else:
            self.alarms.raise_("host-silent", self._hal.clock.now_us())
