"""``titra monitor``: watch a pump without steering it."""

from __future__ import annotations

from fractions import Fraction
from typing import Annotated

import typer
from rich.text import Text

from titra import protocol, quantities
from titra.cli.ask import event_json, typed
from titra.cli.common import (
    JsonOption,
    NoWireLogOption,
    PortOption,
    WireLogOption,
    client_on,
    err,
    guarded,
    open_port,
    open_wire_log,
    out,
    print_json,
    wants_json,
)
from titra.cli.interrupt import StopRequests
from titra.client import PumpClient
from titra.errors import ConnectionLost, NoConnection

QUIET_S = 2.0


@guarded
def monitor(
    ctx: typer.Context,
    port: PortOption = None,
    every: Annotated[
        str | None, typer.Option(help="Ask the pump for telemetry this often: 500ms.")
    ] = None,
    as_json: JsonOption = False,
    wire_log: WireLogOption = None,
    no_wire_log: NoWireLogOption = False,
) -> None:
    """Show live what the pump reports. Never moves or stops anything; Ctrl-C ends the view only.

    A pump that sends nothing is asked for its status every 2 s. Mind that every line sent renews
    the host lease of a run. Example: titra monitor --port /dev/ttyACM0 --json
    """
    with_json = wants_json(ctx, as_json)
    transport = open_port(ctx, port)
    log = None
    client = None
    try:
        log = open_wire_log(wire_log, no_wire_log, "monitor", transport.name)
        client = client_on(transport, log)
        client.connect()
        if every:
            client.request("telemetry", every=every)
        with StopRequests() as asked:
            try:
                _watch(client, asked, with_json)
            except NoConnection as gone:
                raise ConnectionLost(f"{gone.message}; the pump goes on by itself") from gone
    finally:
        transport.close()
        if log:
            log.close()
    state = client.info.get("state", "")
    moving = state in ("infusing", "paused")
    doing = "goes on" if moving else f"is {state or 'as it was'}"
    err().print(f"monitor ended; the pump {doing}")


def _watch(client: PumpClient, asked: StopRequests, with_json: bool) -> None:
    show = _show_json if with_json else _Lines()
    show(client, None)
    quiet_since = client.transport.clock()
    while not asked.count:
        reports = client.poll(getattr(client.transport, "poll_s", 0.25))
        for report in reports:
            client.info["state"] = report.fields.get("state", client.info.get("state", ""))
            show(client, report)
        now = client.transport.clock()
        if reports:
            quiet_since = now
        elif now - quiet_since > QUIET_S:
            show(client, None)
            quiet_since = client.transport.clock()


def _status(client: PumpClient) -> dict[str, str]:
    fields = dict(client.request("status").fields)
    client.info["state"] = fields.get("state", "")
    return fields


def _show_json(client: PumpClient, report: protocol.Report | None) -> None:
    if report is None:
        print_json({"type": "status", **typed(_status(client))})
    else:
        print_json(event_json(report))


class _Lines:
    """Plain lines: every event, and telemetry when what it says has changed."""

    def __init__(self) -> None:
        self._console = out()
        self._shown = ""

    def __call__(self, client: PumpClient, report: protocol.Report | None) -> None:
        if isinstance(report, protocol.Event):
            self._console.print(Text(event_line(report), style="bold"))
            return
        fields = dict(report.fields) if report else _status(client)
        words = sample_words(fields)
        if words != self._shown:
            self._shown = words
            self._console.print(Text(_clock(fields.get("t")) + "  " + words))


def event_line(event: protocol.Event) -> str:
    """An event for people."""
    skip = ("t", "boot", "name")
    words = " ".join(f"{key}={value}" for key, value in event.fields.items() if key not in skip)
    return f"{_clock(event.fields.get('t'))}  * {event.name} {words}".rstrip()


def sample_words(fields: dict[str, str]) -> str:
    """A sample for people: state first, then what it has delivered and what is left."""
    names = ("rate", "delivered", "dose", "steps", "remaining", "cause", "stop-loop")
    words = " ".join(f"{name}={fields[name]}" for name in names if name in fields)
    return f"{fields.get('state', '?'):<9} {words}"


def _clock(text: str | None) -> str:
    us = quantities.time_us(text)
    shown = "-" if us is None else quantities.decimal(Fraction(us, quantities.US_PER_S))
    return f"{shown:>12} s"
