"""Is this bench wired right? Checks that want a person at the bench, after those of ``doctor``.

A step says what to do, asks the pump or the person what came of it, and goes on. Only one of them
moves the motor: a prime of VOLUME that ends by itself and by the lease. A row of the table is a
``doctor.Check``; what the board does not have is skipped.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from titra.doctor import FAIL, OK, SKIPPED, Check, Finding, Patient
from titra.errors import PumpRefused, UsageError
from titra.protocol import Event
from titra.quantities import whole

VOLUME = "0.05mL"
SYRINGE = "bd-1"  # the narrowest turns the screw most: some 3.6 turns
SECONDS = 10
PRIME = {"volume": VOLUME, "over": f"{SECONDS}s", "syringe": SYRINGE, "connected": "no"}
LEASE = {"lease": "5s", "on-loss": "stop"}
PATIENCE_S = 60.0  # for a person to do what is asked
PROMPT_S = 2.0  # for the pump to follow
LOOK_S = 0.1
LIGHT = "0.5N"  # what a finger is more than
AT_REST = ("idle", "ready", "complete", "halted")
SENSOR = "its supply and wires; FORCE or HX711_ZERO in board.py"
NOT_FITTED = Finding(SKIPPED, "not fitted")


class Operator(Protocol):
    """The person at the bench."""

    def tell(self, text: str) -> None:
        """Say what to do now; the pump is watched meanwhile."""

    def confirm(self, question: str) -> bool:
        """Ask; True is yes."""


@dataclass(frozen=True)
class Bench:
    """The pump and the person."""

    patient: Patient
    operator: Operator

    def wait(
        self, good: Callable[[Mapping[str, str]], bool], longest_s: float
    ) -> dict[str, str] | None:
        """The first status that is ``good``, or None after ``longest_s``."""
        clock = self.patient.pump.transport.clock
        until_s = clock() + longest_s
        while clock() < until_s:
            said = self.patient.status()
            if good(said):
                return said
            self.patient.pump.receive(LOOK_S)
        return None

    def refused_start(self) -> PumpRefused | None:
        """Try to begin the prime where it should not begin; None where it did, and was stopped."""
        request = self.patient.pump.request
        plan = request("prime", PRIME).fields
        try:
            request("start", start_of(plan))
        except PumpRefused as refused:
            return refused
        finally:
            self.patient.pump.stop()
        return None


def start_of(plan: Mapping[str, str]) -> dict[str, str]:
    """The fields that start ``plan``; the operator has been asked already."""
    meant = {"tenfold": "yes"} if "tenfold" in plan else {}
    return {"plan": plan["plan"], **LEASE, **meant}


def steps(operator: Operator) -> tuple[Check, ...]:
    """The table, for the person who is asked."""
    rows: tuple[tuple[str, Callable[[Bench], Finding], str], ...] = (
        ("motor off", _motor_off, ""),
        ("stop button", _stop_button, ""),
        ("limit switch", _limit_switch, "stop button"),
        ("force sensor", _force_sensor, "stop button"),
        ("step count", _step_count, "stop button"),
        ("motor on", _motor_on, "step count"),
        ("direction", _direction, "step count"),
        ("left", _left, ""),
    )
    return tuple(Check(name, partial(_at, operator, look), needs) for name, look, needs in rows)


def _at(operator: Operator, look: Callable[[Bench], Finding], patient: Patient) -> Finding:
    return look(Bench(patient, operator))


def begin(patient: Patient, operator: Operator) -> None:
    """Ask for consent; nothing has moved before. Raises UsageError: not-at-rest, not-confirmed."""
    state = patient.status().get("state", "?")
    if state not in AT_REST:
        raise UsageError(
            f"the pump is {state}; its wiring is tested at rest",
            code="not-at-rest",
            details={"state": state},
        )
    operator.tell(f"The motor will turn: {VOLUME} as from a {SYRINGE} syringe, {SECONDS} s.")
    if not operator.confirm("Is nobody connected, and no syringe in the pump?"):
        raise UsageError("nothing was moved", code="not-confirmed")


def _motor_off(bench: Bench) -> Finding:
    if bench.operator.confirm("Turn the screw by hand, a little: does it turn freely?"):
        return Finding(OK, "free")
    return Finding(FAIL, "held", "ENABLE does not switch the driver off: its wire, its pull-up")


def _stop_button(bench: Bench) -> Finding:
    bench.operator.tell("Press the stop button and hold it.")
    if bench.wait(lambda said: said.get("stop-loop") == "open", PATIENCE_S) is None:
        return Finding(FAIL, "no opening seen", "the loop is bridged, or STOP is another pin")
    said = bench.wait(lambda said: said.get("state") == "stopped", PROMPT_S) or {}
    if said.get("cause") != "disconnect":
        return Finding(FAIL, "open, but the pump did not stop", "`titra send log` for its word")
    bench.operator.tell("The pump has stopped. Release the button.")
    if bench.wait(lambda said: said.get("stop-loop") == "closed", PATIENCE_S) is None:
        return Finding(FAIL, "stays open", "the button sticks, or is wired normally open")
    bench.patient.pump.receive(2 * LOOK_S)  # an acknowledgement wants it closed for 50 ms
    bench.patient.pump.request("ack")
    return Finding(OK, "opened: stopped and latched; closed and acknowledged")


def _limit_switch(bench: Bench) -> Finding:
    if not bench.operator.confirm("Is a limit switch fitted (TRAVEL in board.py)?"):
        return NOT_FITTED
    bench.operator.confirm("Hold it as at the end of travel, then answer. Held?")
    refused = bench.refused_start()
    if refused and refused.fields.get("given") == "travel":
        return Finding(OK, "held: a start is refused")
    return Finding(FAIL, _instead(refused), "TRAVEL in board.py, its wire, normally closed")


def _force_sensor(bench: Bench) -> Finding:
    """With the limit at LIGHT a finger is an occlusion; without the finger the motor turns."""
    if not bench.operator.confirm("Is a force sensor fitted (FORCE or FORCE_HX711 in board.py)?"):
        return NOT_FITTED
    request = bench.patient.pump.request
    before = request("settings", name="occlusion-force").fields["occlusion-force"]
    request("set", {"occlusion-force": LIGHT})
    try:
        bench.operator.confirm(
            f"Press on the sensor with more than {LIGHT}, then answer. Pressed?"
        )
        pressed = bench.refused_start()
        bench.operator.confirm("Let go, then answer: the motor will jerk. Loose?")
        loose = bench.refused_start()
    finally:
        request("set", {"occlusion-force": before})
    if not pressed or pressed.fields.get("given") != "force":
        return Finding(FAIL, f"pressed: {_instead(pressed)}", SENSOR)
    if loose:
        return Finding(FAIL, f"loose: {_instead(loose)}", SENSOR)
    return Finding(OK, f"more than {LIGHT} when pressed, less when loose")


def _instead(refused: PumpRefused | None) -> str:
    return refused.message if refused else "a start was not refused; stopped again"


def _step_count(bench: Bench) -> Finding:
    """What was commanded, and what another block of the chip has counted at the pin."""
    pump = bench.patient.pump
    plan = pump.request("prime", PRIME).fields
    bench.operator.tell(f"It turns for {SECONDS} s now: feel the screw, watch which way it goes.")
    pump.catch_up()
    pump.request("start", start_of(plan))
    said = bench.wait(lambda said: said.get("state") != "priming", SECONDS + PROMPT_S)
    ends = [one for one in pump.poll(PROMPT_S) if isinstance(one, Event) and one.name == "primed"]
    if not ends:
        cause = said.get("cause", "none") if said else "no end of it"
        return Finding(FAIL, f"it did not end as ordered: {cause}", "firmware/ALARMS.md")
    counted = whole(ends[-1].fields.get("steps"))
    words = f"{plan.get('steps')} commanded, {counted} counted; ended by itself"
    if counted == whole(plan.get("steps")):
        return Finding(OK, words)
    return Finding(FAIL, words, "STEP must go to the counter too: wiring.md")


def _motor_on(bench: Bench) -> Finding:
    turned = bench.operator.confirm("Did it turn with force, and is it free again now?")
    if turned:
        return Finding(OK, "held while it turned, free again")
    return Finding(FAIL, "no", "ENABLE, the driver's supply and current, the motor's two coils")


def _direction(bench: Bench) -> Finding:
    if bench.operator.confirm("Did it turn forward, as to push the plunger?"):
        return Finding(OK, "forward")
    return Finding(FAIL, "backward", "swap the two wires of one coil, or DIRECTION's")


def _left(bench: Bench) -> Finding:
    state = bench.patient.status().get("state", "?")
    return Finding(OK if state in AT_REST else FAIL, state)
