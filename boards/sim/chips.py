"""Which chip a board has, and what of the simulation is that chip's own.

A chip makes its World, its serial port and, at each boot, the modules that stand in for the
interpreter's.
"""

from boards.sim.esp32 import Esp32World
from boards.sim.gate import StopGate
from boards.sim.heap import Gc
from boards.sim.standins.esp32 import Esp32
from boards.sim.standins.esp32_machine import Esp32Machine, Esp32Select, Esp32Sys
from boards.sim.standins.machine import Machine
from boards.sim.standins.rp2 import make_rp2
from boards.sim.standins.small import MicroPython, Select, Sys, Time
from boards.sim.uart import UartSerial
from boards.sim.usb import UsbSerial
from boards.sim.world import World


class Rp2040:
    """RP2040: USB, PIO. The stop loop, open, is pulled high."""

    loop_closed = 0
    loop_open = None
    machine = "Raspberry Pi Pico with RP2040"

    def __init__(self) -> None:
        self.world = World()
        self.serial = UsbSerial(self.world)

    def standins(self, flash, heap) -> dict:
        """Modules for a boot."""
        world = self.world
        return {
            "machine": Machine(world),
            "rp2": make_rp2(world),
            "time": Time(world),
            "select": Select(world),
            "sys": Sys(world, self.serial, self.machine),
            "micropython": MicroPython(world, self.serial),
            "os": flash,
            "gc": Gc(heap),
        }

    def connect(self, board) -> int:
        """Join the parts between chip and motor driver; returns the pad that the driver sees as
        STEP."""
        return board.STEP

    def soft_reset(self, standins: dict) -> None:
        """Claimed state machines are stopped where they are."""
        standins["rp2"].driver.deinit()


class Rp2350(Rp2040):
    """RP2350: as the RP2040 for all that the firmware uses, but for a clock of 150 MHz until it is
    set, registers elsewhere, and erratum E9 of its pads."""

    machine = "Raspberry Pi Pico2 with RP2350"

    def __init__(self) -> None:
        super().__init__()
        self.world.boot_hz = 150_000_000
        self.world.watchdog_at = 0x400D8000
        self.world.pads_at = 0x40038000
        self.world.pads.sticky = True


class Esp32Chip:
    """ESP32: UART, RMT, PCNT, latch and gate. The stop loop, open, is pulled low. ``modern``: the
    RMT of MicroPython 1.27 and later."""

    loop_closed = 1
    loop_open = 0
    machine = "Generic ESP32 module with ESP32"

    def __init__(self) -> None:
        self.world = Esp32World()
        self.serial = UartSerial(self.world)
        self.world.complain = self._print
        self.modern = True

    def _print(self, text: bytes) -> None:
        for byte in text:
            self.serial.put(byte)

    def standins(self, flash, heap) -> dict:
        """Modules for a boot."""
        world = self.world
        return {
            "machine": Esp32Machine(world),
            "esp32": Esp32(world, self.modern),
            "time": Time(world),
            "select": Esp32Select(world),
            "sys": Esp32Sys(world, self.serial, self.machine),
            "micropython": MicroPython(world, self.serial),
            "os": flash,
            "gc": Gc(heap),
        }

    def connect(self, board) -> int:
        """Join the parts between chip and motor driver; returns the pad that the driver sees as
        STEP."""
        StopGate(self.world.pads, self.world.clock, board)
        return board.COUNT

    def soft_reset(self, standins: dict) -> None:
        """Counters are let go."""
        self.world.soft_reset()


CHIPS = {"rp2040": Rp2040, "rp2350": Rp2350, "esp32": Esp32Chip}


def chip_of(folders: list):
    """A chip of the kind that the first board file in ``folders`` names as CHIP, or an RP2040.
    KeyError: no such chip."""
    for folder in folders:
        try:
            with open(folder + "/board.py") as file:
                return CHIPS[_named(file.read())]()
        except OSError:
            pass
    return Rp2040()


def _named(source: str) -> str:
    for line in source.split("\n"):
        if line.startswith("CHIP = "):
            return line.split('"')[1]
    return "rp2040"
