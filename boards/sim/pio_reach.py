"""Which pins a state machine's program can read and write: what couples machines to each other.

Follows every path from the program counter. Where the path depends on data (MOV/OUT PC or EXEC),
all pins count as read and written.
"""

from boards.sim.pio_data import M32, rotate
from boards.sim.pio_decode import is_exec


def survey(sm) -> tuple:
    """(pins read, pins written) as masks, from the machine's present state onwards."""
    words = _reachable(sm)
    if words is None:
        return M32, M32
    reads = writes = 0
    if sm.side_count:
        bits = sm.side_count - (1 if sm.side_en else 0)
        writes |= rotate((1 << bits) - 1, sm.side_base)
    for word in words:
        reads |= _reads(word, sm)
        writes |= _writes(word, sm)
    return reads, writes


def leaves_isr(sm) -> bool:
    """Does the program, from the machine's present state onwards, leave the ISR alone?"""
    words = _reachable(sm)
    if words is None:
        return False
    for word in words:
        kind = word >> 13
        if kind == 2 or word & 0xE080 == 0x8000 or word & 0xE0E0 in (0x60C0, 0xA0C0):
            return False
        if kind == 5 and word & 7 == 6:
            return False
    return True


def takes_words(sm) -> bool:
    """Can the machine, as it is now, ever take a word from its TX FIFO?"""
    if not sm.enabled or not sm.tx_depth:
        return False
    words = _reachable(sm)
    if words is None:
        return True
    for word in words:
        if word & 0xE080 == 0x8080 or (sm.autopull and word >> 13 == 3):
            return True
    return False


def _reachable(sm):
    """Instructions that may be executed from here on; None if that cannot be told."""
    if sm.exec_op is not None:
        return None
    memory = sm.blk.memory
    seen = 0
    todo = [sm.pc]
    words = []
    while todo:
        pc = todo.pop()
        if seen >> pc & 1:
            continue
        seen |= 1 << pc
        word = memory[pc]
        if is_exec(word) or word & 0xE0E0 in (0x60A0, 0xA0A0):
            return None
        words.append(word)
        if word & 0xE000 == 0:
            todo.append(word & 31)
        if word & 0xE0E0:  # anything but an unconditional JMP goes on
            todo.append(sm.following[pc])
    return words


def _reads(word: int, sm) -> int:
    kind = word >> 13
    if kind == 0:
        return 1 << sm.jmp_pin if word >> 5 & 7 == 6 else 0
    if kind == 1 and word >> 5 & 3 == 0:
        return 1 << (word & 31)
    if kind == 1 and word >> 5 & 3 == 1:
        return 1 << ((word + sm.in_base) & 31)
    if kind == 2 and word >> 5 & 7 == 0:
        return rotate((1 << (word & 31 or 32)) - 1, sm.in_base)
    if kind == 5 and word & 7 == 0:
        return M32
    return 0


def _writes(word: int, sm) -> int:
    kind = word >> 13
    target = word >> 5 & 7
    if kind == 7 and target in (0, 4):
        return rotate((1 << sm.set_count) - 1, sm.set_base)
    if (kind == 3 and target in (0, 4)) or (kind == 5 and target == 0):
        return rotate((1 << sm.out_count) - 1, sm.out_base)
    return 0
