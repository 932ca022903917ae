"""``titra preview``: what published ketamine models make of a plan. No pump; never for dosing."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table

from titra import quantities as q
from titra.cli.common import JsonOption, err, guarded, out, print_json, wants_json
from titra.cli.order import Order, ordered
from titra.errors import UsageError
from titra.pk import KETAMINE_ONLY, NO_ADVICE
from titra.prescription import HostPlan

if TYPE_CHECKING:
    from titra.pk.outlook import Outlook

KINDS = (".png", ".svg", ".html")
CHART_COLUMNS_MAX = 120


@guarded
@ordered
def preview(
    ctx: typer.Context,
    order: Order,
    model: Annotated[
        list[str] | None,
        typer.Option(
            help="domino, clements, kamp, hijazi; repeatable, at least two. Default all."
        ),
    ] = None,
    disconnect: Annotated[
        list[str] | None,
        typer.Option(help="Also show what follows when the flow stops at this time; repeatable."),
    ] = None,
    until: Annotated[str | None, typer.Option(help="Draw to this time: 3h.")] = None,
    chart: Annotated[
        Path | None, typer.Option("--out", help="Write the chart: FILE.png, .svg or .html.")
    ] = None,
    as_csv: Annotated[
        bool, typer.Option("--csv", help="Write the curves as comma-separated values.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Show what published models of KETAMINE (no other drug) make of a plan. Nothing moves.

    Ketamine only, given intravenously; the models disagree, and nothing here is clinical advice.

    Example: titra preview --weight 70kg --dose 0.5mg/kg --over 40min --concentration 1mg/mL
    --syringe bd-60 --disconnect 20min --out preview.png
    """
    stops_us = [_time_us("disconnect", text) for text in disconnect or []]
    horizon_min = None if until is None else _horizon_min(until)
    with_json = wants_json(ctx, as_json)
    if as_csv and with_json:
        raise UsageError("--csv and --json exclude each other", details={"field": "csv"})
    if chart and chart.suffix.lower() not in KINDS:
        raise UsageError(
            f"--out takes a name that ends in {', '.join(KINDS)}",
            details={"field": "out", "given": str(chart), "accepts": ",".join(KINDS)},
        )
    found = _look_ahead(order.plan(), model or [], stops_us, horizon_min)
    if chart:
        _write(chart, _drawn(found, chart.suffix.lower()))
    if with_json:
        print_json(found.as_json())
    elif as_csv:
        print(curves_csv(found), end="")
    else:
        _show(found, chart)


def _look_ahead(
    plan: HostPlan, names: list[str], stops_us: list[int], horizon_min: float | None
) -> Outlook:
    """The one call from a plan to its preview; numpy is imported here and not before."""
    from titra.pk.models import chosen
    from titra.pk.outlook import outlook

    return outlook(plan, chosen(names), stops_us, horizon_min)


def curves_csv(found: Outlook) -> str:
    """One row for each model, way of ending and time; ``disconnect_min`` is empty to the end."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(("minute", "model", "disconnect_min", "ng_per_ml"))
    times = found.minutes()
    for model, runs in zip(found.models, found.runs):
        for run in runs:
            stop = "" if run.stop_min is None else f"{run.stop_min:.6g}"
            for minute, level in zip(times, run.course.sample(times).tolist()):
                rows.writerow((f"{minute:.6g}", model.name, stop, f"{level:.6g}"))
    return text.getvalue()


def preview_table(found: Outlook) -> Table:
    """The figures for a person."""
    from titra.pk.rows import HEADINGS, LEGEND, rows

    table = Table(
        title=f"ketamine preview of plan [bold]{found.plan.hash}[/], "
        f"{found.infusion.weight_kg:g} kg",
        title_justify="left",
        caption=LEGEND,
        caption_justify="left",
    )
    for n, heading in enumerate(HEADINGS):
        table.add_column(heading, justify="left" if n < 2 else "right", no_wrap=True)
    last = ""
    for when, *cells in rows(found):
        if last and when != last:
            table.add_section()
        table.add_row("" if when == last else when, *cells)
        last = when
    return table


def _show(found: Outlook, written: Path | None) -> None:
    from titra.pk.models import observed
    from titra.pk.terminal import charts

    console = out()
    width = min(console.width, CHART_COLUMNS_MAX)
    typer.echo(charts(found, width) + "\n", color=False if console.no_color else None)
    console.print(preview_table(found))
    warnings = [*found.disagreement(), NO_ADVICE]
    lines = [f"[bold yellow]{escape(text)}[/]" for text in warnings]
    lines += [escape(KETAMINE_ONLY), f"observed: {escape(observed()['text'])}"]
    lines += [f"[cyan]{model.name}[/]: {escape(model.source)}" for model in found.models]
    for line in lines:
        console.print(line, soft_wrap=not console.is_terminal)
    if written:
        err().print(f"[dim]written: {escape(str(written))}[/]")


def _drawn(found: Outlook, kind: str) -> bytes:
    if kind == ".html":
        from titra.pk.page import page

        return page(found).encode()
    from titra.pk.figure import picture

    return picture(found, kind[1:])


def _write(path: Path, content: bytes) -> None:
    try:
        path.write_bytes(content)
    except OSError as error:
        details = {"field": "out", "given": str(path)}
        raise UsageError(f"cannot write {path}: {error}", details=details) from error


def _time_us(field: str, text: str) -> int:
    found = q.time_us(text)
    if found is None or found < 0:
        accepts = ",".join(q.TIME_US)
        raise UsageError(
            f"--{field} takes a time with a unit, such as 20min",
            details={"field": field, "given": text, "accepts": accepts},
        )
    return found


def _horizon_min(until: str) -> float:
    horizon_us = _time_us("until", until)
    if not horizon_us:
        raise UsageError(
            "the chart must end after its start", details={"field": "until", "given": until}
        )
    return horizon_us / q.TIME_US["min"]
