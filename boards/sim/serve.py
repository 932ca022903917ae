"""A virtual pump as a process: serial on file descriptors 0 and 1, bench commands on a third.

    serve.py ROOT BOARD SPEED CONTROL_FD

SPEED is a factor of real time, ``max``, or ``held`` (virtual time goes on only by the command
``run``). Started by ``titra.simulator.SpawnedPump``; runs in MicroPython (unix port) and CPython.

Pacing keeps faith with the link. Virtual time stands still while output waits for a host that is
there and reads; it never passes the instant at which the pump would act on a silent host before
the host has had that long in real time; and with the motor at rest it runs at real time at most.

Bench commands, one per line, each answered by one line: ``press``, ``release``, ``power-cut``,
``steps``, ``press-at-motion US``, ``run US [IN]``, ``ready``. ``run`` first waits for the host's
IN-th byte (counted from the start) and answers ``ok OUT``, the bytes that the pump has sent so
far: a terminal passes bytes on when it likes, and virtual time must not depend on it.
"""

import gc
import select
import sys
import time

if sys.implementation.name == "micropython":
    # Collect early: MicroPython looks for room from the front of its heap, so that a heap full of
    # garbage makes every larger allocation slow (4.0 s instead of 9.4 s for ten minutes of pump).
    gc.threshold(1 << 20)

sys.path.insert(0, sys.argv[1])

from boards.sim.bench import Bench  # noqa: E402
from boards.sim.world import CYCLES_PER_US  # noqa: E402

REAL_OPEN = open
SLICE_MS = 5  # real time per slice at a fixed speed
FAST_SLICE_US = 1_000_000  # virtual time per slice at max
HOST_PATIENCE_MS = 2000  # a host that takes no byte for so long is not reading
MARGIN_US = 20_000  # virtual time in which a line that has come can be read and acted upon
WRITE_MOST = 512


def nap(ms: int) -> None:
    """Sleep in real time."""
    if hasattr(time, "sleep_ms"):
        time.sleep_ms(ms)
    else:
        time.sleep(ms / 1000)


class RealClock:
    """Monotonic real time in ms; MicroPython's wraps, CPython's does not."""

    def __init__(self) -> None:
        self._wraps = hasattr(time, "ticks_ms")
        self._last = time.ticks_ms() if self._wraps else 0
        self._ms = 0

    def ms(self) -> int:
        """Milliseconds since the start."""
        if not self._wraps:
            return time.monotonic_ns() // 1_000_000
        ticks = time.ticks_ms()
        self._ms += time.ticks_diff(ticks, self._last)
        self._last = ticks
        return self._ms


class Port:
    """A non-blocking file descriptor. Unbuffered; MicroPython gives None for "not now"."""

    def __init__(self, read_fd: int, write_fd: int) -> None:
        self._in = self._raw(read_fd, "rb")
        self._out = self._raw(write_fd, "wb")
        self._poll_in = select.poll()
        self._poll_in.register(self._in, select.POLLIN)
        self._poll_out = select.poll()
        self._poll_out.register(self._out, select.POLLOUT)
        self._buffer = bytearray(256)

    @staticmethod
    def _raw(fd: int, mode: str):
        if sys.implementation.name == "micropython":
            return REAL_OPEN(fd, mode)
        return REAL_OPEN(fd, mode, buffering=0, closefd=False)

    def wait(self, ms: int) -> None:
        """Sleep in real time until input or ``ms``; with nobody at the other end, ``ms``."""
        if not self.attached():
            nap(ms)
        elif not self._poll_in.poll(0):
            self._poll_in.poll(ms)

    def attached(self) -> bool:
        """False while nobody has the other end open."""
        for _, flags in self._poll_in.poll(0):
            if flags & select.POLLHUP:
                return False
        return True

    def read(self) -> bytes:
        """What has come, b'' when nothing has."""
        for _, flags in self._poll_in.poll(0):
            if flags & select.POLLIN:
                count = self._in.readinto(self._buffer)
                return bytes(self._buffer[:count]) if count else b""
        return b""

    def write(self, data: bytes) -> int:
        """Bytes taken now."""
        if not self._poll_out.poll(0):
            return 0
        return self._out.write(data[:WRITE_MOST]) or 0


class Server:
    """Runs a bench against the real world."""

    def __init__(self, root: str, board: str, speed: str, control_fd: int) -> None:
        self._bench = Bench(root, board)
        self._world = self._bench.world
        self._held = speed == "held"
        per_mille = 0 if speed in ("max", "held") else max(1, int(1000 * float(speed)))
        self._speed = per_mille
        self._serial = Port(0, 1)
        self._control = Port(control_fd, control_fd)
        self._clock = RealClock()
        self._out = b""
        self._blocked_since = None
        self._heard_ms = 0
        self._commands = b""
        self._granted_to = 0
        self._running_command = False
        self._awaited = 0  # bytes from the host before ``run`` may begin
        self._received = 0  # bytes from the host so far
        self._sent = 0  # bytes to the host so far
        self._was_moving = False
        self._fresh_input = False  # since the last slice was granted
        self._paced_at = (0, self._clock.ms())  # (virtual us, real ms) that belong together

    def run(self) -> None:
        """Until the process is ended."""
        world = self._world
        world.limit = 0
        world.on_limit = self._pace
        self._bench.run_firmware()

    # ---- pacing -------------------------------------------------------------------------------

    def _pace(self) -> None:
        """Virtual time has used up its slice: see to the outside, then grant another."""
        self._exchange()
        if self._held:
            self._end_run()
            while self._world.now >= self._granted_to:
                self._exchange()
                self._control.wait(1 if self._out else 1000)
                self._commanded()
            self._take_input()
            self._world.limit = self._granted_to
            return
        self._commanded()
        while self._must_wait():
            self._serial.wait(1)
            self._exchange()
            self._commanded()
        self._grant()

    def _grant(self) -> None:
        now_us = self._world.now_us()
        fast = self._moving() and self._out == b""
        if fast and not self._speed:
            slice_us = FAST_SLICE_US
        else:
            factor = self._speed if fast else 1000
            slice_us = SLICE_MS * factor
            run_us = now_us - self._paced_at[0]
            due_ms = self._paced_at[1] + run_us * 1000 // max(1, factor) // 1000
            ahead = due_ms - self._clock.ms()
            if ahead > 0:
                self._serial.wait(min(ahead, SLICE_MS))
                self._exchange()
            if abs(ahead) > 10 * SLICE_MS:
                self._paced_at = (now_us, self._clock.ms())
        if self._moving() != self._was_moving:
            self._was_moving = self._moving()
            self._paced_at = (now_us, self._clock.ms())
        self._world.limit = self._world.now + min(slice_us, self._patience_us()) * CYCLES_PER_US

    def _moving(self) -> bool:
        pump = self._bench.pump()
        return pump is not None and pump.controller.state == "infusing"

    def _patience_us(self) -> int:
        """Virtual time until the pump would act on a silent host; at least the margin. Only the
        margin after input: not before the pump has read it does it know what it waits for."""
        if self._fresh_input:
            self._fresh_input = False
            return MARGIN_US
        left = self._silence_left_us()
        if left is None:
            return FAST_SLICE_US
        return max(MARGIN_US, left - MARGIN_US)

    def _silence_left_us(self):
        pump = self._bench.pump()
        if not pump:
            return None
        dues = (pump.controller.silence_due_us(), pump.session.cutter.due_us())
        left = [due - self._world.since_boot_us() for due in dues if due is not None]
        return min(left) if left else None

    def _must_wait(self) -> bool:
        """True while virtual time must stand still for the host's sake."""
        if self._out:
            if self._blocked_since is None:
                self._blocked_since = self._clock.ms()
            if self._clock.ms() - self._blocked_since < HOST_PATIENCE_MS:
                return self._bench.usb.connected
            self._bench.usb.reading = False
            return False
        left = self._silence_left_us()
        if left is None or left > 2 * MARGIN_US:
            return False
        silent_us = (self._world.now - self._bench.usb.received_at) // CYCLES_PER_US
        return self._clock.ms() - self._heard_ms < (silent_us + left) // 1000

    # ---- the outside --------------------------------------------------------------------------

    def _exchange(self) -> None:
        usb = self._bench.usb
        usb.connected = self._serial.attached()
        data = self._serial.read()
        while data:
            usb.host_write(data)
            self._received += len(data)
            self._heard_ms = self._clock.ms()
            self._fresh_input = True
            data = self._serial.read()
        if usb.reading:
            self._out += usb.host_read()
        if not usb.connected:
            self._out = b""
        while self._out:
            taken = self._serial.write(self._out)
            if not taken:
                return
            self._sent += taken
            self._out = self._out[taken:]
            self._blocked_since = None
        usb.reading = True

    def _commanded(self) -> None:
        if not self._control.attached():
            raise SystemExit  # whoever started this process is gone
        self._commands += self._control.read()
        while b"\n" in self._commands:
            line, _, self._commands = self._commands.partition(b"\n")
            words = line.decode().split()
            self._awaited = int(words[2]) if len(words) > 2 else 0
            answer = self._obey(words[0], int(words[1]) if len(words) > 1 else 0)
            if answer:
                self._answer(answer)

    def _end_run(self) -> None:
        """Answer ``run``, whose time is over."""
        if self._running_command:
            self._running_command = False
            self._answer("ok %d" % (self._sent + len(self._out)))

    def _take_input(self) -> None:
        """See to it that all the host wrote before ``run`` arrives before virtual time goes on."""
        self._exchange()
        while self._received < self._awaited:
            self._serial.wait(1)
            self._exchange()

    def _answer(self, text: str) -> None:
        self._control.write(text.encode() + b"\n")

    def _obey(self, verb: str, number: int) -> str:
        bench = self._bench
        if verb == "steps":
            return str(bench.step_edges)
        if verb == "run":
            self._granted_to = self._world.now + number * CYCLES_PER_US
            self._running_command = True
            return ""
        if verb == "press-at-motion":
            bench.at_motion_us(number, bench.press)
        elif verb == "press":
            self._world.at(self._world.now, bench.press)
        elif verb == "release":
            self._world.at(self._world.now, bench.release)
        elif verb == "power-cut":
            bench.cut_power()
        elif verb != "ready":
            return "unknown"
        return "ok"


Server(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])).run()
