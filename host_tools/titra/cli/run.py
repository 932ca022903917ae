"""``titra run``: scenario scripts against a simulated or a real pump, with a report for CI."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from titra import DEFAULT_BAUD, errors
from titra import ports as search
from titra.cli import common
from titra.cli.common import (
    JsonOption,
    NoWireLogOption,
    confirm,
    err,
    guarded,
    open_wire_log,
    out,
    print_json,
    wants_json,
)
from titra.cli.interrupt import StopRequests
from titra.cli.settings import Settings
from titra.cli.view import words_of
from titra.errors import UsageError
from titra.prescription import DEFAULT_BOARD, board_settings
from titra.scenario import Audience, Result, Scenario, ScenarioError, junit, play
from titra.scenario.result import FAILED, INTERRUPTED, NOT_RUN, PASSED, SKIPPED, StepResult
from titra.targets import TARGETS, Rig

COLOURS = {PASSED: "green", FAILED: "bold red", INTERRUPTED: "bold red", SKIPPED: "yellow"}


@guarded
def run(
    ctx: typer.Context,
    files: Annotated[list[Path], typer.Argument(metavar="SCENARIO.toml...")],
    target: Annotated[
        str | None,
        typer.Option(
            help="sim, unix (MicroPython), emulator, or a port; default: the pump that is there."
        ),
    ] = None,
    board: Annotated[
        str, typer.Option(help="With sim and unix: the board file of the virtual pump.")
    ] = DEFAULT_BOARD,
    report: Annotated[
        Path | None, typer.Option("--junit", help="Write a JUnit report here, for CI.")
    ] = None,
    check: Annotated[bool, typer.Option("--check", help="Only check the files.")] = False,
    allow_skips: Annotated[
        bool, typer.Option("--allow-skips", help="Let a skipped scenario pass.")
    ] = False,
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="Do not ask before a real pump moves.")
    ] = False,
    as_json: JsonOption = False,
    no_wire_log: NoWireLogOption = False,
) -> None:
    """Run scenario scripts and say step by step what came of them. Ctrl-C stops the pump.

    Everything is checked before anything moves. Exit code 7 when a scenario did not pass.
    SCENARIOS.md tells the steps. Example: titra run therapy.toml --target sim --junit out.xml
    """
    with_json = wants_json(ctx, as_json)
    board_settings(board)
    scenarios = _load(files)
    if check:
        _say_checked(scenarios, with_json)
        return
    settings = ctx.find_object(Settings) or Settings(None, DEFAULT_BAUD, False)
    name = target or search.required(settings.port, settings.baud)
    confirm(
        f"Run {len(scenarios)} scenarios on the pump at {name}?", yes or name in TARGETS, False
    )
    console = Console(quiet=True) if with_json else out()
    results: list[Result] = []
    try:
        with StopRequests() as asked:
            for scenario in scenarios:
                if not asked.count:
                    rig = Rig(name, settings.baud, board)
                    results.append(_play(scenario, rig, asked, console, no_wire_log))
    finally:
        if report:
            _write(report, junit(results))
    if with_json:
        print_json({"target": name, "scenarios": [result.as_json() for result in results]})
    raise typer.Exit(_exit_code(results, allow_skips))


def _load(files: list[Path]) -> list[Scenario]:
    """All of them, or one error that holds every mistake in every file."""
    scenarios, wrong = [], []
    for path in files:
        try:
            scenarios.append(Scenario.load(path))
        except ScenarioError as error:
            wrong.append(error.message)
    if wrong:
        raise ScenarioError("\n".join(wrong))
    return scenarios


def _say_checked(scenarios: list[Scenario], with_json: bool) -> None:
    rows = [
        {"scenario": each.name, "steps": len(each.steps), "needs": list(each.needs)}
        for each in scenarios
    ]
    if with_json:
        print_json({"scenarios": rows})
        return
    for row, scenario in zip(rows, scenarios, strict=True):
        needs = ", ".join(scenario.needs) or "nothing of the bench"
        out().print(f"{escape(scenario.name)}: {row['steps']} steps, needs {needs}")


class _Teller(Audience):
    """Prints each step, and what the pump does meanwhile where that can be drawn over."""

    def __init__(self, console: Console, scenario: Scenario, asked: StopRequests) -> None:
        self.line = console.status("")
        self._console = console
        self._scenario = scenario
        self._asked = asked

    def step(self, result: StepResult) -> None:
        if result.verdict == NOT_RUN:
            return
        self._console.print(
            f"  [{COLOURS[result.verdict]}]{result.verdict:<7}[/] {result.took_s:9.3f} s  "
            + escape(result.step.text)
        )
        if result.verdict == PASSED:
            return
        line, file = result.step.line, self._scenario.file
        where = f"{file}:{line}" if line else self._scenario.title
        self._console.print(f"          [bold]{escape(where)}[/]: {escape(result.why)}")
        if result.said:
            self._console.print(f"          the pump said: {escape(result.said)}")

    def word(self, word: Mapping[str, str]) -> None:
        self.line.update(escape(f"{word.get('state', '')}  {words_of(word)}"))

    def enough(self) -> bool:
        return self._asked.count > 0


def _play(
    scenario: Scenario, rig: Rig, asked: StopRequests, console: Console, no_wire_log: bool
) -> Result:
    console.print(f"[bold]{escape(scenario.title)}[/] on {escape(rig.name)}")
    teller = _Teller(console, scenario, asked)
    log = open_wire_log(None, no_wire_log, f"run-{scenario.name}", rig.transport.name)
    try:
        with teller.line:
            result = play(scenario, rig, teller, common.TIMEOUTS, log)
    finally:
        rig.close()
        if log:
            log.close()
    if result.closing:
        console.print(f"  [yellow]{escape(result.closing)}[/]")
    console.print(f"  [{COLOURS.get(result.verdict, 'yellow')}]{result.verdict}[/]")
    if log and not console.quiet:
        err().print(f"[dim]wire log: {escape(str(log.path))}[/]")
    return result


def _write(path: Path, report: bytes) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(report)
    except OSError as error:
        details = {"field": "junit", "given": str(path)}
        raise UsageError(f"cannot write the report: {error}", details=details) from error
    err().print(f"[dim]report: {escape(str(path))}[/]")


def _exit_code(results: list[Result], allow_skips: bool) -> int:
    verdicts = {result.verdict for result in results}
    if INTERRUPTED in verdicts:
        return errors.STOPPED_BY_OPERATOR
    if FAILED in verdicts or (SKIPPED in verdicts and not allow_skips):
        return errors.NOT_PASSED
    return errors.OK
