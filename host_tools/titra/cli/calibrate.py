"""``titra calibrate``: deliver, weigh, repeat; keep the volume per step that comes out.

Nothing is stored unless every repeat was delivered to its last step and the weights agree.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from titra import calibration_store as store
from titra import quantities as q
from titra.cli.calibrate_job import REFERENCE, Asked, Job, make_job
from titra.cli.calibrate_report import Effect, list_table, notes, result_table, say, weights_text
from titra.cli.calibrate_run import Ended, Session
from titra.cli.common import (
    JsonOption,
    NoWireLogOption,
    PortOption,
    WireLogOption,
    client_on,
    err,
    guarded,
    open_wire_log,
    out,
    print_json,
    wants_json,
)
from titra.cli.order import BoardOption
from titra.cli.source import parse_sim, port_source, sim_source
from titra.errors import UsageError
from titra.prescription import DEFAULT_BOARD


@guarded
def calibrate(
    ctx: typer.Context,
    syringe: Annotated[
        str | None, typer.Option(help="Id from the syringe table: bd-60. Required.")
    ] = None,
    port: PortOption = None,
    sim: Annotated[bool, typer.Option("--sim", help="Run on a virtual pump.")] = False,
    volume: Annotated[
        str | None, typer.Option(help="Of a repeat; default: one filling is enough, at most 5mL.")
    ] = None,
    rate: Annotated[str | None, typer.Option(help="Default: a repeat in 2 min.")] = None,
    repeats: Annotated[int | None, typer.Option(help="3 to 30; default 5.")] = None,
    purge: Annotated[
        str | None, typer.Option(help="Delivered first, not weighed; default half a repeat.")
    ] = None,
    density: Annotated[
        str | None, typer.Option(help="Of the liquid: 998.2g/L, 0.9971g/mL; default water.")
    ] = None,
    temperature: Annotated[
        str | None, typer.Option(help="Of the water, 15C to 30C; default 20C (0.9982g/mL).")
    ] = None,
    weights: Annotated[
        str | None, typer.Option(help='Known weights, in g or with unit: "4.99,5.01,5.00".')
    ] = None,
    note: Annotated[str, typer.Option(help="Kept with the result: balance, liquid, who.")] = "",
    plan: Annotated[
        str, typer.Option(help="Prescription on which the effect is shown.")
    ] = REFERENCE,
    board: BoardOption = DEFAULT_BOARD,
    file: Annotated[Path | None, typer.Option(help="Another store of calibrations.")] = None,
    listing: Annotated[bool, typer.Option("--list", help="Show what is stored.")] = False,
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="Ask for tare and weights only, if at all.")
    ] = False,
    as_json: JsonOption = False,
    wire_log: WireLogOption = None,
    no_wire_log: NoWireLogOption = False,
) -> None:
    """Find the true volume per step by weighing; store it for this syringe and pump.

    A balance in air shows 0.1 % too little; --density 0.9971g/mL corrects that (water, 20 C).

    Examples:

    titra calibrate --port /dev/ttyACM0 --syringe bd-60 --temperature 21.5C --note "balance 3"

    titra calibrate --list
    """
    with_json = wants_json(ctx, as_json)
    if listing:
        _show_store(file, syringe, with_json)
        return
    job = make_job(
        Asked(syringe, board, volume, rate, repeats, purge, density, temperature, weights, plan)
    )
    options = parse_sim(board, "cpython", "max", None)
    if sim and port:
        raise UsageError("--sim and --port exclude each other", details={"field": "port"})
    _check_somebody(job, with_json, yes or sim)
    store.check_store(file)
    with sim_source(options) if sim else port_source(ctx, port) as source:
        log = open_wire_log(wire_log, no_wire_log, "calibrate", source.transport.name)
        session = Session(client_on(source.transport, log), source, job, yes, with_json)
        try:
            _store_and_show(session, session.run(note), file)
        except Ended as end:
            _say_ended(end, session)
            raise typer.Exit(end.exit_code) from None
        finally:
            if log:
                log.close()
                if not with_json:
                    err().print(f"[dim]wire log: {escape(str(log.path))}[/]")


def _check_somebody(job: Job, with_json: bool, confirmed: bool) -> None:
    """Raise UsageError (not-confirmed) where a question would find nobody."""
    if sys.stdin.isatty() and not with_json:
        return
    if not job.weights:
        raise UsageError("nobody to ask for weights; say --weights", code="not-confirmed")
    if not confirmed:
        raise UsageError("nobody to ask; say --yes to start without asking", code="not-confirmed")


def _store_and_show(session: Session, entry: store.Calibration, file: Path | None) -> None:
    """Store, then show the result and its effect."""
    try:
        path = store.append(entry, file)
    except UsageError as error:
        error.message += f"; {entry.text}: {entry.volume_per_step} from {entry.weights}"
        raise
    effect = Effect(session.job.effect, entry)
    edges = session.source.step_edges
    if session.with_json:
        said = {"stored": True, "file": str(path), "calibration": entry.as_json()}
        said["difference_percent"] = q.decimal(entry.difference_percent, 3)
        said["effect"] = effect.as_json()
        print_json({**said, "step_edges": edges()} if edges else said)
        return
    out().print(result_table(entry))
    say(f"the next plan: {escape(effect.before.words)}")
    out().print(effect.table())
    say(f"stored in {escape(str(path))}; a plan takes it with")
    say(f"  --syringe {escape(entry.syringe)} --calibrated")


def _say_ended(end: Ended, session: Session) -> None:
    """The state of the pump, that nothing is stored, and the weights so far."""
    weights = weights_text(session.weighings)
    if session.with_json:
        said: dict[str, object] = {"stored": False, "state": end.state, "stop_cause": end.cause}
        print_json({**said, "weights": weights.split(",") if weights else []})
        return
    say(f"[bold red]ended:[/] the pump is {escape(end.state)}, cause {escape(end.cause)}")
    say(f"nothing stored; weights so far: {weights or 'none'}")


def _show_store(file: Path | None, syringe: str | None, with_json: bool) -> None:
    entries = [each for each in store.load(file) if syringe in (None, each.syringe)]
    path = file or store.default_file()
    if with_json:
        found = [each.as_json() for each in entries]
        print_json({"file": str(path), "calibrations": found})
    elif entries:
        out().print(list_table(entries))
        for line in notes(entries):
            say(escape(line))
    else:
        say(f"no calibrations in {escape(str(path))}")
