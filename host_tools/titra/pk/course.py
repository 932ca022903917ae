"""The concentration that a model gives under a piecewise constant infusion: exact, no stepping.

The matrix of a mammillary model is similar to a symmetric one (scale compartment j by
sqrt(k1j / kj1)), so it has real eigenvalues b_i < 0 and orthonormal eigenvectors. With
w_i = (central component)^2, which sum to 1, the central amount is sum w_i y_i, where each mode
obeys y_i' = b_i y_i + r. Over a stretch of length s at rate r:

    y_i(s) = y_i(0) exp(b_i s) + r (exp(b_i s) - 1) / b_i

so in every stretch the concentration is a sum of exponentials and a constant, and its peak and
its crossings are zeros of such sums (``exponentials``). After the last flow all coefficients are
positive: the concentration falls strictly towards 0 and crosses every level below it once.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from titra.pk.exponentials import Terms, later, slope, value, zeros
from titra.pk.models import Compartments

NG_PER_ML = 1000.0
"""ng/mL in one mg/L."""


@dataclass(frozen=True)
class Flow:
    """Infusion at a constant rate: min, mg/min; a rate of 0 is a pause."""

    minutes: float
    mg_per_min: float


@dataclass(frozen=True)
class Stretch:
    """From ``start_min``, the concentration in ng/mL as terms of the time since then."""

    start_min: float
    end_min: float
    terms: Terms

    def at(self, minute: float) -> float:
        """ng/mL at ``minute`` of the whole course."""
        return max(0.0, value(self.terms, minute - self.start_min))


@dataclass(frozen=True)
class Course:
    """Concentration over time, from the start of the infusion for ever; min and ng/mL."""

    stretches: tuple[Stretch, ...]

    @property
    def flow_ends_min(self) -> float:
        """When the last flow ends."""
        return self.stretches[-1].start_min

    def at(self, minute: float) -> float:
        """ng/mL at ``minute``, 0 or later."""
        if not 0 <= minute < math.inf:
            raise ValueError(f"not a time of the course: {minute} min")
        return next(part for part in self.stretches if minute <= part.end_min).at(minute)

    def sample(self, minutes: Sequence[float]) -> NDArray[np.float64]:
        """ng/mL at each of ``minutes``, 0 or later."""
        times = np.asarray(minutes, dtype=np.float64)
        found = np.zeros_like(times)
        for part in self.stretches:
            inside = (times >= part.start_min) & (times <= part.end_min)
            since = times[inside] - part.start_min
            found[inside] = sum(a * np.exp(b * since) for a, b in part.terms)
        return np.maximum(found, 0.0)

    def peak(self) -> tuple[float, float]:
        """(minute, ng/mL) of the highest concentration; the first of equals."""
        times = [0.0]
        for part in self.stretches[:-1]:
            turns = zeros(slope(part.terms), part.end_min - part.start_min)
            times += [part.start_min + turn for turn in turns] + [part.end_min]
        best = max(times, key=lambda minute: (self.at(minute), -minute))
        return best, self.at(best)

    def minutes_until(self, level: float, after_min: float) -> float | None:
        """How long after ``after_min`` the concentration first is down at ``level`` (above 0).

        None when it is not above ``level`` at ``after_min``; it always falls below one day.
        """
        if level <= 0:
            raise ValueError(f"not a level above 0: {level} ng/mL")
        if self.at(after_min) <= level:
            return None
        for part in self.stretches:
            if part.end_min <= after_min:
                continue
            begin = max(part.start_min, after_min)
            above = (*later(part.terms, begin - part.start_min), (-level, 0.0))
            if value(above, 0.0) <= 0:
                return begin - after_min
            end = _fallen(above) if math.isinf(part.end_min) else part.end_min - begin
            for zero in zeros(above, end):
                return begin + zero - after_min
        raise AssertionError("the last stretch falls to 0")

    def half_after(self, after_min: float) -> float | None:
        """Minutes after ``after_min`` until half of the concentration then; None if that is 0."""
        now = self.at(after_min)
        return self.minutes_until(now / 2, after_min) if now > 0 else None


def course(body: Compartments, flows: Iterable[Flow], stop_min: float | None = None) -> Course:
    """The exact course of ``flows`` one after the other, cut off at ``stop_min``, then nothing.

    Starts without drug in the body. Raises ValueError for a negative or infinite flow or time.
    """
    rates, weights = _modes(body)
    modes = np.zeros_like(rates)
    scale = NG_PER_ML / body.v1_l * weights
    parts: list[Stretch] = []
    start = 0.0
    for flow in _cut(flows, stop_min):
        steady = -flow.mg_per_min / rates
        terms = [*zip(scale * (modes - steady), rates), (float(scale @ steady), 0.0)]
        parts.append(Stretch(start, start + flow.minutes, _terms(terms)))
        decay = np.exp(rates * flow.minutes)
        modes = modes * decay - steady * np.expm1(rates * flow.minutes)
        start += flow.minutes
    parts.append(Stretch(start, math.inf, _terms(list(zip(scale * modes, rates)))))
    return Course(tuple(parts))


def _modes(body: Compartments) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Eigenvalues (1/min, all negative) and the weight of each in the centre (sum 1)."""
    matrix = np.diag(
        [-body.k10 - sum(out for out, _ in body.exchange)] + [-back for _, back in body.exchange]
    )
    matrix[0, 1:] = matrix[1:, 0] = [math.sqrt(out * back) for out, back in body.exchange]
    rates, vectors = np.linalg.eigh(matrix)
    return rates, vectors[0] ** 2


def _cut(flows: Iterable[Flow], stop_min: float | None) -> list[Flow]:
    stop = math.inf if stop_min is None else stop_min
    if not stop >= 0:
        raise ValueError(f"not a time to stop at: {stop_min} min")
    kept, left = [], stop
    for flow in flows:
        if not (0 <= flow.minutes < math.inf and 0 <= flow.mg_per_min < math.inf):
            raise ValueError(f"not an infusion: {flow}")
        minutes = min(flow.minutes, left)
        left -= minutes
        if minutes > 0:
            kept.append(Flow(minutes, flow.mg_per_min))
    return kept


def _terms(pairs: list[tuple[float, float]]) -> Terms:
    return tuple((float(a), float(b)) for a, b in pairs)


def _fallen(above: Terms) -> float:
    """A time at which the sum, falling to a negative constant, is negative for good."""
    end = 1.0
    while value(above, end) >= 0:
        end *= 2
    return end
