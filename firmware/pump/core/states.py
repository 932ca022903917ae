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
BOLUS = "bolus"
PRIMING = "priming"
KVO = "kvo"
COMPLETE = "complete"
HALTED = "halted"
STOPPED = "stopped"
ALARM = "alarm"
FAULT = "fault"

STATES = (
    POST,
    IDLE,
    READY,
    INFUSING,
    PAUSED,
    BOLUS,
    PRIMING,
    KVO,
    COMPLETE,
    HALTED,
    STOPPED,
    ALARM,
    FAULT,
)
MOVING = (INFUSING, BOLUS, PRIMING, KVO)
LATCHED = (STOPPED, ALARM, FAULT)

SELF_TEST_OK = "self-test-ok"
RESET_FOUND = "reset-found"  # the run before this boot was interrupted, or the reset unasked for
PROGRAM = "program"
PHASE = "phase"
CLEAR = "clear"
START = "start"
START_PRIME = "start-prime"
START_BOLUS = "start-bolus"
CHANGE = "change"
PAUSE = "pause"
RESUME = "resume"
STOP = "stop"
DISCONNECT = "disconnect"
HOST_LOST = "host-lost"
END = "end"
KEEP_OPEN = "keep-open"  # the end of a plan that goes on as KVO
ACK = "ack"
TRIP = "trip"  # an alarm that stops
FAIL = "fail"
MAINTENANCE = "maintenance"

REFUSED = "!"
IGNORED = "."

# Requests first, then what happens by itself. A pause during a bolus drops the bolus: an
# interrupted bolus is never resumed. Whatever stops a latched state keeps it latched.
REQUESTS = (
    PROGRAM,
    PHASE,
    CLEAR,
    START,
    START_PRIME,
    START_BOLUS,
    CHANGE,
    PAUSE,
    RESUME,
    STOP,
    ACK,
    MAINTENANCE,
)
HAPPENINGS = (
    SELF_TEST_OK,
    RESET_FOUND,
    DISCONNECT,
    HOST_LOST,
    END,
    KEEP_OPEN,
    TRIP,
    FAIL,
)
EVENTS = REQUESTS + HAPPENINGS

_ROWS = {
    # state: (requests in the order above), (happenings in the order above)
    POST: (
        ("!", "!", "!", "!", "!", "!", "!", "!", "!", POST, "!", "!"),
        (IDLE, STOPPED, STOPPED, ".", ".", ".", ALARM, FAULT),
    ),
    IDLE: (
        (READY, "!", IDLE, "!", "!", "!", "!", "!", "!", IDLE, "!", IDLE),
        (".", ".", STOPPED, ".", ".", ".", ALARM, FAULT),
    ),
    READY: (
        (READY, READY, IDLE, INFUSING, PRIMING, "!", "!", "!", "!", IDLE, "!", "!"),
        (".", ".", STOPPED, ".", ".", ".", ALARM, FAULT),
    ),
    INFUSING: (
        ("!", "!", "!", "!", "!", BOLUS, INFUSING, PAUSED, "!", HALTED, "!", "!"),
        (".", ".", STOPPED, STOPPED, COMPLETE, KVO, ALARM, FAULT),
    ),
    PAUSED: (
        ("!", "!", "!", "!", "!", "!", PAUSED, "!", INFUSING, HALTED, "!", "!"),
        (".", ".", STOPPED, STOPPED, ".", ".", ALARM, FAULT),
    ),
    BOLUS: (
        ("!", "!", "!", "!", "!", "!", "!", PAUSED, "!", HALTED, "!", "!"),
        (".", ".", STOPPED, STOPPED, INFUSING, ".", ALARM, FAULT),
    ),
    PRIMING: (
        ("!", "!", "!", "!", "!", "!", "!", "!", "!", IDLE, "!", "!"),
        (".", ".", STOPPED, STOPPED, IDLE, ".", ALARM, FAULT),
    ),
    KVO: (
        ("!", "!", "!", "!", "!", "!", "!", "!", "!", COMPLETE, "!", "!"),
        (".", ".", STOPPED, STOPPED, COMPLETE, ".", ALARM, FAULT),
    ),
    COMPLETE: (
        (READY, "!", IDLE, "!", "!", "!", "!", "!", "!", COMPLETE, "!", COMPLETE),
        (".", ".", STOPPED, ".", ".", ".", ALARM, FAULT),
    ),
    HALTED: (
        (READY, "!", IDLE, "!", "!", "!", "!", "!", "!", HALTED, "!", HALTED),
        (".", ".", STOPPED, ".", ".", ".", ALARM, FAULT),
    ),
    STOPPED: (
        ("!", "!", "!", "!", "!", "!", "!", "!", "!", STOPPED, IDLE, STOPPED),
        (".", ".", STOPPED, ".", ".", ".", STOPPED, FAULT),
    ),
    ALARM: (
        ("!", "!", "!", "!", "!", "!", "!", "!", "!", ALARM, IDLE, ALARM),
        (".", ".", STOPPED, ".", ".", ".", ALARM, FAULT),
    ),
    FAULT: (
        ("!", "!", "!", "!", "!", "!", "!", "!", "!", FAULT, IDLE, FAULT),
        (".", ".", FAULT, ".", ".", ".", FAULT, FAULT),
    ),
}


def follow(state: str, event: str) -> str:
    """The state after ``event`` in ``state``, or REFUSED or IGNORED. KeyError or ValueError on a
    pair that does not exist."""
    requests, happenings = _ROWS[state]
    if event in REQUESTS:
        return requests[REQUESTS.index(event)]
    return happenings[HAPPENINGS.index(event)]


def accepting(event: str) -> str:
    """The states in which ``event`` is not refused, joined by commas."""
    return ",".join([state for state in STATES if follow(state, event) != REFUSED])
