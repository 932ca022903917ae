"""One plan in motion: keeps the step generator's queue full and knows what was delivered.

The generator works through words by itself; this module plans them ahead, has each one verified by
other arithmetic, and tells when it must be called again. Times: microseconds of the HAL's clock;
positions: generator ticks from the plan's start, not counting pauses.
"""

from micropython import const

from pump.core.lease import lease_us
from pump.core.plan import PAST
from pump.core.ratio import ZERO, add, compare, make, mul, sub
from pump.core.schedule import Planner
from pump.core.timeline import to_ticks
from pump.core.verifier import Verifier, unfit

# The last pulse rises at the end of its word; a little later it has been counted for sure.
_SETTLE_US = const(50)
# A word still in progress so long after its end will not end: the fuse, say, holds the generator.
_STALL_US = const(1000)
_EARLY_US = const(300_000)  # a loop that is awake anyway fills the queue so much before it must
_RECHECK_US = const(2_000)  # the last step is late: look again after so long
NO_END = 1 << 62  # microseconds
_COUNTER_MASK = const(0xFFFFFFFF)


class MotionError(Exception):
    """The words, the generator or the count are not what they must be; the text is the cause."""


class Motion:
    """Drives ``plan`` through ``hal``. Nothing moves before ``begin``. A plan with a past goes on
    at its end, which is at ``position`` ticks.

    ValueError: a rate that the generator cannot make.

    For the supervisor, set by ``begin``:
    begun_us     before and after the instant at which the generator was set going
    position_us  plan time at that instant
    done         steps made before it
    count        the counter's reading before it
    halted_us    before and after the instant of ``halt``
    handed       steps given to the generator by then
    stretches    (steps, duration in us as a ratio) of the whole run
    """

    def __init__(self, hal, plan, mechanics, position: int = 0) -> None:
        generator = hal.generator
        self._hal = hal
        self._generator = generator
        self._plan = plan
        self._mechanics = mechanics
        self.done = plan.past_steps()
        self._lay_out(self.done, position)
        self._planner.seek(self.done, position)
        self._verifier.seek(self.done, self._planner.position_ticks)
        self._total_steps = plan.total_steps
        self.lease_us = lease_us(_fastest(plan), generator.depth)
        self._max_ticks = min(self._ticks(self.lease_us), generator.max_ticks)
        self._ends = [0] * (generator.depth + 1)  # where the last words end, a ring
        self._words = 0
        self._exhausted = False
        self.count = 0
        self.begun_us = (0, 0)
        self.halted_us = (0, 0)
        self.handed = 0
        self.position_us = 0
        self._start_us = 0
        self._start_ticks = 0
        self._recheck_us = 0
        self.running = False

    def begin(self) -> bool:
        """Start, or go on after ``halt``: queue first, fuse next, generator last. False, and
        nothing is set going, when the stop loop was open: from its arming on the fuse sees that
        for itself, so that no opening falls between the two."""
        hal = self._hal
        self._generator.arm()
        self._words = 0
        self._exhausted = False
        self._recheck_us = 0
        self.count = hal.counter.steps()
        self._start_ticks = self._planner.position_ticks
        self.running = True  # from here on ``halt`` has something to take back
        hal.driver.enable(True)
        self._fill()
        hal.fuse.arm(self._total_steps - self.done)
        going = not hal.stop.opened()
        before_us = hal.clock.now_us()
        if going:
            self._generator.run()
        self._start_us = hal.clock.now_us()
        self.begun_us = (before_us, self._start_us)
        self.position_us = self._us(self._start_ticks)
        return going

    def halt(self) -> None:
        """Halt at once, for good or for now, keeping the place: after ``begin`` the next step
        stays due after the rest of its interval. The count of delivered steps is final
        afterwards."""
        if not self.running:
            return
        now_us = self._hal.clock.now_us()
        self._generator.halt()
        self.halted_us = (now_us, self._hal.clock.now_us())
        self._hal.fuse.disarm()
        self.handed = self._planner.steps_planned
        done = self.measured()
        self.done = done
        self.running = False
        if done <= self._total_steps:  # else it is a miscount, and there is no place to keep
            position = self._start_ticks + self._ticks(now_us - self._start_us)
            position = max(position, self._planner.timeline.due_ticks(done))
            if self._amid_fast(done):
                self._lay_out(done, position)
            self._planner.seek(done, position)
            self._verifier.seek(done, self._planner.position_ticks)

    def poll(self, now_us: int) -> bool:
        """Keep the queue full. True when the plan has ended. Raises MotionError."""
        early_us = 0 if self._exhausted else _EARLY_US
        if now_us + early_us < self.due_us():
            return False
        if self._exhausted:
            return self._over(now_us)
        if self._stalled(now_us):
            raise MotionError("miscount")
        self._refill()
        return False

    def top_up(self) -> None:
        """Fill the queue now, before something that may take long. Raises MotionError."""
        if self.running and not self._exhausted:
            self._refill()

    def outlasts_us(self, now_us: int, stall_us: int = 0) -> int:
        """How long motion goes on by itself with what is queued; NO_END when nothing more is
        needed. With a ``stall_us``: with the CPU held up, interrupts off; where that is less, the
        generator is asked for so much, to be had soon."""
        if not self.running:
            return NO_END
        left_us = NO_END if self._exhausted else self._end_us() - now_us
        return min(left_us, self._generator.outlast(stall_us)) if stall_us else left_us

    def due_us(self) -> int:
        """When ``poll`` must be called next."""
        if self._exhausted:
            return max(self._end_us(), self._recheck_us)
        ahead = self._words - self._generator.depth // 2 - 1
        return self._at_us(self._ends[ahead % len(self._ends)])

    def measured(self) -> int:
        """Steps counted at the pin for this plan."""
        if not self.running:
            return self.done
        since = (self._hal.counter.steps() - self.count) & _COUNTER_MASK
        return self.done + since

    def commanded(self) -> int:
        """Steps of this plan that were given to the generator."""
        return self._planner.steps_planned if self.running else self.done

    def elapsed_us(self, now_us: int) -> int:
        """Time in motion: plan time without pauses. An instant before ``begin`` counts as that."""
        ticks = self._planner.position_ticks
        if self.running:
            ticks = self._start_ticks + self._ticks(max(0, now_us - self._start_us))
        ticks = min(ticks, self._planner.timeline.total_ticks)
        return self._us(ticks)

    def place(self, now_us: int) -> tuple:
        """(steps made, plan time in ticks) now; with the motor held, where it goes on."""
        if not self.running:
            return self.done, self._planner.position_ticks
        done = min(self.measured(), self._total_steps)
        position = self._start_ticks + self._ticks(now_us - self._start_us)
        return done, max(position, self._planner.timeline.due_ticks(done))

    def begun(self, done: int, position: int) -> tuple:
        """The part of the step after ``done`` that is due at ``position``, a ratio below 1."""
        line = self._planner.timeline
        if done == line.total_steps:
            return ZERO
        index = line.phase_of(done + 1)
        part = (position * line.denominator - line.starts[index]) * line.steps[index]
        part -= (done - line.first_steps[index]) * line.durations[index]
        part = make(min(max(part, 0), line.durations[index] - 1), line.durations[index])
        before = self._plan.begun(done)  # of a change: the step had only the rest to go
        return add(before, mul(part, sub(make(1), before)))

    def present(self, now_us: int) -> tuple:
        """(number of the phase, number of the stretch in it) in which plan time is now."""
        position = self.place(now_us)[1] * self._planner.timeline.denominator
        found = self._origins[0]
        for start, origin in zip(self._planner.timeline.starts, self._origins):
            if start > position:
                break
            found = origin
        return found

    def total_us(self) -> int:
        """Time in motion of the whole plan, ramps included."""
        return self._us(self._planner.timeline.total_ticks)

    def _amid_fast(self, done: int) -> bool:
        """True in the midst of a stretch that the motor cannot start at."""
        first_step = 0
        for steps, duration_us in self._plan.stretches():
            if first_step < done < first_step + steps:
                return self._mechanics.ramp.needed(steps, duration_us)
            first_step += steps
        return False

    def _lay_out(self, done: int, position: int) -> None:
        """Plan all that is left after ``done`` steps and ``position`` ticks, from standstill.

        The past becomes one stretch, so that steps and positions stay those of the whole plan.
        """
        tick_ns = self._generator.tick_ns
        mechanics = self._mechanics
        ordered = []
        first_step = 0
        origins = []
        for number, phase in enumerate(self._plan.phases):
            for part, (steps, duration_us) in enumerate(phase.stretches):
                left = first_step + steps - done
                if first_step >= done and phase.kind != PAST:
                    ordered.append((steps, duration_us))
                    origins.append((number, part))
                elif left > 0:
                    ordered.append((left, mul(duration_us, make(left, steps))))
                    origins.append((number, part))
                first_step += steps
        stretches = []
        self._origins = []  # of each stretch: the phase, and which of its stretches
        if position:
            stretches.append((done, make(position * tick_ns[0], 1000 * tick_ns[1])))
            self._origins.append(origins[0])
        for (steps, duration_us), origin in zip(ordered, origins):
            shaped = mechanics.ramp.shape(steps, duration_us)
            stretches += shaped
            self._origins += [origin] * len(shaped)
        ahead = stretches[1:] if position else stretches
        if unfit(ordered, ahead, mechanics.start_stop_hz, mechanics.acceleration_hz_per_s):
            raise MotionError("internal")
        self.stretches = stretches
        laid = [(steps, to_ticks(duration, tick_ns)) for steps, duration in stretches]
        least = (self._generator.min_step_ticks, self._generator.min_wait_ticks)
        self._planner = Planner(laid, *least)
        self._verifier = Verifier(laid, *least)

    def _over(self, now_us: int) -> bool:
        """True when all steps have been counted; the last may be late."""
        missing = self._total_steps - self.measured()
        if not missing:
            return True
        if missing < 0 or now_us >= self._end_us() + self._generator.late_us:
            raise MotionError("miscount")
        self._recheck_us = now_us + _RECHECK_US
        return False

    def _refill(self) -> None:
        """Fill a queue that must not have run dry: the steps missed are not made up for."""
        if self._generator.starved():
            raise MotionError("starved")
        self._fill()

    def _fill(self) -> None:
        planner = self._planner
        generator = self._generator
        for _ in range(generator.room()):
            if not planner.next_word(self._max_ticks, generator.max_count):
                self._exhausted = True
                return
            count = planner.count
            interval = planner.interval_ticks
            if not self._verifier.check(count, interval, self._max_ticks):
                raise MotionError("internal")
            generator.put(count, interval)
            self._words += 1
            self._ends[self._words % len(self._ends)] = planner.position_ticks

    def _stalled(self, now_us: int) -> bool:
        """True when the queue is full though its first word should have ended."""
        if self._words <= self._generator.depth or self._generator.room():
            return False
        in_progress = self._words - self._generator.depth
        end = self._ends[in_progress % len(self._ends)]
        return now_us > self._at_us(end) + _STALL_US + self._generator.late_us

    def _end_us(self) -> int:
        return self._at_us(self._planner.position_ticks) + _SETTLE_US

    def _at_us(self, position: int) -> int:
        return self._start_us + self._us(position - self._start_ticks)

    def _us(self, ticks: int) -> int:
        n, d = self._generator.tick_ns
        return ticks * n // (1000 * d)

    def _ticks(self, us: int) -> int:
        n, d = self._generator.tick_ns
        return us * 1000 * d // n


def _fastest(plan) -> tuple:
    """The highest rate of any phase, nL/s; a plan without motion counts as very slow."""
    fastest = make(1, 1000)
    for phase in plan.phases:
        for rate in phase.rates():
            if compare(rate, fastest) > 0:
                fastest = rate
    return fastest
