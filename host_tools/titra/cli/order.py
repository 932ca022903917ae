"""A prescription as options, the same for every command that takes one.

``@ordered`` gives a command the options of Order in place of its parameter ``order``.
"""

from __future__ import annotations

import dataclasses
import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from inspect import Parameter
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import typer

from titra.calibration_store import calibrated
from titra.errors import UsageError
from titra.prescription import DEFAULT_BOARD, HostPlan, compute

Text = str | None
BoardOption = Annotated[str, typer.Option(help="Board file that gives mechanics and limits.")]


@dataclass(frozen=True)
class Order:
    """What was typed; None where nothing was."""

    weight: Annotated[Text, typer.Option(help="Patient mass: 70kg, 350g.")] = None
    dose: Annotated[Text, typer.Option(help="Per body mass or in all: 0.5mg/kg, 35mg.")] = None
    rate: Annotated[Text, typer.Option(help="52.5mL/h, 0.7mcg/kg/h, 5mg/h.")] = None
    volume: Annotated[Text, typer.Option(help="To deliver: 35mL.")] = None
    over: Annotated[Text, typer.Option(help="Duration: 40min, 90s, 1.5h.")] = None
    phase: Annotated[
        list[str] | None,
        typer.Option(
            help="Instead of these, several: 'dose=1mcg/kg over=10min', 'pause=15min', "
            "'rate=6mg/h to=0mg/h over=30min'."
        ),
    ] = None
    concentration: Annotated[
        Text, typer.Option(help="Of the solution in the syringe: 1mg/mL.")
    ] = None
    syringe: Annotated[Text, typer.Option(help="Id from `titra syringes`: bd-60.")] = None
    fill: Annotated[Text, typer.Option(help="What is in the syringe, if not full: 40mL.")] = None
    volume_per_step: Annotated[
        Text, typer.Option(help="Calibrated volume of a microstep: 138.8246nL.")
    ] = None
    kvo: Annotated[Text, typer.Option(help="Keep the vein open after the end: 1mL/h.")] = None
    lockout: Annotated[Text, typer.Option(help="Between boluses: 10min.")] = None
    hourly: Annotated[Text, typer.Option(help="Most by boluses in an hour: 5mL, 10mg.")] = None
    drug: Annotated[Text, typer.Option(help="Entry of the drug library; with --library.")] = None
    library: Annotated[
        Path | None, typer.Option(help="The library, as the pump has it: FILE.")
    ] = None
    override: Annotated[
        Text, typer.Option(help="Why a soft limit may be passed: partial-answer.")
    ] = None
    calibrated: Annotated[
        bool, typer.Option("--calibrated", help="Take the latest from `titra calibrate`.")
    ] = False
    board: BoardOption = DEFAULT_BOARD

    def fields(self) -> dict[str, str]:
        """The fields given, under their names on the wire; what is missing the core will say."""
        return self._named((*SETTING, *PHASE, *BESIDE))

    def phases(self) -> list[dict[str, str]]:
        """The phases of ``--phase``; none without it. Raises UsageError."""
        found = [_phase(text) for text in self.phase or []]
        doubled = self._named(PHASE) if found else {}
        for name, text in doubled.items():
            raise UsageError(
                f"--{name} and --phase exclude each other", details={"field": name, "given": text}
            )
        return found

    def plan(self, serial: str | None = None) -> HostPlan:
        """The plan by the dose core, for the pump ``serial`` where one is known.

        Raises UsageError (not-calibrated) and what ``compute`` raises.
        """
        if (self.drug is None) != (self.library is None):
            field = "drug" if self.drug is None else "library"
            raise UsageError("--drug and --library go together", "missing-field", {"field": field})
        if not self.calibrated:
            return self._compute(self.volume_per_step)
        if self.volume_per_step is not None:
            raise UsageError(
                "--calibrated and --volume-per-step exclude each other",
                details={"field": "volume-per-step", "given": self.volume_per_step},
            )
        entry = calibrated(self.syringe or "", serial)
        if entry is None:
            self._compute(None)
            of_pump = f" on the pump {serial}" if serial else " on a real pump"
            raise UsageError(
                f"no calibration of {self.syringe}{of_pump}; `titra calibrate` makes one",
                "not-calibrated",
                {"field": "syringe", "given": self.syringe or ""},
            )
        return dataclasses.replace(self._compute(entry.volume_per_step), calibration=entry)

    def _compute(self, volume_per_step: Text) -> HostPlan:
        fields = self.fields()
        if volume_per_step is not None:
            fields["volume-per-step"] = volume_per_step
        return compute(fields, self.board, self.phases(), self.library)

    def _named(self, names: tuple[str, ...]) -> dict[str, str]:
        given = {name.replace("_", "-"): getattr(self, name) for name in names}
        return {name: text for name, text in given.items() if text is not None}


SETTING = ("weight", "concentration", "syringe", "fill", "volume_per_step")
PHASE = ("dose", "rate", "volume", "over")
BESIDE = ("kvo", "lockout", "hourly", "drug", "override")


def _phase(text: str) -> dict[str, str]:
    """The fields of one ``--phase``; whether they fit the core will say."""
    fields: dict[str, str] = {}
    for word in text.split():
        name, equals, value = word.partition("=")
        if not equals or name in fields:
            wrong = "stands twice" if equals else "is not key=value"
            raise UsageError(
                f"--phase takes key=value words, each once: {word!r} {wrong}",
                details={"field": "phase", "given": text},
            )
        fields[name] = value
    return fields


def ordered(command: Callable[..., Any]) -> Callable[..., Any]:
    """``command(ctx, order, ...)`` as a command that takes the options of Order."""
    hints = get_type_hints(Order, include_extras=True)
    options = [
        Parameter(
            each.name, Parameter.KEYWORD_ONLY, default=each.default, annotation=hints[each.name]
        )
        for each in dataclasses.fields(Order)
    ]

    @functools.wraps(command)
    def wrapper(*args: Any, **given: Any) -> Any:
        order = Order(**{option.name: given.pop(option.name) for option in options})
        return command(*args, order=order, **given)

    plain = inspect.signature(command, eval_str=True).parameters
    first = [each for name, each in plain.items() if name == "ctx"]
    rest = [
        each.replace(kind=Parameter.KEYWORD_ONLY)
        for name, each in plain.items()
        if name not in ("ctx", "order")
    ]
    signature = inspect.Signature([*first, *options, *rest])
    wrapper.__signature__ = signature  # type: ignore[attr-defined]
    wrapper.__annotations__ = {
        each.name: each.annotation for each in signature.parameters.values()
    }
    return wrapper
