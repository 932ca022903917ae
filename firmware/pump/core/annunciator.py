"""What an alarm sounds and looks like, as a function of its priority and of time.

A signal is a pattern that repeats: on at edge 0, off at edge 1, on at edge 2, ..., for ever.

    at = since mod period         on = an odd number of edges <= at

Sound, a buzzer of fixed pitch that is on or off (IEC 60601-1-8:2006, tables 3 and 4; ms):

                                       high         medium       low
    pulses in a burst                  10 (5+5)     3            1 or 2
    pulse length                       75-200       125-250      125-250
    pause between pulses               x 50-125     y 125-250    y 125-250
    pause after the 3rd and 8th        2 x + pulse  -            -
    pause after the 5th                350-1300     -            -
    pause after the burst              2500-15000   2500-30000   > 15000, or no repeat

Light (the same, table 2; requirement ALM-03):

                                       high         medium       low
    colour                             red          yellow       cyan or yellow
    flashes (Hz)                       1.4-2.8      0.4-0.8      none, constant
    share of the time on (%)           20-60        20-60        100

The constants below are our choice in these ranges, well inside them, because the loop that asks
may come 1 ms late.  Not covered: pitch, loudness, harmonics and the rise and fall of a pulse,
which belong to the buzzer, and the melodies of annex F, which a fixed pitch cannot play.

All times are whole microseconds since the pattern began, >= 0, without upper bound.
"""

from micropython import const

HIGH = "high"
MEDIUM = "medium"
LOW = "low"
NONE = "none"  # no alarm: silent and dark
PRIORITIES = (HIGH, MEDIUM, LOW)  # the most urgent first

RED = "red"
YELLOW = "yellow"
OFF = "off"

_HIGH_PULSE_US = const(150_000)
_HIGH_PAUSE_US = const(100_000)  # x
_HIGH_THIRD_US = const(2 * _HIGH_PAUSE_US + _HIGH_PULSE_US)
_HIGH_MIDDLE_US = const(500_000)
_HIGH_REST_US = const(3_000_000)
_MEDIUM_PULSE_US = const(200_000)
_MEDIUM_PAUSE_US = const(200_000)  # y
_MEDIUM_REST_US = const(6_000_000)
_LOW_PULSE_US = const(200_000)
_LOW_PAUSE_US = const(200_000)  # y
_LOW_REST_US = const(20_000_000)

_RED_ON_US = const(250_000)  # 2 Hz, half of the time
_RED_OFF_US = const(250_000)
_YELLOW_ON_US = const(1_000_000)  # 0.5 Hz, half of the time
_YELLOW_OFF_US = const(1_000_000)

_FIVE = const((_HIGH_PAUSE_US, _HIGH_PAUSE_US, _HIGH_THIRD_US, _HIGH_PAUSE_US))


def _pattern(pulse_us: int, pauses_us: tuple) -> tuple:
    """Return (edges, period) of equal pulses, each followed by its pause."""
    edges = []
    at = 0
    for pause_us in pauses_us:
        edges += [at, at + pulse_us]
        at += pulse_us + pause_us
    return tuple(edges), at


_NEVER = const(((), 0))
_ALWAYS = const(((0,), 0))

_SOUNDS = {
    HIGH: _pattern(_HIGH_PULSE_US, _FIVE + (_HIGH_MIDDLE_US,) + _FIVE + (_HIGH_REST_US,)),
    MEDIUM: _pattern(_MEDIUM_PULSE_US, (_MEDIUM_PAUSE_US, _MEDIUM_PAUSE_US, _MEDIUM_REST_US)),
    LOW: _pattern(_LOW_PULSE_US, (_LOW_PAUSE_US, _LOW_REST_US)),
    NONE: _NEVER,
}

_LIGHTS = {
    HIGH: _pattern(_RED_ON_US, (_RED_OFF_US,)),
    MEDIUM: _pattern(_YELLOW_ON_US, (_YELLOW_OFF_US,)),
    LOW: _ALWAYS,
    NONE: _NEVER,
}

# What ``light`` returns, made once: (while off, while on).
_SHOWN = {
    HIGH: ((RED, False), (RED, True)),
    MEDIUM: ((YELLOW, False), (YELLOW, True)),
    LOW: ((YELLOW, False), (YELLOW, True)),
    NONE: ((OFF, False), (OFF, False)),
}


def buzzer(priority: str, since_us: int) -> bool:
    """Tell whether the buzzer sounds ``since_us`` after the sound of ``priority`` began."""
    return _is_on(_SOUNDS[priority], since_us)


def light(priority: str, since_us: int) -> tuple[str, bool]:
    """Return (colour, on) of the alarm light ``since_us`` after it began to show ``priority``."""
    off, on = _SHOWN[priority]
    return on if _is_on(_LIGHTS[priority], since_us) else off


def buzzer_change_us(priority: str, since_us: int) -> int | None:
    """Return when, after ``since_us``, the buzzer changes next, on the same scale; None: never."""
    return _next_edge(_SOUNDS[priority], since_us)


def light_change_us(priority: str, since_us: int) -> int | None:
    """Return when, after ``since_us``, the light changes next, on the same scale; None: never."""
    return _next_edge(_LIGHTS[priority], since_us)


def _is_on(pattern: tuple, since_us: int) -> bool:
    edges, period = pattern
    at = since_us % period if period else since_us
    on = False
    for edge in edges:
        if at < edge:
            break
        on = not on
    return on


def _next_edge(pattern: tuple, since_us: int) -> int | None:
    edges, period = pattern
    if not period:
        return None
    at = since_us % period
    for edge in edges:
        if edge > at:
            return since_us - at + edge
    return since_us - at + period
