"""``titra run``: scenario scripts against a simulated or a real pump, with a report for CI."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from titra import DEFAULT_BAUD, errors
from titra import ports as search
from titra.cli import common
from titra.cli.common import JsonOption, confirm, err, guarded, out, print_json, wants_json
from titra.cli.interrupt import StopRequests
from titra.cli.settings import Settings
from titra.cli.view import words_of
from titra.errors import UsageError
from titra.scenario import Result, Scenario, ScenarioError, junit, play
from titra.scenario.result import FAILED, INTERRUPTED, NOT_RUN, PASSED, SKIPPED, StepResult
from titra.targets import TARGETS, Rig

COLOURS = {PASSED: "green", FAILED: "bold red", INTERRUPTED: "bold red", SKIPPED: "yellow"}


@guarded
def run(
    ctx: typer.Context,
    files: Annotated[list[Path], typer.Argument(metavar="SCENARIO.toml...")],
    target: Annotated[
        str | None,
        typer.Option(help="sim, unix (MicroPython), or a port; default: the pump that is there."),
    ] = None,
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
) -> None:
    """Run scenario scripts and say step by step what came of them. Ctrl-C stops the pump.

    Everything is checked before anything moves. Exit code 7 when a scenario did not pass.
    SCENARIOS.md tells the steps. Example: titra run therapy.toml --target sim --junit out.xml
    """
    with_json = wants_json(ctx, as_json)
    scenarios = _load(files)
    if check:
        _say_checked(scenarios, with_json)
        return
    settings = ctx.find_object(Settings) or Settings(None, DEFAULT_BAUD, False)
    name = target or search.required(settings.port, settings.baud)
    confirm(
        f"Run {len(scenarios)} scenarios on the pump at {name}?", yes or name in TARGETS, False
    )
    results: list[Result] = []
    with StopRequests() as asked:
        for scenario in scenarios:
            if not asked.count:
                results.append(_play(scenario, name, settings.baud, asked, with_json))
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


def _play(
    scenario: Scenario, name: str, baud: int, asked: StopRequests, with_json: bool
) -> Result:
    console = Console(quiet=True) if with_json else out()
    console.print(f"[bold]{escape(scenario.title)}[/] on {escape(name)}")
    rig = Rig(name, baud)
    try:
        with console.status("") as line:
            result = play(
                scenario,
                rig,
                lambda made: _tell(console, scenario, made),
                lambda: asked.count > 0,
                common.TIMEOUTS,
                lambda word: line.update(escape(f"{word.get('state', '')}  {words_of(word)}")),
            )
    finally:
        rig.close()
    if result.closing:
        console.print(f"  [yellow]{escape(result.closing)}[/]")
    console.print(f"  [{COLOURS.get(result.verdict, 'yellow')}]{result.verdict}[/]")
    return result


def _tell(console: Console, scenario: Scenario, made: StepResult) -> None:
    if made.verdict == NOT_RUN:
        return
    colour = COLOURS[made.verdict]
    console.print(
        f"  [{colour}]{made.verdict:<7}[/] {made.took_s:9.3f} s  {escape(made.step.text)}"
    )
    if made.verdict != PASSED:
        where = f"{scenario.file}:{made.step.line}" if made.step.line else scenario.title
        console.print(f"          [bold]{escape(where)}[/]: {escape(made.why)}")
        if made.said:
            console.print(f"          the pump said: {escape(made.said)}")


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
