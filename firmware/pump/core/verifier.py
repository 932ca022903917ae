"""The second look at every word before it is queued, by arithmetic of its own.

``schedule`` carries a residue from word to word; here nothing is carried but the step number and
the position: the ideal instant of the first and last step of each word is worked out afresh as
S + k T / N and compared by cross-multiplication.  (Between them position and ideal are both
linear, so the error is largest at an end.)
"""

from pump.core.ratio import add


class Verifier:
    """Checks words against ``phases`` (steps, duration in ticks as a ratio), to ``bound`` ticks.

    ``check`` answers True and goes on, or False, says why in ``reason`` and stays where it is.
    """

    def __init__(
        self,
        phases: list[tuple[int, tuple[int, int]]],
        min_step: int,
        min_wait: int,
        bound: int = 10,
    ) -> None:
        self._phases = phases
        self._min_step = min_step
        self._min_wait = min_wait
        self._bound = bound
        self.steps_checked = 0
        self.position_ticks = 0
        self.reason = ""
        self.total_steps = 0
        end = (0, 1)
        for steps, duration in phases:
            self.total_steps += steps
            end = add(end, duration)
        self.total_ticks = end[0] // end[1]

    def seek(self, step: int, position_ticks: int) -> None:
        """Go on after ``step`` steps, at ``position_ticks`` (the planner's own after its seek)."""
        self.steps_checked = step
        self.position_ticks = position_ticks

    def check(self, count: int, interval: int, max_ticks: int) -> bool:
        """Tell whether the word may be queued: bounds, lease, instants, no step too many."""
        self.reason = self._fault(count, interval, max_ticks)
        if self.reason:
            return False
        self.steps_checked += count
        self.position_ticks += interval * (count or 1)
        return True

    def complete(self) -> bool:
        """Tell whether all steps and all time but less than a shortest wait have been checked."""
        rest = self.total_ticks - self.position_ticks
        return self.steps_checked == self.total_steps and 0 <= rest < self._min_wait

    def _fault(self, count: int, interval: int, max_ticks: int) -> str:
        """Return what is wrong with the word, or ''."""
        if count < 0 or interval < (self._min_step if count else self._min_wait):
            return "too short"
        if interval * (count or 1) > max_ticks:
            return "longer than the lease"
        if self.steps_checked + count > self.total_steps:
            return "more steps than planned"
        end = self.position_ticks + interval * (count or 1)
        if not count:
            return self._wait_fault(end)
        if self.steps_checked + count == self.total_steps:
            n, d = self._ideal(self.total_steps)
            if end != n // d:
                return "last step not when due"
        if not self._near(self.steps_checked + 1, self.position_ticks + interval):
            return "first step off its instant"
        if not self._one_phase(count):
            return "word across phases"
        return "" if self._near(self.steps_checked + count, end) else "last step off its instant"

    def _wait_fault(self, end: int) -> str:
        """A wait must leave room for the next step, and not outlast the plan."""
        if self.steps_checked == self.total_steps:
            return "longer than the plan" if end > self.total_ticks else ""
        n, d = self._ideal(self.steps_checked + 1)
        return "waits past a step" if (end + self._min_step) * d > n + self._bound * d else ""

    def _one_phase(self, count: int) -> bool:
        """Tell whether the next ``count`` steps belong to one phase."""
        first = self.steps_checked
        for steps, _ in self._phases:
            if first < steps:
                return first + count <= steps
            first -= steps
        return False

    def _ideal(self, step: int) -> tuple[int, int]:
        """Return S + k T / N of step ``step`` of the plan as an unreduced ratio."""
        start_n, start_d = 0, 1
        for steps, (n, d) in self._phases:
            if step <= steps:
                return start_n * d * steps + step * n * start_d, start_d * d * steps
            step -= steps
            start_n, start_d = start_n * d + n * start_d, start_d * d
        raise IndexError(step)

    def _near(self, step: int, at: int) -> bool:
        """Tell whether instant ``at`` lies within the bound of the ideal of step ``step``."""
        n, d = self._ideal(step)
        return -self._bound * d <= at * d - n <= self._bound * d
