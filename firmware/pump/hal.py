"""The contract that every port fills in. Not on the device: ports have these methods and fields
without deriving from anything here, and ``tests/contract`` holds the two together.

Core and app know a pump only through this interface; they never ask which chip they are on. A port
lists what it can do in ``Hal.capabilities``; nothing is assumed beyond the list:

    hard-stop     the stop input ends step pulses without the CPU
    lease         queued motion runs out by itself when the CPU dies
    fuse          the ceiling on the number of steps is hardware; else the port's own count of what
                  it hands to the hardware
    counter       STEP edges are counted at the pin, apart from the generator
    flow-control  the link holds back what the host does not read; else it is lost

Units: a *tick* is the generator's time quantum, ``tick_ns[0] / tick_ns[1]`` nanoseconds.
Microsecond times come from ``Clock.now_us`` and never wrap.
"""

HAL_VERSION = 1

HARD_STOP = "hard-stop"
LEASE = "lease"
FUSE = "fuse"
COUNTER = "counter"
FLOW_CONTROL = "flow-control"

FOREVER_US = 1 << 62


class Clock:
    """Monotonic time since boot. Must be read at least every 8 minutes (the chip's ticks wrap)."""

    def now_us(self) -> int:
        """Microseconds since boot."""
        raise NotImplementedError


class StepGenerator:
    """Turns words (count, interval) into STEP pulses, timed by hardware.

    A word of ``count`` > 0 makes that many steps, each ``interval_ticks`` after the one before; a
    word of count 0 waits ``interval_ticks``. Words follow each other without a gap. The stop input
    ends motion inside the generator; only ``arm`` starts it again, with an empty queue.
    """

    tick_ns = (16, 1)
    depth = 8  # words the queue holds beyond the one in progress
    min_step_ticks = 0  # shortest interval of a step word
    min_wait_ticks = 0  # shortest wait word
    max_ticks = 0  # longest interval of any word
    max_count = 0  # most steps in one word
    late_us = 0  # how late a step may come at worst; what is late is made up for, and never early

    def arm(self) -> None:
        """Empty the queue and make ready; STEP is low and nothing moves."""
        raise NotImplementedError

    def run(self) -> None:
        """Start working through the queue. The schedule's origin is this instant."""
        raise NotImplementedError

    def room(self) -> int:
        """Words that ``put`` takes now without waiting."""
        raise NotImplementedError

    def put(self, count: int, interval_ticks: int) -> None:
        """Queue a word. Raises OverflowError instead of waiting when the queue is full."""
        raise NotImplementedError

    def halt(self) -> None:
        """End motion at once; a pulse in progress is completed, the queue is dropped."""
        raise NotImplementedError

    def starved(self) -> bool:
        """True when the generator has waited for a word since ``run``."""
        raise NotImplementedError

    def outlast(self, us: int) -> int:
        """How long (us) the generator can do without the CPU, interrupts off and all, as far as
        its queue reaches. Where that is less than ``us`` it is made longer soon, if it can be:
        ask again."""
        raise NotImplementedError


class DoseFuse:
    """Ceiling: lets exactly ``arm(n)`` steps pass, then no more until armed again."""

    def arm(self, steps: int) -> None:
        """Allow ``steps`` more rising edges of STEP (0 to 2^32-2); none while the loop is open."""
        raise NotImplementedError

    def disarm(self) -> None:
        """Forbid steps."""
        raise NotImplementedError

    def allows(self) -> bool:
        """True while steps may pass."""
        raise NotImplementedError


class StepCounter:
    """Counts rising edges at the STEP pin, whoever made them."""

    def steps(self) -> int:
        """Edges since boot, without disturbing the count. Wraps at 2^32."""
        raise NotImplementedError


class StopInput:
    """The normally-closed disconnect loop. Open means stop: pressed, unplugged or broken."""

    def is_open(self) -> bool:
        """The level now."""
        raise NotImplementedError

    def opened(self) -> bool:
        """True when the loop was open at any time since ``rearm``, however short."""
        raise NotImplementedError

    def restless(self) -> bool:
        """True when the loop is open, or was at any time since last asked."""
        raise NotImplementedError

    def rearm(self) -> bool:
        """Forget past openings; False (and nothing forgotten) while the loop is open."""
        raise NotImplementedError


class Driver:
    """The motor driver. Off is the state without power and without firmware."""

    def enable(self, on: bool) -> None:
        """Give the motor current, or take it away at once."""
        raise NotImplementedError

    def set_up(self) -> str:
        """Give the driver chip its settings; what is wrong with it, or ''. One with nothing but
        STEP, DIR and EN cannot tell, and counts as sound."""
        raise NotImplementedError

    def check(self, steps: int | None = None) -> str:
        """What is wrong now, or ''; "hot" is a warning. Takes 5 ms at most. ``steps``: the
        counter's, while the motor is to move; a driver that has had none of them says so."""
        raise NotImplementedError


class SerialLink:
    """The control port. Never waits: what does not fit is for the caller to keep."""

    def read(self, buffer: bytearray) -> int:
        """Bytes put into ``buffer``; 0 when none have come."""
        raise NotImplementedError

    def write(self, data: memoryview) -> int:
        """Bytes taken from the start of ``data``; 0 when the host does not read."""
        raise NotImplementedError


class Store:
    """Small named records in flash. Writes may hold up the CPU for 400 ms: never while a lease is
    short. OSError: flash is full or has failed; the record is the old one or the new one."""

    def load(self, name: str) -> bytes:
        """The record, or b'' when there is none."""
        raise NotImplementedError

    def read(self, name: str, at: int, count: int) -> bytes:
        """Up to ``count`` bytes of the record from offset ``at``; b'' beyond its end or when there
        is none."""
        raise NotImplementedError

    def save(self, name: str, data: bytes) -> None:
        """Replace the record, whole or not at all."""
        raise NotImplementedError

    def append(self, name: str, data: bytes) -> None:
        """Add to the end of the record, which begins with it if there is none. A power cut or an
        OSError leaves all of ``data`` there or any first part of it, and what was before it."""
        raise NotImplementedError

    def digest(self, name: str, count: int) -> int:
        """CRC-32 of the first ``count`` bytes of the record, of all of it where it has fewer; -1
        when there is none."""
        raise NotImplementedError

    def checksum(self, path: str) -> int:
        """CRC-32 of a file of the firmware itself, named by its path from the root of the device
        ("pump/hal.py"); -1 when there is none."""
        raise NotImplementedError


class Watchdog:
    """Resets the chip unless fed."""

    def feed(self) -> None:
        """Another two seconds. The first call starts it."""
        raise NotImplementedError

    def release(self) -> None:
        """Stop it, for the REPL."""
        raise NotImplementedError


class Hot:
    """A number that outlives every reset but a power cut: the steps of the run in progress."""

    def save(self, boot: int, steps: int) -> None:
        """Keep ``steps`` (0 to 2^32-1) of boot number ``boot`` in place of others. Cheap. A reset
        amid it leaves these or those before."""
        raise NotImplementedError

    def load(self, boot: int) -> int:
        """The steps kept in boot number ``boot``, or -1 when there are none."""
        raise NotImplementedError


class Indicators:
    """Buzzer and alarm light."""

    def show(self, sound: bool, colour: str, on: bool) -> None:
        """Sound or quiet; a light of ``colour`` (red, yellow, cyan or none), on or off."""
        raise NotImplementedError


class Travel:
    """The switch at the end of the plunger's travel."""

    def at_end(self) -> bool:
        """True when nothing is left to push; an open wire says so too."""
        raise NotImplementedError


class Force:
    """Force on the plunger."""

    def read_mn(self) -> int:
        """Millinewtons, positive when pushing. Out of any plausible range when the sensor is open
        or short."""
        raise NotImplementedError


class Supply:
    """The pump's supply."""

    def read_mv(self) -> int:
        """Millivolts at the board's input."""
        raise NotImplementedError


class Display:
    """A small screen of four rows."""

    def show(self, row: int, text: str) -> None:
        """Write ``text`` (ASCII) into ``row`` 0 to 3 in place of what was there; what does not fit
        is cut. Takes some 10 ms, the first time for each row. OSError: no answer."""
        raise NotImplementedError


class Hal:
    """One board's hardware. What a board does not have is None: any of ``watchdog`` to
    ``display``."""

    version = HAL_VERSION
    capabilities = ()
    clock = Clock()
    generator = StepGenerator()
    fuse = DoseFuse()
    counter = StepCounter()
    stop = StopInput()
    driver = Driver()
    link = SerialLink()
    store = Store()
    watchdog = None
    hot = None
    indicators = None
    travel = None
    force = None
    supply = None
    display = None

    def serial_number(self) -> str:
        """The chip's unique id in hex."""
        raise NotImplementedError

    def reset_cause(self) -> str:
        """power-on, watchdog, reset (asked for) or unknown."""
        raise NotImplementedError

    def free_bytes(self) -> int:
        """Heap that is free; takes about a millisecond to find out."""
        raise NotImplementedError

    def collect(self) -> None:
        """Collect garbage now: the CPU is busy for some 20 ms."""
        raise NotImplementedError

    def wait(self, due_us: int, want_write: bool) -> None:
        """Sleep until ``due_us``, or until a byte comes in, the stop input opens, or (when
        ``want_write``) the link takes bytes again. May return early; at most 1 ms late."""
        raise NotImplementedError
