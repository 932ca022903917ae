"""The schedule of a plan: what happens from when to when, stretch by stretch, exact."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from titra.prescription import HostPlan
from titra.quantities import NL_PER_ML, NL_PER_S_IN_ML_H, US_PER_S, decimal

CSV_PLACES = 6
COLUMNS = (
    "phase",
    "stretch",
    "start_s",
    "duration_s",
    "rate_ml_h",
    "volume_ml",
    "total_ml",
    "dose_mg",
    "first_step",
    "steps",
    "interval_us",
)


@dataclass(frozen=True)
class Line:
    """A stretch at constant rate: us, nL, ng, nL/s. ``total_nl`` is ordered up to its end;
    ``first_step`` is the number of steps before it."""

    phase: int
    stretch: int
    start_us: Fraction
    duration_us: Fraction
    rate_nl_per_s: Fraction
    volume_nl: Fraction
    total_nl: Fraction
    dose_ng: Fraction | None
    first_step: int
    steps: int

    @property
    def end_us(self) -> Fraction:
        """When it ends."""
        return self.start_us + self.duration_us

    @property
    def interval_us(self) -> Fraction | None:
        """Mean time from step to step; None where there is none."""
        return self.duration_us / self.steps if self.steps else None


def timetable(plan: HostPlan) -> Iterator[Line]:
    """Every stretch of ``plan``; a ramp has several, numbered from 1."""
    start_us, total_nl, first_step = Fraction(0), Fraction(0), 0
    for number, phase in enumerate(plan.phases, 1):
        for part, stretch in enumerate(phase.stretches, 1):
            total_nl += stretch.volume_nl
            yield Line(
                phase=number,
                stretch=part,
                start_us=start_us,
                duration_us=stretch.duration_us,
                rate_nl_per_s=stretch.rate_nl_per_s,
                volume_nl=stretch.volume_nl,
                total_nl=total_nl,
                dose_ng=plan.drug_ng(stretch.volume_nl),
                first_step=first_step,
                steps=stretch.steps,
            )
            start_us += stretch.duration_us
            first_step += stretch.steps


def timetable_csv(plan: HostPlan) -> str:
    """The schedule as comma-separated values, rounded half up to 6 places."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(COLUMNS)
    for line in timetable(plan):
        rows.writerow(
            (
                line.phase,
                line.stretch,
                _number(line.start_us / US_PER_S),
                _number(line.duration_us / US_PER_S),
                _number(line.rate_nl_per_s / NL_PER_S_IN_ML_H),
                _number(line.volume_nl / NL_PER_ML),
                _number(line.total_nl / NL_PER_ML),
                "" if line.dose_ng is None else _number(line.dose_ng / 10**6),
                line.first_step,
                line.steps,
                "" if line.interval_us is None else _number(line.interval_us),
            )
        )
    return text.getvalue()


def _number(value: Fraction) -> str:
    return decimal(value, CSV_PLACES)
