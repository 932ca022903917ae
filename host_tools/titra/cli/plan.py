"""``titra plan``: what the dose core makes of a prescription, without any pump."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from titra import quantities as q
from titra.cli.common import JsonOption, guarded, out, print_json, wants_json
from titra.prescription import DEFAULT_BOARD, HostPlan, compute

WeightOption = Annotated[str | None, typer.Option(help="Patient mass: 70kg, 350g.")]
DoseOption = Annotated[str | None, typer.Option(help="Total dose per body mass: 0.5mg/kg.")]
OverOption = Annotated[str | None, typer.Option(help="Duration: 40min, 90s, 1.5h.")]
ConcentrationOption = Annotated[
    str | None, typer.Option(help="Of the solution in the syringe: 1mg/mL.")
]
SyringeOption = Annotated[str | None, typer.Option(help="Id from the syringe table: bd-60.")]
StepOption = Annotated[
    str | None,
    typer.Option("--volume-per-step", help="Calibrated volume of a microstep: 138.8246nL."),
]
BoardOption = Annotated[str, typer.Option(help="Board file that gives mechanics and limits.")]


def prescription(
    weight: str | None,
    dose: str | None,
    over: str | None,
    concentration: str | None,
    syringe: str | None,
    volume_per_step: str | None,
) -> dict[str, str]:
    """The fields given, under their names on the wire; what is missing the core will say."""
    named = {
        "weight": weight,
        "dose": dose,
        "over": over,
        "concentration": concentration,
        "syringe": syringe,
        "volume-per-step": volume_per_step,
    }
    return {name: text for name, text in named.items() if text is not None}


@guarded
def plan(
    ctx: typer.Context,
    weight: WeightOption = None,
    dose: DoseOption = None,
    over: OverOption = None,
    concentration: ConcentrationOption = None,
    syringe: SyringeOption = None,
    volume_per_step: StepOption = None,
    board: BoardOption = DEFAULT_BOARD,
    as_json: JsonOption = False,
) -> None:
    """Compute a plan with the firmware's own dose core. No pump needed; nothing moves.

    Example: titra plan --weight 70kg --dose 0.5mg/kg --over 40min --concentration 1mg/mL
    --syringe bd-60 --json
    """
    fields = prescription(weight, dose, over, concentration, syringe, volume_per_step)
    computed = compute(fields, board)
    if wants_json(ctx, as_json):
        print_json(computed.as_json())
    else:
        out().print(plan_table(computed))


def plan_table(plan: HostPlan) -> Table:
    """A plan for a person to check."""
    table = Table(
        title=f"plan [bold]{plan.hash}[/] on {escape(plan.board)}",
        title_justify="left",
        show_header=False,
    )
    table.add_column(style="cyan", no_wrap=True)
    table.add_column(overflow="fold")
    entered = " ".join(f"{key}={text}" for key, text in plan.fields.items())
    table.add_row("prescription", escape(entered))
    for name, text in plan_rows(plan):
        table.add_row(name, text)
    return table


def plan_rows(plan: HostPlan) -> list[tuple[str, str]]:
    """(name, value) of everything worth checking."""
    fill = 100 * plan.total_volume_nl / plan.capacity_nl
    error = 100 * plan.rounding_nl / plan.total_volume_nl
    interval_us = plan.duration_us / plan.steps
    rate_ml_h = plan.rate_nl_per_s * 3600 / 10**6
    rows = [
        ("total dose", "-" if plan.total_dose_ng is None else q.show_mass(plan.total_dose_ng)),
        ("total volume", q.show_volume(plan.total_volume_nl)),
        ("duration", f"{q.show_time(plan.duration_us)} ({q.decimal(plan.duration_us / 10**6)} s)"),
        ("rate", f"{q.decimal(rate_ml_h)} mL/h = {q.decimal(plan.rate_nl_per_s, 6)} nL/s"),
        ("steps", f"{plan.steps} of {q.decimal(plan.volume_per_step_nl, 6)} nL"),
        ("step rate", f"{q.decimal(plan.step_hz, 6)} Hz, one every {q.decimal(interval_us)} us"),
        ("syringe", f"{escape(plan.syringe_name)}, {q.decimal(fill, 1)} % of its capacity"),
        ("rounding error", f"{q.decimal(plan.rounding_nl)} nL = {q.decimal(error, 6)} %"),
    ]
    return rows
