"""Commands that ask one thing: info, status, send, stop."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.markup import escape

from titra import protocol
from titra.cli.common import (
    JsonOption,
    PortOption,
    client_on,
    connected,
    fields_table,
    fields_words,
    guarded,
    open_port,
    out,
    print_json,
    wants_json,
)
from titra.client import PumpClient
from titra.errors import NoAnswer, NoConnection, NotAPump, PumpSilent, UsageError

NUMBERS = ("boot", "protocol", "steps", "commanded", "planned", "events", "lost")


def typed(fields: dict[str, str]) -> dict[str, object]:
    """Fields for JSON: plain counts as numbers, all else as the pump wrote it."""
    return {
        key: int(value) if key in NUMBERS and value.isdecimal() else value
        for key, value in fields.items()
    }


def pairs_of(words: list[str]) -> dict[str, str]:
    """Words of the command line as fields. Raises UsageError."""
    pairs: dict[str, str] = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not equals or key in pairs:
            raise UsageError(f"not key=value, or given twice: {word!r}", details={"field": key})
        pairs[key] = value
    return pairs


@guarded
def info(ctx: typer.Context, port: PortOption = None, as_json: JsonOption = False) -> None:
    """Show which pump this is: model, serial number, firmware, capabilities.

    Example: titra info --port /dev/ttyACM0
    """
    with connected(ctx, port) as client:
        fields = client.info
    if wants_json(ctx, as_json):
        print_json(typed(fields))
    else:
        out().print(fields_table("pump", fields))


@guarded
def status(ctx: typer.Context, port: PortOption = None, as_json: JsonOption = False) -> None:
    """Show what the pump says it is doing and what it has delivered.

    Example: titra status --port /dev/ttyACM0 --json
    """
    with connected(ctx, port) as client:
        fields = dict(client.request("status").fields)
    if wants_json(ctx, as_json):
        print_json(typed(fields))
    else:
        out().print(fields_table("status", fields))


@guarded
def stop(ctx: typer.Context, port: PortOption = None, as_json: JsonOption = False) -> None:
    """Stop the motor now. Safe to repeat; waits for nothing but the acknowledgement.

    Example: titra stop --port /dev/ttyACM0
    """
    client = client_on(open_port(ctx, port))
    try:
        fields = dict(client.stop().fields)
    except NoAnswer as unheard:
        raise _why_unheard(client, unheard) from unheard
    finally:
        client.close()
    if wants_json(ctx, as_json):
        print_json(typed(fields))
        return
    said = f"the pump is {fields.get('state', '?')}; {fields_words(fields)}"
    out().print(f"[bold green]stopped:[/] {escape(said)}")


def _why_unheard(client: PumpClient, unheard: NoAnswer) -> NoConnection:
    """Why nobody acknowledged a stop; nobody was asked for his name before it."""
    port = client.transport.name
    if client.heard_pump:
        return unheard
    if client.rx_bytes:
        return NotAPump(
            f"{port}: something answered that is not a Titra pump; nothing was stopped there"
        )
    return PumpSilent(f"{port}: opened, but nothing answered; press the pump's stop button")


@guarded
def send(
    ctx: typer.Context,
    verb: Annotated[str, typer.Argument(help="A verb of PROTOCOL.md, as `status` or `*IDN?`.")],
    fields: Annotated[list[str] | None, typer.Argument(help="Fields as key=value.")] = None,
    port: PortOption = None,
    as_json: JsonOption = False,
) -> None:
    """Send one request with id and check, and print the reply.

    Examples: titra send limits syringe=bd-60 · titra send telemetry every=200ms · titra send ack
    """
    pairs = pairs_of(fields or [])
    with connected(ctx, port) as client:
        if verb.upper() == "*IDN?":
            lines = [client.connect().raw]
            answer: dict[str, object] = {"ok": True, "line": lines[0]}
        else:
            reply = client.request(verb, pairs)
            events = client.log_page(reply) if verb == "log" else []
            lines = [message.raw for message in (reply, *events)]
            answer = {"ok": True, "fields": typed(dict(reply.fields))}
            if events:
                answer["events"] = [event_json(event) for event in events]
    if wants_json(ctx, as_json):
        print_json(answer)
    else:
        for line in lines:
            out().print(escape(line))


def event_json(report: protocol.Report) -> dict[str, object]:
    """An event or a sample as one object."""
    kind = "event" if isinstance(report, protocol.Event) else "telemetry"
    head: dict[str, object] = {"type": kind, "seq": report.seq, "boot": report.boot}
    fields = {key: value for key, value in report.fields.items() if key not in ("t", "boot")}
    return {**head, "t_us": report.t_us, **typed(fields)}
