"""A pump on a bench of its own, driven by whole requests; for tests that freeze or watch it."""

import re

from tests.device.targets import seal
from titra.simulator import Lockstep

CYCLES_PER_US = 125
BOOT_US = 600_000
SLICE_US = 10_000
REPLY_SLICES = 200


class Driven:
    """``bench`` keeps every STEP edge from power-on. Virtual time goes on only in ``run_us`` and
    ``ask``. A ``seed`` above 0 makes the CPU uneven."""

    def __init__(self, seed: int = 0, board: str = "rpi_pico") -> None:
        self.lockstep = Lockstep(board, seed)
        self.bench = self.lockstep.bench
        self.world = self.bench.world
        self.bench.keep_runs = True
        self.sent = b""
        self._id = 0
        self.set_up()
        self.run_us(BOOT_US)
        self.board = self.bench.loader.module("board")

    def set_up(self) -> None:
        """What a bench of a special kind has to do before power-on."""

    def run_us(self, us: int) -> bytes:
        """Let time pass; returns what the pump sent in it."""
        self.lockstep.run_us(us)
        new = self.bench.usb.host_read()
        self.sent += new
        return new

    def send(self, text: str) -> str:
        """A request, not waited for; returns its id."""
        self._id += 1
        self.bench.usb.host_write(seal("%d %s" % (self._id, text)))
        return str(self._id)

    def ask(self, text: str) -> str:
        """A request that must be granted; returns the reply."""
        pattern = re.compile(r"^%s (ok|err)\b.*\n" % self.send(text), re.M)
        for _ in range(REPLY_SLICES):
            self.run_us(SLICE_US)
            found = pattern.search(self.sent.decode())
            if found:
                assert found.group(1) == "ok", found.group()
                return found.group()
        raise AssertionError("no reply to " + text)

    def program(self, therapy: str) -> str:
        """Programs and returns the request that starts it."""
        return "start plan=" + re.search(r"plan=(\w+)", self.ask("program " + therapy)).group(1)

    def level(self, pin: int) -> int:
        """The level of a pad now."""
        return self.world.pads.level(pin)

    def last_rise(self) -> int:
        """Cycle of the last rising edge of STEP."""
        first, period, count = self.bench.step_runs[-1]
        return first + period * (count - 1)

    def rises(self) -> list:
        """The cycle of every rising edge of STEP."""
        runs = self.bench.step_runs
        return [first + period * k for first, period, count in runs for k in range(count)]

    def close(self) -> None:
        self.lockstep.close()
