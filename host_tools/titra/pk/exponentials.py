"""Sums of exponentials f(t) = sum a_i exp(b_i t): value, slope and every zero.

Zeros by Rolle's theorem: divided by exp(b_max t), which has no zero, f keeps its zeros, and the
derivative of the quotient has one term less; between two of its zeros (found the same way) the
quotient is monotone, so a change of sign brackets exactly one zero, and bisection ends at it. A
sum of n terms thus has at most n - 1 zeros, and none can be missed by too coarse a grid.
"""

from __future__ import annotations

import math
from itertools import pairwise

Terms = tuple[tuple[float, float], ...]
"""(a, b) of each term; b in 1/min, a in the unit of the sum."""

BISECTIONS = 200


def value(terms: Terms, at: float) -> float:
    """f(at); ``at`` in min."""
    return math.fsum(a * math.exp(b * at) for a, b in terms)


def later(terms: Terms, by: float) -> Terms:
    """The terms of f(t + by); ``by`` in min."""
    return tuple((a * math.exp(b * by), b) for a, b in terms)


def slope(terms: Terms) -> Terms:
    """The terms of f', per min."""
    return tuple((a * b, b) for a, b in terms if a * b)


def zeros(terms: Terms, end: float) -> list[float]:
    """Every t in (0, end) at which f changes sign, ascending; ``end`` finite."""
    terms = tuple((a, b) for a, b in terms if a)
    if len(terms) < 2:
        return []
    largest = max(b for _, b in terms)
    scaled = tuple((a, b - largest) for a, b in terms)
    marks = [0.0, *zeros(slope(scaled), end), end]
    values = [value(scaled, mark) for mark in marks]
    found = []
    for (low, high), (at_low, at_high) in zip(pairwise(marks), pairwise(values)):
        if (at_low < 0) != (at_high < 0):
            found.append(_bisect(scaled, low, high, at_low < 0))
    return found


def _bisect(terms: Terms, low: float, high: float, rising: bool) -> float:
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        if not low < middle < high:
            break
        if (value(terms, middle) < 0) == rising:
            low = middle
        else:
            high = middle
    return high
