"""Status and telemetry: what the pump says about itself, measured before commanded.

Every figure carries its unit. Texts that only change with the plan are made once per plan.
"""

from micropython import const

from pump.core import states
from pump.core.order import fields_of
from pump.core.quantity import exact, show

_ZERO_RATE = const("0mL/h")


class Report:
    """Builds the pairs of status replies and telemetry lines from a controller."""

    def __init__(self, controller, hal, library) -> None:
        self._controller = controller
        self._hal = hal
        self._library = library
        self._rates = {}  # run kind: (plan, phase and stretch, its rate as text)

    def telemetry(self, now_us: int) -> list:
        """The pairs of a telemetry line, without sequence number and boot."""
        controller = self._controller
        pairs = [("state", controller.state)]
        if controller.cause != "none":
            pairs.append(("cause", controller.cause))
        elif controller.alarms.active():
            pairs.append(("alarm", controller.alarms.active()[0]))
        flow = self._flow(now_us)
        target = self._rate(controller.run, now_us) if controller.run else _ZERO_RATE
        if controller.run:
            pairs.append(self._library.said(controller.bounds))
        return pairs + [flow[0], ("target", target)] + flow[1:]

    def status(self, now_us: int) -> list:
        """The pairs of a status reply."""
        controller = self._controller
        lease_us = controller.lease_us
        pairs = [
            ("state", controller.state),
            ("cause", controller.cause),
            ("latched", "yes" if controller.state in states.LATCHED else "no"),
            ("plan", controller.run.hash if controller.run else "none"),
            ("alarms", ",".join(controller.alarms.active()) or "none"),
            ("stop-loop", "open" if self._hal.stop.is_open() else "closed"),
            ("lease", exact((lease_us, 1), "s", "time") if lease_us else "off"),
            ("t", "%dms" % (now_us // 1000)),
        ]
        if controller.state == states.IDLE:  # with more to tell there is no room
            pairs.append(("library", self._library.label()))
        elif controller.state == states.READY:
            pairs.append(self._library.said(controller.bounds))
        return pairs + self._flow(now_us)

    def _flow(self, now_us: int) -> list:
        controller = self._controller
        plan = controller.plan
        rate = self._rate(controller.active(), now_us) if controller.moving() else _ZERO_RATE
        pairs = [("rate", rate)] + controller.delivered()
        if plan is None:
            return pairs
        if controller.overridden:
            pairs.append(("override", fields_of(controller.overridden)))
        if len(plan.phases) > 1:
            number, _ = controller.motion.present(now_us)
            pairs.append(("phase", "%d/%d" % (number + 1, len(plan.phases))))
        controller.top_up()  # a line takes long to write
        pairs.append(("planned", str(controller.planned_steps())))
        elapsed_us = controller.motion.elapsed_us(now_us)
        pairs.append(("remaining", _seconds(controller.motion.total_us() - elapsed_us)))
        pairs.append(("elapsed", _seconds(elapsed_us)))
        pairs.append(("commanded", str(controller.commanded())))
        return pairs

    def _rate(self, run, now_us: int) -> str:
        plan, known, text = self._rates.get(run.kind, (None, None, ""))
        place = run.motion.present(now_us)
        if plan is not run.plan or place != known:
            number, stretch = place
            rate = run.plan.phases[number].rate_of(stretch)
            text = show(rate, "mL/h", "rate") if rate[0] else _ZERO_RATE
            self._rates[run.kind] = (run.plan, place, text)
        return text


def _seconds(us: int) -> str:
    return "%d.%03ds" % (us // 1000000, us // 1000 % 1000)
