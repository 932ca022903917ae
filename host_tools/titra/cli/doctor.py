"""``titra doctor``: what is wrong with this pump, its port or its link, and what to do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from titra import DEFAULT_BAUD, errors, wiring
from titra.cli import common
from titra.cli.common import JsonOption, PortOption, chosen_port, guarded, out, print_json
from titra.cli.settings import Settings
from titra.doctor import FAIL, OK, SKIPPED, WARN, Check, Finding, Patient, examine
from titra.errors import UsageError

COLOURS = {OK: "green", WARN: "yellow", FAIL: "bold red"}


@guarded
def doctor(
    ctx: typer.Context,
    port: PortOption = None,
    wiring_too: Annotated[
        bool,
        typer.Option("--wiring", help="Then test the wiring with you at the bench: it moves."),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Check the port, the link and the pump step by step; say what to do about what is wrong.

    Of a board at MicroPython's prompt it tells chip and version, whether they will do, and how to
    flash it; nobody else is interrupted to ask.

    Nothing moves without --wiring. With it you are told what to do and asked what you see: stop
    button, EN, limit switch, force sensor, STEP against the counter, direction. Nobody is
    connected, no syringe in the pump. Ctrl-C stops the pump.

    Exit code 2 when the wiring test is refused, 3 when there is no pump to talk to, 5 after
    Ctrl-C, 7 when a check failed.

    Examples:

    titra doctor --port /dev/ttyACM0

    titra doctor --wiring --port /dev/ttyACM0
    """
    with_json = common.wants_json(ctx, as_json)
    settings = ctx.find_object(Settings)
    baud = settings.baud if settings else DEFAULT_BAUD
    console = Console(quiet=True) if with_json else out()
    patient = Patient(lambda: chosen_port(ctx, port), baud, common.TIMEOUTS)
    visit = Visit(patient, console)
    try:
        visit.go_through()
        if wiring_too and visit.code == errors.OK:
            visit.test_wiring(Person())
    finally:
        patient.close()
    visit.sum_up()
    if with_json:
        healthy = visit.code == errors.OK
        print_json({"port": patient.port, "healthy": healthy, "checks": visit.rows})
    raise typer.Exit(visit.code)


class Person:
    """Who stands at the bench, on standard error: standard output is for the result."""

    def tell(self, text: str) -> None:
        """Say what to do now."""
        common.err().print(f"[bold cyan]now[/]  {escape(text)}")

    def confirm(self, question: str) -> bool:
        """Ask; True is yes. UsageError (not-confirmed): nobody is there."""
        try:
            return typer.confirm(question, err=True)
        except typer.Abort as end:
            if not isinstance(end.__context__, EOFError):
                raise  # Ctrl-C
            raise UsageError("nobody answers", code="not-confirmed") from None


class Visit:
    """All that was found, and the exit code so far."""

    def __init__(self, patient: Patient, console: Console) -> None:
        self.rows: list[dict[str, str]] = []
        self.code = errors.OK
        self._patient = patient
        self._console = console

    def go_through(self, checks: Sequence[Check] | None = None) -> None:
        """Look at each in turn; by default at those of ``titra.doctor``."""
        for check, finding in examine(self._patient, checks):
            _show(self._console, check.name, finding)
            self.rows.append(
                {
                    "check": check.name,
                    "verdict": finding.verdict,
                    "found": finding.found,
                    "advice": finding.advice,
                }
            )
            if finding.verdict == FAIL:
                self.code = self.code or check.exit_code

    def test_wiring(self, person: Person) -> None:
        """With a person at the bench; whatever happens, the pump is stopped in the end."""
        wiring.begin(self._patient, person)
        try:
            self.go_through(wiring.steps(person))
        except (KeyboardInterrupt, typer.Abort):
            self._console.print("stopped")
            self.code = errors.STOPPED_BY_OPERATOR
        finally:
            self._patient.pump.stop()

    def sum_up(self) -> None:
        """Name what was not looked at."""
        skipped = [row["check"] for row in self.rows if row["verdict"] == SKIPPED]
        if skipped:
            self._console.print(f"[dim]not checked: {', '.join(skipped)}[/]")


def _show(console: Console, name: str, finding: Finding) -> None:
    if finding.verdict == SKIPPED:
        return
    colour = COLOURS[finding.verdict]
    console.print(f"[{colour}]{finding.verdict:<4}[/] {name:<10} {escape(finding.found)}")
    if finding.advice:
        console.print(f"{'':>15} → {escape(finding.advice)}")
