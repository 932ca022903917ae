"""The steps of a scenario: which there are, what fields they take, what bench they need.

A step is a line of text: a verb, then ``key=value``. Verbs of the wire (PROTOCOL.md) are sent as
they stand; the others wait, look, or work the bench. Everything is checked before anything moves.
"""

from __future__ import annotations

import difflib
import re
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module

from titra import quantities
from titra.scenario.values import Expected
from titra.targets import BUTTON, POWER, STEPS

Check = Callable[[str], str]  # '' or what is wrong with the value
STATES: tuple[str, ...] = import_module("pump.core.states").STATES
PRESCRIPTION: tuple[str, ...] = (
    *import_module("pump.core.dose").COMMON,
    *import_module("pump.core.dose").PHASE,
    *("dose-rate", "kvo", "connected", "drug", "route", "lockout", "hourly", "override"),
)
STATUS = (
    *("state", "cause", "latched", "plan", "alarms", "stop-loop", "lease", "t", "rate", "steps"),
    *("delivered", "dose", "primed", "planned", "remaining", "elapsed", "commanded", "phase"),
    "step-edges",
)
WAITS = ("state", "event", "time", "delivered")
ABOUT = ("event", "no-event", "reply", "telemetry")  # what ``expect`` looks at instead of status
ANY_KEY = re.compile(r"[a-z][a-z0-9-]*\Z")


@dataclass(frozen=True)
class Verb:
    """A kind of step. ``fields`` None takes any; ``needs`` is a capability of the bench."""

    fields: tuple[str, ...] | None = ()
    wire: bool = False
    needs: str = ""
    help: str = ""


WIRE_VERBS = {
    "program": PRESCRIPTION,
    "phase": PRESCRIPTION,
    "prime": PRESCRIPTION,
    "bolus": PRESCRIPTION,
    "change": PRESCRIPTION,
    "start": ("plan", "lease", "on-loss", "tenfold"),
    "pause": (),
    "resume": (),
    "stop": (),
    "clear": (),
    "ack": ("alarm",),
    "silence": (),
    "telemetry": ("every",),
    "set": None,
}
VERBS: dict[str, Verb] = {
    **{name: Verb(fields, wire=True) for name, fields in WIRE_VERBS.items()},
    "wait": Verb((*WAITS, "within")),
    "expect": Verb(None),
    "silent": Verb(("time",)),
    "press-stop": Verb(needs=BUTTON),
    "release-stop": Verb(needs=BUTTON),
    "cut-power": Verb(needs=POWER),
    "send": Verb(None),
}
STARTED = ("program", "phase", "prime", "bolus", "change")  # answered with a hash to be started


@dataclass(frozen=True)
class Step:
    """One line of a scenario; ``line`` is its line in the file, 0 where it has none."""

    text: str
    verb: str
    fields: Mapping[str, str] = field(default_factory=dict)
    line: int = 0

    @property
    def needs(self) -> str:
        """The capability of the bench without which it cannot be done; '' for none."""
        if self.verb == "expect" and "step-edges" in self.fields:
            return STEPS
        return VERBS[self.verb].needs


def parse(text: str, line: int = 0) -> Step:
    """The step in ``text``. ValueError says what is wrong with it and what would be right."""
    verb = (text.split() or [""])[0]
    if verb not in VERBS:
        raise ValueError(f"unknown step {verb!r}; {_near(verb, list(VERBS))}")
    if verb == "send":
        if not text[len(verb) :].strip():
            raise ValueError("send wants the line to be sent")
        return Step(text, verb, {}, line)
    fields = _fields(text)
    _check(verb, fields)
    return Step(text, verb, fields, line)


def _fields(text: str) -> dict[str, str]:
    fields: dict[str, str] = {}
    for word in shlex.split(text)[1:]:
        key, equals, value = word.partition("=")
        if not equals or not value or not ANY_KEY.match(key):
            raise ValueError(f"not key=value: {word!r}")
        if key in fields:
            raise ValueError(f"{key} is given twice")
        fields[key] = value
    return fields


def _check(verb: str, fields: Mapping[str, str]) -> None:
    known = VERBS[verb].fields
    if VERBS[verb].wire and known is not None:
        known = (*known, "refused")
    for key in fields:
        if known is not None and key not in known:
            raise ValueError(f"{verb} has no field {key!r}; {_near(key, list(known))}")
    if verb == "wait":
        _check_wait(fields)
    elif verb == "silent":
        _check_time("time", fields.get("time"))
    elif verb == "expect":
        _check_expect(fields)


def _check_wait(fields: Mapping[str, str]) -> None:
    given = [key for key in WAITS if key in fields]
    if len(given) != 1:
        raise ValueError(f"wait wants one of {', '.join(WAITS)}")
    if given[0] == "time":
        _check_time("time", fields["time"])
    if "within" in fields:
        _check_time("within", fields["within"])
    for state in fields.get("state", STATES[0]).split(","):
        if state not in STATES:
            raise ValueError(f"there is no state {state!r}; {_near(state, list(STATES))}")
    if "delivered" in fields:
        Expected(fields["delivered"]).quantity()


def _check_expect(fields: Mapping[str, str]) -> None:
    about = [key for key in ABOUT if key in fields]
    if len(about) > 1:
        raise ValueError(f"expect looks at one of {', '.join(ABOUT)} at a time")
    if about and about[0] in ("reply", "telemetry") and fields[about[0]] != "last":
        raise ValueError(f"{about[0]} takes `last`")
    rest = [key for key in fields if key not in ABOUT]
    if not rest and (not about or about[0] in ("reply", "telemetry")):
        raise ValueError("expect wants fields to compare")
    for key in rest:
        if not about and key not in STATUS:
            raise ValueError(f"status has no field {key!r}; {_near(key, list(STATUS))}")
        Expected(fields[key])


def _check_time(key: str, text: str | None) -> None:
    if quantities.time_us(text) is None:
        raise ValueError(f"{key} takes a time with its unit, as 20min, not {text!r}")


def _near(word: str, known: list[str]) -> str:
    near = difflib.get_close_matches(word, known, 1)
    return f"did you mean {near[0]!r}?" if near else "there are " + ", ".join(sorted(known))
