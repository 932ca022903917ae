"""``titra flash``: put firmware on a board and see it pass its self-test."""

from __future__ import annotations

from types import TracebackType
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TextColumn

from titra import DEFAULT_BAUD
from titra.cli import common
from titra.cli.ask import pairs_of
from titra.cli.common import JsonOption, PortOption, chosen_port, guarded, out, print_json
from titra.cli.settings import Settings
from titra.flash.run import WRITTEN, Done, Job, flash
from titra.flash.verdict import Verdict
from titra.prescription import DEFAULT_BOARD


class Bar:
    """Steps as lines, bytes as a bar."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._progress = Progress(
            TextColumn("writing"), BarColumn(), DownloadColumn(), console=console, transient=True
        )
        self._task: TaskID | None = None

    def __enter__(self) -> Bar:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._progress.stop()

    def step(self, text: str) -> None:
        """A line."""
        self._progress.stop()
        self._console.print(f"  {escape(text)}")

    def begin(self, total: int) -> None:
        """Show the bar."""
        self._progress.start()
        self._task = self._progress.add_task("", total=total)

    def wrote(self, count: int) -> None:
        """Move the bar."""
        if self._task is not None:
            self._progress.advance(self._task, count)


@guarded
def flash_(
    ctx: typer.Context,
    port: PortOption = None,
    board: Annotated[
        str, typer.Option("--board", help="A folder of boards/: rpi_pico, esp32_devkitc, ...")
    ] = DEFAULT_BOARD,
    keep_board: Annotated[
        bool, typer.Option("--keep-board", help="Leave the board.py that is there as it is.")
    ] = False,
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set", help="A setting, as supply-warn=4.7V; may be repeated. Acknowledges nothing."
        ),
    ] = None,
    recover: Annotated[
        bool,
        typer.Option(
            "--recover",
            help="Firmware hangs: hold the stop button, plug in; release it at the prompt.",
        ),
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be done; write nothing.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Compile, copy what has changed, compare hashes, restart, and tell what the self-test says.

    MicroPython 1.28 or later (ESP32: 1.26) must be on the board (micropython.org/download).
    Refused while infusing. Interrupted in mid-copy the board holds still: its self-test finds
    the difference.

    Settings are sent after the restart, also where the self-test failed. A pump that is latched,
    as after most restarts, takes them and stays latched: `titra ack` is a person's to give.

    Exit code 2 when refused (a wrong board.py too) or when a setting was; 3 when there is no board
    to talk to or the pump does not come back, with the board's own traceback; 7 when the self-test
    failed or could not test everything.

    Example: titra flash --board rpi_pico --port /dev/ttyACM0
    """
    with_json = common.wants_json(ctx, as_json)
    settings = ctx.find_object(Settings)
    job = Job(
        chosen_port(ctx, port),
        board,
        settings.baud if settings else DEFAULT_BAUD,
        keep_board,
        recover,
        dry_run,
        pairs_of(set_ or []),
    )
    with Bar(Console(quiet=True) if with_json else out()) as bar:
        done = flash(job, bar, common.TIMEOUTS)
    if with_json:
        print_json(_as_json(job, done))
    else:
        _tell(job, done)
    raise typer.Exit(done.exit_code)


def _as_json(job: Job, done: Done) -> dict[str, object]:
    verdict = done.verdict
    return {
        "port": job.port,
        "board": job.board,
        "micropython": ".".join(map(str, done.facts.version)),
        "frozen": done.frozen,
        "written": list(done.work.write),
        "deleted": list(done.work.delete),
        "same": done.work.same,
        "dry_run": job.dry_run,
        "self_test": verdict.word if verdict else "",
        "untested": dict(verdict.untested) if verdict else {},
        "notes": dict(verdict.notes) if verdict else {},
        "settings": done.settings,
        "state": done.status.get("state", ""),
    }


def _tell(job: Job, done: Done) -> None:
    console = out()
    if done.verdict:
        _tell_verdict(console, done, done.verdict)
    else:
        for path in done.work.write:
            console.print(f"  would write {escape(path)}")
        for path in done.work.delete:
            console.print(f"  would delete {escape(path)}")
    if job.settings and not job.dry_run:
        colour = "green" if done.settings == WRITTEN else "bold red"
        console.print(f"[{colour}]settings:[/] {escape(done.settings)}")


def _tell_verdict(console: Console, done: Done, verdict: Verdict) -> None:
    if verdict.failed:
        console.print(
            f"[bold red]self-test failed:[/] {escape(verdict.failed)}; see firmware/ALARMS.md"
        )
    for name, advice in verdict.untested.items():
        console.print(f"[bold red]not tested:[/] {escape(name)}; {escape(advice)}")
    for name, said in verdict.notes.items():
        console.print(f"  the self-test notes {escape(name)}={escape(said)}")
    state = done.status.get("state", "?")
    more = "; wants `titra ack`" if done.status.get("latched") == "yes" else ""
    passed = "[green]self-test passed[/], " if verdict.word == "passed" else ""
    console.print(f"{passed}the pump is {escape(state)}{more}")
