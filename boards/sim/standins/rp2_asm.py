"""``asm_pio`` and ``asm_pio_encode`` as in MicroPython's ``rp2``: PIO assembly in Python syntax.

A decorated function is called once with nothing but the assembler's names as its globals (as on
the chip, so a name of the module that slips in fails here too). The result is the list that
``StateMachine`` takes: [words, offset in PIO0, PIO1, PIO2, EXECCTRL, SHIFTCTRL, initial values of
the out, set and side-set pins].
"""

from array import array

WORDS, OFFSETS, EXECCTRL, SHIFTCTRL, OUT_INIT, SET_INIT, SIDE_INIT = 0, 1, 4, 5, 6, 7, 8
_EXEC = 8  # 'exec' as operand: another code for each instruction
_PIN = 6
_MAX_DELAY = 31


class PIOASMError(Exception):
    """The program cannot be assembled."""


class Line:
    """An instruction to which ``.side(n)`` and ``[delay]`` may still be added."""

    def __init__(self, word: int, label) -> None:
        self.word = word
        self.label = label
        self.pause = 0
        self.level = None

    def side(self, value: int):
        self.level = value
        return self

    def delay(self, cycles: int):
        self.pause = cycles
        return self

    def __getitem__(self, cycles: int):
        return self.delay(cycles)

    def encode(self, side_bits: int, optional: bool, labels: dict) -> int:
        """The 16-bit word; ``side_bits`` counts the enable bit too."""
        word = self.word
        if self.label is not None:
            if self.label not in labels:
                raise PIOASMError("unknown label " + str(self.label))
            word |= labels[self.label]
        if self.pause > _MAX_DELAY >> side_bits:
            raise PIOASMError("delay too large")
        word |= self.pause << 8
        if self.level is not None:
            if not side_bits:
                raise PIOASMError("no sideset")
            if self.level >> (side_bits - optional):
                raise PIOASMError("sideset too large")
            word |= self.level << (13 - side_bits) | optional << 12
        return word


class Assembler:
    """Collects the lines of one program."""

    def __init__(self) -> None:
        self.lines = []
        self.labels = {}
        self.target = 0
        self.top = None

    def names(self) -> dict:
        """What a program's text may use."""
        names = dict(_OPERANDS)
        for name in _INSTRUCTIONS + ("label", "wrap", "wrap_target"):
            names[name] = getattr(self, name)
        return names

    def label(self, name: str) -> None:
        if name in self.labels:
            raise PIOASMError("duplicate label " + name)
        self.labels[name] = len(self.lines)

    def wrap_target(self) -> None:
        self.target = len(self.lines)

    def wrap(self) -> None:
        if not self.lines:
            raise PIOASMError("wrap before any instruction")
        self.top = len(self.lines) - 1

    def word(self, instr: int, label=None) -> Line:
        line = Line(instr, label)
        self.lines.append(line)
        return line

    def nop(self) -> Line:
        return self.word(0xA042)

    def jmp(self, cond, label=None) -> Line:
        if label is None:
            return self.word(0, cond)
        return self.word(cond << 5, label)

    def wait(self, polarity: int, src, index: int) -> Line:
        code = 1 if src == _PIN else 0 if src == 0 else 2
        return self.word(0x2000 | polarity << 7 | code << 5 | index)

    def in_(self, src: int, data: int) -> Line:
        return self.word(0x4000 | src << 5 | _bit_count(data))

    def out(self, dest: int, data: int) -> Line:
        dest = 7 if dest == _EXEC else dest
        return self.word(0x6000 | dest << 5 | _bit_count(data))

    def push(self, value: int = 0, value2: int = 0) -> Line:
        return self.word(0x8000 | _blocking(value | value2))

    def pull(self, value: int = 0, value2: int = 0) -> Line:
        return self.word(0x8080 | _blocking(value | value2))

    def mov(self, dest: int, src: int) -> Line:
        dest = 4 if dest == _EXEC else dest
        return self.word(0xA000 | dest << 5 | src)

    def irq(self, mod: int, index=None) -> Line:
        if index is None:
            mod, index = 0, mod
        return self.word(0xC000 | mod & 0x60 | index)

    def set(self, dest: int, data: int) -> Line:
        return self.word(0xE000 | dest << 5 | data)

    def finish(self, side_pins: int) -> tuple:
        """(words, EXECCTRL bits) of a program with ``side_pins`` side-set pins."""
        with_side = sum([line.level is not None for line in self.lines])
        optional = side_pins > 0 and with_side != len(self.lines)
        bits = side_pins + optional
        words = [line.encode(bits, optional, self.labels) for line in self.lines]
        top = len(words) - 1 if self.top is None else self.top
        return array("H", words), self.target << 7 | max(top, 0) << 12 | optional << 30


def _bit_count(count: int) -> int:
    if not 1 <= count <= 32:
        raise PIOASMError("invalid bit count")
    return count & 31


def _blocking(flags: int) -> int:
    """PUSH and PULL block unless told not to."""
    return flags & 0x60 | (0 if flags & 1 else 0x20)


def _invert(operand: int) -> int:
    return operand | 0x08


def _or_16(operand: int) -> int:
    return operand | 0x10


_INSTRUCTIONS = (
    "word", "nop", "jmp", "wait", "in_", "out", "push", "pull", "mov", "irq", "set",
)  # fmt: skip

_OPERANDS = {
    "gpio": 0, "pins": 0, "x": 1, "y": 2, "null": 3, "pindirs": 4, "pc": 5, "status": 5,
    "isr": 6, "osr": 7, "exec": _EXEC,
    "invert": _invert, "reverse": _or_16, "rel": _or_16,
    "not_x": 1, "x_dec": 2, "not_y": 3, "y_dec": 4, "x_not_y": 5, "pin": _PIN, "not_osre": 7,
    "noblock": 0x01, "block": 0x21, "iffull": 0x40, "ifempty": 0x40, "clear": 0x40,
}  # fmt: skip


def asm_pio(
    *,
    out_init=None,
    set_init=None,
    sideset_init=None,
    side_pindir=False,
    in_shiftdir=0,
    out_shiftdir=0,
    autopush=False,
    autopull=False,
    push_thresh=32,
    pull_thresh=32,
    fifo_join=0,
):
    """Decorator that assembles the function's body into a program."""
    shiftctrl = autopush << 16 | autopull << 17 | in_shiftdir << 18 | out_shiftdir << 19
    shiftctrl |= (push_thresh & 31) << 20 | (pull_thresh & 31) << 25 | fifo_join << 30
    if sideset_init is None:
        side_pins = 0
    else:
        side_pins = 1 if isinstance(sideset_init, int) else len(sideset_init)

    def assemble(function):
        assembler = Assembler()
        names = function.__globals__
        kept = names.copy()
        names.clear()
        try:
            names.update(assembler.names())
            function()
        finally:
            names.clear()
            names.update(kept)
        words, execctrl = assembler.finish(side_pins)
        execctrl |= side_pindir << 29
        return [words, -1, -1, -1, execctrl, shiftctrl, out_init, set_init, sideset_init]

    return assemble


def asm_pio_encode(instr: str, sideset_count: int, sideset_opt: bool = False) -> int:
    """One instruction (not ``jmp``) as a word; ``sideset_count`` includes the enable bit."""
    assembler = Assembler()
    names = assembler.names()
    del names["jmp"]
    exec(instr, names)
    if len(assembler.lines) != 1:
        raise PIOASMError("expecting exactly 1 instruction")
    return assembler.lines[0].encode(sideset_count, bool(sideset_opt), {})
