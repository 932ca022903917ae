"""The firmware itself, in this process, as what any port opens."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from titra.simulator import InProcessPump

from .commands import run_json

PLAN = "weight=70kg dose=0.05mg/kg over=2min concentration=1mg/mL syringe=bd-60"


class VirtualBench:
    """A transport that outlives the commands that close it; the pump goes on between them."""

    def __init__(self, prepare: Callable[[Any], None] = lambda bench: None) -> None:
        """``prepare(bench)``: before power-on."""
        self.pump = InProcessPump()
        self.inner = self.pump._lockstep.bench
        prepare(self.inner)
        self._port = self.pump.transport
        self.name = self._port.name
        self.write, self.read, self.clock = self._port.write, self._port.read, self._port.clock
        self.read(1.0)

    def close(self) -> None:
        """Of the port only."""

    def infuse(self, *more: str) -> None:
        """Program and start."""
        plan = run_json("send", "program", *PLAN.split())[1]["fields"]["plan"]
        assert run_json("send", "start", f"plan={plan}", *more)[0] == 0

    def press(self) -> None:
        """Open the stop loop."""
        self.inner.world.at(self.inner.world.now, self.inner.press)
        self.read(1.0)

    def release(self) -> None:
        """Close it."""
        self.inner.world.at(self.inner.world.now, self.inner.release)
        self.read(1.0)
