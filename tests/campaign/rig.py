"""One simulated bench with probes: every edge of STEP, ENABLE, STOP, DIRECTION, every reset, and
every line on the wire, with the cycle at which it was there."""

from bisect import bisect_right
from fractions import Fraction

from tests.device.targets import Line
from titra.simulator import Lockstep

CYCLES_PER_US = 125
STEP, DIRECTION, ENABLE, ALLOW, STOP = 2, 3, 4, 5, 14
FITTED = {"TRAVEL": 13, "FORCE": 26, "SUPPLY": 29}
HEALTHY_MV = {26: 330 + 148, 29: 5_000 // 3}  # 10 N on the plunger; 5 V behind a divider of 3
ENDLESS = 1 << 60


class Rig:
    """A pump in this process. Time goes on only in ``run_us``."""

    def __init__(self, noise_seed: int, fitted: bool, prepare=None) -> None:
        self.lockstep = Lockstep(seed=noise_seed)
        self.bench = bench = self.lockstep.bench
        self.world = bench.world
        self.usb = bench.usb
        self.fitted = fitted
        self.lines = []  # (cycle, boot index, Line)
        self.bad = []  # (cycle, bytes) that were no line
        self.may_tear = 0  # lines that a reset or a host has cut
        self.resets = []  # (cycle, cause)
        self.boots = [0]  # boot_cycle of each boot
        self.openings = []  # [cycle of STOP's rise, cycle of its fall or None]
        self.reverse = []  # cycles at which DIRECTION rose
        self.currents = []  # (cycle, level) of ENABLE
        self.story = []  # (cycle, what the bench or the host did)
        self.mistakes = []  # of the campaign itself
        self._part = b""
        bench.keep_runs = True
        pads = self.world.pads
        pads.watch(STOP, self._stop_edge)
        pads.watch(DIRECTION, lambda pin, level, at, *_: level and self.reverse.append(at))
        pads.watch(ENABLE, lambda pin, level, at, *_: self.currents.append((at, level)))
        self._reset = bench.reset
        bench.reset = self._note_reset
        if fitted:
            bench.fitted = dict(FITTED)
            self.world.volts_mv = dict(HEALTHY_MV)
            pads.drive(FITTED["TRAVEL"], 0)
        if prepare:
            prepare(self)
        self.boots[0] = self.world.boot_cycle

    # ---- time ---------------------------------------------------------------------------------

    def run_us(self, us: int) -> list:
        """Let time pass; returns the lines that came."""
        before = len(self.lines)
        self.lockstep.run_us(us)
        self.read()
        return self.lines[before:]

    def at_us(self, us: int, action) -> None:
        """``action()`` in ``us``."""
        self.world.at(self.world.now + us * CYCLES_PER_US, action)

    def tell(self, what: str) -> None:
        """Into the story of this run."""
        self.story.append((self.world.now, what))

    def close(self) -> None:
        self.lockstep.close()

    # ---- the wire -----------------------------------------------------------------------------

    def send(self, data: bytes) -> None:
        if self.usb.connected:
            self.usb.host_write(data)

    def read(self) -> None:
        """Take what the chip has sent, if the host reads."""
        if not self.usb.reading:
            return
        *whole, self._part = (self._part + self.usb.host_read()).split(b"\n")
        for raw in whole:
            self._take(raw)

    def _take(self, raw: bytes) -> None:
        try:
            line = Line(raw.decode("ascii"))
        except (AssertionError, UnicodeDecodeError, IndexError):
            line = None
            if self.may_tear:
                self.may_tear -= 1
            else:
                self.bad.append((self.world.now, raw))
        if line:
            self.lines.append((self.world.now, len(self.boots) - 1, line))

    def _note_reset(self, cause: str) -> None:
        self.read()
        self._part = b""
        self.usb.sent = bytearray()
        self._reset(cause)
        self.resets.append((self.world.now, cause))
        self.boots.append(self.world.boot_cycle)
        self.tell("chip reset: " + cause)

    # ---- the pins -----------------------------------------------------------------------------

    def _stop_edge(self, pin: int, level: int, at: int, *_) -> None:
        if level:
            self.openings.append([at, None])
        elif self.openings and self.openings[-1][1] is None:
            self.openings[-1][1] = at

    def end_of_boot(self, index: int) -> int:
        """The cycle of the reset that ended a boot."""
        return self.resets[index][0] if index < len(self.resets) else ENDLESS

    def edges(self) -> "Edges":
        return Edges(self.bench.step_runs)


class Edges:
    """Rising edges of STEP as trains (first, period, count), for questions about intervals."""

    def __init__(self, runs: list) -> None:
        self.runs = runs
        self._firsts = [run[0] for run in runs]
        self._before = [0]
        for run in runs:
            self._before.append(self._before[-1] + run[2])

    def until(self, cycle: int) -> int:
        """Edges at or before ``cycle``."""
        index = bisect_right(self._firsts, cycle)
        if not index:
            return 0
        first, period, count = self.runs[index - 1]
        inside = count if count == 1 else min(count, (cycle - first) // period + 1)
        return self._before[index - 1] + inside

    def between(self, after: int, upto: int) -> int:
        """Edges later than ``after``, not later than ``upto``."""
        return self.until(upto) - self.until(after)

    def total(self) -> int:
        return self._before[-1]

    def next_after(self, cycle: int):
        """The first edge later than ``cycle``, or None."""
        made = self.until(cycle)
        if made == self.total():
            return None
        index = bisect_right(self._before, made) - 1
        first, period, _ = self.runs[index]
        return first + period * (made - self._before[index])

    def last(self) -> int:
        first, period, count = self.runs[-1]
        return first + period * (count - 1)

    def worst(self, interval: Fraction, before: int, steps: int) -> Fraction:
        """How far, in cycles, a step is from its instant: ``steps`` from number ``before`` on,
        ``interval`` apart from the first one. Both ends of each train are looked at."""
        origin = None
        number = 0
        worst = Fraction(0)
        for first, period, count in self.runs:
            begin = max(number, before)
            end = min(number + count, before + steps) - 1
            for k in (begin, end) if begin <= end else ():
                cycle = first + period * (k - number)
                if origin is None:
                    origin = cycle - interval
                worst = max(worst, abs(cycle - origin - interval * (k - before + 1)))
            number += count
        return worst
