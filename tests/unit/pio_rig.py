"""One PIO state machine on a bench, for the executor's tests."""

from boards.sim.pads import Pads
from boards.sim.pio import PioSystem
from boards.sim.standins.rp2_asm import asm_pio_encode
from tests.unit.pio_programs import expand

ONES = 0xFFFFFFFF
JOIN_TX, JOIN_RX = 1 << 30, 2 << 30
AUTOPUSH, AUTOPULL, IN_RIGHT, OUT_RIGHT = 1 << 16, 1 << 17, 1 << 18, 1 << 19
FSTAT, FDEBUG, FLEVEL = 0x04, 0x08, 0x0C


class Rig:
    """One machine (0 of block 0) with a program at 0; pins 0 to 3 belong to PIO 0."""

    def __init__(self, shortcut: bool) -> None:
        self.pads = Pads()
        self.pio = PioSystem(self.pads)
        self.pio.shortcut = shortcut
        self.pads.clock = lambda: self.pio.now
        self.block = self.pio.blocks[0]
        self.sm = self.block.sm[0]
        self.edges: list = []
        for pin in range(4):
            self.pads.func(pin, "pio0")
            self.pads.watch(pin, lambda *edge: self.edges.append(edge))
        self.block.preset(0b1111, 0, 0b1111)

    def start(self, *lines, shift: int = IN_RIGHT | OUT_RIGHT, side: int = 0, **config):
        words = [asm_pio_encode(x, side) if isinstance(x, str) else x for x in lines]
        self.block.load(0, words)
        pinctrl = 4 << 26 | 4 << 20 | 4 << 15 | side << 29
        execctrl = (len(words) - 1) << 12 | config.pop("execctrl", 0)
        self.sm.configure(config.pop("clkdiv", 1 << 16), execctrl, shift, pinctrl)
        assert not config
        self.sm.enable(True)
        return self.sm

    def run(self, cycles: int) -> None:
        self.pio.run(self.pio.now + cycles)
        self.pio.settle()

    def flat_edges(self) -> list:
        return expand(self.edges)


def jmp(condition: int, to: int, delay: int = 0) -> int:
    """A JMP instruction."""
    return delay << 8 | condition << 5 | to
