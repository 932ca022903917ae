"""The jig's firmware on a simulated Pico, and its serial port as a transport."""

from pathlib import Path

import greenlet

from boards.sim.chips import Rp2040
from boards.sim.flash import Flash
from boards.sim.heap import Heap
from boards.sim.loader import Loader
from boards.sim.world import CYCLES_PER_US

FOLDER = Path(__file__).parent / "jig"
STEP, ENABLE, LOOP, POWER = 2, 4, 14, 15
US = 1_000_000
REPLY_US = 100_000


class JigChip:
    """A Pico with the jig's files; virtual time goes on only in ``run_us`` and ``run_to``."""

    name = "simulated jig"

    def __init__(self) -> None:
        chip = Rp2040()
        self.world, self.usb, self.pads = chip.world, chip.serial, chip.world.pads
        flash = Flash(self.world)
        self.usb.interrupt_char = 3
        loader = Loader([str(FOLDER)], chip.standins(flash, Heap(self.world)), flash.open)
        self.world.limit = 0
        self.world.on_limit = self._hand_over
        self._hub = greenlet.getcurrent()
        self._program = greenlet.greenlet(lambda: loader.run("main"))
        self.pads.drive(STEP, 0)
        self.pads.drive(ENABLE, 1)

    def _hand_over(self) -> None:
        self._hub.switch()

    def run_to(self, cycle: int) -> None:
        """Let virtual time pass up to ``cycle``. What ends the program is raised here."""
        self._hub = greenlet.getcurrent()
        self.world.limit = max(cycle, self.world.now)
        self._program.switch()

    def run_us(self, us: int) -> None:
        """Let ``us`` pass."""
        self.run_to(self.world.now + us * CYCLES_PER_US)

    def at(self, cycle: int, gpio: int, level: int) -> None:
        """A pad's outer level changes at ``cycle``."""
        self.world.at(cycle, lambda: self.pads.drive(gpio, level))

    def ask(self, line: str) -> str:
        """A request and its answer, as one who types."""
        self.write(line.encode() + b"\n")
        return self.read(REPLY_US / US).decode().rstrip("\n")

    def write(self, data: bytes) -> None:
        """To the jig at once."""
        self.usb.host_write(data)

    def read(self, timeout_s: float) -> bytes:
        """What the jig has sent by the end of ``timeout_s``, or of a line."""
        self.usb.on_line = self._stop_here
        self.run_us(int(timeout_s * US) + 1)
        self.usb.on_line = None
        return self.usb.host_read()

    def _stop_here(self) -> None:
        self.world.limit = self.world.now

    def clock(self) -> float:
        """Virtual seconds."""
        return self.world.now_us() / US

    def close(self) -> None:
        """End the program."""
        self._program.throw()
