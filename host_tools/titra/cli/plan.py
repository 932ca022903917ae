"""``titra plan``: what the dose core makes of a prescription, without any pump."""

from __future__ import annotations

from typing import Annotated

import typer

from titra.cli.common import JsonOption, guarded, out, print_json, wants_json
from titra.cli.order import Order, ordered
from titra.cli.plan_report import limits_table, phases_table, plan_table
from titra.errors import UsageError
from titra.prescription import HostPlan
from titra.timetable import timetable_csv


@guarded
@ordered
def plan(
    ctx: typer.Context,
    order: Order,
    as_csv: Annotated[
        bool, typer.Option("--csv", help="Write the schedule as comma-separated values.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Compute a plan with the firmware's own dose core. No pump needed; nothing moves.

    Examples:

    titra plan --weight 70kg --dose 0.5mg/kg --over 40min --concentration 1mg/mL --syringe bd-60

    titra plan --weight 70kg --concentration 4mcg/mL --syringe bd-60
    --phase 'dose=1mcg/kg over=10min' --phase 'rate=0.7mcg/kg/h over=1h'
    """
    with_json = wants_json(ctx, as_json)
    if as_csv and with_json:
        raise UsageError("--csv and --json exclude each other", details={"field": "csv"})
    computed = order.plan()
    if with_json:
        print_json(computed.as_json())
    elif as_csv:
        print(timetable_csv(computed), end="")
    else:
        _show(computed)


def _show(computed: HostPlan) -> None:
    from titra.cli.plan_chart import chart

    console = out()
    console.print(plan_table(computed))
    console.print(phases_table(computed))
    console.print(limits_table(computed.margins))
    typer.echo(chart(computed, console.width))
