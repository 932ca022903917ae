"""What the pump may do when: one table of every (state, event) pair.

A row gives the state that follows, REFUSED (a request answered with not-now) or IGNORED
(something that happened and changes nothing). A test checks that the table is whole and that
PROTOCOL.md shows the same states.
"""

POST = "post"
IDLE = "idle"
READY = "ready"
INFUSING = "infusing"
PAUSED = "paused"
COMPLETE = "complete"
HALTED = "halted"
STOPPED = "stopped"
FAULT = "fault"

STATES = (POST, IDLE, READY, INFUSING, PAUSED, COMPLETE, HALTED, STOPPED, FAULT)
MOVING = (INFUSING,)
LATCHED = (STOPPED, FAULT)

SELF_TEST_OK = "self-test-ok"
PROGRAM = "program"
START = "start"
PAUSE = "pause"
RESUME = "resume"
STOP = "stop"
DISCONNECT = "disconnect"
HOST_LOST = "host-lost"
END = "end"
ACK = "ack"
FAIL = "fail"
MAINTENANCE = "maintenance"

EVENTS = (
    SELF_TEST_OK,
    PROGRAM,
    START,
    PAUSE,
    RESUME,
    STOP,
    DISCONNECT,
    HOST_LOST,
    END,
    ACK,
    FAIL,
    MAINTENANCE,
)

REFUSED = "!"
IGNORED = "."

_COLUMNS = {
    # state: one entry per event, in the order of EVENTS
    POST: (IDLE, "!", "!", "!", "!", POST, STOPPED, ".", ".", "!", FAULT, "!"),
    IDLE: (".", READY, "!", "!", "!", IDLE, STOPPED, ".", ".", "!", FAULT, IDLE),
    READY: (".", READY, INFUSING, "!", "!", IDLE, STOPPED, ".", ".", "!", FAULT, "!"),
    INFUSING: (".", "!", "!", PAUSED, "!", HALTED, STOPPED, STOPPED, COMPLETE, "!", FAULT, "!"),
    PAUSED: (".", "!", "!", "!", INFUSING, HALTED, STOPPED, STOPPED, ".", "!", FAULT, "!"),
    COMPLETE: (".", READY, "!", "!", "!", COMPLETE, STOPPED, ".", ".", "!", FAULT, COMPLETE),
    HALTED: (".", READY, "!", "!", "!", HALTED, STOPPED, ".", ".", "!", FAULT, HALTED),
    STOPPED: (".", "!", "!", "!", "!", STOPPED, STOPPED, ".", ".", IDLE, FAULT, "!"),
    FAULT: (".", "!", "!", "!", "!", FAULT, FAULT, ".", ".", IDLE, FAULT, "!"),
}


def follow(state: str, event: str) -> str:
    """The state after ``event`` in ``state``, or REFUSED or IGNORED. KeyError or ValueError on a
    pair that does not exist."""
    return _COLUMNS[state][EVENTS.index(event)]


def accepting(event: str) -> str:
    """The states in which ``event`` is not refused, joined by commas."""
    return ",".join([state for state in STATES if follow(state, event) != REFUSED])
