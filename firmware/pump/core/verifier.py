"""The second look at every word before it is queued, by arithmetic of its own.

``schedule`` carries a residue from word to word; here nothing is carried but the step number and
the position: the ideal instant of the first and last step of each word is worked out afresh as
S + k T / N and compared by cross-multiplication.  (Between them position and ideal are both
linear, so the error is largest at an end, and that of the last follows from that of the first.)
"""

from pump.core.ramp import STAIR_US
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
        self._at = 0
        self._phases = []  # (origin, last step, pace, d): step k is due at (origin + k pace) / d
        self._min_step = min_step
        self._min_wait = min_wait
        self._bound = bound
        self.steps_checked = 0
        self.position_ticks = 0
        self.reason = ""
        self.total_steps = 0
        end = (0, 1)
        for steps, duration in phases:
            pace = duration[0] * end[1]
            origin = end[0] * duration[1] * steps - self.total_steps * pace
            self.total_steps += steps
            self._phases.append((origin, self.total_steps, pace, end[1] * duration[1] * steps))
            end = add(end, duration)
        self.total_ticks = end[0] // end[1]

    def seek(self, step: int, position_ticks: int) -> None:
        """Go on after ``step`` steps, at ``position_ticks`` (the planner's own after its seek)."""
        self._at = 0
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

    def _fault(self, count: int, interval: int, max_ticks: int) -> str:
        """Return what is wrong with the word, or ''."""
        if count < 0 or interval < (self._min_step if count else self._min_wait):
            return "too short"
        length = interval * (count or 1)
        if length > max_ticks:
            return "over lease"
        made = self.steps_checked + count
        if made > self.total_steps:
            return "over plan"
        if not count:
            return self._wait_fault(self.position_ticks + length)
        step = self.steps_checked + 1
        origin, last_step, pace, d = self._phase_of(step)
        error = (self.position_ticks + interval) * d - step * pace - origin  # in 1 / d of a tick
        if self._off(error, d):
            return "first step"
        if made > last_step:
            return "two phases"
        error += (count - 1) * (interval * d - pace)
        if made == self.total_steps and not -d < error <= 0:
            return "end"
        return "last step" if self._off(error, d) else ""

    def _wait_fault(self, end: int) -> str:
        """A wait must leave room for the next step, and not outlast the plan."""
        if self.steps_checked == self.total_steps:
            return "over time" if end > self.total_ticks else ""
        step = self.steps_checked + 1
        origin, _, pace, d = self._phase_of(step)
        error = (end + self._min_step) * d - step * pace - origin
        return "late" if error > self._bound * d else ""

    def _phase_of(self, step: int) -> tuple:
        """Return the phase that makes ``step``, looked for from the last one on."""
        while True:
            phase = self._phases[self._at]
            if step <= phase[1]:
                return phase
            self._at += 1

    def _off(self, error: int, d: int) -> bool:
        """Tell whether a step with that error, in 1 / d of a tick, is beyond the bound."""
        return not -self._bound * d <= error <= self._bound * d


def unfit(
    ordered: list[tuple[int, tuple[int, int]]],
    stretches: list[tuple[int, tuple[int, int]]],
    start_stop_hz: int,
    acceleration_hz_per_s: int,
) -> str:
    """Return what is wrong with the ``stretches`` made of the phases ``ordered``, or ''.

    Both list (steps, duration in us as a ratio).  All steps must be there, no stretch may be
    faster than its phase, and the motor must be able to follow from standstill to standstill.
    """
    at = 0
    for steps, duration in ordered:
        left = steps
        while True:
            if at == len(stretches):
                return "missing"
            count, time = stretches[at]
            at += 1
            left -= count
            if left < 0:
                return "two phases"
            if count * duration[0] * time[1] > steps * time[0] * duration[1]:
                return "too fast"
            if not left:
                break
    if at < len(stretches):
        return "too many"
    hz = [(0, 1)] + [(n * 1_000_000 * d[1], d[0]) for n, d in stretches] + [(0, 1)]
    for index in range(1, len(hz)):
        if not _follows(hz[index - 1], hz[index], start_stop_hz, acceleration_hz_per_s):
            return "acceleration"
    for index in range(1, len(hz) - 1):
        _, (us, d) = stretches[index - 1]
        if us < STAIR_US * d and _on_the_way(hz, index, start_stop_hz):
            return "stair"
    return ""


def _follows(before: tuple, after: tuple, start_stop_hz: int, acceleration_hz_per_s: int) -> bool:
    """Tell whether the motor can go from one rate (Hz, ratio) to the next at once.

    Above start-stop the rate may change by what the acceleration gives in a stair.
    """
    if before[0] * after[1] > after[0] * before[1]:
        before, after = after, before
    n, d = after
    if n <= start_stop_hz * d:
        return True
    lower_n, lower_d = before
    if lower_n < start_stop_hz * lower_d:
        lower_n, lower_d = start_stop_hz, 1
    gain = acceleration_hz_per_s * STAIR_US
    return (n * lower_d - lower_n * d) * 1_000_000 <= gain * d * lower_d


def _on_the_way(hz: list, index: int, start_stop_hz: int) -> bool:
    """Tell whether the rate changes at both ends of a stretch in the same direction, and above
    start-stop."""
    before, now, after = hz[index - 1 : index + 2]
    first = now[0] * before[1] - before[0] * now[1]
    then = after[0] * now[1] - now[0] * after[1]
    if (first > 0) != (then > 0) or not first or not then:
        return False
    highest = after if then > 0 else before
    return highest[0] > start_stop_hz * highest[1] and now[0] >= start_stop_hz * now[1]
