"""A group of commands that imports a command's code when it is called, never for ``--help``.

``titra --help`` must come in under 0.3 s. Typer and nothing else is imported for it: the front
page is plain text from the table; the pages of the commands are drawn by Rich.
"""

from __future__ import annotations

import importlib
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from titra.cli.table import PANELS, ROWS, Row
from titra.errors import REFUSED

WIDEST = max(len(row.name) for row in ROWS)


class LazyGroup(TyperGroup):
    """Holds a stub for every row of the table; the real command takes its place when called."""

    def __init__(self, **attrs: Any) -> None:
        attrs["commands"] = {row.name: _stub(row) for row in ROWS}
        super().__init__(**attrs)

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Without a word show the help; as an error, on standard error."""
        if not args and not ctx.resilient_parsing:
            typer.echo(ctx.get_help(), err=True)
            ctx.exit(REFUSED)
        return super().parse_args(ctx, args)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The command called, loaded, with its name and its arguments."""
        name, command, rest = super().resolve_command(ctx, args)
        if name is not None:
            command = _load(next(row for row in ROWS if row.name == name))
        return name, command, rest

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Plain text, the commands by panel."""
        self.format_usage(ctx, formatter)
        formatter.write_paragraph()
        for line in (self.help or "").splitlines():
            formatter.write(f"{line}\n")
        for panel in PANELS:
            rows = [(row.name.ljust(WIDEST), row.help) for row in ROWS if row.panel == panel]
            if rows:
                _section(formatter, panel, rows)
        records = [param.get_help_record(ctx) for param in self.get_params(ctx)]
        _section(formatter, "Options, before the command", [row for row in records if row])
        self.format_epilog(ctx, formatter)


def _section(formatter: Any, title: str, rows: list[tuple[str, str]]) -> None:
    with formatter.section(typer.style(title, bold=True)):
        formatter.write_dl(rows)


def _stub(row: Row) -> TyperCommand:
    return TyperCommand(name=row.name, help=row.help)


def _load(row: Row) -> Any:
    module, _, function = row.code.partition(":")
    found = getattr(importlib.import_module(module), function)
    if isinstance(found, typer.Typer):
        return typer.main.get_command(found)
    one = typer.Typer(add_completion=False, rich_markup_mode="rich")
    one.command(row.name)(found)
    return typer.main.get_command(one)
