"""A run as numbers to plot: measured volume, what was due by the plan, rates. Floats, for eyes.

Time is pump time since the start, in s. A gap in the telemetry is a NaN in every series, so that
no line is drawn over it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from titra.infusion import ENDED, MOVING
from titra.protocol import Event
from titra.quantities import US_PER_S
from titra.recording import Gap, Timed
from titra.results import Status
from titra.runs import RESET, Run

NAN = math.nan
RATE_STEPS = 100  # steps between the two ends of a measured rate: its resolution is 1 %
AFTER_END_S = 1.0


@dataclass
class Curves:
    """Series of equal length; ``gaps`` and ``pauses`` are (from, to) in s."""

    t_s: list[float] = field(default_factory=list)
    measured_ml: list[float] = field(default_factory=list)
    due_ml: list[float] = field(default_factory=list)
    commanded_ml_h: list[float] = field(default_factory=list)
    measured_ml_h: list[float] = field(default_factory=list)
    gaps: list[tuple[float, float]] = field(default_factory=list)
    pauses: list[tuple[float, float]] = field(default_factory=list)

    @property
    def deviation_mcl(self) -> list[float]:
        """Measured minus due, in mcL."""
        return [1000 * (measured - due) for measured, due in zip(self.measured_ml, self.due_ml)]

    def largest_deviation(self) -> tuple[float, float] | None:
        """(mcL, at s) of the largest deviation; None where nothing was due."""
        known = [
            (abs(value), value, at)
            for value, at in zip(self.deviation_mcl, self.t_s)
            if not math.isnan(value)
        ]
        return max(known)[1:] if known else None


def curves_of(run: Run) -> Curves:
    """The series of ``run``, from its start to its end."""
    maker = _Maker(run)
    for entry in run.entries:
        maker.take(entry)
    return maker.curves


class _Maker:
    def __init__(self, run: Run) -> None:
        self.curves = Curves()
        self._run = run
        self._step_ml = _step_ml(run)
        self._end_us = run.end.report.t_us if run.end and run.state != RESET else None
        self._moved: list[tuple[float, float]] = []  # (s, mL) since it last began to move
        self._commanded = NAN
        self._gap_from: float | None = None
        self._paused_from: float | None = None

    def take(self, entry: Timed | Gap) -> None:
        if isinstance(entry, Gap):
            self._gap()
            return
        report = entry.report
        if report.boot != self._run.boot or report.t_us is None:
            return
        t_s = (report.t_us - self._run.began_us) / US_PER_S
        if t_s < 0 or (self._end_us is not None and report.t_us > self._end_us):
            return
        if isinstance(report, Event):
            if entry is self._run.end:
                self._point(t_s, Status.of(report.fields), report.t_us)
            return
        self._point(t_s, Status.of(report.fields), report.t_us)

    def _gap(self) -> None:
        if self.curves.t_s and self._gap_from is None:
            self._gap_from = self.curves.t_s[-1]
            self._append(self._gap_from, NAN, NAN, NAN, NAN)
            self._moved = []

    def _point(self, t_s: float, status: Status, t_us: int) -> None:
        curves = self.curves
        if self._gap_from is not None:
            curves.gaps.append((self._gap_from, t_s))
            self._gap_from = None
        self._pause(t_s, status.state)
        measured = self._measured(status)
        commanded = NAN if status.rate_nl_per_s is None else float(status.rate_nl_per_s) * 0.0036
        moving = status.state in MOVING and status.state != "paused" and commanded != 0
        if commanded != self._commanded:  # no mean over a change of rate
            self._commanded, self._moved = commanded, []
        self._append(
            t_s, measured, self._due(status, t_us), commanded, self._rate(t_s, measured, moving)
        )

    def _append(self, t_s: float, *values: float) -> None:
        curves = self.curves
        curves.t_s.append(t_s)
        for series, value in zip(
            (curves.measured_ml, curves.due_ml, curves.commanded_ml_h, curves.measured_ml_h),
            values,
        ):
            series.append(value)

    def _pause(self, t_s: float, state: str) -> None:
        if state == "paused" and self._paused_from is None:
            self._paused_from = t_s
        elif state != "paused" and self._paused_from is not None:
            self.curves.pauses.append((self._paused_from, t_s))
            self._paused_from = None

    def _measured(self, status: Status) -> float:
        if status.steps is not None and self._step_ml is not None:
            return status.steps * self._step_ml
        return NAN if status.delivered_nl is None else float(status.delivered_nl) / 10**6

    def _due(self, status: Status, t_us: int) -> float:
        """By the plan after the motion so far; unknown in a bolus, in a KVO, after a change."""
        plan, changed_us = self._run.plan, self._run.changed_us
        if status.state not in ("infusing", "paused", *ENDED):
            return NAN
        if changed_us is not None and t_us >= changed_us:
            return NAN
        motion_us = status.elapsed_us
        if motion_us is None:  # the event of the end does not tell it
            motion_us = self._run.motion_us(t_us)
        due_nl = self._run.due_nl(motion_us)
        if due_nl is None:
            return NAN
        extra = 0  # boluses count among the planned steps once they have begun
        if status.planned is not None and plan and self._step_ml is not None:
            extra = status.planned - plan.steps
        return float(due_nl) / 10**6 + extra * (self._step_ml or 0.0)

    def _rate(self, t_s: float, measured: float, moving: bool) -> float:
        """Mean over the last RATE_STEPS steps or more; unknown before so many were made."""
        if not moving or math.isnan(measured):
            self._moved = []
            return NAN
        self._moved.append((t_s, measured))
        least_ml = RATE_STEPS * (self._step_ml or 0.0001)
        while len(self._moved) > 2 and measured - self._moved[1][1] >= least_ml:
            self._moved.pop(0)
        from_s, from_ml = self._moved[0]
        if measured - from_ml < least_ml or t_s <= from_s:
            return NAN
        return (measured - from_ml) / (t_s - from_s) * 3600


def _step_ml(run: Run) -> float | None:
    if run.host_plan:
        return float(run.host_plan.volume_per_step_nl) / 10**6
    return float(run.plan.step_nl) / 10**6 if run.plan and run.plan.step_nl else None
