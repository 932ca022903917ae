"""What a plan brings into the body, in mg; refused where the plan does not say."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from titra.errors import UsageError
from titra.pk import KETAMINE_ONLY
from titra.pk.course import Flow
from titra.prescription import HostPlan

DRUG = "ketamine"
US_PER_MIN = 60_000_000


@dataclass(frozen=True)
class Infusion:
    """What a plan brings into the body: weight in kg, mg/min for so many min each."""

    weight_kg: float
    flows: tuple[Flow, ...]
    end_min: float


def infusion(plan: HostPlan) -> Infusion:
    """What ``plan`` infuses, in mg. Raises UsageError when that cannot be known."""
    drug = plan.fields.get("drug", DRUG)
    if drug != DRUG and not drug.startswith(DRUG + "-"):
        raise UsageError(
            f"{KETAMINE_ONLY} There is no preview of {drug}.",
            details={"field": "drug", "given": drug, "accepts": DRUG},
        )
    if "kvo" in plan.fields:
        raise UsageError(
            "a preview ends with the plan: leave --kvo away",
            details={"field": "kvo", "given": plan.fields["kvo"]},
        )
    if "weight" not in plan.fields:
        raise _missing("weight")
    flows = []
    if plan.total_dose_ng is None:
        raise _missing("concentration")
    mg_per_nl = plan.total_dose_ng / plan.total_volume_nl / 10**6
    for stretch in (part for phase in plan.phases for part in phase.stretches):
        minutes = stretch.duration_us / US_PER_MIN
        flows.append(Flow(float(minutes), float(stretch.volume_nl * mg_per_nl / minutes)))
    weight_kg = float(weight_g(plan) / 1000)
    return Infusion(weight_kg, tuple(flows), float(plan.duration_us / US_PER_MIN))


def weight_g(plan: HostPlan) -> Fraction:
    """The body mass of ``plan`` in g, exact."""
    quantity: Any = importlib.import_module("pump.core.quantity")
    return Fraction(*quantity.parse("weight", plan.fields["weight"], "weight"))


def _missing(field: str) -> UsageError:
    return UsageError(
        f"a preview needs the drug in mg and the body in kg: give --{field}",
        code="missing-field",
        details={"field": field},
    )
