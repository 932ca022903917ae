"""``titra infuse``: from a prescription to delivered steps, showing only what the pump says."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.markup import escape

from titra import quantities
from titra.cli.common import (
    JsonOption,
    NoWireLogOption,
    PortOption,
    TenfoldOption,
    WireLogOption,
    client_on,
    confirm_start,
    err,
    guarded,
    open_wire_log,
    out,
    print_json,
    wants_json,
)
from titra.cli.interrupt import StopRequests
from titra.cli.order import Order, ordered
from titra.cli.report import compare_plans, plans_table, print_lost, print_outcome, run_json
from titra.cli.source import Source, parse_sim, port_source, sim_source
from titra.cli.view import View, view_for
from titra.client import PumpClient
from titra.errors import STOPPED_BY_OPERATOR, ConnectionLost, UsageError
from titra.infusion import Infusion, program
from titra.prescription import HostPlan

PERIOD_MIN_US = 20_000
PERIOD_MAX_US = 60_000_000


@guarded
@ordered
def infuse(
    ctx: typer.Context,
    order: Order,
    port: PortOption = None,
    sim: Annotated[bool, typer.Option("--sim", help="Run on a virtual pump.")] = False,
    speed: Annotated[str, typer.Option(help="With --sim: a factor, or `max`.")] = "max",
    runtime: Annotated[str, typer.Option(help="With --sim: cpython or micropython.")] = "cpython",
    press_stop_at: Annotated[
        str | None, typer.Option(help="With --sim: press the stop button at this time of motion.")
    ] = None,
    lease: Annotated[
        str,
        typer.Option(help="Silence after which the pump acts, 1s to 600s; or off."),
    ] = "10s",
    on_loss: Annotated[str, typer.Option(help="What it does then: stop or finish.")] = "stop",
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="Do not ask before the start (--sim never asks).")
    ] = False,
    tenfold: TenfoldOption = False,
    as_json: JsonOption = False,
    wire_log: WireLogOption = None,
    no_wire_log: NoWireLogOption = False,
) -> None:
    """Run an infusion and watch it to its end. Ctrl-C stops the pump and waits for its word.

    Examples:

    titra infuse --sim --weight 70kg --dose 0.5mg/kg --over 40min
    --concentration 1mg/mL --syringe bd-60 --press-stop-at 20min

    titra infuse --port /dev/ttyACM0 --lease 10s --on-loss finish
    --weight 70kg ... (as above)
    """
    with_json = wants_json(ctx, as_json)
    options = parse_sim(order.board, runtime, speed, press_stop_at)
    if sim and port:
        raise UsageError("--sim and --port exclude each other", details={"field": "port"})
    if press_stop_at and not sim:
        raise UsageError("--press-stop-at needs --sim", details={"field": "press-stop-at"})
    planned = None if order.calibrated else order.plan()
    with sim_source(options) if sim else port_source(ctx, port) as source:
        log = open_wire_log(wire_log, no_wire_log, "infuse", source.transport.name)
        try:
            client = client_on(source.transport, log)
            client.connect()
            planned = planned or order.plan(client.info.get("serial"))
            run = _Run(client, source, planned, with_json)
            run.prepare(yes, tenfold)
            code = run.go(None if lease == "off" else lease, on_loss)
        finally:
            if log:
                log.close()
                if not with_json:
                    err().print(f"[dim]wire log: {escape(str(log.path))}[/]")
    raise typer.Exit(code)


class _Run:
    """One run from ``program`` to its exit code."""

    def __init__(
        self, client: PumpClient, source: Source, planned: HostPlan, with_json: bool
    ) -> None:
        self._client = client
        self._source = source
        self._planned = planned
        self._json = with_json
        self._start: dict[str, str] = {}

    def prepare(self, yes: bool, tenfold: bool) -> None:
        """Program, compare and ask. Raises what went wrong; nothing has moved."""
        answer = program(self._client, self._planned)
        if not self._json:
            out().print(plans_table(answer, self._planned))
        compare_plans(answer, self._planned)
        question = f"Start plan {self._planned.hash} now?"
        yes = yes or self._source.virtual
        self._start = confirm_start(answer, question, yes, tenfold, self._json)

    def go(self, lease: str | None, on_loss: str) -> int:
        """Start, follow, report; returns the exit code."""
        period_us = self._period_us(lease)
        self._client.request("telemetry", every=f"{period_us // 1000}ms")
        run = Infusion(self._client, self._planned.steps, period_us)
        with StopRequests() as asked:
            if asked.count:
                return STOPPED_BY_OPERATOR
            view = view_for(out(), self._json, self._planned.steps)
            try:
                run.start(self._start, lease, on_loss if lease else None)
                self._follow(run, view, asked)
                outcome = run.outcome()
            except ConnectionLost as lost:
                view.close()
                return self._lost(run, lost)
            finally:
                view.close()
            edges = self._source.step_edges() if self._source.step_edges else None
            if self._json:
                print_json(run_json(outcome, self._planned, edges))
            else:
                print_outcome(out(), outcome, self._planned, edges)
            self._say_losses()
        return outcome.exit_code

    def _say_losses(self) -> None:
        """On stderr: what of the pump's words did not arrive, even from its log."""
        client = self._client
        counts = (
            (client.events_lost, "events"),
            (client.telemetry_lost, "telemetry samples"),
            (client.bad_lines, "unreadable lines"),
        )
        missing = [f"{count} {what}" for count, what in counts if count]
        if missing:
            err().print("missing from what the pump said: " + ", ".join(missing))

    def _follow(self, run: Infusion, view: View, asked: StopRequests) -> None:
        poll_s = getattr(self._source.transport, "poll_s", 1.0)
        lost_said = False
        while not run.ended:
            if asked.count:
                view.note("stopping ...")
                run.stop()
            reports = run.follow(0 if run.ended else poll_s)
            view.update(run.word, run.steps, reports)
            if run.host_lost and not lost_said:
                lost_said = True
                view.note("the pump reports host-lost: its lease ran out")

    def _lost(self, run: Infusion, lost: ConnectionLost) -> int:
        if self._json:
            result: dict[str, object] = {
                "state": "unknown",
                "planned_steps": self._planned.steps,
                "plan": self._planned.hash,
                "last_word": run.last_word(),
                "policy": run.policy,
            }
            print_json({**lost.as_json(), **result})
        else:
            print_lost(err(), lost, run.last_word(), run.policy)
        return lost.exit_code

    def _period_us(self, lease: str | None) -> int:
        lease_us = quantities.time_us(lease)
        wanted = min(self._source.period_us, (lease_us or 4 * PERIOD_MAX_US) // 4)
        return max(PERIOD_MIN_US, min(wanted, PERIOD_MAX_US))
