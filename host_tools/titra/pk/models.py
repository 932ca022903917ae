"""Published compartment models of ketamine and what they become at a body weight.

A model is mammillary: drug enters and leaves through a central compartment of volume V1, which
exchanges with one or two others. With amounts a in mg, rates k in 1/min and infusion r in mg/min:

    a1' = r - (k10 + k12 + k13) a1 + k21 a2 + k31 a3,   aj' = k1j a1 - kj1 aj,   C = a1 / V1

Values and sources: models.toml.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from titra.errors import UsageError
from titra.pk.data import table

REFERENCE_KG = 70.0
CLEARANCE_POWER = 0.75


@dataclass(frozen=True)
class Compartments:
    """A model at one weight: V1 in L, rates in 1/min, (out of, back into) the centre."""

    v1_l: float
    k10: float
    exchange: tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Model:
    """One published model: its name, where it is from, and its numbers as published."""

    name: str
    source: str
    row: dict[str, Any]

    def compartments(self, weight_kg: float) -> Compartments:
        """The model for a body of ``weight_kg`` (above 0). Raises ValueError."""
        if not 0 < weight_kg < float("inf"):
            raise ValueError(f"not a weight in kg: {weight_kg}")
        return (
            _per_70_kg(self.row, weight_kg) if "v_l" in self.row else _per_kg(self.row, weight_kg)
        )


def all_models() -> tuple[Model, ...]:
    """Every model, in the order of models.toml."""
    rows = table("models")["models"]
    return tuple(Model(name, row["source"], row) for name, row in rows.items())


def chosen(names: Iterable[str]) -> tuple[Model, ...]:
    """The models named, all for no names. Raises UsageError unless there are at least two."""
    known = {model.name: model for model in all_models()}
    accepts = ",".join(known)
    wanted = tuple(dict.fromkeys(names)) or tuple(known)
    for name in wanted:
        if name not in known:
            raise UsageError(
                f"there is no model {name!r}; there are {accepts.replace(',', ', ')}",
                details={"field": "model", "given": name, "accepts": accepts},
            )
    if len(wanted) < 2:
        raise UsageError(
            "name at least two models: they disagree, and one alone would hide it",
            details={"field": "model", "given": wanted[0], "accepts": accepts},
        )
    return tuple(known[name] for name in wanted)


def observed() -> dict[str, Any]:
    """What was measured in people, with sources: ``[observed]`` of models.toml."""
    found: dict[str, Any] = table("models")["observed"]
    return found


def _per_kg(row: dict[str, Any], weight_kg: float) -> Compartments:
    pairs = (("k12", "k21"), ("k13", "k31"))
    exchange = tuple((row[out], row[back]) for out, back in pairs if out in row)
    return Compartments(row["v1_l_per_kg"] * weight_kg, row["k10"], exchange)


def _per_70_kg(row: dict[str, Any], weight_kg: float) -> Compartments:
    size = weight_kg / REFERENCE_KG
    v1, *others = (litres * size for litres in row["v_l"])
    cl, *flows = (
        row[name] / 60 * size**CLEARANCE_POWER
        for name in ("cl_l_per_h", "q2_l_per_h", "q3_l_per_h")
    )
    exchange = tuple((flow / v1, flow / other) for flow, other in zip(flows, others))
    return Compartments(v1, cl / v1, exchange)
