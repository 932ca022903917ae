"""``titra plan``: what the dose core makes of a prescription, without any pump."""

from __future__ import annotations

import typer
from rich.markup import escape
from rich.table import Table

from titra import quantities as q
from titra.cli.common import JsonOption, guarded, out, print_json, wants_json
from titra.cli.order import Order, ordered
from titra.prescription import HostPlan


@guarded
@ordered
def plan(ctx: typer.Context, order: Order, as_json: JsonOption = False) -> None:
    """Compute a plan with the firmware's own dose core. No pump needed; nothing moves.

    Example: titra plan --weight 70kg --dose 0.5mg/kg --over 40min --concentration 1mg/mL
    --syringe bd-60 --json
    """
    computed = order.plan()
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
        ("volume per step", escape(plan.volume_per_step_from)),
        ("step rate", f"{q.decimal(plan.step_hz, 6)} Hz, one every {q.decimal(interval_us)} us"),
        ("syringe", f"{escape(plan.syringe_name)}, {q.decimal(fill, 1)} % of its capacity"),
        ("rounding error", f"{q.decimal(plan.rounding_nl)} nL = {q.decimal(error, 6)} %"),
    ]
    return rows
