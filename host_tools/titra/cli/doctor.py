"""``titra doctor``: what is wrong with this pump, its port or its link, and what to do."""

from __future__ import annotations

import typer
from rich.console import Console
from rich.markup import escape

from titra import DEFAULT_BAUD, errors
from titra.cli import common
from titra.cli.common import JsonOption, PortOption, chosen_port, guarded, out, print_json
from titra.cli.settings import Settings
from titra.doctor import FAIL, OK, SKIPPED, WARN, Finding, Patient, examine

COLOURS = {OK: "green", WARN: "yellow", FAIL: "bold red"}


@guarded
def doctor(ctx: typer.Context, port: PortOption = None, as_json: JsonOption = False) -> None:
    """Check the port, the link and the pump step by step; say what to do about what is wrong.

    Nothing moves. Exit code 3 when there is no pump to talk to, 7 when a check failed.
    Example: titra doctor --port /dev/ttyACM0
    """
    with_json = common.wants_json(ctx, as_json)
    settings = ctx.find_object(Settings)
    baud = settings.baud if settings else DEFAULT_BAUD
    console = Console(quiet=True) if with_json else out()
    patient = Patient(lambda: chosen_port(ctx, port), baud, common.TIMEOUTS)
    rows: list[dict[str, str]] = []
    code = errors.OK
    try:
        for check, finding in examine(patient):
            _show(console, check.name, finding)
            rows.append(
                {
                    "check": check.name,
                    "verdict": finding.verdict,
                    "found": finding.found,
                    "advice": finding.advice,
                }
            )
            if finding.verdict == FAIL:
                code = code or check.exit_code
    finally:
        patient.close()
    skipped = [row["check"] for row in rows if row["verdict"] == SKIPPED]
    if skipped:
        console.print(f"[dim]not checked: {', '.join(skipped)}[/]")
    if with_json:
        print_json({"port": patient.port, "healthy": code == errors.OK, "checks": rows})
    raise typer.Exit(code)


def _show(console: Console, name: str, finding: Finding) -> None:
    if finding.verdict == SKIPPED:
        return
    colour = COLOURS[finding.verdict]
    console.print(f"[{colour}]{finding.verdict:<4}[/] {name:<10} {escape(finding.found)}")
    if finding.advice:
        console.print(f"{'':>15} → {escape(finding.advice)}")
