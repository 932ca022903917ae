"""``titra routes``: published bioavailability of ketamine by route, to read."""

from __future__ import annotations

import importlib
from fractions import Fraction
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from titra import quantities as q
from titra.cli.common import JsonOption, guarded, out, print_json, wants_json
from titra.errors import PumpRefused, UsageError
from titra.pk import NO_ADVICE

if TYPE_CHECKING:
    from titra.pk.routes import Route, Share

NG_PER_MG = 10**6


@guarded
def routes(
    ctx: typer.Context,
    dose: Annotated[str | None, typer.Option(help="Amount per body mass: 0.5mg/kg.")] = None,
    weight: Annotated[str | None, typer.Option(help="Patient mass: 70kg; with --dose.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Show how much KETAMINE (no other drug) reaches the circulation by each route, as published.

    With --dose: what the same amount would mean by another route. The pump infuses intravenously
    only and refuses any other route; nothing here is clinical advice.

    Example: titra routes --dose 0.5mg/kg --weight 70kg
    """
    if weight and not dose:
        raise UsageError("--weight needs --dose", code="missing-field", details={"field": "dose"})
    ng_per_kg = None if dose is None else 1000 * _read("dose", dose)
    weight_kg = None if weight is None else _read("weight", weight) / 1000
    if wants_json(ctx, as_json):
        print_json(_as_json(ng_per_kg, weight_kg))
    else:
        _show(ng_per_kg, weight_kg)


def _read(field: str, text: str) -> Fraction:
    """``text`` in the firmware's base unit (g, or ng/g). Raises its own refusal."""
    quantity: Any = importlib.import_module("pump.core.quantity")
    refusal: Any = importlib.import_module("pump.core.refusal")
    try:
        found = Fraction(*quantity.parse(field, text, field))
    except refusal.Refusal as refused:
        raise PumpRefused(refused.code, dict(refused.pairs())) from refused
    if not found:
        raise PumpRefused("out-of-range", {"field": field, "given": text})
    return found


def _as_json(ng_per_kg: Fraction | None, weight_kg: Fraction | None) -> dict[str, object]:
    from titra.pk import routes as data

    return {
        "drug": "ketamine",
        "dose_ng_per_kg": None if ng_per_kg is None else q.exact(ng_per_kg),
        "weight_kg": None if weight_kg is None else q.exact(weight_kg),
        "routes": [
            {
                "route": route.name,
                "source": route.source,
                **_share_json(route.share, ng_per_kg, weight_kg),
                "newer": _share_json(route.newer, ng_per_kg, weight_kg) if route.newer else None,
            }
            for route in data.all_routes()
        ],
        "statements": [data.note(), data.pump_note(), NO_ADVICE],
    }


def _share_json(
    share: Share, ng_per_kg: Fraction | None, weight_kg: Fraction | None
) -> dict[str, object]:
    result: dict[str, object] = {
        "bioavailability": share.text,
        "percent": [share.low_percent, share.high_percent],
    }
    if ng_per_kg is not None:
        result["available_ng_per_kg"] = [q.exact(value) for value in share.of(ng_per_kg)]
        if weight_kg is not None:
            whole = ng_per_kg * weight_kg
            result["available_ng"] = [q.exact(value) for value in share.of(whole)]
    return result


def _show(ng_per_kg: Fraction | None, weight_kg: Fraction | None) -> None:
    from titra.pk import routes as data

    console = out()
    table = Table(title=_title(ng_per_kg, weight_kg), title_justify="left")
    table.add_column("route", style="cyan")
    table.add_column("bioavailability", justify="right")
    if ng_per_kg is not None:
        table.add_column("available mg/kg", justify="right")
        if weight_kg is not None:
            table.add_column("available mg", justify="right")
    table.add_column("measured", no_wrap=True)
    for route in data.all_routes():
        for share, when in _shares(route):
            amounts = _amounts(share, ng_per_kg, weight_kg)
            table.add_row(route.name, share.text, *amounts, when)
    console.print(table)
    lines = [f"[cyan]{route.name}[/]: {escape(route.source)}" for route in data.all_routes()]
    notes = (data.note(), data.pump_note(), NO_ADVICE)
    for line in lines + [f"[bold yellow]{escape(text)}[/]" for text in notes]:
        console.print(line, soft_wrap=not console.is_terminal)


def _title(ng_per_kg: Fraction | None, weight_kg: Fraction | None) -> str:
    if ng_per_kg is None:
        return "ketamine: what reaches the circulation"
    text = f"ketamine: what of {_mg(ng_per_kg)} mg/kg reaches the circulation"
    return text if weight_kg is None else f"{text}, {_plain(weight_kg)} kg"


def _shares(route: Route) -> list[tuple[Share, str]]:
    return [(route.share, "")] + ([(route.newer, "newer")] if route.newer else [])


def _amounts(share: Share, ng_per_kg: Fraction | None, weight_kg: Fraction | None) -> list[str]:
    if ng_per_kg is None:
        return []
    wholes = [ng_per_kg] if weight_kg is None else [ng_per_kg, ng_per_kg * weight_kg]
    return [_range(*share.of(whole)) for whole in wholes]


def _range(low: Fraction, high: Fraction) -> str:
    return _mg(low) if low == high else f"{_mg(low)} to {_mg(high)}"


def _mg(ng: Fraction) -> str:
    return _plain(ng / NG_PER_MG)


def _plain(value: Fraction) -> str:
    """Six decimals at most and no zero too many."""
    return q.decimal(value, 6).rstrip("0").rstrip(".")
