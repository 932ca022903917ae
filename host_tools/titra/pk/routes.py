"""Bioavailability of ketamine by route, as published, with sources: routes.toml.

For reading only. The amount that another route would bring into the circulation is the dose times
a published fraction; how much one would have to give instead is not computed here.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from titra.pk.data import table


@dataclass(frozen=True)
class Share:
    """A published bioavailability: its text, and the least and most in per cent."""

    text: str
    low_percent: int
    high_percent: int

    def of(self, amount: Fraction) -> tuple[Fraction, Fraction]:
        """The least and the most of ``amount`` that reach the circulation, in its unit."""
        return amount * self.low_percent / 100, amount * self.high_percent / 100


@dataclass(frozen=True)
class Route:
    """One route with its source, and a newer measurement where there is one that disagrees."""

    name: str
    source: str
    share: Share
    newer: Share | None


def all_routes() -> tuple[Route, ...]:
    """Every route, in the order of routes.toml."""
    return tuple(
        Route(
            name=row["route"],
            source=row["source"],
            share=Share(row["bioavailability"], *row["percent"]),
            newer=Share(row["newer"], *row["newer_percent"]) if "newer" in row else None,
        )
        for row in table("routes")["routes"]
    )


def note() -> str:
    """How newer measurements disagree."""
    return str(table("routes")["note"])


def pump_note() -> str:
    """What the pump does about routes."""
    return str(table("routes")["pump"])
