"""The step generator of the ESP32: words become chunks of pulses that the RMT plays.

The words in hand say exactly when each step is due, in ticks from the origin. A chunk is laid out
ahead: the time to its first step, then pulses as far apart as they are due. It begins when the RMT
is free and its first step is near, with as long a wait before that step as the clock asks for at
that moment; so an error at a chunk's beginning does not go on into the next. A chunk that begins
too late (the CPU was busy, or flash was written) has its intervals shortened by an eighth at most
until it has caught up, and no step is ever left out.

A timer's soft callback begins the next chunk; every call into the generator does too, if it is
time. A chunk lasts _CHUNK at most, so that STEP is soon free again after a halt; ``outlast`` asks
for one of _LONG, in whose shade flash can be written. When the CPU stands still, what is left is
the chunk in progress; when Python alone does, it is the queue, as on other chips.
"""

import time

from machine import Timer
from micropython import const

from pump.ports.esp32_rmt import PULSE_MAX

_WIDTH = const(12)  # ticks; 4.8 us, drivers ask for 1.9
_CHUNK = const(250_000)  # ticks; 100 ms
_LONG = const(1_500_000)  # ticks; 600 ms
_LEAD_MIN = const(2)
# A chunk begins so long before its first step at most; fits into a duration.
_LEAD_US = const(12_000)
_SIZE = const(32)
_SIZES = const(8)
_FOREVER_US = const(1 << 62)
_GUARD = const(150)  # ticks; STEP is not taken away so near to a pulse
# From reading the clock to the first tick of a chunk, before it is known better.
_BEGIN_US = const(40)


class StepGenerator:
    """``output`` plays, ``fuse`` is asked for every chunk, ``gate`` is armed with it."""

    tick_ns = (400, 1)
    depth = 8
    min_step_ticks = 450
    min_wait_ticks = 4
    max_ticks = (1 << 22) - 1
    max_count = 127
    late_us = 100_000

    def __init__(self, output, clock, fuse, gate) -> None:
        self._output = output
        self._clock = clock
        self._fuse = fuse
        self._gate = gate
        self._timer = Timer(0)
        self._tick = self._ring  # made once: a bound method is an object
        half = output.halves // 2
        self._durations = [0] * output.halves
        self._levels = [0] * output.halves
        self._rises = [0] * half  # ticks from the first rise of the chunk that is laid out
        self._played = [0] * half  # the same of the one that is played
        self._serving = False
        self._again = False
        # shortest time seen from clock to chunk, by length: so a step is never early
        self._latencies = [_BEGIN_US * 5 // 2] * _SIZES
        self._chunk = _CHUNK
        self._begun_us = 0  # the chunk in progress
        self._over_us = 0
        self._lead = 0
        self._count = 0
        self._reset()

    # ---- the contract -------------------------------------------------------------------------

    def arm(self) -> None:
        self.halt()
        self._output.attach(self._clock.now_us())
        self._gate.arm()

    def run(self) -> None:
        self._running = True
        self._origin_us = self._clock.now_us()
        self.serve()

    def room(self) -> int:
        self.serve()
        in_progress = 1 if self._running and self._words else 0
        return self.depth + in_progress - len(self._words)

    def put(self, count: int, interval_ticks: int) -> None:
        if not self.room():
            raise OverflowError("step queue is full")
        begin = self._end
        if self._running and not self._words:
            begin = max(begin, self._position(self._clock.now_us()))
            self._at = begin
        self._end = begin + interval_ticks * (count or 1)
        self._words.append((count, interval_ticks, self._end))
        self.serve()

    def halt(self) -> None:
        self.cut()
        self._reset()

    def starved(self) -> bool:
        self.serve()
        return self._dry

    def outlast(self, us: int) -> int:
        self.serve()
        if not self._running or not self._steps:
            return _FOREVER_US
        left_us = self._due_us() - self._clock.now_us()
        if left_us < us:
            self._chunk = _LONG
        return left_us

    # ---- for the port -------------------------------------------------------------------------

    def due_us(self) -> int:
        """When ``serve`` wants to be called."""
        return self._due_us() if self._running and self._steps else _FOREVER_US

    def cut(self) -> None:
        """End motion between two pulses; the words stay and are not worked on any more."""
        if not self._running:
            return
        self._running = False
        now_us = self._clock.now_us()
        if now_us < self._over_us:
            self._wait_for_a_gap((now_us - self._begun_us) * 5 // 2 - self._lead)
        self._output.detach()  # also from a chunk that ``serve`` may be about to begin

    def serve(self) -> None:
        """Begin the next chunk if it is time, lay out the one after it, let go of what is over."""
        if self._serving:
            self._again = True
            return
        self._serving = True
        try:
            self._again = True
            while self._again:
                self._again = False
                self._lay_out()
                if self._running:
                    self._work()
        finally:
            self._serving = False

    # ---- inside -------------------------------------------------------------------------------

    def _reset(self) -> None:
        self._running = False
        self._words = []  # (count, interval, end), the first ones perhaps laid out already
        self._next = 0  # the word to lay out next
        self._made = 0  # steps of it that are laid out
        self._end = 0  # of the last word
        self._at = 0  # of the last step or wait that is laid out
        self._origin_us = 0
        self._dry = False
        self._timed_us = 0
        self._over_us = 0  # a chunk that was cut short is another channel's business
        self._begin_chunk()

    def _begin_chunk(self) -> None:
        self._steps = 0
        self._filled = 0
        self._first = 0  # rises of the chunk that is laid out
        self._last = 0
        self._sum = 0  # ticks from its first rise to its end

    def _ring(self, timer: Timer) -> None:
        self._timed_us = 0
        self.serve()

    def _position(self, now_us: int) -> int:
        return (now_us - self._origin_us) * 5 // 2

    def _due_us(self) -> int:
        """When the chunk that is laid out must begin, at the earliest."""
        return max(self._over_us, self._origin_us + self._first * 2 // 5 - _LEAD_US)

    def _work(self) -> None:
        now_us = self._clock.now_us()
        if self._steps and now_us >= self._due_us():
            self._play()
            self._lay_out()
            now_us = self._clock.now_us()
        if self._steps and self._due_us() != self._timed_us:
            self._timed_us = self._due_us()
            wait_us = max(1, self._timed_us - now_us)
            self._timer.init(
                mode=Timer.ONE_SHOT, period=wait_us, tick_hz=1_000_000, callback=self._tick
            )
        # waits are over by the clock alone; a word with a step that is still to be made is not
        over = min(self._first - 1 if self._steps else self._at, self._position(now_us))
        words = self._words
        while words and self._next and words[0][2] <= over:
            words.pop(0)
            self._next -= 1
            self._dry = self._dry or not words

    def _lay_out(self) -> None:
        """Go on with the chunk that is laid out as far as words, memory, time and fuse reach."""
        allowed = self._fuse.left
        while self._next < len(self._words):
            count, interval, _ = self._words[self._next]
            if count and (self._steps >= allowed or not self._add(self._at + interval)):
                return
            self._at += interval
            if count:
                self._made += 1
                if self._made < count:
                    continue
            self._made = 0
            self._next += 1

    def _add(self, rise: int) -> bool:
        """Add a pulse at ``rise``; False when it does not fit into the chunk."""
        steps = self._steps
        at = self._filled
        if not steps:
            self._first = rise
            at = 1  # the wait before it is worked out at the last moment
        else:
            low = rise - self._last - _WIDTH
            if rise - self._first > self._chunk:
                return False
            if at + low // PULSE_MAX + 2 > len(self._durations):
                return False
            self._sum += low
            while low:
                part = min(low, PULSE_MAX)
                self._durations[at] = part
                self._levels[at] = 0
                low -= part
                at += 1
        self._durations[at] = _WIDTH
        self._levels[at] = 1
        self._rises[steps] = rise - self._first
        self._filled = at + 1
        self._steps = steps + 1
        self._last = rise
        self._sum += _WIDTH
        return True

    def _play(self) -> None:
        steps = self._steps
        if not self._fuse.spend(steps):
            self._begin_chunk()
            return
        size = self._filled // _SIZE
        durations, levels = self._durations, self._levels
        if self._filled < len(durations):
            durations, levels = durations[: self._filled], levels[: self._filled]
        now_us = self._clock.now_us()
        lead = self._first - self._position(now_us) - self._latencies[size]
        least = self._least_lead(now_us)
        if lead < least:
            self._catch_up(durations, least - lead)
            lead = least
        durations[0] = lead
        self._rises, self._played = self._played, self._rises
        self._count = steps
        self._lead = lead
        self._set_times(now_us)  # a stop may come before it is known better
        self._output.play(durations, levels)
        begun_us = self._clock.now_us()
        self._latencies[size] = min(self._latencies[size], (begun_us - now_us) * 5 // 2)
        self._set_times(begun_us)
        self._chunk = _CHUNK
        self._begin_chunk()

    def _set_times(self, begun_us: int) -> None:
        self._begun_us = begun_us
        self._over_us = begun_us + (self._lead + self._sum) * 2 // 5 + 1
        self._output.busy_until(self._over_us)

    def _least_lead(self, now_us: int) -> int:
        """The first step keeps its distance from the last one of the chunk before."""
        since = (now_us - self._over_us) * 5 // 2
        return max(_LEAD_MIN, self.min_step_ticks - _WIDTH - since)

    def _catch_up(self, durations: list, late: int) -> None:
        """Shorten the waits between pulses until ``late`` ticks are made up for."""
        least = self.min_step_ticks - _WIDTH
        moved = 0
        step = 1
        for at in range(2, self._filled):
            wait = durations[at]
            if self._levels[at]:
                self._rises[step] -= moved
                step += 1
            elif moved < late and wait > least:
                less = min(late - moved, wait >> 3, wait - least)
                durations[at] = wait - less
                moved += less
        self._sum -= moved

    def _wait_for_a_gap(self, now: int) -> None:
        """``now``: ticks since the first rise of the chunk in progress."""
        low, high = 0, self._count
        while low < high:
            middle = (low + high) // 2
            if self._played[middle] + _WIDTH + _GUARD <= now:
                low = middle + 1
            else:
                high = middle
        if low < self._count and self._played[low] - _GUARD <= now:
            time.sleep_us((self._played[low] + _WIDTH + _GUARD - now) * 2 // 5)
