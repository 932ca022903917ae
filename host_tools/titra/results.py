"""What the pump answers, as types. Exact: volumes in nL, masses in ng, times in us, no floats.

Every result keeps the pump's own words in ``fields``, so that nothing newer is lost.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction

from titra import quantities

VOLUME_NL = {"nL": 1, "mcL": 1000, "mL": 10**6, "L": 10**9}
MASS_NG = {"ng": 1, "mcg": 1000, "mg": 10**6, "g": 10**9}
TIME_S = {"s": 1, "min": 60, "h": 3600}
MOVING = ("infusing", "bolus", "priming", "kvo")


def volume_nl(text: str | None) -> Fraction | None:
    """A volume in nL; None for anything else."""
    return _scaled(text, VOLUME_NL)


def mass_ng(text: str | None) -> Fraction | None:
    """A mass in ng; None for anything else."""
    return _scaled(text, MASS_NG)


def rate_nl_per_s(text: str | None) -> Fraction | None:
    """A volume per time in nL/s; None for anything else."""
    head, _, per = (text or "").partition("/")
    volume = volume_nl(head)
    return None if volume is None or per not in TIME_S else volume / TIME_S[per]


@dataclass(frozen=True)
class Status:
    """What the pump says of itself, from ``status`` or telemetry; None where it says nothing.

    ``steps``: counted at the pin; ``commanded``: given to the generator; ``planned``: in the plan.
    """

    state: str
    cause: str
    t_us: int | None
    rate_nl_per_s: Fraction | None
    delivered_nl: Fraction | None
    dose_ng: Fraction | None
    steps: int | None
    commanded: int | None
    planned: int | None
    elapsed_us: int | None
    remaining_us: int | None
    lease_us: int | None
    alarms: tuple[str, ...]
    fields: Mapping[str, str] = field(repr=False)

    @property
    def moving(self) -> bool:
        """True while the motor runs."""
        return self.state in MOVING

    @classmethod
    def of(cls, fields: Mapping[str, str]) -> Status:
        """From the fields of a status reply or a telemetry line."""
        alarms = fields.get("alarms", fields.get("alarm", "none"))
        return cls(
            state=fields.get("state", ""),
            cause=fields.get("cause", "none"),
            t_us=quantities.time_us(fields.get("t")),
            rate_nl_per_s=rate_nl_per_s(fields.get("rate")),
            delivered_nl=volume_nl(fields.get("delivered")),
            dose_ng=mass_ng(fields.get("dose")),
            steps=quantities.whole(fields.get("steps")),
            commanded=quantities.whole(fields.get("commanded")),
            planned=quantities.whole(fields.get("planned")),
            elapsed_us=quantities.time_us(fields.get("elapsed")),
            remaining_us=quantities.time_us(fields.get("remaining")),
            lease_us=quantities.time_us(fields.get("lease")),
            alarms=() if alarms == "none" else tuple(alarms.split(",")),
            fields=dict(fields),
        )


@dataclass(frozen=True)
class Plan:
    """What the pump will do after ``start``; ``hash`` names it and must be quoted there."""

    hash: str
    steps: int
    volume_nl: Fraction | None
    dose_ng: Fraction | None
    rate_nl_per_s: Fraction | None
    duration_us: int | None
    step_nl: Fraction | None
    fields: Mapping[str, str] = field(repr=False)

    @classmethod
    def of(cls, fields: Mapping[str, str]) -> Plan:
        """From the fields of the answer to ``program``, ``prime`` or ``bolus``."""
        return cls(
            hash=fields.get("plan", ""),
            steps=quantities.whole(fields.get("steps")) or 0,
            volume_nl=volume_nl(fields.get("volume")),
            dose_ng=mass_ng(fields.get("total")),
            rate_nl_per_s=rate_nl_per_s(fields.get("rate")),
            duration_us=quantities.time_us(fields.get("duration")),
            step_nl=volume_nl(fields.get("step")),
            fields=dict(fields),
        )


def _scaled(text: str | None, units: Mapping[str, int]) -> Fraction | None:
    try:
        number, unit = quantities.split(text or "")
    except ValueError:
        return None
    return number * units[unit] if unit in units else None
