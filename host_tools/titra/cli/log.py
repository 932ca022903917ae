"""``titra log``: the pump's own record of what happened, across its resets."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from titra.cli.ask import event_json
from titra.cli.common import (
    JsonOption,
    PortOption,
    connected,
    guarded,
    out,
    print_json,
    wants_json,
)
from titra.cli.view import event_line
from titra.client import PumpClient
from titra.errors import UsageError
from titra.protocol import Event
from titra.sequence import Mark, mark_of, parse_mark

ALL: Mark = (0, 0)


@guarded
def log(
    ctx: typer.Context,
    since: Annotated[
        str | None,
        typer.Option(help="Only what came after this event, as BOOT:SEQ (12:205)."),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Save the pump's lines, checks included.")
    ] = None,
    port: PortOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print or save the events that the pump keeps.

    At least the last 1000, over resets and power cuts. Give the last line's BOOT:SEQ to --since
    next time, and nothing is lost or seen twice. Example: titra log --since 12:205 --json
    """
    mark = since_mark(since) or ALL
    with connected(ctx, port) as client:
        events = fetch(client, mark)
    if output:
        try:
            output.write_text("".join(event.raw + "\n" for event in events), encoding="ascii")
        except OSError as error:
            raise UsageError(f"cannot write {output}: {error.strerror}") from error
    for event in events if output is None or wants_json(ctx, as_json) else ():
        if wants_json(ctx, as_json):
            print_json(event_json(event))
        else:
            out().print(Text(f"{event.boot:>4}:{event.seq:<5} {event_line(event)}"))
    if output and not wants_json(ctx, as_json):
        out().print(Text(f"{len(events)} events saved in {output}"))


def fetch(client: PumpClient, mark: Mark) -> list[Event]:
    """Every event that the pump keeps after ``mark``."""
    events: list[Event] = []
    while True:
        page = client.log_after(mark_of(events[-1]) if events else mark)
        events += page.events
        if not page.more:
            return events


def since_mark(text: str | None) -> Mark | None:
    """``BOOT:SEQ`` as a mark, ``all`` as the beginning. Raises UsageError."""
    if text is None:
        return None
    mark = ALL if text == "all" else parse_mark(text)
    if mark is None:
        details = {"field": "since", "given": text, "accepts": "BOOT:SEQ,all"}
        raise UsageError(f"--since takes BOOT:SEQ, as 12:205, not {text!r}", details=details)
    return mark
