"""One run of the campaign is a function of its seed: therapy, bench, faults, verdict.

``story(seed)`` tells what happened in it. Runs share nothing, so any number of processes may take
any seeds.
"""

from dataclasses import dataclass
from random import Random

from tests.campaign import faults as menu
from tests.campaign import therapy as therapies
from tests.campaign.host import Host
from tests.campaign.oracle import Oracle
from tests.campaign.rig import Rig

UNEVEN = 0.35  # of the runs have a CPU whose speed changes all the time
PROVOKED = 0.25


@dataclass
class Outcome:
    """What became of a run. ``faults``: names of those that took place."""

    seed: int
    state: str
    cause: str
    faults: tuple
    drawn: tuple
    kind: str
    uneven: bool
    steps: int
    resets: int
    broken: list

    def label(self) -> str:
        """As in the table."""
        if self.state in ("stopped", "alarm", "fault"):
            return "%s: %s" % (self.state, self.cause)
        return self.state


class Run:
    """Everything about one run, for the verdict and for the story."""

    def __init__(self, seed: int) -> None:
        rng = Random("titra campaign %d" % seed)
        self.seed = seed
        self.therapy = therapies.draw(rng)
        self.noise = rng.randint(1, 1 << 30) if rng.random() < UNEVEN else 0
        self.faults = menu.draw(rng, self.therapy.us + 1_200_000)
        self.fitted = rng.random() < 0.2 or any(fault.kind.fitted for fault in self.faults)
        self.provoked = rng.random() < PROVOKED
        self.rig = None
        self.host = None
        self.oracle = None

    def go(self) -> Outcome:
        self.rig = Rig(self.noise, self.fitted, self._prepare)
        self.host = Host(self.rig, self.therapy)
        try:
            self._live()
        finally:
            self.rig.close()
        self.oracle = Oracle(self.rig, self.host, self.therapy, self.faults)
        broken = self.oracle.judge()
        state, cause = self.oracle.outcome
        return Outcome(
            self.seed,
            state,
            cause,
            tuple(fault.kind.name for fault in self.faults if fault.done),
            tuple(fault.kind.name for fault in self.faults),
            self.therapy.kind,
            bool(self.noise),
            self.oracle.edges.total(),
            len(self.rig.resets),
            broken,
        )

    def _prepare(self, rig: Rig) -> None:
        for fault in self.faults:
            if fault.kind.before:
                fault.kind.inject(rig, fault)

    def _live(self) -> None:
        host = self.host
        if not host.boot():
            raise AssertionError("the pump does not boot")
        for fault in self.faults:
            if not fault.kind.before:
                fault.kind.inject(self.rig, fault)
        host.deliver()
        deadly = any(f.kind.deadly or f.kind.name == "exception" for f in self.faults)
        last_us = max((fault.at_us for fault in self.faults), default=0)
        host.run_us(max(0, last_us - self.rig.world.now_us() + 1_000_000))
        host.settle(deadly)
        host.enquire()
        if self.provoked:
            host.provoke()


def run(seed: int) -> Outcome:
    """The verdict of run ``seed``."""
    return Run(seed).go()


def story(seed: int) -> str:
    """All that happened in run ``seed``, and the verdict."""
    told = Run(seed)
    outcome = told.go()
    lines = [
        "run %d: %s" % (seed, told.therapy),
        "CPU: " + ("uneven, seed %d" % told.noise if told.noise else "even"),
        "sensors: " + ("fitted" if told.fitted else "none"),
    ]
    lines += ["fault: %s" % fault for fault in told.faults]
    happened = list(told.rig.story)
    happened += [(at, "STOP opened") for at, _ in told.rig.openings]
    happened += [(at, "STOP closed") for _, at in told.rig.openings if at is not None]
    happened += [(at, "ENABLE " + ("off" if level else "on")) for at, level in told.rig.currents]
    happened += [(c, "pump: " + line.raw) for c, _, line in told.rig.lines if line.kind == "event"]
    happened += _motion(told.oracle.edges.runs)
    lines += ["%12.6f s  %s" % (at / 125e6, what) for at, what in sorted(happened, key=_when)]
    lines.append(
        "ends %s, %d steps at the pin, %d resets"
        % (outcome.label(), outcome.steps, outcome.resets)
    )
    return "\n".join(lines + ["BROKEN: " + what for what in outcome.broken])


def _when(item: tuple) -> int:
    return item[0]


def _motion(runs: list) -> list:
    """Stretches of steps without a gap of more than half a second."""
    told = []
    begin = count = last = 0
    for first, period, steps in runs:
        if count and first - last > 62_500_000:
            told.append((begin, "%d steps, the last at %.6f s" % (count, last / 125e6)))
            count = 0
        if not count:
            begin = first
        count += steps
        last = first + period * (steps - 1)
    if count:
        told.append((begin, "%d steps, the last at %.6f s" % (count, last / 125e6)))
    return told
