"""Commands that steer a therapy: bolus, change, prime (shown, then confirmed); pause, resume."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import typer

from titra.cli.attend import answered
from titra.cli.common import (
    JsonOption,
    PortOption,
    TenfoldOption,
    confirm_start,
    connected,
    err,
    fields_table,
    guarded,
    out,
    wants_json,
)
from titra.cli.interrupt import StopRequests
from titra.client import PumpClient
from titra.errors import PUMP_FAILED, STOPPED_BY_OPERATOR, UsageError
from titra.protocol import Event
from titra.quantities import time_us

YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before the start.")]
LEASE = "10s"
POLL_S = 0.2
ENDS = ("primed", "halted", "stopped", "alarm", "fault")
HEAD = ("t", "boot", "name")


@guarded
def bolus(
    ctx: typer.Context,
    dose: Annotated[str | None, typer.Option(help="Per body mass: 0.1mg/kg.")] = None,
    volume: Annotated[str | None, typer.Option(help="Or a volume: 0.2mL.")] = None,
    rate: Annotated[str | None, typer.Option(help="How fast: 24mL/h.")] = None,
    over: Annotated[str | None, typer.Option(help="Or in what time: 30s.")] = None,
    yes: YesOption = False,
    port: PortOption = None,
    as_json: JsonOption = False,
) -> None:
    """Give a bolus while infusing; afterwards the infusion goes on.

    Shows what the pump makes of it and asks. Example: titra bolus --volume 0.2mL --over 30s
    """
    fields = {"dose": dose, "volume": volume, "rate": rate, "over": over}
    with connected(ctx, port) as client:
        start = _offered(ctx, client, "bolus", fields, yes, as_json)
        said = dict(client.request("start", start).fields)
        _say_lease(client)
    answered(ctx, as_json, "bolus started", said)


@guarded
def change(
    ctx: typer.Context,
    rate: Annotated[str | None, typer.Option(help="New rate: 30mL/h, 0.5mg/kg/h.")] = None,
    dose: Annotated[str | None, typer.Option(help="Or an amount: 0.25mg/kg, 10mg, 5mL.")] = None,
    over: Annotated[str | None, typer.Option(help="In what time: 45min.")] = None,
    to: Annotated[str | None, typer.Option(help="Ramp from --rate to this rate.")] = None,
    override: Annotated[
        str | None, typer.Option(help="Why a soft limit may be passed: partial-answer.")
    ] = None,
    tenfold: TenfoldOption = False,
    yes: YesOption = False,
    port: PortOption = None,
    as_json: JsonOption = False,
) -> None:
    """Change the rate of what is left of an infusion, or replace it by another phase.

    Shows what the pump makes of it and asks; until then the infusion goes on as it is.
    Example: titra change --rate 30mL/h
    """
    fields = {"rate": rate, "dose": dose, "over": over, "to": to, "override": override}
    with connected(ctx, port) as client:
        start = _offered(ctx, client, "change", fields, yes, as_json, tenfold)
        said = dict(client.request("start", start).fields)
        _say_lease(client)
    answered(ctx, as_json, "changed", said)


@guarded
def prime(
    ctx: typer.Context,
    volume: Annotated[str, typer.Option(help="To fill the line: 0.5mL; 3 mL at most.")],
    syringe: Annotated[str, typer.Option(help="Id from `titra syringes`: bd-60.")],
    rate: Annotated[str, typer.Option(help="How fast: 60mL/h.")] = "60mL/h",
    disconnected: Annotated[
        bool, typer.Option("--disconnected", help="Say that nobody is connected to the line.")
    ] = False,
    yes: YesOption = False,
    port: PortOption = None,
    as_json: JsonOption = False,
) -> None:
    """Fill the line, with nobody connected to it; Ctrl-C stops the pump.

    What is primed counts apart from what is delivered.
    Example: titra prime --volume 0.5mL --syringe bd-60 --disconnected
    """
    if not disconnected:
        raise UsageError(
            "say --disconnected: a line is primed with nobody connected to it",
            details={"field": "connected"},
        )
    fields = {"volume": volume, "rate": rate, "syringe": syringe, "connected": "no"}
    with connected(ctx, port) as client:
        start = _offered(ctx, client, "prime", fields, yes, as_json)
        with StopRequests() as asked:
            client.request("start", start, lease=LEASE, on_loss="stop")
            client.lease_us = time_us(LEASE)
            said, code = _to_the_end(client, asked)
    answered(ctx, as_json, "primed" if not code else "not primed to the end", said)
    raise typer.Exit(code)


@guarded
def pause(ctx: typer.Context, port: PortOption = None, as_json: JsonOption = False) -> None:
    """Pause the infusion, keeping its place. `titra resume` goes on.

    Example: titra pause
    """
    with connected(ctx, port) as client:
        said = dict(client.request("pause").fields)
    answered(ctx, as_json, "paused", said)


@guarded
def resume(ctx: typer.Context, port: PortOption = None, as_json: JsonOption = False) -> None:
    """Go on from a pause; the pump checks every precondition again.

    Example: titra resume
    """
    with connected(ctx, port) as client:
        said = dict(client.request("resume").fields)
        _say_lease(client)
    answered(ctx, as_json, "resumed", said)


def _offered(
    ctx: typer.Context,
    client: PumpClient,
    verb: str,
    fields: Mapping[str, str | None],
    yes: bool,
    as_json: bool,
    tenfold: bool = False,
) -> dict[str, str]:
    """Ask for ``verb``, show the pump's answer, ask the person; the fields of its ``start``."""
    answer = dict(client.request(verb, None, **fields).fields)
    with_json = wants_json(ctx, as_json)
    if not with_json:
        out().print(fields_table(f"{verb}, as the pump understands it", answer))
    return confirm_start(answer, f"Start this {verb} now?", yes, tenfold, with_json)


def _to_the_end(client: PumpClient, asked: StopRequests) -> tuple[dict[str, str], int]:
    """Follow a prime. The pump's words about its end, and the exit code."""
    while not asked.count:
        for report in client.poll(POLL_S):
            if isinstance(report, Event) and report.name in ENDS:
                said = {key: text for key, text in report.fields.items() if key not in HEAD}
                return said, 0 if report.name == "primed" else PUMP_FAILED
    return dict(client.stop().fields), STOPPED_BY_OPERATOR


def _say_lease(client: PumpClient) -> None:
    """Where a lease runs, nobody keeps it once this command has ended."""
    lease = client.request("status").fields.get("lease", "off")
    if lease != "off":
        err().print(
            f"[yellow]the run has a lease of {lease}: without a host (`titra monitor` is one) "
            "the pump acts on its loss[/]"
        )
