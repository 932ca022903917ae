"""The whole of flashing one board, step by step. What it finds and does is told to ``Told``."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from titra import errors
from titra.board_file import check
from titra.client import PumpClient, Timeouts
from titra.errors import (
    NotAPump,
    PortUnusable,
    PumpRefused,
    PumpSilent,
    UsageError,
    WrongSpeed,
)
from titra.firmware_files import RECORD_NAME, boards, build, chip_of
from titra.flash.back import wait_for_pump
from titra.flash.device import Facts, Repl
from titra.flash.job import Work, check_interpreter, differences, hashes, work
from titra.flash.verdict import Verdict, self_test
from titra.transport import open_transport

RECOVERY_S = 60.0
PAUSE_S = 0.2
WRITTEN = "written"
MOVING = ("infusing", "paused", "bolus", "priming", "kvo")


class Told(Protocol):
    """Who wants to know how it goes."""

    def step(self, text: str) -> None:
        """Something was found or done."""

    def begin(self, total: int) -> None:
        """So many bytes will be written."""

    def wrote(self, count: int) -> None:
        """So many more are."""


@dataclass(frozen=True)
class Job:
    """What is asked for. ``settings`` are sent after the restart; ``recover`` waits for a board
    whose firmware does not answer."""

    port: str
    board: str
    baud: int
    keep_board: bool = False
    recover: bool = False
    dry_run: bool = False
    settings: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Done:
    """What came of it. ``frozen``: the image has a firmware of its own. After the restart: the
    pump's ``status`` and the ``verdict`` of its self-test; ``settings`` is WRITTEN, or why not,
    '' where none were asked for. A dry run has none of the three."""

    facts: Facts
    work: Work
    frozen: bool
    status: Mapping[str, str] = field(default_factory=dict)
    verdict: Verdict | None = None
    settings: str = ""

    @property
    def exit_code(self) -> int:
        """Of the tool: a self-test that did not pass, or not whole, comes first."""
        if self.verdict and self.verdict.word != "passed":
            return errors.NOT_PASSED
        return errors.REFUSED if self.settings not in ("", WRITTEN) else errors.OK


def flash(job: Job, told: Told, timeouts: Timeouts) -> Done:
    """Flash ``job.board``; returns what came of it, or raises a TitraError: what was written by
    then stays, and the self-test keeps a half-written pump from moving."""
    if job.board not in boards():
        raise UsageError(
            f"there is no board {job.board!r}",
            details={"field": "board", "given": job.board, "accepts": ",".join(boards())},
        )
    check(job.board)
    if not job.recover:
        _leave_controller(job, told, timeouts)
    repl = _wait_for_repl(job.port) if job.recover else Repl(job.port)
    if job.recover:
        told.step("the prompt is there: release the stop button now, for the self-test")
    try:
        done = _bring_up_to_date(repl, job, told)
    except BaseException:
        repl.close()
        raise
    if job.dry_run:
        repl.restart()
        return done
    told.step("restart and self-test")
    repl.restart()
    return _after_restart(job, timeouts, done)


def _leave_controller(job: Job, told: Told, timeouts: Timeouts) -> None:
    """Have a running pump go to its REPL; nothing to do where no pump answers."""
    client = PumpClient(open_transport(job.port, job.baud), timeouts=timeouts)
    try:
        identity = client.connect()
        state = client.request("status").fields.get("state", "?")
        told.step(f"{identity.model} with firmware {identity.firmware}, {state}")
        if state in MOVING:
            raise UsageError(
                f"the pump is {state}; flash it when it has ended",
                code="moving",
                details={"field": "state", "given": state},
            )
        if identity.model != job.board:
            raise UsageError(
                f"this pump is a {identity.model}, not a {job.board}. If it is to become one:"
                f" `titra send maintenance --port {job.port}`, then flash again",
                code="wrong-board",
                details={"field": "board", "given": job.board, "accepts": identity.model},
            )
        client.request("maintenance")
    except (PumpSilent, NotAPump, WrongSpeed):
        told.step("no pump answers: looking for a MicroPython prompt")
    finally:
        client.close()


def _wait_for_repl(port: str) -> Repl:
    """Knock until the board is plugged in with its stop button held."""
    until_s = time.monotonic() + RECOVERY_S
    while True:
        try:
            return Repl(port)
        except PortUnusable:
            if time.monotonic() > until_s:
                raise
            time.sleep(PAUSE_S)


def _bring_up_to_date(repl: Repl, job: Job, told: Told) -> Done:
    facts = repl.facts()
    told.step(f"{facts.machine}, MicroPython {'.'.join(map(str, facts.version))}")
    check_interpreter(facts, chip_of(job.board))
    frozen = repl.frozen("pump")
    if frozen:
        told.step("the image has a frozen firmware: the files take its place")
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        build(job.board, folder / "files", check_board=not job.keep_board)
        wanted = hashes(folder / "files")
        done = work(wanted, repl.files(), job.keep_board)
        told.step(
            f"{len(done.write)} files to write, {len(done.delete)} to delete,"
            f" {done.same} are there already"
        )
        if not job.dry_run and not done.idle:
            _carry_out(repl, folder / "files", done, told)
            wrong = differences(wanted, repl.files(), done)
            if wrong:
                raise PortUnusable(f"not as written: {', '.join(wrong)}; flash again")
            told.step("every file compared on the board by SHA-256")
    return Done(facts, done, frozen)


def _carry_out(repl: Repl, folder: Path, done: Work, told: Told) -> None:
    """The old record is spoilt first, the new one comes last: in between the self-test fails."""
    told.begin(sum((folder / path).stat().st_size for path in done.write))
    repl.write(RECORD_NAME, b"incomplete", lambda count: None)
    for path in done.delete:
        repl.remove(path)
    for path in done.write:
        repl.write(path, (folder / path).read_bytes(), told.wrote)


def _after_restart(job: Job, timeouts: Timeouts, done: Done) -> Done:
    client = wait_for_pump(job.port, job.baud, timeouts)
    try:
        verdict = self_test(client)
        settings = _set(client, job.settings) if job.settings else ""
        status = dict(client.request("status").fields)
    finally:
        client.close()
    return replace(done, status=status, verdict=verdict, settings=settings)


def _set(client: PumpClient, settings: Mapping[str, str]) -> str:
    """Send ``settings``: a pump that is latched takes them, and stays so."""
    try:
        client.request("set", dict(settings))
    except PumpRefused as refused:
        return f"not written: {refused.message}"
    return WRITTEN
