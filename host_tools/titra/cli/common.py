"""What all commands share: options, connecting, errors as exit codes, output."""

from __future__ import annotations

import functools
import json
import os
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from titra import errors, ports
from titra.cli.settings import Settings
from titra.client import PumpClient, Timeouts
from titra.errors import HINTS, TitraError
from titra.link import Link
from titra.pump_state import News
from titra.quantities import spaced
from titra.transport import Transport, open_transport
from titra.wirelog import WireLog, default_path

SomeLink = TypeVar("SomeLink", bound=Link)
Command = TypeVar("Command", bound=Callable[..., Any])
TIMEOUTS = Timeouts()

PortOption = Annotated[
    str | None, typer.Option("--port", help="Serial port of the pump; or set TITRA_PORT.")
]
TenfoldOption = Annotated[
    bool, typer.Option("--tenfold", help="With --yes: a tenfold or a tenth rate is meant.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Write JSON, for scripts.")]
WireLogOption = Annotated[
    Path | None,
    typer.Option(
        "--wire-log", help="Where to keep the raw wire log; default ~/.local/state/titra/wire/."
    ),
]
NoWireLogOption = Annotated[bool, typer.Option("--no-wire-log", help="Keep no wire log.")]


def out() -> Console:
    """Standard output as a console; lines are never cut."""
    return Console(soft_wrap=True, highlight=False)


def err() -> Console:
    """Standard error as a console."""
    return Console(stderr=True, soft_wrap=True, highlight=False)


def print_json(value: object) -> None:
    """One object on one line of standard output, flushed."""
    print(json.dumps(value), flush=True)


def wants_json(ctx: typer.Context, as_json: bool) -> bool:
    """True when --json stands before or after the command."""
    settings = ctx.find_object(Settings)
    return as_json or bool(settings and settings.as_json)


def guarded(command: Command) -> Command:
    """Turn errors into text (standard error) or a JSON object (standard output) and exit codes."""

    @functools.wraps(command)
    def wrapper(ctx: typer.Context, *args: Any, **kwargs: Any) -> Any:
        as_json = wants_json(ctx, bool(kwargs.get("as_json")))
        try:
            return command(ctx, *args, **kwargs)
        except TitraError as error:
            fail(error, as_json)
        except KeyboardInterrupt:
            raise typer.Exit(errors.STOPPED_BY_OPERATOR) from None
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(errors.OK) from None
        except (typer.Exit, typer.Abort, typer.BadParameter):
            raise
        except Exception as error:
            traceback.print_exc()
            fail(TitraError(f"bug in titra: {type(error).__name__}: {error}"), as_json)

    return wrapper  # type: ignore[return-value]


def fail(error: TitraError, as_json: bool) -> None:
    """Say what is wrong and exit with its code."""
    if as_json:
        print_json(error.as_json())
    else:
        console = err()
        console.print(f"[bold red]titra:[/] {escape(error.message)}")
        if hint := HINTS.get(error.code):
            console.print(f"[dim]hint: {escape(hint)}[/]")
    raise typer.Exit(error.exit_code)


def chosen_port(ctx: typer.Context, port: str | None) -> str:
    """The port named after or before the command or by TITRA_PORT, else that of the only pump.
    Raises UsageError."""
    settings = ctx.find_object(Settings)
    if settings is None:
        return ports.required(port)
    return ports.required(port or settings.port, settings.baud)


def open_port(ctx: typer.Context, port: str | None) -> Transport:
    """Open the port chosen."""
    settings = ctx.find_object(Settings)
    name = chosen_port(ctx, port)
    return open_transport(name, settings.baud) if settings else open_transport(name)


def chosen_ports(ctx: typer.Context, names: list[str] | None) -> list[str]:
    """The ports named after the command, else the one before it or of TITRA_PORT. Raises
    UsageError, also for a port named twice."""
    ports_ = list(names or []) or [chosen_port(ctx, None)]
    if len(set(ports_)) < len(ports_):
        raise errors.UsageError("a port is named twice", details={"field": "port"})
    return ports_


def make_link(
    kind: type[SomeLink],
    ctx: typer.Context,
    port: str,
    tell: Callable[[News], None],
    command: str,
    wire_log: Path | None,
    no_wire_log: bool,
) -> SomeLink:
    """A link of ``kind`` to ``port``, not yet connected, with its wire log."""
    log = open_wire_log(wire_log, no_wire_log, command, port)
    return kind(port, lambda: open_port(ctx, port), tell, log, TIMEOUTS)


def client_on(transport: Transport, log: WireLog | None = None) -> PumpClient:
    """A client with the tool's time-outs, not yet connected."""
    return PumpClient(transport, log, TIMEOUTS)


@contextmanager
def connected(ctx: typer.Context, port: str | None) -> Iterator[PumpClient]:
    """A client that has identified its pump; closed at the end."""
    client = client_on(open_port(ctx, port))
    try:
        client.connect()
        yield client
    finally:
        client.close()


def confirm(question: str, yes: bool, as_json: bool) -> None:
    """Ask before a motion. Raises UsageError (not-confirmed) unless somebody said yes."""
    if yes:
        return
    if as_json or not sys.stdin.isatty():
        raise errors.UsageError(
            "nobody to ask; say --yes to start without asking", code="not-confirmed"
        )
    if not typer.confirm(question):
        raise errors.UsageError("not started", code="not-confirmed")


def confirm_start(
    answer: Mapping[str, str], question: str, yes: bool, tenfold: bool, as_json: bool
) -> dict[str, str]:
    """Ask before the start of the plan that the pump answered; the fields of its ``start``.

    A rate ten times the one before, or a tenth, which the pump wants to be meant, is asked about;
    ``yes`` alone does not answer that, ``tenfold`` does.
    """
    start = {"plan": answer["plan"]}
    if "tenfold" in answer:
        start["tenfold"] = "yes"
        yes = yes and tenfold
        before = spaced(answer["tenfold"])
        question = f"The rate before is {before}. Is a tenfold change meant? {question}"
    confirm(question, yes, as_json)
    return start


def open_wire_log(path: Path | None, none: bool, command: str, port: str) -> WireLog | None:
    """The wire log of a run. One asked for must work; the default one may fail with a warning."""
    if none:
        return None
    try:
        return WireLog(path or default_path(command), port)
    except OSError as error:
        if path:
            raise errors.UsageError(f"cannot write the wire log: {error}") from error
        err().print(f"[yellow]no wire log: {escape(str(error))}[/]")
        return None


def fields_table(title: str, fields: dict[str, str]) -> Table:
    """Two columns: field and value as the pump wrote it."""
    table = Table(title=escape(title), title_justify="left", show_header=False)
    table.add_column(style="cyan", no_wrap=True)
    table.add_column(overflow="fold")
    for key, value in fields.items():
        table.add_row(escape(key), escape(spaced(value)))
    return table


def fields_words(fields: dict[str, str]) -> str:
    """A reply in one line for people; the state has been said before."""
    return ", ".join(f"{key} {spaced(value)}" for key, value in fields.items() if key != "state")
