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
EVENTS = (
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
    SELF_TEST_OK,
    RESET_FOUND,
    DISCONNECT,
    HOST_LOST,
    END,
    KEEP_OPEN,
    TRIP,
    FAIL,
)

_LETTERS = "PIRNUBMKCHSAF"  # of STATES: Idle and iNfusing; Post, paUsed and priMing
# A row for each of STATES, a letter for each of EVENTS. Packed text: heap is scarce on the chip;
# STATES.md shows the same in words.
_ROWS = (
    "!!!!!!!!!P!!ISS...AF",  # post
    "R!I!!!!!!I!I..S...AF",  # idle
    "RRINM!!!!I!!..S...AF",  # ready
    "!!!!!BNU!H!!..SSCKAF",  # infusing
    "!!!!!!U!NH!!..SS..AF",  # paused
    "!!!!!!!U!H!!..SSN.AF",  # bolus
    "!!!!!!!!!I!!..SSI.AF",  # priming
    "!!!!!!!!!C!!..SSC.AF",  # kvo
    "R!I!!!!!!C!C..S...AF",  # complete
    "R!I!!!!!!H!H..S...AF",  # halted
    "!!!!!!!!!SIS..S...SF",  # stopped
    "!!!!!!!!!AIA..S...AF",  # alarm
    "!!!!!!!!!FIF..F...FF",  # fault
)


def follow(state: str, event: str) -> str:
    """The state after ``event`` in ``state``, or REFUSED or IGNORED. ValueError on a pair that
    does not exist."""
    then = _ROWS[STATES.index(state)][EVENTS.index(event)]
    return then if then in (REFUSED, IGNORED) else STATES[_LETTERS.index(then)]


def accepting(event: str) -> str:
    """The states in which ``event`` is not refused, joined by commas."""
    return ",".join([state for state in STATES if follow(state, event) != REFUSED])
