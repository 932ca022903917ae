"""What the device suite and ``titra run`` run on: pumps on a bench, behind one small interface.

A bench offers ``write``, ``run_us`` (lets time pass, returns what the pump sent in
it) and what a jig can do: press, release, cut the power, count STEP edges. What it cannot do it
leaves out of ``capabilities``; whatever needs that is skipped, and says so.
"""

from __future__ import annotations

import contextlib
import os
import select
import tty
from typing import Protocol

from titra import DEFAULT_BAUD
from titra.errors import LinkGone
from titra.firmware_files import chip_of
from titra.transport import Transport, open_transport

BUTTON = "stop-button"
STEPS = "step-counter"
STAMPS = "step-instants"
STAMPS_MOST = 256  # kept, the latest
POWER = "power-switch"
AT_ONCE = "lines-at-once"  # two lines may come in the same instant; over a UART bytes come singly
FREEZE = "cpu-freeze"
EMULATOR = "emulator"
TARGETS = ("sim", "unix", EMULATOR)
MOST_US = 1_000_000
CYCLE_NS = 8  # of simulated chips
FIRST_SLICE_US = 10_000
PATIENCE_S = 20  # real time for bytes that the terminal passes on; only a broken target needs it
BOOT_US = 2_500_000  # from power to an answer, on the slowest chip
US = 1_000_000


class Target(Protocol):
    """A pump on a bench: in virtual time, or a real one (``titra.hardware``)."""

    board: str
    capabilities: tuple[str, ...]

    def write(self, data: bytes) -> None:
        """Bytes to the pump."""

    def run_us(self, us: int) -> bytes:
        """Let time pass."""

    def step_edges(self) -> int:
        """Rising edges at the STEP pin so far."""

    def step_instants_ns(self, count: int) -> list[int]:
        """When the latest ``count`` rising edges at STEP came, at most STAMPS_MOST, from any
        origin. To be asked at rest."""

    def press(self) -> None:
        """Open the stop loop."""

    def release(self) -> None:
        """Close the stop loop."""

    def power_cut(self) -> None:
        """Power off and on."""

    def freeze(self) -> None:
        """The CPU stands still, interrupts off, until something resets the chip."""

    def close(self) -> None:
        """End it."""


def of_link(board: str) -> tuple[str, ...]:
    """What the serial port of this board can do: USB, or on an ESP32 a UART."""
    return () if chip_of(board) == "esp32" else (AT_ONCE,)


def _capabilities(board: str) -> tuple[str, ...]:
    """What a virtual bench with this board can do."""
    return (BUTTON, STEPS, POWER, *of_link(board))


class SimTarget:
    """The firmware in CPython, in this process."""

    def __init__(self, board: str) -> None:
        from titra.simulator import Lockstep

        self.board = board
        self.capabilities = (*_capabilities(board), STAMPS, FREEZE)
        self._lockstep = Lockstep(board)
        self._bench = self._lockstep.bench
        self._bench.keep_runs = True

    def write(self, data: bytes) -> None:
        self._bench.usb.host_write(data)

    def run_us(self, us: int) -> bytes:
        self._lockstep.run_us(us)
        del self._bench.step_runs[:-STAMPS_MOST]
        return bytes(self._bench.usb.host_read())

    def step_edges(self) -> int:
        return int(self._bench.step_edges)

    def step_instants_ns(self, count: int) -> list[int]:
        cycles = [
            first + period * nth
            for first, period, number in self._bench.step_runs
            for nth in range(number)
        ]
        return [cycle * CYCLE_NS for cycle in cycles[-count:]]

    def press(self) -> None:
        self._bench.world.at(self._bench.world.now, self._bench.press)

    def release(self) -> None:
        self._bench.world.at(self._bench.world.now, self._bench.release)

    def power_cut(self) -> None:
        self._bench.cut_power()

    def freeze(self) -> None:
        self._bench.freeze()

    def close(self) -> None:
        self._lockstep.close()


class UnixTarget:
    """The firmware in MicroPython, in a process of its own behind a pty."""

    def __init__(self, board: str) -> None:
        from titra.simulator import SpawnedPump

        self.board = board
        self.capabilities = _capabilities(board)
        self._pump = SpawnedPump(runtime="micropython", speed="held", board=board)
        self._port = os.open(self._pump.port, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        tty.setraw(self._port)
        self._written = 0
        self._read = 0
        self.press = self._pump.press
        self.release = self._pump.release
        self.power_cut = self._pump.power_cut

    def freeze(self) -> None:
        raise NotImplementedError(FREEZE)

    def write(self, data: bytes) -> None:
        while data:
            taken = os.write(self._port, data)
            self._written += taken
            data = data[taken:]

    def run_us(self, us: int) -> bytes:
        got = b""
        while us:
            part = min(us, MOST_US)
            us -= part
            got += self._collect(self._pump.run_us(part, self._written))
        return got

    def _collect(self, sent: int) -> bytes:
        got = b""
        while self._read < sent:
            ready, _, _ = select.select([self._port], [], [], PATIENCE_S)
            if not ready:
                raise LinkGone("the terminal lost %d bytes" % (sent - self._read))
            with contextlib.suppress(BlockingIOError):
                data = os.read(self._port, 65536)
                self._read += len(data)
                got += data
        return got

    def step_edges(self) -> int:
        return self._pump.step_edges

    def step_instants_ns(self, count: int) -> list[int]:
        raise NotImplementedError(STAMPS)

    def close(self) -> None:
        os.close(self._port)
        self._pump.close()


def is_port(name: str) -> bool:
    """True for the port or URL of a real pump."""
    return name.startswith("/") or "://" in name


def make_target(name: str, board: str = "rpi_pico", jig_port: str = "") -> Target:
    """A fresh pump; ``name`` is one of TARGETS or the port of a real one, which may have a jig at
    ``jig_port``; ``board`` is a folder of boards. Raises titra.emulator.NoEmulator where there can
    be no emulated chip, titra.errors.NoConnection where a port does not answer."""
    if is_port(name):
        from titra.hardware import open_hardware

        return open_hardware(name, jig_port, board)
    if name == EMULATOR:
        from titra.emulator import EmulatorTarget

        return EmulatorTarget(board)
    return SimTarget(board) if name == "sim" else UnixTarget(board)


class TargetTransport:
    """A target as the transport of a client; its clock is virtual."""

    poll_s = 1.0

    def __init__(self, target: Target, name: str) -> None:
        self.name = name
        self._target = target
        self._now_us = 0

    def write(self, data: bytes) -> None:
        """To the pump at once."""
        self._target.write(data)

    def read(self, timeout_s: float) -> bytes:
        """Let time pass, in slices that grow, until something has come."""
        # At least a microsecond: what is left of a sum of floats must not stand still.
        left_us, slice_us = max(1, int(timeout_s * US)), FIRST_SLICE_US
        while left_us > 0:
            part_us = min(slice_us, left_us)
            data = self._target.run_us(part_us)
            self._now_us += part_us
            if data:
                return data
            left_us -= part_us
            slice_us = min(2 * slice_us, MOST_US)
        return b""

    def clock(self) -> float:
        """Virtual seconds."""
        return self._now_us / US

    def close(self) -> None:
        """Nothing: the rig owns the target."""


class Rig:
    """A pump for a scenario: its transport, and what this bench can do to it."""

    def __init__(
        self,
        name: str,
        baud: int = DEFAULT_BAUD,
        board: str = "rpi_pico",
        target: Target | None = None,
    ) -> None:
        """``name``: sim or unix, with a virtual ``board``, or the port or URL of a pump; or any,
        with a ``target`` of one's own. Raises NoConnection."""
        if target is None and name in TARGETS:
            target = make_target(name, board)
        self.name = name
        self.bench = target
        self.capabilities: tuple[str, ...] = target.capabilities if target else ()
        self.transport: Transport
        if target:
            self.transport = TargetTransport(target, name)
            self.transport.read(BOOT_US / US)
        else:
            self.transport = open_transport(name, baud)

    @property
    def jig(self) -> Target:
        """The bench; only where ``capabilities`` is not empty."""
        assert self.bench
        return self.bench

    def close(self) -> None:
        """Give the pump back."""
        self.transport.close()
        if self.bench:
            self.bench.close()
