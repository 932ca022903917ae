"""``titra sim``: a virtual pump behind a pseudo-terminal, for any program that speaks serial."""

from __future__ import annotations

import contextlib
import importlib
import os
import select
import sys
import threading
from typing import Annotated, Any

import typer
from rich.markup import escape

from titra.cli.common import JsonOption, guarded, out, print_json, wants_json
from titra.cli.interrupt import StopRequests
from titra.cli.order import BoardOption
from titra.cli.source import parse_sim
from titra.errors import TitraError, UsageError
from titra.prescription import DEFAULT_BOARD

TICK_S = 0.1
COMMANDS = "press, release, power-cut, quit"


@guarded
def sim(
    ctx: typer.Context,
    speed: Annotated[str, typer.Option(help="Virtual seconds a real second, or `max`.")] = "1",
    link: Annotated[
        str | None, typer.Option(help="Also make a symbolic link to the port here.")
    ] = None,
    runtime: Annotated[
        str, typer.Option(help="micropython (as on the chip) or cpython.")
    ] = "micropython",
    board: BoardOption = DEFAULT_BOARD,
    as_json: JsonOption = False,
) -> None:
    """Run a virtual pump on a port of its own until Ctrl-C.

    On a terminal, type press, release, power-cut or quit. Example:
    titra sim --link /tmp/pump --speed 60, then titra status --port /tmp/pump
    """
    options = parse_sim(board, runtime, speed, None)
    simulator: Any = importlib.import_module("titra.simulator")
    try:
        pump = simulator.SpawnedPump(runtime=runtime, speed=options.speed, link=link, board=board)
    except simulator.LinkError as error:
        raise UsageError(str(error), details={"field": "link", "given": link or ""}) from error
    try:
        with StopRequests() as asked:
            _announce(pump, link, wants_json(ctx, as_json))
            ended = _attend(pump, asked)
    finally:
        pump.close()
    if not wants_json(ctx, as_json):
        out().print("\nvirtual pump ended")
    if ended:
        raise TitraError("the simulator ended by itself", code="simulator-ended")


def _announce(pump: Any, link: str | None, with_json: bool) -> None:
    port = str(link or pump.port)
    if with_json:
        print_json({"port": port} if link is None else {"port": port, "pty": str(pump.port)})
        return
    console = out()
    console.print(f"virtual pump on [bold green]{escape(port)}[/]")
    console.print(f"  in another terminal: [cyan]titra status --port {escape(port)}[/]")
    if _has_keyboard():
        console.print(f"  here: {COMMANDS}, or Ctrl-C")
    sys.stdout.flush()


def _attend(pump: Any, asked: StopRequests) -> bool:
    """Obey the keyboard until told to end. True when the simulator ended first."""
    gone = threading.Event()

    def wait() -> None:
        with contextlib.suppress(Exception):
            pump.wait()
        gone.set()

    threading.Thread(target=wait, daemon=True).start()
    while not asked.count and not gone.is_set():
        if not _has_keyboard():
            gone.wait(TICK_S)
        elif select.select([sys.stdin], [], [], TICK_S)[0]:
            line = os.read(sys.stdin.fileno(), 1024).decode("utf-8", "replace")
            if not line or any(_obey(pump, word) for word in line.split()):
                return False
    return gone.is_set() and not asked.count


def _has_keyboard() -> bool:
    """True when standard input is a terminal and ours: reading it in the background would stop us
    (SIGTTIN)."""
    return sys.stdin.isatty() and os.tcgetpgrp(sys.stdin.fileno()) == os.getpgrp()


def _obey(pump: Any, word: str) -> bool:
    """Carry out one command; True for quit."""
    actions = {"press": pump.press, "release": pump.release, "power-cut": pump.power_cut}
    if word == "quit":
        return True
    if word in actions:
        actions[word]()
        out().print(f"[yellow]{word}[/] done")
    else:
        out().print(f"what is {escape(word)!r}? I know {COMMANDS}")
    return False
