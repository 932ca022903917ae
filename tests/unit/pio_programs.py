"""The pump's PIO programs, as the firmware has them, on a bare PioSystem; test helpers."""

from pathlib import Path

from boards.sim.loader import Loader
from boards.sim.pads import Pads
from boards.sim.pio import PioSystem
from boards.sim.standins.rp2 import make_rp2
from boards.sim.world import World

STEP, ALLOW, STOP, LED = 2, 3, 4, 25
PROGRAMS = "pump.ports.rp2_programs"


def firmware_programs():
    """The module with the port's programs, assembled by the stand-in for ``rp2``."""
    folder = Path(__file__).resolve().parents[2] / "firmware"
    loader = Loader([str(folder)], {"rp2": make_rp2(World())}, open)
    loader.run(PROGRAMS)
    return loader.module(PROGRAMS)


_programs = firmware_programs()
generator = _programs.make_step_generator(ALLOW)
counter = _programs.step_counter
fuse = _programs.dose_fuse


def load(sm, program: list, offset: int, in_base: int = 0, side: int = -1, jmp_pin: int = 0):
    """Put ``program`` at ``offset`` and set ``sm`` up for it, as ``rp2`` would."""
    words, execctrl, shiftctrl = program[0], program[4], program[5]
    sm.blk.load(offset, [word + offset if word >> 13 == 0 else word for word in words])
    pinctrl = in_base << 15 | (side << 10 | 1 << 29 if side >= 0 else 0)
    execctrl += (offset << 12) + (offset << 7) + (jmp_pin << 24)
    sm.configure(1 << 16, execctrl, shiftctrl, pinctrl)
    if side >= 0:
        sm.blk.preset(1 << side, 0, 1 << side)
        sm.blk.system.pads.func(side, "pio%d" % sm.blk.index)
    sm.exec_(offset)
    return sm


def expand(edges: list) -> list:
    """Reported edges one by one, in order of time: (cycle, pin, level)."""
    each = []
    for pin, level, first, period, count in edges:
        each += [(first + index * period, pin, level) for index in range(count)]
    return sorted(each)


class PumpRig:
    """Generator and fuse in block 0, counter in block 1; ``n_max`` None: no fuse, ALLOW high."""

    STEP, ALLOW, STOP, LED = STEP, ALLOW, STOP, LED

    def __init__(self, n_max, shortcut: bool) -> None:
        self.pads = Pads()
        self.pio = PioSystem(self.pads)
        self.pads.clock = lambda: self.pio.now
        self.pio.shortcut = shortcut
        self.pads.drive(STOP, 0)
        self.edges: list = []
        for pin in (STEP, ALLOW):
            self.pads.watch(pin, lambda *edge: self.edges.append(edge))
        first, second = self.pio.blocks
        self.generator = load(first.sm[0], generator, 15, 0, STEP, STOP)
        self.counter = load(second.sm[0], counter, 0, STEP)
        self.fuse = first.sm[1]
        if n_max is None:
            self.pads.drive(ALLOW, 1)
        else:
            load(self.fuse, fuse, 1, STEP, ALLOW, STOP)
            self.fuse.put(n_max)
            self.fuse.enable(True)
        self.counter.enable(True)
        self.generator.enable(True)

    def count(self) -> int:
        """Rising edges of STEP so far, read as the firmware does: by forced instructions."""
        self.counter.exec_(0xA0C1)  # mov(isr, x)
        self.pio.run(self.pio.now + 20)
        self.counter.exec_(0x8000)  # push(noblock)
        return 0xFFFFFFFF - self.counter.get()

    def state(self) -> list:
        """Registers of all machines and flags of all blocks, now."""
        self.pio.settle()
        state: list = [(b.irq, b.out, b.oe, b.fdebug) for b in self.pio.blocks]
        for sm in (self.generator, self.fuse, self.counter):
            state.append((sm.x, sm.y, sm.isr, sm.isr_n, sm.osr, sm.osr_n, sm.pc, sm.delay))
            state.append((sm.tx[:], sm.rx[:], sm.latch, sm.n, sm.enabled))
        return state
