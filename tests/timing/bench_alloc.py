"""Heap taken by one turn of the pump's loop, on real MicroPython: prints ``name bytes`` lines.

    micropython bench_alloc.py ROOT

The HAL here does nothing and allocates nothing, so that what is counted is the firmware's own. The
collector is off while a turn is counted. Each figure is the mean and the most of TURNS turns.
"""

import gc
import sys

ROOT = globals().get("ROOT") or sys.argv[1]
TURNS = globals().get("TURNS") or 50
COLLECT = globals().get("COLLECT", True)
sys.path[:0] = [ROOT + "/firmware", ROOT]

from pump import hal  # noqa: E402
from pump.app.pump import Pump  # noqa: E402
from pump.core.frame import seal  # noqa: E402
from pump.core.mechanics import Mechanics  # noqa: E402
from pump.core.supervisor import Watch  # noqa: E402

THERAPY = "program weight=70kg dose=0.5mg/kg over=40min concentration=1mg/mL syringe=bd-60"


class Board:
    """What a board file says."""

    MODEL = "bench"
    MODE = "safe"
    MECHANICS = Mechanics()
    HARD_LIMITS = ()
    SOFT_LIMITS = ()
    BOLUS_LOCKOUT = "5min"
    BOLUS_HOURLY = "5mL"
    LIBRARY = "optional"
    WATCH = Watch()


class Still(hal.Clock, hal.StopInput, hal.Driver, hal.Store):
    """All the parts that have nothing to do; ``us`` is the time."""

    us = 0

    def now_us(self):
        return self.us

    def opened(self):
        return False

    is_open = restless = opened

    def rearm(self):
        return True

    def enable(self, on):
        pass

    def set_up(self):
        return ""

    def check(self, steps=None):
        return ""

    def load(self, name):
        return b""

    def read(self, name, at, count):
        return b""

    def save(self, name, data):
        pass

    def append(self, name, data):
        pass

    def checksum(self, path):
        return -1


class Generator(hal.StepGenerator, hal.DoseFuse, hal.StepCounter):
    """Works through its words as time goes on, to the microsecond, and is fuse and counter too;
    ``words`` counts the words."""

    min_step_ticks = 133
    min_wait_ticks = 4
    max_ticks = (1 << 25) - 1
    max_count = 127

    def __init__(self, clock):
        self._clock = clock
        ring = self.depth + 1
        self._ends = [0] * ring
        self._counts = [0] * ring
        self._intervals_us = [1] * ring
        self.words = 0
        self._done = 0
        self._made = 0
        self._left = 0

    def arm(self, steps=None):
        if steps is None:
            self._done = self.words
        else:
            self._left = steps

    def disarm(self):
        self._left = 0

    def allows(self):
        self.room()
        return self._left > 0

    def run(self):
        pass

    def outlast(self, us):
        return hal.FOREVER_US

    def halt(self):
        self.room()
        self._done = self.words

    def room(self):
        while self._done < self.words and self._ends[self._done % 9] <= self._clock.us:
            made = min(self._counts[self._done % 9], self._left)
            self._made += made
            self._left -= made
            self._done += 1
        waiting = self.words - self._done
        return self.depth - (waiting - 1 if waiting else 0)

    def steps(self):
        self.room()
        if self._done == self.words:
            return self._made
        at = self._done % 9
        rest = -((self._clock.us - self._ends[at]) // self._intervals_us[at])
        return self._made + max(0, min(self._left, self._counts[at] - rest))

    def put(self, count, interval_ticks):
        end = self._clock.us if self._done == self.words else self._ends[(self.words - 1) % 9]
        at = self.words % 9
        interval_us = interval_ticks * 2 // 125
        self._counts[at] = count
        self._intervals_us[at] = interval_us
        self._ends[at] = end + (count or 1) * interval_us
        self.words += 1

    def starved(self):
        return False


class Link(hal.SerialLink):
    """``incoming`` goes to the pump; ``sent`` counts bytes, ``kept`` keeps them if not None."""

    incoming = b""
    sent = 0
    kept = None

    def read(self, buffer):
        count = min(len(self.incoming), len(buffer))
        for index in range(count):
            buffer[index] = self.incoming[index]
        if count:
            self.incoming = self.incoming[count:]
        return count

    def write(self, data):
        self.sent += len(data)
        if self.kept is not None:
            self.kept += bytes(data)
        return len(data)


class BenchHal(hal.Hal):
    """All of it."""

    capabilities = (hal.HARD_STOP, hal.LEASE, hal.FUSE, hal.COUNTER)

    def __init__(self):
        self.clock = self.stop = self.driver = self.store = Still()
        self.generator = self.fuse = self.counter = Generator(self.clock)
        self.link = Link()
        self.due_us = 0
        self.asleep = True  # time goes on by itself, for the self-test

    def serial_number(self):
        return "0"

    def reset_cause(self):
        return "power-on"

    def free_bytes(self):
        return 1 << 20

    def wait(self, due_us, want_write):
        self.due_us = due_us
        if self.asleep:
            self.clock.us = due_us


def ask(pump, text):
    """Give the pump a request and let it answer; returns what it sent."""
    link = pump.hal.link
    link.kept = b""
    link.incoming = seal(text)
    for _ in range(5):
        pump.turn()
    sent = link.kept.decode()
    link.kept = None
    return sent


def counted(pump):
    """One turn: (bytes taken, words queued, bytes sent)."""
    generator = pump.hal.generator
    link = pump.hal.link
    words = generator.words
    sent = link.sent
    if COLLECT:
        gc.collect()
    gc.disable()
    before = gc.mem_alloc()
    pump.turn()
    taken = gc.mem_alloc() - before
    if COLLECT:
        gc.enable()
    return taken, generator.words - words, link.sent - sent


def tell(name, taken):
    """Print mean and most."""
    print("%s %d %d %d" % (name, len(taken), sum(taken) // max(1, len(taken)), max(taken or [0])))


def run(pump, name, nothing_due=False):
    """Turn TURNS times, each when it is due or (``nothing_due``) at once, and tell what the turns
    took, apart by what they did."""
    quiet = []
    planning = []
    telling = []
    words_of_all = 0
    for _ in range(TURNS):
        if not nothing_due:
            pump.hal.clock.us = max(pump.hal.clock.us, pump.hal.due_us)
        taken, words, sent = counted(pump)
        if sent:
            telling.append(taken)
        elif words:
            planning.append(taken)
            words_of_all += words
        else:
            quiet.append(taken)
    if nothing_due:
        tell(name, quiet)
    tell(name + "-telemetry", telling)
    tell(name + "-planning", planning)
    print("%s-per-word %d %d 0" % (name, words_of_all, sum(planning) // max(1, words_of_all)))


def main():
    pump = Pump(BenchHal(), Board())
    assert pump.controller.state == "idle", pump.controller.cause
    pump.hal.asleep = False
    run(pump, "idle", True)
    run(pump, "idle")
    sent = ask(pump, "2 " + THERAPY)
    ask(pump, "3 start plan=" + sent.split(" plan=")[1].split(" ")[0])
    run(pump, "moving", True)
    run(pump, "moving")
    assert pump.controller.state == "infusing", pump.controller.cause


main()
