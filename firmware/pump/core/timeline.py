"""When each step of a plan is due, in ticks of the step generator from the start of the plan.

A phase of N steps and T ticks (an exact ratio) that begins at S (exact: the sum of the durations
before it) makes its step k, 1 <= k <= N, at

    ideal(k) = S + k T / N          due(k) = floor(ideal(k))

A phase without steps is only time.  Numbers: steps < 2^31, ticks < 2^45 (96 h of 16 ns).
"""

from pump.core.ratio import lcm, make, mul


def to_ticks(duration_us: tuple[int, int], tick_ns: tuple[int, int]) -> tuple[int, int]:
    """Return a duration in ticks of tick_ns[0] / tick_ns[1] nanoseconds, exact."""
    return mul(duration_us, make(1000 * tick_ns[1], tick_ns[0]))


class Timeline:
    """The phases of a plan on one time axis, scaled by the common ``denominator`` of durations.

    ``phases`` lists (steps, duration in ticks as a ratio); steps >= 0 and durations > 0, at least
    one phase, else ValueError.  steps[i], first_steps[i] (steps before), starts[i] and
    durations[i] (ticks x denominator) describe phase i.
    """

    def __init__(self, phases: list[tuple[int, tuple[int, int]]]) -> None:
        if not phases:
            raise ValueError("no phases")
        denominator = 1
        for _, duration in phases:
            denominator = lcm(denominator, duration[1])
        self.denominator = denominator
        self.steps: list[int] = []
        self.first_steps: list[int] = []
        self.starts: list[int] = []
        self.durations: list[int] = []
        self.total_steps = 0
        end = 0
        for steps, duration in phases:
            if steps < 0 or duration[0] <= 0:
                raise ValueError("phase")
            self.steps.append(steps)
            self.first_steps.append(self.total_steps)
            self.starts.append(end)
            self.durations.append(duration[0] * (denominator // duration[1]))
            self.total_steps += steps
            end += self.durations[-1]
        self.total_ticks = end // denominator

    def phase_of(self, step: int) -> int:
        """Return the index of the phase that makes ``step`` (1..total_steps), else IndexError."""
        for index, steps in enumerate(self.steps):
            if self.first_steps[index] < step <= self.first_steps[index] + steps:
                return index
        raise IndexError(step)

    def due_ticks(self, step: int) -> int:
        """Return when step ``step`` (counted over the plan, from 1) is due; 0 for step 0."""
        if step == 0:
            return 0
        index = self.phase_of(step)
        nth = step - self.first_steps[index]
        steps = self.steps[index]
        scaled = self.starts[index] * steps + nth * self.durations[index]
        return scaled // (steps * self.denominator)

    def steps_at(self, ticks: int) -> int:
        """Return how many steps are due by ``ticks`` (>= 0): those with due <= ticks."""
        after = (ticks + 1) * self.denominator
        done = 0
        for index, start in enumerate(self.starts):
            if after <= start:
                break
            within = ((after - start) * self.steps[index] - 1) // self.durations[index]
            done = self.first_steps[index] + min(self.steps[index], max(0, within))
        return done
