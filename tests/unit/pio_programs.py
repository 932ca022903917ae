"""The pump's PIO programs on a bare PioSystem, and helpers for the PIO tests."""

from boards.sim.pads import Pads
from boards.sim.pio import PioSystem
from boards.sim.standins.rp2_asm import asm_pio

STEP, ALLOW, STOP, LED = 2, 3, 4, 25
OUT_LOW = 2
SHIFT_RIGHT = 1
JOIN_TX = 1


@asm_pio(sideset_init=OUT_LOW, out_shiftdir=SHIFT_RIGHT, fifo_join=JOIN_TX)
def generator():
    """Word: steps | passes << 7; 0 steps only wait. Interval 2 passes + 266, wait 2 passes + 8."""
    wrap_target()
    label("fetch")
    pull(block).side(0)
    out(y, 7).side(0)
    jmp(y_dec, "again").side(0)
    mov(x, osr).side(0)
    label("rest")
    jmp(pin, "halt").side(0)
    jmp(x_dec, "rest").side(0)
    jmp("fetch").side(0)[1]
    label("pad")
    nop().side(0)[2]
    label("again")
    mov(x, osr).side(0)
    wait(1, gpio, 3).side(0)
    label("wait")
    jmp(pin, "halt").side(0)
    jmp(x_dec, "wait").side(0)
    set(x, 31).side(1)[1]
    label("high")
    jmp(x_dec, "high").side(1)[7]
    jmp(y_dec, "pad").side(0)
    wrap()
    label("halt")
    irq(rel(0)).side(0)
    label("hold")
    jmp("hold").side(0)


@asm_pio()
def counter():
    """X counts down once per rising edge."""
    mov(x, invert(null))
    wrap_target()
    label("next")
    wait(0, pin, 0)
    wait(1, pin, 0)
    jmp(x_dec, "next")
    wrap()


@asm_pio(sideset_init=OUT_LOW, out_shiftdir=SHIFT_RIGHT, autopull=True)
def fuse():
    """ALLOW until N_max (one word) rising edges or STOP high; then never again."""
    out(x, 32).side(0)
    jmp(x_dec, "armed").side(0)
    wrap_target()
    label("blown")
    irq(rel(0)).side(0)
    label("hold")
    jmp("hold").side(0)
    label("armed")
    jmp(pin, "blown").side(0)
    label("high")
    jmp(pin, "blown").side(1)
    mov(osr, pins).side(1)
    out(y, 1).side(1)
    jmp(y_dec, "high").side(1)
    label("low")
    jmp(pin, "blown").side(1)
    mov(osr, pins).side(1)
    out(y, 1).side(1)
    jmp(not_y, "low").side(1)
    jmp(x_dec, "high").side(1)
    wrap()


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
