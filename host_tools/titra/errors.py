"""What can go wrong on the host, as types, each with its exit code and its JSON shape.

The table is stable and documented in EXIT_CODES.md; tests compare the two.
"""

from __future__ import annotations

from collections.abc import Mapping

OK = 0
INTERNAL = 1
REFUSED = 2
NO_CONNECTION = 3
DISCONNECTED = 4
STOPPED_BY_OPERATOR = 5
PUMP_FAILED = 6
NOT_PASSED = 7

EXIT_CODES: dict[int, str] = {
    OK: "done, or the infusion is complete",
    INTERNAL: "a bug in the tool",
    REFUSED: "refused: by the pump, by the dose core, or wrong usage",
    NO_CONNECTION: "no connection: port absent, busy, forbidden, silent, or not a pump",
    DISCONNECTED: "the pump stopped because its stop button was pressed or its wire broke",
    STOPPED_BY_OPERATOR: "stopped by the operator: Ctrl-C, SIGTERM or the stop verb",
    PUMP_FAILED: "the pump faulted, reset or lost its host, or the link was lost in mid-run",
    NOT_PASSED: "a scenario or a check did not pass: it failed, or it was skipped",
}

HINTS: dict[str, str] = {
    "not-now": "`titra status` shows the state; a latched stop wants `titra ack` first, a plan"
    " that is ready `titra send clear`",
    "stop-open": "release the stop button or check its wire, then `titra ack`",
    "unknown-syringe": "`titra send limits` lists what this pump knows",
    "capacity": "take a larger syringe or a higher concentration",
    "unknown-drug": "`titra library show` lists what this pump knows",
    "hard-limit": "the limit belongs to the board file or the drug library, not to this request",
}


class TitraError(Exception):
    """Base of every expected failure.

    ``code`` is a stable word (PROTOCOL.md lists the pump's, EXIT_CODES.md the host's); ``details``
    may hold ``field``, ``given``, ``limit``, ``accepts`` and ``state``.
    """

    code = "internal"
    exit_code = INTERNAL

    def __init__(
        self, message: str, code: str | None = None, details: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or type(self).code
        self.details = {key: value for key, value in dict(details or {}).items() if value}

    def as_json(self) -> dict[str, dict[str, str]]:
        """``{"error": {"code", "message", ...}}``; keys that do not apply are absent."""
        return {"error": {"code": self.code, "message": self.message, **self.details}}


class PumpRefused(TitraError):
    """The pump, or its dose core on the host, said no; nothing has changed."""

    exit_code = REFUSED

    def __init__(self, code: str, fields: Mapping[str, str]) -> None:
        details = {key: value for key, value in fields.items() if key != "code"}
        super().__init__(_sentence(code, details), code, details)
        self.fields = dict(fields)


class UsageError(TitraError):
    """What was asked of the tool cannot be done as asked."""

    code = "usage"
    exit_code = REFUSED


class PlanMismatch(TitraError):
    """Pump and host computed different plans from the same prescription."""

    code = "plan-mismatch"
    exit_code = REFUSED


class BadRecording(TitraError):
    """A file is not a recording, or spoilt."""

    code = "bad-recording"
    exit_code = REFUSED


class NoConnection(TitraError):
    """There is no pump to talk to; the subclasses say why."""

    exit_code = NO_CONNECTION


class PortAbsent(NoConnection):
    """No such device file."""

    code = "port-absent"


class PortBusy(NoConnection):
    """Another program holds the port."""

    code = "port-busy"


class PortForbidden(NoConnection):
    """This user may not open the port."""

    code = "port-forbidden"


class PortUnusable(NoConnection):
    """It exists and is not a serial port, or it failed while it was being set up."""

    code = "port-unusable"


class PumpSilent(NoConnection):
    """The port opened; nothing answered."""

    code = "silent"


class NotAPump(NoConnection):
    """Something readable answered that is not a Titra pump."""

    code = "not-a-pump"


class OtherPump(NoConnection):
    """After a reconnect another pump answers on this port."""

    code = "other-pump"


class AtPrompt(NotAPump):
    """MicroPython's prompt answers: no firmware runs on this board."""

    code = "at-prompt"


class WrongSpeed(NoConnection):
    """What came in is not text: most likely the wrong baud rate."""

    code = "wrong-speed"


class NoAnswer(NoConnection):
    """A pump that had answered before left a request without answer."""

    code = "no-answer"


class JigError(NoConnection):
    """The bench jig is silent, or does not do what it is asked."""

    code = "jig"


class LinkGone(NoConnection):
    """The port failed under our hands: unplugged, or the other end closed."""

    code = "connection-lost"


class EndOfRecording(LinkGone):
    """A replay has given all there is."""

    code = "end-of-recording"


class ConnectionLost(TitraError):
    """The link died in mid-run: cable, reset or power; the pump goes by its lease."""

    code = "connection-lost"
    exit_code = PUMP_FAILED


def _sentence(code: str, details: Mapping[str, str]) -> str:
    head = f"refused: {code}" + (f" in {details['field']}" if "field" in details else "")
    if "given" in details:
        head += f", given {details['given']}"
    parts = [head]
    if "limit" in details:
        parts.append(f"the limit is {details['limit']}")
    if "accepts" in details:
        parts.append(f"accepted: {details['accepts'].replace(',', ', ')}")
    if "state" in details:
        parts.append(f"the pump is {details['state']}")
    return "; ".join(parts)
