"""A prescription as typed, and the plan that the firmware's own dose core makes of it.

The host computes nothing twice: ``pump.core`` is the code that runs on the chip. Here its integer
ratios become Fractions for display, and its refusals the tool's errors.
"""

from __future__ import annotations

import ast
import importlib
import importlib.util
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from titra.calibration_store import Calibration
from titra.errors import PumpRefused, UsageError
from titra.margins import Margin, margins_of
from titra.quantities import US_PER_S, exact, exact_or_int

# Of pump.core.bounds.Bounds, and what a board file calls it.
BOUNDS = (
    ("hard", "HARD_LIMITS"),
    ("soft", "SOFT_LIMITS"),
    ("lockout", "BOLUS_LOCKOUT"),
    ("hourly", "BOLUS_HOURLY"),
)
DEFAULT_BOARD = "rpi_pico"
Request = tuple[str, Mapping[str, str]]  # verb and fields
PHASE = ("dose", "volume", "rate", "to", "over", "pause")
"""The fields of a phase in the order in which people say them."""


@dataclass(frozen=True)
class Stretch:
    """A part of a phase at constant rate: whole steps, ordered volume in nL, exact time in us."""

    steps: int
    volume_nl: Fraction
    duration_us: Fraction

    @property
    def rate_nl_per_s(self) -> Fraction:
        """The ordered rate."""
        return self.volume_nl * US_PER_S / self.duration_us


@dataclass(frozen=True)
class HostPhase:
    """A phase as it was ``entered`` and what it became; exact. The rate of a ramp is its mean;
    ``ends_nl_per_s`` are equal but in a ramp."""

    kind: str
    entered: Mapping[str, str]
    steps: int
    volume_nl: Fraction
    dose_ng: Fraction | None
    duration_us: Fraction
    rate_nl_per_s: Fraction
    ends_nl_per_s: tuple[Fraction, Fraction]
    stretches: tuple[Stretch, ...]

    @property
    def words(self) -> str:
        """The phase in the words of the wire."""
        return " ".join(f"{name}={text}" for name, text in self.entered.items())

    def as_json(self) -> dict[str, object]:
        """The phase as an object; exact numbers as 'n' or 'n/d'."""
        return {
            "kind": self.kind,
            "steps": self.steps,
            "volume_nl": exact(self.volume_nl),
            "dose_ng": None if self.dose_ng is None else exact(self.dose_ng),
            "duration_us": exact_or_int(self.duration_us),
            "rate_nl_per_s": exact(self.rate_nl_per_s),
            "entered": dict(self.entered),
        }


@dataclass(frozen=True)
class HostPlan:
    """The plan of the dose core, in Fractions: nL, ng, us, nL/s.

    ``fields`` are those of the first request but the phase; ``available_nl`` is what the syringe
    is filled with, or holds; ``requests`` are what to send to a pump; ``overridden`` names what is
    beyond a soft limit for a reason, and ``kvo`` is what may follow the end.
    """

    hash: str
    canonical: str
    fields: Mapping[str, str]
    board: str
    steps: int
    volume_per_step_nl: Fraction
    total_volume_nl: Fraction
    total_dose_ng: Fraction | None
    weight_g: Fraction | None
    duration_us: Fraction
    rate_nl_per_s: Fraction
    capacity_nl: int
    available_nl: Fraction
    syringe_name: str
    phases: tuple[HostPhase, ...]
    margins: tuple[Margin, ...]
    requests: tuple[Request, ...]
    overridden: tuple[str, ...] = ()
    kvo: HostPhase | None = None
    calibration: Calibration | None = None

    def drug_ng(self, volume_nl: Fraction) -> Fraction | None:
        """The drug in a volume; None without a concentration."""
        if self.total_dose_ng is None:
            return None
        return volume_nl * self.total_dose_ng / self.total_volume_nl

    def per_kg(self, mass_ng: Fraction | None) -> Fraction | None:
        """``mass_ng`` by the patient's mass in kg; None where either is not known."""
        if mass_ng is None or self.weight_g is None:
            return None
        return mass_ng * 1000 / self.weight_g

    def delivered_nl(self, steps: int) -> Fraction:
        """Volume of ``steps`` microsteps in nL, exact."""
        return steps * self.volume_per_step_nl

    @property
    def words(self) -> str:
        """The prescription in the words of the wire, phase after phase."""
        common = " ".join(f"{name}={text}" for name, text in self.fields.items())
        return " ".join([common, *(phase.words for phase in self.phases)])

    def again(self, **changes: str) -> HostPlan:
        """The same prescription with other fields (``volume_per_step="140nL"``)."""
        named = {name.replace("_", "-"): text for name, text in changes.items()}
        entered = [phase.entered for phase in self.phases]
        return compute({**self.fields, **named}, self.board, entered)

    @property
    def step_hz(self) -> Fraction:
        """Microsteps a second."""
        return self.steps * US_PER_S / self.duration_us

    @property
    def fill_percent(self) -> Fraction:
        """How much of what is in the syringe the plan takes."""
        return 100 * self.total_volume_nl / self.available_nl

    @property
    def interval_us(self) -> Fraction:
        """Mean time from step to step."""
        return self.duration_us / self.steps

    @property
    def rounding_percent(self) -> Fraction:
        """The same as ``rounding_nl``, of the prescription."""
        return 100 * self.rounding_nl / self.total_volume_nl

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
            "canonical": self.canonical,
            "step_hz": exact(self.step_hz),
            "interval_us": exact_or_int(self.interval_us),
            "rounding_nl": exact(self.rounding_nl),
            "rounding_percent": exact(self.rounding_percent),
            "syringe": {
                "id": self.fields.get("syringe", "custom"),
                "name": self.syringe_name,
                "capacity_nl": self.capacity_nl,
                "available_nl": exact(self.available_nl),
                "used_percent": exact(self.fill_percent),
            },
            "limits": [margin.as_json() for margin in self.margins],
            "drug": self.fields.get("drug"),
            "override": self.fields.get("override"),
            "overridden": list(self.overridden),
            "kvo": self.kvo.as_json() if self.kvo else None,
            "calibration": self.calibration.as_json() if self.calibration else None,
        }


def compute(
    fields: Mapping[str, str],
    board: str = DEFAULT_BOARD,
    phases: Sequence[Mapping[str, str]] = (),
    library: Path | None = None,
) -> HostPlan:
    """The plan of ``fields`` (names of the wire to text with units) on ``board``.

    ``fields`` hold the phase as well unless ``phases`` do; a ``drug`` among them is looked up in
    ``library``. Raises PumpRefused with the core's own code, or UsageError for an unknown board.
    """
    refusal: Any = importlib.import_module("pump.core.refusal")
    mechanics, bounds = board_settings(board)
    if library is not None:
        of_drug: Any = importlib.import_module("titra.library").bounds_of
        bounds = of_drug(library, fields["drug"], bounds)
    for phase in phases:
        _check_phase(phase)
    try:
        settled, order, requests = _settle(fields, phases or ({},), mechanics, bounds)
        margins = margins_of(settled.plan, bounds)
    except refusal.Refusal as refused:
        raise PumpRefused(refused.code, dict(refused.pairs())) from refused
    return _host_plan(settled, order, fields, board, margins, requests)


def _settle(
    fields: Mapping[str, str], phases: Sequence[Mapping[str, str]], mechanics: Any, bounds: Any
) -> tuple[Any, Any, tuple[Request, ...]]:
    """(Settled, Order, requests) of the core, request after request as the pump will see them.

    The reason of ``override`` goes with those requests that pass a soft limit, and must be needed.
    """
    core: Any = importlib.import_module("pump.core.order")
    refusal: Any = importlib.import_module("pump.core.refusal")
    reason = fields.get("override")
    shared = {name: text for name, text in fields.items() if name != "override"}
    order: Any = None
    settled: Any = None
    requests: list[Request] = []
    for phase in phases:
        request = {**phase} if requests else {**shared, **phase}
        known = settled.plan.overridden if settled else ()
        try:
            order, settled = _asked(core, order, request, mechanics, bounds, known)
        except refusal.Refusal as refused:
            if refused.code != "soft-limit" or not reason:
                raise
            request["override"] = reason
            order, settled = _asked(core, order, request, mechanics, bounds, known)
        requests.append(("phase" if requests else "program", request))
    if reason and not any("override" in request for _, request in requests):
        raise refusal.Refusal("needless", "override", reason)
    return settled, order, tuple(requests)


def _asked(
    core: Any, order: Any, request: Mapping[str, str], mechanics: Any, bounds: Any, known: Any
) -> tuple[Any, Any]:
    """(Order, Settled) after one request more."""
    asked = {name: text for name, text in request.items() if name != "drug"}
    new = order.then(asked) if order else core.Order(asked)
    return new, core.settle(new, mechanics, bounds, known)


def _check_phase(entered: Mapping[str, str]) -> None:
    """Raise PumpRefused for what a phase may not say; in the first request it would pass for a
    field of the whole."""
    for name, text in entered.items():
        if name not in PHASE:
            details = {"field": name, "given": text, "accepts": ",".join(PHASE)}
            raise PumpRefused("unknown-field", details)


def board_settings(board: str) -> tuple[Any, Any]:
    """Mechanics and bounds (``pump.core.bounds.Bounds``) of ``boards/<board>/board.py``.

    The file is read, not run (it imports ``machine``): MECHANICS and the limits must be written
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
        limits = {word: ast.literal_eval(values[name]) for word, name in BOUNDS if name in values}
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


def _host_plan(
    settled: Any,
    order: Any,
    fields: Mapping[str, str],
    board: str,
    margins: tuple[Margin, ...],
    requests: tuple[Request, ...],
) -> HostPlan:
    plan, kvo = settled.plan, settled.kvo
    return HostPlan(
        hash=settled.hash,
        canonical=plan.canonical,
        fields={name: text for name, text in fields.items() if name not in order.phases[0]},
        board=board,
        steps=plan.total_steps,
        volume_per_step_nl=Fraction(*plan.volume_per_step_nl),
        total_volume_nl=Fraction(*plan.total_volume_nl),
        total_dose_ng=_fraction(plan.total_dose_ng),
        weight_g=_fraction(plan.weight_g),
        duration_us=Fraction(*plan.total_duration_us),
        rate_nl_per_s=Fraction(*plan.rate_nl_per_s),
        capacity_nl=plan.syringe.volume_nl,
        available_nl=Fraction(*plan.setting.available_nl()),
        syringe_name=plan.syringe.name,
        phases=tuple(_host_phase(plan, *pair) for pair in zip(plan.phases, order.phases)),
        margins=margins,
        requests=requests,
        overridden=tuple(dict.fromkeys(field for field, _, _ in plan.overridden)),
        kvo=_host_phase(kvo, kvo.phases[0], {"rate": fields["kvo"]}) if kvo else None,
    )


def _host_phase(plan: Any, phase: Any, entered: Mapping[str, str]) -> HostPhase:
    return HostPhase(
        kind=phase.kind,
        entered={name: entered[name] for name in PHASE if name in entered},
        steps=phase.steps,
        volume_nl=Fraction(*phase.volume_nl),
        dose_ng=_fraction(plan.drug_ng(phase.volume_nl)),
        duration_us=Fraction(*phase.duration_us),
        rate_nl_per_s=Fraction(*phase.rate_nl_per_s),
        ends_nl_per_s=_ends(phase),
        stretches=tuple(_stretches(phase)),
    )


def _ends(phase: Any) -> tuple[Fraction, Fraction]:
    first, last = phase.ends_nl_per_s or (phase.rate_nl_per_s, phase.rate_nl_per_s)
    return Fraction(*first), Fraction(*last)


def _stretches(phase: Any) -> Iterator[Stretch]:
    """The ordered volume of a stair of a ramp is that of the line, whose middle it has."""
    count = len(phase.stretches)
    first, last = _ends(phase)
    for n, (steps, duration) in enumerate(phase.stretches):
        rate = first + (last - first) * Fraction(2 * n + 1, 2 * count)
        duration_us = Fraction(*duration)
        yield Stretch(steps, rate * duration_us / US_PER_S, duration_us)


def _fraction(ratio: tuple[int, int] | None) -> Fraction | None:
    return None if ratio is None else Fraction(*ratio)
