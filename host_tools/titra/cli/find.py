"""``titra ports``: which serial port is a pump."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from titra import DEFAULT_BAUD, errors
from titra import ports as search
from titra.cli.common import JsonOption, err, guarded, out, print_json, wants_json
from titra.cli.settings import Settings

ADVICE = {
    "port-absent": "no such port",
    "port-busy": "held by another program; close it",
    "port-forbidden": "no permission; join the group `dialout`",
    "port-unusable": "not usable as a serial port",
    "silent": "nothing answers",
    "not-a-pump": "something else answers",
    "at-prompt": "a MicroPython prompt; `titra doctor` tells more",
    "wrong-speed": "what comes in is not text; see --baud",
    search.NOT_ASKED: "not asked; name it",
}


@guarded
def ports(
    ctx: typer.Context,
    named: Annotated[
        list[str] | None,
        typer.Argument(metavar="[PORT]...", help="Ask these; default: all USB ports of boards."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """List the serial ports and say which of them is a pump, by its own answer to *IDN?.

    Takes 2 s at most. Exit code 3 when there is no pump. Examples:
    titra ports · titra ports /dev/ttyS0 socket://rig:4000
    """
    settings = ctx.find_object(Settings)
    baud = settings.baud if settings else DEFAULT_BAUD
    asked = [(port, "") for port in named] if named else search.candidates()
    found = search.ask_all(asked, baud) + ([] if named else search.others())
    if wants_json(ctx, as_json):
        print_json({"ports": [asdict(each) for each in found]})
    elif found:
        out().print(_table(found))
    if not any(each.verdict == search.PUMP for each in found):
        if not wants_json(ctx, as_json):
            err().print("no pump found; plug one in, or start a virtual one with `titra sim`")
        raise typer.Exit(errors.NO_CONNECTION)


def _table(found: list[search.Found]) -> Table:
    table = Table("port", "what", "pump", "serial number", "firmware")
    for each in found:
        is_pump = each.verdict == search.PUMP
        table.add_row(
            escape(each.port),
            escape(each.usb),
            f"[green]{escape(each.model)}[/]" if is_pump else ADVICE.get(each.verdict, "?"),
            escape(each.serial),
            escape(each.firmware),
        )
    return table
