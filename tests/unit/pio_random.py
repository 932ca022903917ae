"""Random PIO programs and stimuli, and a bench that plays them and logs all that can be seen."""

from hypothesis import strategies as st

from boards.sim.pads import Pads
from boards.sim.pio import PioSystem
from tests.unit.pio_programs import expand

PINS = 6
ONES = 0xFFFFFFFF


# ---- random programs and stimuli ----


def instructions() -> st.SearchStrategy[int]:
    """Any defined instruction; jumps stay within 8 words, pins within PINS."""
    delay = st.sampled_from([0, 0, 0, 1, 2, 7, 18, 31]).map(lambda field: field << 8)
    count = st.sampled_from([1, 1, 2, 5, 8, 31, 0])
    pin = st.integers(0, PINS - 1)
    jmp = st.tuples(st.integers(0, 7), st.integers(0, 7)).map(lambda a: a[0] << 5 | a[1])
    flag = st.sampled_from([0, 1, 4, 0x10, 0x11])
    wait = st.tuples(st.integers(0, 1), st.integers(0, 1), pin).map(
        lambda a: 0x2000 | a[0] << 7 | a[1] << 5 | a[2]
    )
    wait_irq = st.tuples(st.integers(0, 1), flag).map(lambda a: 0x2040 | a[0] << 7 | a[1])
    in_ = st.tuples(st.sampled_from([0, 1, 2, 3, 6, 7]), count).map(
        lambda a: 0x4000 | a[0] << 5 | a[1]
    )
    out = st.tuples(st.sampled_from([0, 1, 2, 3, 4, 6, 7]), count).map(
        lambda a: 0x6000 | a[0] << 5 | a[1]
    )
    fifo = st.integers(0, 7).map(lambda a: 0x8000 | a << 5)
    mov = st.tuples(
        st.sampled_from([0, 1, 2, 4, 5, 6, 7]),
        st.integers(0, 2),
        st.sampled_from([0, 1, 2, 3, 5, 6, 7]),
    ).map(lambda a: 0xA000 | a[0] << 5 | a[1] << 3 | a[2])
    irq = st.tuples(st.integers(0, 3), flag).map(lambda a: 0xC000 | a[0] << 5 | a[1])
    set_ = st.tuples(st.sampled_from([0, 1, 2, 4, 0]), st.integers(0, 31)).map(
        lambda a: 0xE000 | a[0] << 5 | a[1]
    )
    kinds = st.one_of(jmp, jmp, jmp, wait, wait_irq, in_, out, fifo, mov, irq, set_, set_, set_)
    return st.tuples(kinds, delay).map(lambda a: a[0] | a[1])


@st.composite
def machines(draw):
    """Configuration and program of one state machine."""
    size = draw(st.integers(2, 8))
    program = draw(st.lists(instructions(), min_size=size, max_size=size))
    side = draw(st.sampled_from([0, 0, 1, 2]))
    optional = draw(st.booleans()) and side > 0
    pinctrl = draw(st.integers(0, PINS - 1)) | draw(st.integers(0, PINS - 1)) << 5
    pinctrl |= draw(st.integers(0, PINS - 1)) << 10 | draw(st.integers(0, PINS - 1)) << 15
    pinctrl |= draw(st.integers(0, 3)) << 20 | draw(st.integers(0, 2)) << 26
    pinctrl |= (side + optional) << 29
    execctrl = (size - 1) << 12 | draw(st.integers(0, size - 1)) << 7 | optional << 30
    execctrl |= draw(st.integers(0, PINS - 1)) << 24 | draw(st.integers(0, 4))
    execctrl |= draw(st.integers(0, 1)) << 4
    if draw(st.integers(0, 7)) == 0:
        execctrl |= 1 << 29
    shiftctrl = draw(st.integers(0, 15)) << 16 | draw(st.sampled_from([0, 1, 8])) << 20
    shiftctrl |= draw(st.sampled_from([0, 1, 7])) << 25 | draw(st.sampled_from([0, 0, 1, 2])) << 30
    clkdiv = draw(st.sampled_from([0x100, 0x100, 0x100, 0x200, 0x180, 0x3A7, 0xA00])) << 8
    return program, (clkdiv, execctrl, shiftctrl, pinctrl)


def actions() -> st.SearchStrategy[tuple]:
    """What CPU and bench may do: (kind, state machine, value)."""
    number = st.integers(0, 2)
    word = st.one_of(st.integers(0, 40), st.integers(0, ONES))
    return st.one_of(
        st.tuples(st.just("put"), number, word),
        st.tuples(st.just("put"), number, word),
        st.tuples(st.just("get"), number, st.just(0)),
        st.tuples(st.just("drive"), st.integers(0, PINS - 1), st.sampled_from([0, 1, None])),
        st.tuples(st.just("exec"), number, instructions()),
        st.tuples(st.just("enable"), number, st.booleans()),
        st.tuples(st.just("restart"), number, st.just(0)),
        st.tuples(st.just("clear"), number, st.integers(0, 255)),
        st.tuples(st.just("look"), number, st.just(0)),
        st.tuples(st.just("wake"), number, st.sampled_from([0, 0, 1, 6])),
    )


def pause() -> st.SearchStrategy[int]:
    return st.one_of(st.integers(0, 40), st.integers(50, 900))


class Bench:
    """One system set up as drawn, with a log of all that can be seen."""

    def __init__(self, setups: list, bypass: int, inte: int, shortcut: bool) -> None:
        self.pads = Pads()
        self.pio = PioSystem(self.pads)
        self.pads.clock = lambda: self.pio.now
        self.pio.shortcut = shortcut
        self.edges: list = []
        self.log: list = []
        places = ((0, 0, 0), (0, 1, 8), (1, 0, 0))
        self.sm = []
        for (program, config), (block, number, offset) in zip(setups, places):
            sm = self.pio.blocks[block].sm[number]
            moved = [word + offset if word >> 13 == 0 else word for word in program]
            self.pio.blocks[block].load(offset, moved)
            clkdiv, execctrl, shiftctrl, pinctrl = config
            sm.configure(clkdiv, execctrl + (offset << 12) + (offset << 7), shiftctrl, pinctrl)
            sm.exec_(offset)
            sm.enable(True)
            self.sm.append(sm)
        for block in self.pio.blocks:
            block.reg_write(0x38, bypass)
            block.enable_irqs(inte)
        for pin in range(PINS):
            self.pads.func(pin, "pio%d" % (pin & 1))
            self.pads.watch(pin, lambda *edge: self.edges.append(edge))

    def block_pins(self) -> None:
        """The pins of OWN_PIN are outputs."""
        for block in self.pio.blocks:
            block.preset(0b111, 0, 0b111)

    def act(self, action: tuple) -> None:
        kind, number, value = action
        sm = self.sm[number % len(self.sm)]
        if kind == "put":
            sm.put(value)
        elif kind == "get":
            self.log.append(sm.get())
        elif kind == "drive":
            self.pads.drive(number, value)
        elif kind == "exec":
            sm.exec_(value)
        elif kind == "enable":
            sm.enable(value)
        elif kind == "restart":
            sm.restart()
        elif kind == "clear":
            sm.blk.irq_clear(value)
        elif kind == "wake":
            self.pio.wake_at(value)
        else:
            self.log.append(self.state())

    def run(self, cycles: int) -> None:
        until = self.pio.now + cycles
        for _ in range(60):  # a bench that is woken over and over gives up
            self.log.append((self.pio.run(until), self.pads.levels, self.pads.inputs))
            self.log.append([(b.irq, b.reg_read(4), b.reg_read(12)) for b in self.pio.blocks])
            if self.pio.now >= until:
                break

    def state(self) -> list:
        self.pio.settle()
        state: list = [(b.irq, b.out, b.oe, b.fdebug) for b in self.pio.blocks]
        for sm in self.sm:
            state.append((sm.x, sm.y, sm.isr, sm.isr_n, sm.osr, sm.osr_n, sm.pc, sm.delay))
            state.append((sm.tx[:], sm.rx[:], sm.exec_op, sm.latch, sm.enabled))
        return state


def play(setups: list, bypass: int, inte: int, script: list, shortcut: bool) -> tuple:
    bench = Bench(setups, bypass, inte, shortcut)
    for cycles, action in script:
        bench.run(cycles)
        bench.act(action)
    bench.run(300)
    return bench.log, expand(bench.edges), bench.state()


# ---- programs that keep going, watch each other's pins and repeat themselves ----

OWN_PIN = (0, 2, 1)  # which pin machine 0, 1, 2 of Bench drives: no two write the same one


@st.composite
def pieces(draw, at: int):
    """A few instructions that make sense together, to be placed at address ``at``."""
    delay = draw(st.sampled_from([0, 0, 1, 3, 11])) << 8
    pin = draw(st.sampled_from([0, 1, 2, 2, 4]))
    count = draw(st.sampled_from([0, 1, 2, 9, 31]))
    here = lambda offset: (at + offset) & 31  # noqa: E731
    kind = draw(st.integers(0, 14))
    if kind <= 3:  # a pulse
        return [0xE001 | delay, 0xE000 | draw(st.sampled_from([0, 0x300, 0x1F00]))]
    if kind == 4:  # idle for a number of rounds
        return [0xE020 | count, 0x0040 | here(1) | delay]
    if kind == 5:  # the same in Y, two instructions a round
        return [0xE040 | count, 0xA042, 0x0080 | here(1) | delay]
    if kind == 6:  # an edge of another machine's pin
        return [0x2000 | pin, 0x2080 | pin]
    if kind == 7:  # poll a pin
        return [0x00C0 | here(2), 0x0000 | here(0) | delay]
    if kind == 8:  # a word gives the number of rounds
        return [0x80A0, 0x6020 | 5, 0x0040 | here(2) | delay]
    if kind == 9:  # look at the pins without waiting
        return [0xA0E0, 0x6040 | 1, 0x0060 | here(0)]
    if kind == 10:  # count down for ever
        return [0x0080 | here(1)]
    if kind == 14:  # looks like a countdown but is none
        register = draw(st.sampled_from([1, 2]))
        return [0xA008 | register << 5 | register, 0x0040 * register | here(0) | delay]
    if kind == 11:
        return [draw(st.sampled_from([0x8080, 0x8000, 0x4001, 0xA0C1, 0x6061, 0xA0E1, 0xA02B]))]
    if kind == 12:
        return [draw(st.sampled_from([0xC000, 0xC001, 0xC040, 0x20C0, 0xC020]))]
    return [0xA042 | delay]


@st.composite
def lively_machines(draw, index: int):
    program: list = []
    offset = 8 if index == 1 else 0
    limit = 8 if index < 2 else 14
    for _ in range(draw(st.integers(1, 4))):
        piece = draw(pieces(len(program)))
        if len(program) + len(piece) <= limit:
            program += piece
    program = program or [0xE001, 0xE000]
    pinctrl = 1 << 26 | OWN_PIN[index] << 5 | draw(st.integers(0, 2)) << 15
    execctrl = (len(program) - 1) << 12 | draw(st.integers(0, len(program) - 1)) << 7
    execctrl |= draw(st.sampled_from([0, 1, 2, 4])) << 24
    shiftctrl = draw(st.sampled_from([0xC, 0xC, 0xC, 0xD, 0xE, 0x0])) << 16
    shiftctrl |= draw(st.sampled_from([0, 5])) << 25
    clkdiv = draw(st.sampled_from([0x100, 0x100, 0x100, 0x100, 0x200, 0x180])) << 8
    # jumps inside pieces are relative to the program; wrap past its end starts over
    assert offset + len(program) <= 32
    return program, (clkdiv, execctrl, shiftctrl, pinctrl)


def lively_setups() -> st.SearchStrategy[list]:
    return st.one_of(
        st.tuples(lively_machines(0)),
        st.tuples(lively_machines(0), lively_machines(1)),
        st.tuples(lively_machines(0), lively_machines(1), lively_machines(2)),
    ).map(list)


def play_lively(setups: list, bypass: int, script: list, shortcut: bool) -> tuple:
    bench = Bench(setups, bypass, 0, shortcut)
    bench.block_pins()
    for word in (3, 3, 12, 200):
        for sm in bench.sm:
            sm.put(word)
    for cycles, action in script:
        bench.run(cycles)
        bench.act(action)
    bench.run(1500)
    return bench.log, expand(bench.edges), bench.state()


def gentle_actions() -> st.SearchStrategy[tuple]:
    number = st.integers(0, 2)
    return st.one_of(
        st.tuples(st.just("put"), number, st.sampled_from([0, 3, 3, 40])),
        st.tuples(st.just("put"), number, st.sampled_from([0, 3, 3, 40])),
        st.tuples(st.just("get"), number, st.just(0)),
        st.tuples(st.just("drive"), st.just(4), st.sampled_from([0, 1])),
        st.tuples(st.just("drive"), st.just(5), st.sampled_from([0, 1])),
        st.tuples(st.just("exec"), number, st.sampled_from([0xA0C1, 0x8000, 0xA042])),
        st.tuples(st.just("look"), number, st.just(0)),
        st.tuples(st.just("wake"), number, st.sampled_from([0, 0, 0, 1, 6])),
    )
