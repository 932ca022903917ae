"""A prescription as typed, and the plan that the firmware's own dose core makes of it.

The host computes nothing twice: ``pump.core`` is the code that runs on the chip. Here its integer
ratios become Fractions for display, and its refusals the tool's errors.
"""

from __future__ import annotations

import ast
import importlib
import importlib.util
import re
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from titra.calibration_store import Calibration
from titra.errors import PumpRefused, UsageError
from titra.quantities import US_PER_S, exact, exact_or_int

DEFAULT_BOARD = "rpi_pico"


@dataclass(frozen=True)
class HostPhase:
    """One stretch at constant rate; exact."""

    kind: str
    steps: int
    volume_nl: Fraction
    dose_ng: Fraction | None
    duration_us: Fraction
    rate_nl_per_s: Fraction

    def as_json(self) -> dict[str, object]:
        """The phase as an object; exact numbers as 'n' or 'n/d'."""
        return {
            "kind": self.kind,
            "steps": self.steps,
            "volume_nl": exact(self.volume_nl),
            "dose_ng": None if self.dose_ng is None else exact(self.dose_ng),
            "duration_us": exact_or_int(self.duration_us),
            "rate_nl_per_s": exact(self.rate_nl_per_s),
        }


@dataclass(frozen=True)
class HostPlan:
    """The plan of the dose core, in Fractions: nL, ng, us, nL/s."""

    hash: str
    fields: Mapping[str, str]
    board: str
    steps: int
    volume_per_step_nl: Fraction
    total_volume_nl: Fraction
    total_dose_ng: Fraction | None
    duration_us: Fraction
    rate_nl_per_s: Fraction
    capacity_nl: int
    syringe_name: str
    phases: tuple[HostPhase, ...]
    calibration: Calibration | None = None

    def delivered_nl(self, steps: int) -> Fraction:
        """Volume of ``steps`` microsteps in nL, exact."""
        return steps * self.volume_per_step_nl

    @property
    def step_hz(self) -> Fraction:
        """Microsteps a second."""
        return self.steps * US_PER_S / self.duration_us

    @property
    def rounding_nl(self) -> Fraction:
        """What the whole steps deliver beyond the prescription (below it where negative)."""
        return self.delivered_nl(self.steps) - self.total_volume_nl

    @property
    def volume_per_step_from(self) -> str:
        """Where the volume per step is from, for people."""
        if self.calibration:
            return f"{self.calibration.text}, pump {self.calibration.serial}"
        return "as entered" if "volume-per-step" in self.fields else "from the geometry"

    def as_json(self) -> dict[str, object]:
        """The stable object of ``titra plan --json``."""
        return {
            "plan": self.hash,
            "steps": self.steps,
            "total_volume_nl": exact(self.total_volume_nl),
            "total_dose_ng": None if self.total_dose_ng is None else exact(self.total_dose_ng),
            "rate_nl_per_s": exact(self.rate_nl_per_s),
            "duration_us": exact_or_int(self.duration_us),
            "volume_per_step_nl": exact(self.volume_per_step_nl),
            "phases": [phase.as_json() for phase in self.phases],
            "calibration": self.calibration.as_json() if self.calibration else None,
        }


def compute(fields: Mapping[str, str], board: str = DEFAULT_BOARD) -> HostPlan:
    """The plan of ``fields`` (names of the wire to text with units) on ``board``.

    Raises PumpRefused with the core's own code, or UsageError for an unknown board.
    """
    dose = importlib.import_module("pump.core.dose")
    refusal = importlib.import_module("pump.core.refusal")
    mechanics, bounds = board_settings(board)
    try:
        plan = dose.plan(dict(fields), mechanics, bounds)
    except refusal.Refusal as refused:
        raise PumpRefused(refused.code, dict(refused.pairs())) from refused
    return _host_plan(plan, fields, board)


def board_settings(board: str) -> tuple[Any, Any]:
    """Mechanics and bounds (``pump.core.bounds.Bounds``) of ``boards/<board>/board.py``.

    The file is read, not run (it imports ``machine``): MECHANICS and HARD_LIMITS must be written
    in literals.
    """
    details = {"field": "board", "given": board, "accepts": ",".join(boards())}
    path = _boards_dir() / board / "board.py"
    if not re.fullmatch(r"[a-z0-9_]+", board) or not path.is_file():
        raise UsageError(f"there is no board file for {board!r}", details=details)
    values: dict[str, ast.expr] = {}
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            values[node.targets[0].id] = node.value
    try:
        call = values["MECHANICS"]
        keywords = call.keywords if isinstance(call, ast.Call) else []
        given = {str(word.arg): ast.literal_eval(word.value) for word in keywords}
        limits = {
            name.removesuffix("_LIMITS").lower(): ast.literal_eval(values[name])
            for name in ("HARD_LIMITS",)
            if name in values
        }
    except (KeyError, ValueError) as error:
        raise UsageError(f"{path} does not give MECHANICS in literals", details=details) from error
    return importlib.import_module("pump.core.mechanics").Mechanics(**given), (
        importlib.import_module("pump.core.bounds").Bounds(**limits)
    )


def boards() -> list[str]:
    """The boards that have a board file."""
    return sorted(path.parent.name for path in _boards_dir().glob("*/board.py"))


def _boards_dir() -> Path:
    found = importlib.util.find_spec("boards")
    if found is None or not found.submodule_search_locations:
        raise UsageError("the package `boards` is not installed beside titra")
    return Path(next(iter(found.submodule_search_locations)))


def _host_plan(plan: Any, fields: Mapping[str, str], board: str) -> HostPlan:
    return HostPlan(
        hash=plan.hash,
        fields=dict(fields),
        board=board,
        steps=plan.total_steps,
        volume_per_step_nl=Fraction(*plan.volume_per_step_nl),
        total_volume_nl=Fraction(*plan.total_volume_nl),
        total_dose_ng=_fraction(plan.total_dose_ng),
        duration_us=Fraction(*plan.total_duration_us),
        rate_nl_per_s=Fraction(*plan.rate_nl_per_s),
        capacity_nl=plan.syringe.volume_nl,
        syringe_name=plan.syringe.name,
        phases=tuple(
            HostPhase(
                kind=phase.kind,
                steps=phase.steps,
                volume_nl=Fraction(*phase.volume_nl),
                dose_ng=_fraction(plan.drug_ng(phase.volume_nl)),
                duration_us=Fraction(*phase.duration_us),
                rate_nl_per_s=Fraction(*phase.rate_nl_per_s),
            )
            for phase in plan.phases
        ),
    )


def _fraction(ratio: tuple[int, int] | None) -> Fraction | None:
    return None if ratio is None else Fraction(*ratio)
