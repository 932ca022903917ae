"""``titra record``: keep everything a pump says, until Ctrl-C, over lost links and resets."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.text import Text

from titra.cli.ask import event_json
from titra.cli.common import (
    TIMEOUTS,
    JsonOption,
    PortOption,
    chosen_port,
    err,
    guarded,
    open_port,
    open_wire_log,
    out,
    print_json,
    wants_json,
)
from titra.cli.interrupt import StopRequests
from titra.cli.log import since_mark
from titra.cli.view import event_line
from titra.protocol import Event
from titra.pump import LinkChange, News, Pump

WAIT_S = 0.25


@guarded
def record(
    ctx: typer.Context,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="The recording; default ~/.local/state/titra/wire/."),
    ] = None,
    every: Annotated[
        str | None, typer.Option(help="Ask the pump for telemetry this often: 200ms.")
    ] = None,
    since: Annotated[
        str | None,
        typer.Option(help="Fetch the events after BOOT:SEQ first, or `all` that the pump keeps."),
    ] = None,
    port: PortOption = None,
    as_json: JsonOption = False,
) -> None:
    """Record all that a pump says until Ctrl-C.

    Steers nothing; the pump goes on when the recording ends. A lost link is tried again until it
    is back, then the events missed are fetched from the pump's log. What has been received is safe
    from a crash of this tool. Example: titra record -o bench.jsonl, then titra report bench.jsonl
    """
    with_json = wants_json(ctx, as_json)
    mark = since_mark(since)
    log = open_wire_log(output, False, "record", chosen_port(ctx, port))
    try:
        with (
            StopRequests() as asked,
            Pump(
                lambda: open_port(ctx, port), wire_log=log, since=mark, timeouts=TIMEOUTS
            ) as pump,
        ):
            if every:
                pump.telemetry(every)
            path = str(log.path) if log else ""
            _say_begin(pump, path, with_json)
            counts = {"events": 0, "samples": 0}
            while not asked.count:
                _show(pump.take(WAIT_S), counts, with_json)
            _show(pump.take(), counts, with_json)
            client = pump.client
    finally:
        if log:
            log.close()
    lost = {
        "events_lost": client.events_lost,
        "telemetry_lost": client.telemetry_lost,
        "bad_lines": client.bad_lines,
    }
    if with_json:
        print_json({"type": "end", "recording": path, **counts, **lost})
        return
    said = ", ".join(f"{count} {key.replace('_', ' ')}" for key, count in lost.items())
    out().print(f"{counts['events']} events, {counts['samples']} samples recorded; {said}")
    err().print(f"recording ended; the pump is left as it is\n[dim]{escape(path)}[/]")


def _say_begin(pump: Pump, path: str, with_json: bool) -> None:
    who = pump.identity
    if with_json:
        print_json({"type": "begin", "recording": path, "serial": who.serial})
        return
    out().print(
        f"recording [bold]{escape(who.model)} {escape(who.serial)}[/], firmware "
        f"{escape(who.firmware)}, into {escape(path)}; Ctrl-C ends it"
    )


def _show(news: list[News], counts: dict[str, int], with_json: bool) -> None:
    for item in news:
        if isinstance(item, LinkChange):
            if with_json:
                print_json({"type": "link", "up": item.up, "why": item.why})
            else:
                colour = "green" if item.up else "red"
                word = "link is back" if item.up else "link lost"
                out().print(f"[{colour}]{word}:[/] {escape(item.why)}")
        elif isinstance(item, Event):
            counts["events"] += 1
            if with_json:
                print_json(event_json(item))
            else:
                out().print(Text(event_line(item)))
        else:
            counts["samples"] += 1
