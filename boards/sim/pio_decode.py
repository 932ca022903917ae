"""PIO instructions as Python closures (RP2040 datasheet, section 3.4).

``compile_op(word, sm)`` turns a 16-bit word into ``(fn, delay, side_mask, side_levels, side_dir)``
for one state machine's configuration. ``fn(sm)`` executes it and returns

    0, None   done, go on to the next instruction
    n > 0     jump to address n - 1
    STALL     nothing more happens until an input, a flag or a FIFO changes
    RETRY     this cycle was used (autopull refill); execute again in the next one

An instruction reads the block's inputs (``sm.blk.inp``) and flags (``sm.blk.irq``) as they are at
the start of its cycle. Pins, flags and FIFO events that others can see are left in ``sm`` and
``sm.eff`` is set. For the shortcut, ``sm.use`` gets bit 0 (bit 1) when X (Y) is touched by
anything but a taken ``jmp x--`` (``y--``), which are counted in ``sm.dx`` (``sm.dy``), and
``sm.bad`` is set where the outcome hangs on a flag, a FIFO's level or a stall.
"""

from boards.sim.pio_data import (
    M32,
    STALL,
    compile_in,
    compile_mov,
    compile_out,
    compile_push_pull,
    compile_set,
    rotate,
)


def compile_op(word: int, sm) -> tuple:
    """Pre-decode one instruction for ``sm``'s present configuration."""
    arg = word & 0xFF
    fn = _COMPILERS[word >> 13 & 7](arg, sm)
    delay, mask, levels = _side(word >> 8 & 31, sm)
    if is_exec(word):
        delay = 0  # the executee may have one instead
    return fn, delay, mask, levels, sm.side_pindir


def is_exec(word: int) -> bool:
    """Is it OUT EXEC or MOV EXEC?"""
    return word & 0xE0E0 in (0x60E0, 0xA080)


def _side(field: int, sm) -> tuple:
    """(delay, side-set mask, side-set levels) of a delay/side-set field."""
    count = sm.side_count
    bits = 5 - count
    delay = field & ((1 << bits) - 1)
    value = field >> bits
    if sm.side_en and count:
        count -= 1
        if not field & 0x10:
            return delay, 0, 0
        value &= (1 << count) - 1
    if not count:
        return delay, 0, 0
    mask = (1 << count) - 1
    return delay, rotate(mask, sm.side_base), rotate(value & mask, sm.side_base)


# ---- JMP ----


def _jmp(arg: int, sm):
    to = (arg & 31) + 1
    condition = arg >> 5
    if condition == 2:
        return _jmp_x_dec(to)
    if condition == 4:
        return _jmp_y_dec(to)
    if condition == 6:
        bit = 1 << sm.jmp_pin
        blk = sm.blk
        return lambda s: to if blk.inp & bit else 0
    if condition == 7:
        threshold = sm.pull_th
        return lambda s: to if s.osr_n < threshold else 0
    if condition == 0:
        return lambda s: to

    def test(s):
        if condition == 5:
            s.use |= 3
            return to if s.x != s.y else 0
        if condition == 1:
            s.use |= 1
            return 0 if s.x else to
        s.use |= 2
        return 0 if s.y else to

    return test


def _jmp_x_dec(to: int):
    def fn(s):
        if s.x:
            s.x -= 1
            s.dx += 1
            return to
        s.x = M32
        s.use |= 1
        return 0

    return fn


def _jmp_y_dec(to: int):
    def fn(s):
        if s.y:
            s.y -= 1
            s.dy += 1
            return to
        s.y = M32
        s.use |= 2
        return 0

    return fn


# ---- WAIT and IRQ ----


def flag_of(index: int, sm_index: int) -> int:
    """Bit of an IRQ flag; bit 4 of the index makes the low two bits relative to the machine."""
    if index & 0x10:
        return 1 << (index & 4 | (index + sm_index) & 3)
    return 1 << (index & 7)


def _wait(arg: int, sm):
    polarity = arg >> 7
    source = arg >> 5 & 3
    index = arg & 31
    blk = sm.blk
    if source == 2:
        bit = flag_of(index, sm.index)

        def wait_irq(s):
            s.bad = 1
            if bool(blk.irq & bit) != bool(polarity):
                return STALL
            if polarity:
                s.irq_clr |= bit
                s.eff = 1
            return 0

        return wait_irq
    if source == 3:
        raise NotImplementedError("PIO: WAIT source 3 is reserved on RP2040")
    bit = 1 << (index if source == 0 else (index + sm.in_base) & 31)
    want = bit if polarity else 0
    return lambda s: 0 if blk.inp & bit == want else STALL


def _irq(arg: int, sm):
    bit = flag_of(arg & 31, sm.index)
    blk = sm.blk

    def clear(s):
        s.bad = 1
        s.irq_clr |= bit
        s.eff = 1

    def raise_(s):
        s.bad = 1
        s.irq_set |= bit
        s.eff = 1

    def raise_and_wait(s):
        s.bad = 1
        if not s.latch:
            s.irq_set |= bit
            s.eff = 1
            s.latch = 1
            return STALL
        if blk.irq & bit:
            return STALL
        s.latch = 0
        return 0

    if arg & 0x40:
        return clear
    return raise_and_wait if arg & 0x20 else raise_


_COMPILERS = (
    _jmp,
    _wait,
    compile_in,
    compile_out,
    compile_push_pull,
    compile_mov,
    _irq,
    compile_set,
)
