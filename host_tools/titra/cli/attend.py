"""Commands that attend to a pump and move nothing: ack, silence, settings, set."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.markup import escape

from titra.cli.ask import pairs_of, typed
from titra.cli.common import (
    JsonOption,
    PortOption,
    connected,
    fields_table,
    fields_words,
    guarded,
    out,
    print_json,
    wants_json,
)


def answered(ctx: typer.Context, as_json: bool, said: str, fields: dict[str, str]) -> None:
    """Show that the pump did it, in its own words."""
    if wants_json(ctx, as_json):
        print_json(typed(fields))
        return
    state = f"the pump is {fields['state']}" if "state" in fields else ""
    words = "; ".join(part for part in (state, fields_words(fields)) if part)
    out().print(f"[bold green]{escape(said)}:[/] {escape(words)}")


@guarded
def ack(
    ctx: typer.Context,
    alarm: Annotated[str | None, typer.Argument(help="Only this alarm.")] = None,
    port: PortOption = None,
    as_json: JsonOption = False,
) -> None:
    """Acknowledge a latched stop or an alarm. Nothing moves: a new plan and a start are needed.

    Release the stop button first. Example: titra ack
    """
    with connected(ctx, port) as client:
        fields = dict(client.request("ack", alarm=alarm).fields)
    answered(ctx, as_json, "acknowledged", fields)


@guarded
def silence(ctx: typer.Context, port: PortOption = None, as_json: JsonOption = False) -> None:
    """Silence the buzzer for at most 120 s. The alarm stays, the motor is not touched.

    Example: titra silence
    """
    with connected(ctx, port) as client:
        fields = dict(client.request("silence").fields)
    answered(ctx, as_json, "silenced", fields)


@guarded
def settings(
    ctx: typer.Context,
    name: Annotated[str | None, typer.Argument(help="Only this one, with its range.")] = None,
    port: PortOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show the settings that the pump keeps through resets.

    Examples: titra settings · titra settings supply-warn
    """
    with connected(ctx, port) as client:
        fields = dict(client.request("settings", name=name).fields)
    if wants_json(ctx, as_json):
        print_json(typed(fields))
    else:
        out().print(fields_table("settings", fields))


@guarded
def set_(
    ctx: typer.Context,
    changes: Annotated[list[str], typer.Argument(help="One or more of name=value.")],
    port: PortOption = None,
    as_json: JsonOption = False,
) -> None:
    """Change settings of a pump at rest: all of them or, after a refusal, none.

    Example: titra set supply-warn=4.7V telemetry-interval=500ms
    """
    pairs = pairs_of(changes)
    with connected(ctx, port) as client:
        fields = dict(client.request("set", pairs).fields)
    answered(ctx, as_json, "set", fields)
