"""The target ``emulator``: the firmware on a real MicroPython image on an emulated RP2040.

``RIG_UF2`` names the image: a path, or a version that rp2040py knows where to get. ``RIG_HOME``
and ``RIG_PYTHON``, if set, name a cycle-exact rig and the interpreter that has its emulator;
otherwise PyPI's rp2040py runs here. Its PIO is not exact: what depends on the instants of steps is
for the rig (``tests/emulator``).
"""

from __future__ import annotations

import atexit
import json
import os
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from titra.errors import LinkGone, UsageError
from titra.simulator import ROOT
from titra.targets import AT_ONCE, BUTTON, FREEZE, POWER, STAMPS, STEPS

IMAGE = "RIG_UF2"
RIG_HOME = "RIG_HOME"
RIG_PYTHON = "RIG_PYTHON"
STOP = 14
PROCESS = ROOT / "host_tools/emulator_process.py"

_chips: dict[str, _Chip] = {}


class NoEmulator(UsageError):
    """There can be no emulated chip on this machine; the text says why."""

    code = "no-emulator"


def image() -> str:
    """The path of the MicroPython image. Raises NoEmulator."""
    named = os.environ.get(IMAGE, "")
    if not named:
        raise NoEmulator(f"no emulated chip: {IMAGE} names no image for RPI_PICO")
    if Path(named).is_file():
        return named
    try:
        from rp2040py.boards import resolve_board_spec
        from rp2040py.utils.firmware_retrieve import MICROPYTHON

        found = resolve_board_spec("pico", MICROPYTHON, named).image
    except (ImportError, OSError) as error:
        raise NoEmulator(f"no emulated chip: {IMAGE}={named} cannot be had: {error}") from None
    if not found:
        raise NoEmulator(f"no emulated chip: {IMAGE}={named} is no file and no known version")
    return str(found)


class _Chip:
    """A booted chip that is never touched; each connection gets a copy."""

    def __init__(self, board: str) -> None:
        uf2 = image()
        self._folder = tempfile.TemporaryDirectory(prefix="titra-chip-")
        files, self.socket = f"{self._folder.name}/files", f"{self._folder.name}/socket"
        build = [sys.executable, "-m", "titra.firmware_files", board, files]
        subprocess.run(build, check=True, stdout=subprocess.DEVNULL)
        rig = os.environ.get(RIG_HOME, "")
        python = os.environ.get(RIG_PYTHON, "") if rig else ""
        command = [python or sys.executable, str(PROCESS), uf2, files, self.socket]
        self._process = subprocess.Popen(
            command + [rig] * bool(rig), stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        atexit.register(self.close)
        if not self._process.stdout or self._process.stdout.readline() != b"ready\n":
            raise RuntimeError("the firmware does not come up on the emulated chip")

    def close(self) -> None:
        """End it."""
        if self._process.stdin:
            self._process.stdin.close()
        self._process.wait()
        self._folder.cleanup()


class EmulatorTarget:
    """A copy of a chip that has just booted."""

    capabilities: tuple[str, ...] = (BUTTON, STEPS, POWER, AT_ONCE, FREEZE)

    def __init__(self, board: str) -> None:
        self.board = board
        if board not in _chips:
            if board != "rpi_pico":
                raise NoEmulator(f"no emulated chip for the board {board}")
            _chips[board] = _Chip(board)
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.connect(_chips[board].socket)
        self._stream = self._socket.makefile("rw")
        self._received = b""
        self._steps = 0
        self._ask(run_us=0)

    def _ask(self, **order: Any) -> None:
        self._stream.write(json.dumps(order) + "\n")
        self._stream.flush()
        line = self._stream.readline()
        if not line:
            raise LinkGone("the emulator has ended")
        answer = json.loads(line)
        self._received += bytes.fromhex(answer["data"])
        self._steps = answer["steps"]

    def write(self, data: bytes) -> None:
        self._ask(write=data.hex())

    def run_us(self, us: int) -> bytes:
        self._ask(run_us=us)
        received, self._received = self._received, b""
        return received

    def step_edges(self) -> int:
        return self._steps

    def step_instants_ns(self, count: int) -> list[int]:
        raise NotImplementedError(STAMPS)

    def press(self) -> None:
        self._ask(pin=STOP, level=1)

    def release(self) -> None:
        self._ask(pin=STOP, level=0)

    def power_cut(self) -> None:
        self._ask(power="cut")

    def freeze(self) -> None:
        self._ask(cpu="freeze")

    def close(self) -> None:
        self._stream.close()
        self._socket.close()
