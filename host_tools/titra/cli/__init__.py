"""The command ``titra``: thin commands over the client. Entry point: ``app``.

Commands stand in ``table.py``; nothing here imports one.
"""

from __future__ import annotations

from typing import Annotated

import typer

from titra import DEFAULT_BAUD, __version__
from titra.cli.lazy import LazyGroup
from titra.cli.settings import Settings

app = typer.Typer(
    name="titra",
    cls=LazyGroup,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: 0 done, 1 tool bug, 2 refused, 3 no connection, 4 stop button, "
    "5 stopped by you, 6 pump fault or link lost, 7 a check did not pass. See EXIT_CODES.md.",
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"titra {__version__}")
        raise typer.Exit


@app.callback()
def main(
    ctx: typer.Context,
    port: Annotated[
        str | None,
        typer.Option(envvar="TITRA_PORT", help="Serial port of the pump, as /dev/ttyACM0."),
    ] = None,
    baud: Annotated[
        int, typer.Option(envvar="TITRA_BAUD", help="Line speed in baud (USB ignores it).")
    ] = DEFAULT_BAUD,
    as_json: Annotated[
        bool, typer.Option("--json", help="Write one JSON object instead of text.")
    ] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Drive, simulate and check a Titra syringe pump.

    Bench engineering equipment; not a medical device. Try it without hardware:

      titra infuse --sim --weight 70kg --dose 0.5mg/kg --over 40min
                   --concentration 1mg/mL --syringe bd-60
    """
    del version
    ctx.obj = Settings(port, baud, as_json)
