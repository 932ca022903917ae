"""How many steps are confirmed at any time, and whether a change has come out as ordered.

A start confirms the steps of a prescription by the campaign's own arithmetic. A change is worked
out by the pump at the instant of its start: what it says then (the event ``changed``) must be the
steps at the pin by then and the volume of the change, within SLACK steps: the part of a step that
is due, and two roundings. What is left of the volume at another rate leaves the total as it was.
"""

from fractions import Fraction

from tests.campaign.windows import CHANGE

CYCLES_PER_MS = 125_000
CYCLES_PER_S = 125_000_000
SLACK = 2
MAIN = "main"


class Confirmed:
    """``ceilings`` lists (start, steps confirmed by all up to it, steps of the infusion)."""

    def __init__(self, oracle) -> None:
        self._oracle = oracle
        self._told = self._changed_events()
        starts = [ask for ask in oracle.host.asked if ask.kind and ask.may_be_granted]
        self.ceilings = []
        whole = main = 0
        for index, ask in enumerate(starts):
            upto = starts[index + 1].cycle if index + 1 < len(starts) else None
            steps = self._changed(ask, upto, main) if ask.kind == CHANGE else ask.steps
            whole += steps - main if ask.kind == CHANGE else steps
            main = main if ask.kind == "side" else steps
            self.ceilings.append((ask, whole, main))

    def until(self, cycle: int) -> int:
        """Steps confirmed by all that was asked before ``cycle``."""
        return max((whole for ask, whole, _ in self.ceilings if ask.cycle < cycle), default=0)

    @property
    def whole(self) -> int:
        """Steps confirmed in the end."""
        return self.ceilings[-1][1] if self.ceilings else 0

    def _changed_events(self) -> list:
        """(cycle, steps) of every event ``changed``, in order."""
        oracle = self._oracle
        return sorted(
            (oracle.cycle_of(mark, line), line.number("steps"))
            for mark, line in oracle.events.items()
            if line["name"] == "changed" and mark[0] in oracle.boot_numbers
        )

    def _changed(self, ask, upto, before: int) -> int:
        """Steps of the infusion after a change that was asked for, ``before`` it so many."""
        oracle = self._oracle
        made = 0
        for cycle, steps in self._told:
            if ask.cycle - CYCLES_PER_MS <= cycle and (upto is None or cycle < upto):
                made = oracle.edges.until(cycle) - self._beside(ask)
                self._judge(ask, steps, made, before)
                return steps
        if ask.part.volume_ml is None:
            return before
        made = oracle.edges.until(ask.cycle + CYCLES_PER_S) - self._beside(ask)
        return max(before, made + int(self._volume_steps(ask)) + SLACK)

    def _judge(self, ask, steps: int, made: int, before: int) -> None:
        oracle = self._oracle
        if ask.part.volume_ml is None:
            oracle.need(steps == before, "a change of rate makes %d steps of %d" % (steps, before))
            return
        off = abs(steps - made - self._volume_steps(ask))
        most = SLACK + sum(abs(fault.unseen) for fault in oracle.took)
        if not oracle.named("clock drift"):  # when it was is not known
            oracle.need(off <= most, "a change to %d steps after %d" % (steps, made))

    def _volume_steps(self, ask) -> Fraction:
        return ask.part.volume_ml * 10**6 / self._oracle.therapy.main.per_step_nl

    def _beside(self, ask) -> int:
        """Steps of a prime or a bolus before."""
        asked = self._oracle.host.asked
        return sum(one.steps for one in asked if one.kind == "side" and one.cycle < ask.cycle)

    # ---- the rate after it ---------------------------------------------------------------------

    def judge_rate(self) -> None:
        """After the last change every step but the first is as far from the one before as the new
        rate wants, within what the first and the rounding have to make good over all of them."""
        oracle = self._oracle
        therapy = oracle.therapy
        if not self._told or not therapy.changes or therapy.actions[-1][1] != therapy.changes[-1]:
            return
        if len(self._told) != len(therapy.changes):
            return
        before = oracle.edges.until(self._told[-1][0]) + 1
        steps = oracle.edges.total() - before
        if steps < 3:
            return
        first = oracle.edges.next_after(oracle.edges.next_after(self._told[-1][0]))
        interval = Fraction(oracle.edges.last() - first, steps - 1)
        worst = oracle.edges.worst(interval, before, steps)
        oracle.need(worst <= 45, "after a change a step %d cycles from its instant" % worst)
        wanted = (
            therapy.main.per_step_nl * CYCLES_PER_S * 36 / (therapy.changes[-1].rate_ml_h * 10**4)
        )
        off = abs(interval - wanted) * (steps - 1)
        oracle.need(
            off <= SLACK * wanted, "%s cycles a step for %s" % (float(interval), float(wanted))
        )
