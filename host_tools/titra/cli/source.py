"""Where a run's pump comes from: a serial port, or a virtual pump here or in another process."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import typer

from titra import quantities
from titra.cli.common import open_port
from titra.errors import UsageError
from titra.prescription import board_settings
from titra.transport import PacedTransport, SerialTransport, Transport

RUNTIMES = ("cpython", "micropython")
Speed = float | Literal["max"]
PORT_PERIOD_US = 500_000
FREE_PERIOD_US = 10_000_000


@dataclass(frozen=True)
class Source:
    """A pump to run on. ``period_us``: telemetry interval that suits it, in pump time."""

    transport: Transport
    period_us: int
    virtual: bool
    step_edges: Callable[[], int] | None = None


@dataclass(frozen=True)
class SimOptions:
    """What to simulate; checked before anything is started."""

    board: str
    runtime: str
    speed: Speed
    press_stop_at_us: int | None


def parse_speed(text: str) -> Speed:
    """'max', or how many times faster than real time. Raises UsageError."""
    if text == "max":
        return "max"
    try:
        speed = float(text)
    except ValueError:
        speed = 0.0
    if not 0.01 <= speed <= 1e6:
        details = {"field": "speed", "given": text, "accepts": "max,0.01..1000000"}
        raise UsageError(f"--speed takes `max` or a factor, not {text!r}", details=details)
    return speed


def parse_sim(board: str, runtime: str, speed: str, press_stop_at: str | None) -> SimOptions:
    """Check the options of a simulation. Raises UsageError."""
    if runtime not in RUNTIMES:
        details = {"field": "runtime", "given": runtime, "accepts": ",".join(RUNTIMES)}
        raise UsageError(f"--runtime takes {' or '.join(RUNTIMES)}", details=details)
    board_settings(board)
    press_us = quantities.time_us(press_stop_at)
    if press_stop_at is not None and press_us is None:
        details = {"field": "press-stop-at", "given": press_stop_at}
        raise UsageError("--press-stop-at takes a time with its unit, as 20min", details=details)
    return SimOptions(board, runtime, parse_speed(speed), press_us)


@contextmanager
def port_source(ctx: typer.Context, port: str | None) -> Iterator[Source]:
    """A real pump (or any pty) on a serial port."""
    transport = open_port(ctx, port)
    try:
        yield Source(transport, PORT_PERIOD_US, virtual=False)
    finally:
        transport.close()


@contextmanager
def sim_source(options: SimOptions) -> Iterator[Source]:
    """A virtual pump of its own, gone when the run is over."""
    simulator: Any = importlib.import_module("titra.simulator")
    period_us = FREE_PERIOD_US if options.speed == "max" else int(PORT_PERIOD_US * options.speed)
    pump: Any
    if options.runtime == "cpython":
        pump = simulator.InProcessPump(
            board=options.board, press_stop_at_us=options.press_stop_at_us
        )
        transport: Transport = pump.transport
        if options.speed != "max":
            transport = PacedTransport(transport, options.speed)
    else:
        pump = simulator.SpawnedPump(
            runtime=options.runtime,
            speed=options.speed,
            board=options.board,
            press_stop_at_us=options.press_stop_at_us,
        )
        transport = SerialTransport(pump.port)
    try:
        yield Source(transport, period_us, True, lambda: int(pump.step_edges))
    finally:
        transport.close()
        pump.close()
