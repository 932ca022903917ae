"""The command ``library``: check, build, load, show and compare drug libraries."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.progress import Progress
from rich.table import Table

from titra import library_diff, library_file, library_link
from titra.cli.common import (
    JsonOption,
    PortOption,
    connected,
    err,
    guarded,
    out,
    print_json,
    wants_json,
)
from titra.errors import REFUSED, UsageError
from titra.library import SUFFIX, Library, core, read

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    help="Check, build, load, show and compare drug libraries (host_tools/titra/DRUG_LIBRARY.md).",
)
FileArgument = Annotated[Path, typer.Argument(help="A library: TOML, or compiled by build.")]
COLOURS = {
    library_diff.TIGHTER: "green",
    library_diff.LOOSER: "red",
    library_diff.ADDED: "yellow",
    library_diff.REMOVED: "yellow",
    library_diff.CHANGED: "yellow",
}


@app.command()
@guarded
def check(ctx: typer.Context, file: FileArgument, as_json: JsonOption = False) -> None:
    """Find every mistake in a library: line, entry, field, value and limit.

    Example: titra library check host_tools/titra/library_examples.toml
    """
    try:
        data = file.read_bytes()
    except OSError as error:
        raise UsageError(f"cannot read {file}: {error.strerror}") from error
    library, problems = library_file.parse(data)
    if wants_json(ctx, as_json):
        listed = [{**vars(each), "message": str(each)} for each in problems]
        head = {} if library is None else _head(library)
        print_json({"ok": library is not None, **head, "errors": listed})
    elif library is not None:
        out().print(f"[bold green]good:[/] {escape(_title(library))}")
    for problem in problems if not wants_json(ctx, as_json) else ():
        out().print(escape(f"{file}:{problem}"))
    if problems:
        raise typer.Exit(REFUSED)


@app.command()
@guarded
def build(
    ctx: typer.Context,
    file: FileArgument,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Default: NAME-VERSION.library.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Compile a library: the same entries give the same bytes.

    Example: titra library build my.toml -o my.library
    """
    library = read(file)
    path = output or Path(f"{library.name}-{library.version}{SUFFIX}")
    data = library.compiled()
    try:
        path.write_bytes(data)
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror}") from error
    if wants_json(ctx, as_json):
        print_json({"file": str(path), "bytes": len(data), **_head(library)})
    else:
        out().print(f"[bold green]{escape(str(path))}[/]: {escape(_title(library))}")


@app.command()
@guarded
def load(
    ctx: typer.Context, file: FileArgument, port: PortOption = None, as_json: JsonOption = False
) -> None:
    """Put a library in the pump, whole or not at all, and read it back.

    The pump takes it where nothing can move: idle, complete, halted or stopped.
    Example: titra --port /tmp/pump library load my.toml
    """
    library = read(file)
    with connected(ctx, port) as client, Progress(console=err(), transient=True) as progress:
        task = progress.add_task("entries", total=len(library.entries))
        before = library_link.load(client, library, lambda n: progress.update(task, completed=n))
    if wants_json(ctx, as_json):
        print_json({**_head(library), "replaced": _head(before), "verified": True})
        return
    out().print(f"[bold green]loaded and read back:[/] {escape(_title(library))}")
    out().print(f"before: {escape(_title(before))}")


@app.command()
@guarded
def show(
    ctx: typer.Context,
    file: Annotated[
        Path | None, typer.Argument(help="A library file; without it, that of the pump.")
    ] = None,
    port: PortOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show the library in a file, or in the pump.

    Example: titra --port /tmp/pump library show
    """
    library = read(file) if file else _of_pump(ctx, port)
    if wants_json(ctx, as_json):
        rows = [{**entry.fields, "note": entry.note, "source": entry.source}
                for entry in library.entries]  # fmt: skip
        listed = [{key: text for key, text in row.items() if text} for row in rows]
        print_json({**_head(library), "entries": listed})
        return
    out().print(f"[bold]{escape(_title(library))}[/]")
    for entry in library.entries:
        out().print(_table(entry.fields, {"note": entry.note, "source": entry.source}))


@app.command()
@guarded
def diff(
    ctx: typer.Context,
    file: FileArgument,
    other: Annotated[
        Path | None, typer.Argument(help="The newer one; without it, FILE against the pump.")
    ] = None,
    port: PortOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say what is different, and what got looser or tighter: from FILE to OTHER, or from the pump
    to FILE.

    Example: titra --port /tmp/pump library diff my.toml
    """
    after = read(other or file)
    before = read(file) if other else _of_pump(ctx, port)
    changes = library_diff.diff(before, after)
    if wants_json(ctx, as_json):
        rows = [change.as_json() for change in changes]
        print_json({"before": _head(before), "after": _head(after), "changes": rows})
        return
    out().print(f"from {escape(_title(before))}\nto   {escape(_title(after))}")
    if not changes:
        out().print("[green]no entry is different[/]")
        return
    table = Table(box=None, pad_edge=False)
    for name in ("entry", "what", "before", "after", "change"):
        table.add_column(name)
    for change in changes:
        before_, after_ = (library_file.spaced(t) or "-" for t in (change.before, change.after))
        word = f"[{COLOURS[change.change]}]{change.change}[/]"
        table.add_row(change.entry, change.what, before_, after_, word)
    out().print(table)


def _of_pump(ctx: typer.Context, port: str | None) -> Library:
    with connected(ctx, port) as client:
        return library_link.read(client)


def _head(library: Library) -> dict[str, object]:
    return {**library.head, "entries": len(library.entries)} if library.entries else {"name": None}


def _title(library: Library) -> str:
    if not library.entries:
        return "no library"
    count = len(library.entries)
    many = "entry" if count == 1 else "entries"
    return f"{library.label}, {count} {many}, CRC {library.head['crc']}"


def _table(fields: object, more: dict[str, str]) -> Table:
    said = dict(fields)  # type: ignore[call-overload]
    table = Table(title=escape(said["id"]), title_justify="left", show_header=False)
    table.add_column(style="cyan", no_wrap=True)
    table.add_column(overflow="fold")
    table.add_row("drug", escape(f"{said['drug']}, {said['route']}"))
    shown = [library_file.spaced(text) for text in said["concentrations"].split(",")]
    table.add_row("concentrations", escape(", ".join(shown)))
    for name in core.LIMITED:
        for hard, soft in zip(*core.rows_of(name, said[name])) if name in said else ():
            table.add_row(name, escape(_limit(hard, soft)))
    for name in ("lockout", "hourly"):
        if name in said:
            table.add_row(f"bolus {name}", escape(library_file.spaced(said[name])))
    for name, text in more.items():
        if text:
            table.add_row(name, escape(" ".join(text.split())))
    return table


def _limit(hard: tuple[str, str, str], soft: tuple[str, str, str]) -> str:
    parts = []
    for strength, row in (("soft", soft), ("hard", hard)):
        least, most = (library_file.spaced(text) for text in row[1:])
        if least and most:
            parts.append(f"{strength} {least} to {most}")
        elif least or most:
            parts.append(f"{strength} from {least}" if least else f"{strength} up to {most}")
    return "; ".join(parts)
