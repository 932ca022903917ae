"""The words that make the step generator keep to a timeline.

A word is (count, interval): ``count`` steps, each ``interval`` ticks after the one before; count 0
is a wait.  Every step comes within ``bound`` ticks of its ideal instant (see ``timeline``), after
1 s and after 72 h alike; the last step of the plan comes exactly when it is due, and the last word
ends at the floor of the plan's end.

Recurrence.  In a phase of N steps and T ticks, with q = floor(T/N) and M sub-ticks in a tick
(M = N x common denominator, so that r = (T/N - q) M is whole), the planner keeps the residue

    error = (position - ideal(k)) M        position: end of the last word; k: steps planned

A word of n steps at interval q changes it by -n r, one at q + 1 by +n (M - r).  The error runs
linearly within a word, so the longest word within the bound is one integer division; of the two
the longer is taken.  When neither fits (after a wait or ``seek``, and for the last step) one step
is put exactly when it is due; if that is further away than the lease, waits come first.  No loop
runs over steps, and the residue does not grow with time.

Bounds: T/N >= min_step + 2 bound + 1 in every phase, and a lease of at least
min_step + min_wait; bound >= 1; anything else raises ValueError.
"""

from pump.core.timeline import Timeline

BOUND_TICKS = 10  # 160 ns at 16 ns per tick, one quantum of the slowest generator


class Planner:
    """Plans word after word; between two words only integers are kept.

    ``phases`` lists (steps, duration in ticks as a ratio).  ``min_step`` and ``min_wait`` are the
    generator's shortest step interval and shortest wait, ``bound`` the largest error, in ticks.

    count, interval_ticks    the word made last
    position_ticks           the end of that word, from the start of the plan
    steps_planned            steps up to there
    """

    def __init__(
        self,
        phases: list[tuple[int, tuple[int, int]]],
        min_step: int,
        min_wait: int,
        bound: int = BOUND_TICKS,
    ) -> None:
        self.timeline = Timeline(phases)
        self.min_step = min_step
        self.min_wait = min_wait
        self.bound = bound
        shortest = min_step + 2 * bound + 1
        if bound < 1 or min_step < 1 or min_wait < 1:
            raise ValueError("bound")
        for steps, duration in phases:
            if duration[0] < shortest * steps * duration[1]:
                raise ValueError("steps closer than the generator can make them")
        self.count = 0
        self.interval_ticks = 0
        self.steps_planned = 0
        self.position_ticks = 0
        self._enter(0)

    def _enter(self, step: int) -> None:
        """Stand after step ``step``, at position_ticks: set up the phase of the next step."""
        line = self.timeline
        self.steps_planned = step
        if step == line.total_steps:
            self._phase_end = step
            return
        index = line.phase_of(step + 1)
        steps = line.steps[index]
        self._phase_end = line.first_steps[index] + steps
        self._unit = steps * line.denominator
        self._whole, self._rest = divmod(line.durations[index], self._unit)
        late = self.position_ticks * line.denominator - line.starts[index]
        self._error = late * steps - (step - line.first_steps[index]) * line.durations[index]

    def next_word(self, max_ticks: int, max_count: int) -> bool:
        """Make the next word of at most ``max_ticks`` in all and ``max_count`` steps.

        Sets count, interval_ticks, position_ticks and steps_planned; returns False at the end.
        """
        if max_ticks < self.min_step + self.min_wait or max_count < 1:
            raise ValueError("lease too short")
        if self.steps_planned == self._phase_end:
            self._enter(self.steps_planned)
        if self.steps_planned == self.timeline.total_steps:
            return self._finish(max_ticks)
        gap = self._whole + (self._rest - self._error) // self._unit
        if gap > max_ticks:
            self._emit(0, min(max_ticks, gap - self.min_step))
        elif not self._run(max_ticks, max_count):
            self._emit(1, gap)
        return True

    def _run(self, max_ticks: int, max_count: int) -> bool:
        """Make the longest word of even steps within the bound; False if there is none."""
        room = self.bound * self._unit
        error, rest = self._error, self._rest
        most = self._phase_end - self.steps_planned
        if self._phase_end == self.timeline.total_steps:
            most -= 1
        most = min(most, max_count)
        if error < -room or error - rest > room or most < 1:
            return False
        slow = (room - error) // (self._unit - rest)
        slow = min(slow, most, max_ticks // (self._whole + 1))
        fast = min((room + error) // rest, most) if rest else most
        fast = min(fast, max_ticks // self._whole)
        if fast < 1 and slow < 1:
            return False
        if fast >= slow:
            self._emit(fast, self._whole)
        else:
            self._emit(slow, self._whole + 1)
        return True

    def _emit(self, count: int, interval: int) -> None:
        """Make (count, interval) the present word and carry the residue over it."""
        self.count = count
        self.interval_ticks = interval
        if count:
            self.steps_planned += count
            self.position_ticks += count * interval
            self._error += count * ((interval - self._whole) * self._unit - self._rest)
        else:
            self.position_ticks += interval
            self._error += interval * self._unit

    def _finish(self, max_ticks: int) -> bool:
        """Wait out the time after the last step; a rest shorter than min_wait is dropped."""
        rest = self.timeline.total_ticks - self.position_ticks
        if rest < self.min_wait:
            return False
        if rest > max_ticks:
            rest = min(max_ticks, rest - self.min_wait)
        self.count = 0
        self.interval_ticks = rest
        self.position_ticks += rest
        return True

    def seek(self, step: int, position_ticks: int) -> None:
        """Go on in mid-plan: ``step`` steps are made, schedule time stands at ``position_ticks``.

        The next step comes at its due instant.  A position too close to it for the generator is
        moved back (by less than min_step), one past it to the same place: steps are never made up
        for in a burst.  ValueError: no such step, or a position before that step was due.
        """
        line = self.timeline
        if not 0 <= step <= line.total_steps:
            raise ValueError("step")
        latest = line.total_ticks
        if step < line.total_steps:
            latest = line.due_ticks(step + 1) - self.min_step
        if position_ticks < max(0, line.due_ticks(step) - self.bound):
            raise ValueError("position before the step is due")
        self.position_ticks = min(position_ticks, latest)
        self._enter(step)
