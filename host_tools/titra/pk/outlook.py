"""What the models say about one plan, side by side: ends, peaks, halves, and how they disagree."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction

from titra.pk import KETAMINE_ONLY, NO_ADVICE
from titra.pk.course import Course, course
from titra.pk.infusion import DRUG, US_PER_MIN, Infusion, infusion, weight_g
from titra.pk.models import Model, observed
from titra.pk.words import figures, minute_text
from titra.prescription import HostPlan
from titra.quantities import exact, exact_or_int

LEVEL_NG_PER_ML = 100.0
"""Down to which the table follows a concentration: the lower end of Krystal 1994."""

CURVE_POINTS = 240
HORIZON_TIMES = 3
HORIZON_REST_MIN = 60.0
JSON_DIGITS = 6


@dataclass(frozen=True)
class Run:
    """One model under the plan, to its end or stopped at ``stop_min``; min and ng/mL.

    ``at_min`` is the end or the stop; ``half_after_min`` and ``level_after_min`` count from it and
    are None where there is nothing to halve, or nothing above LEVEL_NG_PER_ML.
    """

    course: Course
    stop_min: float | None
    at_min: float
    ng_per_ml: float
    peak_min: float
    peak_ng_per_ml: float
    half_after_min: float | None
    level_after_min: float | None

    def as_json(self) -> dict[str, float | None]:
        """The run as an object."""
        return {
            "disconnect_min": rounded(self.stop_min),
            "at_min": rounded(self.at_min),
            "ng_per_ml": rounded(self.ng_per_ml),
            "peak_ng_per_ml": rounded(self.peak_ng_per_ml),
            "peak_at_min": rounded(self.peak_min),
            "half_after_min": rounded(self.half_after_min),
            "to_100_after_min": rounded(self.level_after_min),
        }


@dataclass(frozen=True)
class Spread:
    """The least and the most that the models say of one thing, and which models."""

    low: float
    low_model: str
    high: float
    high_model: str

    @property
    def factor(self) -> float | None:
        """How many times the least the most is; None of nothing."""
        return self.high / self.low if self.low > 0 else None

    def as_json(self) -> dict[str, object]:
        """The spread as an object."""
        return {
            "low": rounded(self.low),
            "low_model": self.low_model,
            "high": rounded(self.high),
            "high_model": self.high_model,
            "factor": rounded(self.factor),
        }

    def text(self, unit: str) -> str:
        """``177 (clements) to 253 (kamp) ng/mL, a factor of 1.4``."""
        low = f"{figures(self.low)} ({self.low_model})"
        said = f"{low} to {figures(self.high)} ({self.high_model}) {unit}"
        return said + (f", a factor of {figures(self.factor, 2)}" if self.factor else "")


@dataclass(frozen=True)
class Outlook:
    """All models under one plan: for each model one run per way of ending, in the same order."""

    plan: HostPlan
    infusion: Infusion
    models: tuple[Model, ...]
    runs: tuple[tuple[Run, ...], ...]
    horizon_min: float

    @property
    def endings(self) -> tuple[tuple[Run, ...], ...]:
        """The runs the other way round: for each way of ending one run per model."""
        return tuple(zip(*self.runs))

    @property
    def peak_ng_per_ml(self) -> float:
        """The highest concentration of all runs."""
        return max(run.peak_ng_per_ml for runs in self.runs for run in runs)

    def minutes(self) -> list[float]:
        """Times to draw at, from 0 to the horizon, with the corners of all courses among them."""
        grid = {self.horizon_min * n / CURVE_POINTS for n in range(CURVE_POINTS + 1)}
        parts = (part for runs in self.runs for run in runs for part in run.course.stretches)
        corners = {part.start_min for part in parts} | {run.at_min for run in self.runs[0]}
        return sorted(grid | {minute for minute in corners if minute <= self.horizon_min})

    def spread(self, ending: Sequence[Run], name: str) -> Spread | None:
        """How far apart the models are in the field ``name`` of Run; None where one has none."""
        said = [(getattr(run, name), model.name) for run, model in zip(ending, self.models)]
        if any(value is None for value, _ in said):
            return None
        (low, low_model), (high, high_model) = min(said), max(said)
        return Spread(low, low_model, high, high_model)

    def disagreement(self) -> list[str]:
        """A sentence for each way of ending: how far the models are apart."""
        return [self._sentence(ending) for ending in self.endings]

    def _sentence(self, ending: Sequence[Run]) -> str:
        stop = ending[0].stop_min
        when = (
            "at the end of this plan" if stop is None else f"disconnected at {minute_text(stop)}"
        )
        now, half = self.spread(ending, "ng_per_ml"), self.spread(ending, "half_after_min")
        if now is None or half is None:
            return f"Of a plan {when} there is nothing in the body."
        text = f"The models disagree: {when} {now.text('ng/mL')}"
        return f"{text}; half of it is gone after {half.text('min')}."

    def is_reference(self) -> bool:
        """True when the plan is the one the observed value belongs to."""
        seen, plan = observed(), self.plan
        if len(plan.phases) != 1 or plan.total_dose_ng is None:
            return False
        per_kg = plan.total_dose_ng * 1000 / weight_g(plan)
        lasts = Fraction(plan.duration_us, US_PER_MIN)
        return (per_kg, lasts) == (seen["end_dose_ng_per_kg"], seen["end_minutes"])

    def as_json(self) -> dict[str, object]:
        """The stable object of ``titra preview --json``; EXIT_CODES.md lists its keys."""
        plan = self.plan
        return {
            "plan": plan.hash,
            "drug": DRUG,
            "weight_kg": rounded(self.infusion.weight_kg),
            "total_dose_ng": exact(plan.total_dose_ng or 0),
            "duration_us": exact_or_int(plan.duration_us),
            "models": [
                {
                    "model": model.name,
                    "source": model.source,
                    "runs": [run.as_json() for run in runs],
                }
                for model, runs in zip(self.models, self.runs)
            ],
            "disagreement": [self._disagreement_json(ending) for ending in self.endings],
            "observed": {"text": observed()["text"], "same_plan": self.is_reference()},
            "curves": self.curves(),
            "statements": [*self.disagreement(), NO_ADVICE, KETAMINE_ONLY],
        }

    def curves(self) -> dict[str, object]:
        """Every course as points: ``minutes``, and ``series`` with ng/mL at each of them."""
        times = self.minutes()
        series = [
            {
                "model": model.name,
                "disconnect_min": rounded(run.stop_min),
                "ng_per_ml": [rounded(value) for value in run.course.sample(times).tolist()],
            }
            for model, runs in zip(self.models, self.runs)
            for run in runs
        ]
        return {"minutes": [rounded(minute) for minute in times], "series": series}

    def _disagreement_json(self, ending: Sequence[Run]) -> dict[str, object]:
        result: dict[str, object] = {"disconnect_min": rounded(ending[0].stop_min)}
        for name in ("ng_per_ml", "half_after_min"):
            found = self.spread(ending, name)
            result[name] = found.as_json() if found else None
        return result


def outlook(
    plan: HostPlan,
    models: tuple[Model, ...],
    stops_us: Iterable[int] = (),
    horizon_min: float | None = None,
) -> Outlook:
    """All ``models`` under ``plan``, to its end and disconnected at each of ``stops_us``.

    Raises UsageError for a plan without weight or drug mass, or of another drug.
    """
    given = infusion(plan)
    stops = [stop / US_PER_MIN for stop in sorted(set(stops_us))]
    runs = tuple(tuple(_run(model, given, stop) for stop in (None, *stops)) for model in models)
    last = max([given.end_min, *stops])
    usual = max(HORIZON_TIMES * given.end_min, last + HORIZON_REST_MIN)
    return Outlook(plan, given, models, runs, horizon_min or usual)


def rounded(value: float | None) -> float | None:
    """For JSON: enough digits for any reader, the same on every machine."""
    return None if value is None else round(value, JSON_DIGITS)


def _run(model: Model, given: Infusion, stop_min: float | None) -> Run:
    found = course(model.compartments(given.weight_kg), given.flows, stop_min)
    at_min = found.flow_ends_min if stop_min is None else stop_min
    peak_min, peak = found.peak()
    return Run(
        course=found,
        stop_min=stop_min,
        at_min=at_min,
        ng_per_ml=found.at(at_min),
        peak_min=peak_min,
        peak_ng_per_ml=peak,
        half_after_min=found.half_after(at_min),
        level_after_min=found.minutes_until(LEVEL_NG_PER_ML, at_min),
    )
