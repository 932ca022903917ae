"""Fixtures of the host tests: a fake pump, a neutral board, short time-outs."""

from __future__ import annotations

import contextlib
import importlib
import os
import pty
import sys
import tty
import types
from collections.abc import Iterator
from pathlib import Path

import pytest

from pump.core.bounds import Bounds
from pump.core.mechanics import Mechanics
from titra import doctor, prescription
from titra.cli import common
from titra.cli.table import ROWS
from titra.client import PumpClient, Timeouts

from .fake_pump import FakePump
from .virtual_bench import VirtualBench

QUICK = Timeouts(
    quiet_s=0.01, drain_s=0.05, identify_s=0.05, request_s=0.1, stop_s=0.5, stop_resend_s=0.1
)

for _row in ROWS:  # now, lest one is first imported while a test has replaced what it imports
    importlib.import_module(_row.code.partition(":")[0])


@pytest.fixture(autouse=True)
def _neutral(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No board file, no user's directories, no port from the environment."""
    monkeypatch.setattr(prescription, "board_settings", lambda board: (Mechanics(), Bounds()))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.delenv("TITRA_PORT", raising=False)
    monkeypatch.setattr(common, "TIMEOUTS", QUICK)


@pytest.fixture
def pump() -> FakePump:
    return FakePump()


@pytest.fixture
def client(pump: FakePump) -> PumpClient:
    return PumpClient(pump, timeouts=QUICK, first_id=1)


@pytest.fixture
def simulator(monkeypatch: pytest.MonkeyPatch) -> list[FakePump]:
    """Stand in for titra.simulator; the list holds the pumps that were made."""
    made: list[FakePump] = []

    class InProcessPump(FakePump):
        def __init__(self, board: str, press_stop_at_us: int | None = None) -> None:
            super().__init__(press_stop_at_us)
            made.append(self)
            for tweak in tweaks:
                tweak(self)

        @property
        def transport(self) -> FakePump:
            return self

    tweaks: list = []
    module = types.ModuleType("titra.simulator")
    module.InProcessPump = InProcessPump  # type: ignore[attr-defined]
    module.tweaks = tweaks  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "titra.simulator", module)
    return made


@pytest.fixture
def pty_pair() -> Iterator[tuple[int, str]]:
    """(master, path of the port) of a pseudo-terminal in raw mode."""
    master, slave = pty.openpty()
    tty.setraw(slave)
    yield master, os.ttyname(slave)
    for fd in (master, slave):
        with contextlib.suppress(OSError):
            os.close(fd)


@pytest.fixture
def wired(pump: FakePump, monkeypatch: pytest.MonkeyPatch) -> FakePump:
    """The fake pump as what any --port opens."""
    monkeypatch.setattr(common, "open_transport", lambda *args: pump)
    return pump


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Iterator[VirtualBench]:
    """The firmware in this process as what any --port opens."""
    made = VirtualBench()
    for module in (common, doctor):
        monkeypatch.setattr(module, "open_transport", lambda *args: made)
    monkeypatch.setenv("TITRA_PORT", "bench")
    yield made
    made.pump.close()
