"""A HAL in plain Python and virtual time, with a knob for each way the hardware may misbehave."""

from binascii import crc32
from types import SimpleNamespace

from pump import hal
from pump.core.mechanics import Mechanics
from pump.core.supervisor import Watch

BOARD = SimpleNamespace(
    MODEL="fake",
    MODE="safe",
    MECHANICS=Mechanics(),
    HARD_LIMITS=(("dose", "", "1.5mg/kg"),),
    SOFT_LIMITS=(),
    BOLUS_LOCKOUT="5min",
    BOLUS_HOURLY="5mL",
    WATCH=Watch(),
    LIBRARY="optional",
)
PRESCRIPTION = {
    "weight": "70kg",
    "dose": "0.5mg/kg",
    "over": "40min",
    "concentration": "1mg/mL",
    "syringe": "bd-60",
}
SHORT = {"rate": "60mL/h", "over": "10s", "syringe": "bd-10"}


class FakeClock(hal.Clock):
    """Time that stands still until the bench moves it."""

    def __init__(self):
        self.us = 0

    def now_us(self):
        return self.us


class FakeFuse(hal.DoseFuse):
    """Lets ``left`` more steps pass."""

    def __init__(self):
        self.left = 0

    def arm(self, steps):
        assert 0 <= steps < 2**32 - 1
        self.left = steps

    def disarm(self):
        self.left = 0

    def allows(self):
        return self.left > 0


class FakeCounter(hal.StepCounter):
    """Counts what passed the fuse; ``offset`` makes it wrong."""

    def __init__(self):
        self.count = 2**32 - 100  # wraps soon, as the contract allows
        self.offset = 0

    def steps(self):
        return (self.count + self.offset) % 2**32


class FakeGenerator(hal.StepGenerator):
    """Works through words as time goes on; see ``catch_up``."""

    tick_ns = (16, 1)
    depth = 8
    min_step_ticks = 133
    min_wait_ticks = 4
    max_ticks = (1 << 25) - 1
    max_count = 127

    def __init__(self, clock, fuse, counter):
        self._clock = clock
        self._fuse = fuse
        self._counter = counter
        self.stuck = False  # takes no words and makes no steps
        self.running = False
        self._reset()

    def _reset(self):
        self.running = False
        self._words = []
        self._made = 0  # steps of the first word
        self._begin = 0  # tick at which the first word begins
        self._starved = False

    def arm(self):
        self._reset()

    def run(self):
        self.running = True
        self._run_us = self._clock.us

    def halt(self):
        self.catch_up()
        self._reset()

    def room(self):
        self.catch_up()
        waiting = len(self._words) - (1 if self.running and self._words else 0)
        return self.depth - waiting

    def put(self, count, interval_ticks):
        if not self.room():
            raise OverflowError("full")
        assert 0 <= count <= self.max_count and interval_ticks <= self.max_ticks
        self._words.append((count, interval_ticks))

    def starved(self):
        self.catch_up()
        return self._starved

    def outlast(self, us):
        return hal.FOREVER_US

    def catch_up(self):
        """Make the steps that are due by now."""
        if not self.running or self.stuck:
            return
        now = (self._clock.us - self._run_us) * 125 // 2
        while self._words:
            count, interval = self._words[0]
            due = min(count, (now - self._begin) // interval)
            for _ in range(due - self._made):
                self._step()
            self._made = due
            end = self._begin + interval * (count or 1)
            if now < end:
                return
            self._words.pop(0)
            self._begin, self._made = end, 0
        self._starved = True

    def _step(self):
        if self._fuse.left:
            self._fuse.left -= 1
            self._counter.count += 1


class FakeStop(hal.StopInput):
    """The loop; ``press`` stops the generator as hardware does."""

    def __init__(self, generator):
        self._generator = generator
        self.open = False
        self._latched = False
        self._stirred = False

    def restless(self):
        stirred, self._stirred = self._stirred, False
        return stirred or self.open

    def press(self):
        self._generator.halt()
        self.open = self._latched = self._stirred = True

    def release(self):
        self.open = False

    def is_open(self):
        return self.open

    def opened(self):
        return self._latched or self.open

    def rearm(self):
        if not self.open:
            self._latched = False
        return not self.open


class FakeDriver(hal.Driver):
    """Remembers whether it is on; ``says`` what ``set_up`` and ``check`` answer."""

    def __init__(self):
        self.on = False
        self.says = ""

    def enable(self, on):
        self.on = on

    def set_up(self):
        return self.says

    def check(self, steps=None):
        return self.says


class FakeLink(hal.SerialLink):
    """``incoming`` goes to the pump; ``sent`` is what it gave; ``takes`` bytes per write."""

    def __init__(self, takes=10**6):
        self.incoming = b""
        self.sent = b""
        self.takes = takes

    def read(self, buffer):
        chunk = self.incoming[: len(buffer)]
        self.incoming = self.incoming[len(chunk) :]
        buffer[: len(chunk)] = chunk
        return len(chunk)

    def write(self, data):
        taken = bytes(data[: self.takes])
        self.sent += taken
        return len(taken)


class FakeStore(hal.Store):
    """Records in memory; ``full`` takes no more of them; ``files`` is path -> content."""

    def __init__(self):
        self.records = {}
        self.files = {}
        self.full = False

    def load(self, name):
        return self.records.get(name, b"")

    def read(self, name, at, count):
        return self.load(name)[at : at + count]

    def save(self, name, data):
        if self.full:
            raise OSError(28)
        self.records[name] = data

    def append(self, name, data):
        self.save(name, self.load(name) + data)

    def digest(self, name, count):
        return crc32(self.records[name][:count]) if name in self.records else -1

    def checksum(self, path):
        return crc32(self.files[path]) if path in self.files else -1


class FakeHal(hal.Hal):
    """All of it; ``wait`` moves the time."""

    capabilities = (hal.HARD_STOP, hal.LEASE, hal.FUSE, hal.COUNTER)

    def __init__(self):
        self.clock = FakeClock()
        self.fuse = FakeFuse()
        self.counter = FakeCounter()
        self.generator = FakeGenerator(self.clock, self.fuse, self.counter)
        self.stop = FakeStop(self.generator)
        self.driver = FakeDriver()
        self.link = FakeLink()
        self.store = FakeStore()
        self.until_us = None  # no wait goes beyond

    def serial_number(self):
        return "e660583883724a32"

    def reset_cause(self):
        return "power-on"

    def free_bytes(self):
        return 100_000

    def collect(self):
        raise AssertionError("nothing to collect")

    def wait(self, due_us, want_write):
        if self.link.incoming:
            return
        if self.until_us is not None:
            due_us = min(due_us, self.until_us)
        self.go_to(due_us)

    def go_to(self, us):
        """Let time pass; the hardware goes on by itself."""
        self.clock.us = max(self.clock.us, us)
        self.generator.catch_up()


class FakeTravel(hal.Travel):
    """The switch at the end; ``end`` is what it says."""

    end = False

    def at_end(self):
        return self.end


class FakeForce(hal.Force):
    """Force on the plunger, ``mn``; ``read`` counts the readings."""

    mn = 3_000
    read = 0

    def read_mn(self):
        self.read += 1
        return self.mn


class FakeSupply(hal.Supply):
    """The supply, ``mv``."""

    mv = 5_000

    def read_mv(self):
        return self.mv


class FakeWatchdog(hal.Watchdog):
    """``fed`` holds the instants."""

    def __init__(self, clock):
        self._clock = clock
        self.fed = []
        self.released = False

    def feed(self):
        self.fed.append(self._clock.us)

    def release(self):
        self.released = True


class FakeIndicators(hal.Indicators):
    """``shown`` is what is shown now; ``history`` every change as (us, sound, colour, on)."""

    def __init__(self, clock):
        self._clock = clock
        self.shown = (False, "off", False)
        self.history = []

    def show(self, sound, colour, on):
        if (sound, colour, on) != self.shown:
            self.history.append((self._clock.us, sound, colour, on))
        self.shown = (sound, colour, on)


def fit(made):
    """Give a FakeHal all that may surround the motor; returns it."""
    made.travel, made.force, made.supply = FakeTravel(), FakeForce(), FakeSupply()
    made.driver.says = ""
    made.watchdog = FakeWatchdog(made.clock)
    made.indicators = FakeIndicators(made.clock)
    return made
