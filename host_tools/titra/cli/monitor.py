"""``titra monitor``: watch one pump or several; on a terminal a full screen, elsewhere lines."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.text import Text

from titra import protocol, pump_state, quantities
from titra.cli.ask import event_json, typed
from titra.cli.common import (
    JsonOption,
    NoWireLogOption,
    WireLogOption,
    chosen_ports,
    err,
    guarded,
    make_link,
    out,
    print_json,
    wants_json,
)
from titra.cli.interrupt import StopRequests
from titra.cli.view import event_line
from titra.errors import NO_CONNECTION, UsageError
from titra.link import SteeredLink
from titra.pump_state import News
from titra.watcher import Fleet, Watched

WAIT_S = 0.1
PortsOption = Annotated[
    list[str] | None,
    typer.Option("--port", help="Serial port of a pump; may be given several times."),
]


@guarded
def monitor(
    ctx: typer.Context,
    port: PortsOption = None,
    every: Annotated[
        str | None, typer.Option(help="Ask the pumps for telemetry this often: 500ms.")
    ] = None,
    plain: Annotated[
        bool, typer.Option("--plain", help="Lines instead of a screen, as in a pipe.")
    ] = False,
    as_json: JsonOption = False,
    wire_log: WireLogOption = None,
    no_wire_log: NoWireLogOption = False,
) -> None:
    """Watch pumps on a full screen: state, alarms, figures, plots, events.

    Space stops the pump selected at once, S all of them, m silences, a acknowledges, ? helps, q
    quits and stops nothing. In a pipe, or with --plain or --json, it writes lines and moves or
    stops nothing; Ctrl-C ends it. A lost link is tried again for ever. While it runs it is the
    host of the pumps: it keeps the lease of a run alive.

    Examples: titra monitor --port /dev/ttyACM0 · titra monitor --port /dev/ttyACM0 --port
    /dev/ttyACM1 · titra monitor --port /dev/ttyACM0 --json | jq .state
    """
    names = chosen_ports(ctx, port)
    if wire_log and len(names) > 1:
        raise UsageError("--wire-log names one file; several pumps have one each by default")
    links: list[SteeredLink] = []

    def make(name: str, tell: Callable[[News], None]) -> SteeredLink:
        link = make_link(SteeredLink, ctx, name, tell, "monitor", wire_log, no_wire_log)
        link.every = every
        links.append(link)
        return link

    fleet = Fleet(names, make)
    try:
        if len(links) == 1:
            links[0].connect()
        console = out()
        with_json = wants_json(ctx, as_json)
        if with_json or plain or not console.is_terminal or console.is_dumb_terminal:
            _follow(fleet, _Lines(len(names) > 1, with_json))
        else:
            from titra.tui.app import MonitorApp

            fleet.start()
            MonitorApp(fleet).run()
    finally:
        fleet.close()
        for link in links:
            link.close()
    raise typer.Exit(_say_goodbye(fleet))


def _say_goodbye(fleet: Fleet[SteeredLink]) -> int:
    """Say what the pumps do now; the exit code."""
    from titra.tui.words import left_behind

    fleet.drain()
    unheard = False
    for pump in fleet.pumps:
        now_s = pump.state.heard_s if pump.state.up and pump.state.heard_s else time.monotonic()
        err().print(f"monitor ended; {escape(pump.state.port)} {left_behind(pump.state, now_s)}")
        if pump.state.stop.phase in ("asked", "unheard"):
            unheard = True
            err().print(f"[bold red]STOP NOT ACKNOWLEDGED[/] by {escape(pump.state.port)}")
    return NO_CONNECTION if unheard else 0


def _follow(fleet: Fleet[SteeredLink], show: Callable[[Watched[SteeredLink], News], None]) -> None:
    """Show news until Ctrl-C. One pump is read in this thread, several in one each."""
    alone = len(fleet.pumps) == 1
    if not alone:
        fleet.start()
    with StopRequests() as asked:
        while not asked.count:
            if alone:
                fleet.turn()
            else:
                time.sleep(WAIT_S)
            for pump, news in fleet.drain():
                show(pump, news)


class _Lines:
    """Every event, every change of the link, and figures when what they say has changed."""

    def __init__(self, many: bool, as_json: bool) -> None:
        self._console = out()
        self._many = many
        self._json = as_json
        self._shown: dict[str, str] = {}

    def __call__(self, pump: Watched[SteeredLink], news: News) -> None:
        """Show ``news`` of ``pump``."""
        if self._json:
            if row := news_json(news):
                print_json({"port": pump.state.port, **row})
            return
        line = self._line(pump, news)
        if line is not None:
            head = f"{pump.state.port}  " if self._many else ""
            self._console.print(Text(head) + line)

    def _line(self, pump: Watched[SteeredLink], news: News) -> Text | None:
        if isinstance(news, pump_state.Told) and isinstance(news.report, protocol.Event):
            return Text(event_line(news.report), style="bold")
        if isinstance(news, pump_state.Told | pump_state.Answered):
            fields = pump.state.word
            words = sample_words(fields)
            if words == self._shown.get(pump.state.port):
                return None
            self._shown[pump.state.port] = words
            return Text(f"{_clock(fields.get('t'))}  {words}")
        if isinstance(news, pump_state.Up):
            return Text(f"link up: {news.identity.model} {news.identity.serial}", "green")
        if isinstance(news, pump_state.Down):
            return Text(f"LINK LOST: {news.why}", "bold red")
        if isinstance(news, pump_state.Losses):
            lost = f"{news.events} events, {news.telemetry} samples, {news.bad_lines} bad lines"
            return Text(f"missing so far: {lost}", "yellow")
        return None


def news_json(news: News) -> dict[str, Any] | None:
    """News as one object with ``type``; None for what concerns only the screen."""
    if isinstance(news, pump_state.Told):
        return event_json(news.report)
    if isinstance(news, pump_state.Answered):
        return {"type": "status", **typed(dict(news.fields))}
    if isinstance(news, pump_state.Up):
        who = news.identity
        return {"type": "link", "link": "up", "model": who.model, "serial": who.serial}
    if isinstance(news, pump_state.Down):
        return {"type": "link", "link": "lost", "code": news.code, "message": news.why}
    if isinstance(news, pump_state.Losses):
        counts = asdict(news)
        del counts["at_s"]
        return {"type": "gaps", **counts}
    return None


def sample_words(fields: dict[str, str]) -> str:
    """A sample for people: state first, then what it has delivered and what is left."""
    names = ("rate", "delivered", "dose", "steps", "remaining", "cause", "stop-loop")
    words = " ".join(f"{name}={fields[name]}" for name in names if name in fields)
    return f"{fields.get('state', '?'):<9} {words}"


def _clock(text: str | None) -> str:
    us = quantities.time_us(text)
    return "-" if us is None else f"{us / quantities.US_PER_S:>10.1f} s"
