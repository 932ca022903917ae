"""PIO semantics against the RP2040 datasheet (3.2 to 3.5), instruction by instruction, with and
without shortcuts. Expected values are worked out by hand."""

import pytest

from boards.sim.pads import Pads
from boards.sim.pio import PioSystem
from boards.sim.standins.rp2_asm import asm_pio_encode
from tests.unit.pio_programs import PumpRig, expand

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


@pytest.fixture(params=[False, True], ids=["by cycle", "shortcut"])
def rig(request) -> Rig:
    return Rig(request.param)


def jmp(condition: int, to: int, delay: int = 0) -> int:
    return delay << 8 | condition << 5 | to


# ---- time ----


def test_a_square_wave_with_delays(rig) -> None:
    rig.start("set(pins, 1)[2]", "set(pins, 0)[4]")
    rig.run(17)
    assert [edge[0] for edge in rig.flat_edges()] == [1, 4, 9, 12, 17]


def test_fractional_divider_is_first_order(rig) -> None:
    rig.start("set(pins, 1)", "set(pins, 0)", clkdiv=(2 << 16) | (128 << 8))
    rig.run(13)
    # slots at floor(2.5 n) = 0, 2, 5, 7, 10, 12; what they do shows a cycle later
    assert [edge[0] for edge in rig.flat_edges()] == [1, 3, 6, 8, 11, 13]


def test_divider_zero_is_65536(rig) -> None:
    rig.start("set(pins, 1)", "set(pins, 0)", clkdiv=0)
    rig.run(65536 + 1)
    assert [edge[0] for edge in rig.flat_edges()] == [1, 65537]


@pytest.mark.parametrize(("bypass", "seen"), [(0, 2), (1 << 5, 0)])
def test_inputs_pass_two_flip_flops_unless_bypassed(rig, bypass, seen) -> None:
    rig.block.reg_write(0x38, bypass)
    rig.start("wait(1, gpio, 5)", "set(pins, 1)", jmp(0, 2))
    rig.run(10)
    rig.pads.drive(5, 1)
    rig.run(10)
    # sees it in cycle 10 + seen, executes SET a cycle later, the pad changes one after that
    assert rig.flat_edges() == [(10 + seen + 2, 0, 1)]


def test_stopping_freezes_in_mid_delay_with_pins_held(rig) -> None:
    sm = rig.start("set(pins, 1)[9]", "set(pins, 0)[9]")
    rig.run(4)
    sm.enable(False)
    rig.run(100)
    assert rig.pads.level(0) == 1
    sm.enable(True)
    rig.run(8)
    assert rig.flat_edges() == [(1, 0, 1), (111, 0, 0)]


# ---- instructions ----


@pytest.mark.parametrize(
    ("condition", "x", "y", "taken", "x_after", "y_after"),
    [
        (0, 0, 0, True, 0, 0),
        (1, 0, 5, True, 0, 5),
        (1, 1, 5, False, 1, 5),
        (2, 2, 5, True, 1, 5),
        (2, 0, 5, False, ONES, 5),
        (3, 5, 0, True, 5, 0),
        (3, 5, 1, False, 5, 1),
        (4, 5, 2, True, 5, 1),
        (4, 5, 0, False, 5, ONES),
        (5, 5, 5, False, 5, 5),
        (5, 5, 6, True, 5, 6),
        (6, 0, 0, False, 0, 0),
        (7, 0, 0, False, 0, 0),
    ],
)
def test_jmp(rig, condition, x, y, taken, x_after, y_after) -> None:
    sm = rig.start(jmp(condition, 3), "nop()", jmp(0, 2), jmp(0, 3), execctrl=9 << 24)
    sm.x, sm.y = x, y
    rig.run(6)
    assert (sm.pc, sm.x, sm.y) == (3 if taken else 2, x_after, y_after)


def test_jmp_pin_and_not_osre(rig) -> None:
    sm = rig.start(jmp(6, 2), jmp(0, 1), "mov(osr, null)", jmp(7, 3), execctrl=9 << 24)
    rig.pads.drive(9, 1)
    sm.restart()
    sm.enable(False)
    rig.run(5)
    sm.enable(True)
    rig.run(9)
    assert sm.pc == 3, "OSR is full after MOV: not empty, so it keeps jumping"


def test_wait_pin_counts_from_in_base(rig) -> None:
    sm = rig.start("wait(1, pin, 2)", jmp(0, 1))
    rig.pads.drive(6, 1)  # in_base is 4
    rig.run(3)
    assert sm.pc == 1


def test_wait_irq_clears_the_flag(rig) -> None:
    sm = rig.start("wait(1, irq, 3)", jmp(0, 1))
    rig.run(5)
    assert sm.pc == 0
    rig.block.reg_write(0x34, 0xFF)
    rig.run(2)
    assert (sm.pc, rig.block.irq) == (1, 0xF7)


def test_irq_wait_goes_on_when_the_flag_is_cleared(rig) -> None:
    sm = rig.start("irq(block, 2)", "set(x, 7)", jmp(0, 2))
    rig.run(9)
    assert (sm.pc, rig.block.irq) == (0, 4)
    rig.block.irq_clear(4)
    rig.run(3)
    assert (sm.x, rig.block.irq) == (7, 0)


def test_relative_flags_keep_bit_2(rig) -> None:
    other = rig.block.sm[3]
    rig.block.load(0, [asm_pio_encode("irq(rel(5))", 0), jmp(0, 1)])
    other.enable(True)
    rig.run(3)
    assert rig.block.irq == 1 << 4  # (1 + 3) mod 4 with bit 2 kept


@pytest.mark.parametrize(
    ("shift", "isr"), [(IN_RIGHT, 0xA0000000 | 0x12345678 >> 4), (0, 0x2345678A)]
)
def test_in_shifts_either_way(rig, shift, isr) -> None:
    sm = rig.start("in_(y, 4)", jmp(0, 1), shift=shift)
    sm.isr, sm.y, sm.isr_n = 0x12345678, 0xFA, 30
    rig.run(3)
    assert (sm.isr, sm.isr_n) == (isr, 32), "the count saturates"


def test_in_32_takes_it_all(rig) -> None:
    sm = rig.start("in_(y, 32)", jmp(0, 1))
    sm.isr, sm.y = 5, 0xDEADBEEF
    rig.run(3)
    assert sm.isr == 0xDEADBEEF


@pytest.mark.parametrize(("shift", "y", "osr"), [(OUT_RIGHT, 0x8, 0x01234567), (0, 0x1, 0x23456780)])
def test_out_shifts_either_way(rig, shift, y, osr) -> None:
    sm = rig.start("out(y, 4)", jmp(0, 1), shift=shift)
    sm.osr, sm.osr_n = 0x12345678, 0
    rig.run(3)
    assert (sm.y, sm.osr, sm.osr_n) == (y, osr, 4)


def test_out_to_pins_pindirs_isr_pc(rig) -> None:
    sm = rig.start("out(pins, 4)", "out(pindirs, 4)", "out(isr, 8)", "out(pc, 5)", "nop()", jmp(0, 5))
    sm.osr, sm.osr_n = 5 << 16 | 0xC3 << 8 | 0x7 << 4 | 0x6, 0
    rig.run(4)
    assert (rig.block.out, rig.block.oe) == (6, 7)
    assert (sm.isr, sm.isr_n, sm.pc) == (0xC3, 8, 5)


def test_out_exec_runs_next_and_its_own_delay_is_ignored(rig) -> None:
    sm = rig.start("out(exec, 16)[9]", "set(pins, 2)", jmp(0, 2))
    sm.osr, sm.osr_n = asm_pio_encode("set(pins, 1)[3]", 0), 0
    rig.run(12)
    # OUT in cycle 0, SET 1 in 1 with three cycles of delay, SET 2 in 5
    assert rig.flat_edges() == [(2, 0, 1), (6, 0, 0), (6, 1, 1)]


def test_mov_operations(rig) -> None:
    sm = rig.start("mov(y, invert(x))", "mov(isr, reverse(x))", "mov(osr, x)", jmp(0, 3))
    sm.x, sm.isr_n, sm.osr_n = 0x80000005, 9, 9
    rig.run(5)
    assert (sm.y, sm.isr, sm.isr_n) == (0x7FFFFFFA, 0xA0000001, 0)
    assert (sm.osr, sm.osr_n) == (0x80000005, 0)


@pytest.mark.parametrize(("select", "limit", "expected"), [(0, 3, ONES), (0, 2, 0), (1, 1, ONES)])
def test_mov_status(rig, select, limit, expected) -> None:
    sm = rig.start("mov(x, status)", jmp(0, 1), execctrl=select << 4 | limit)
    sm.put(1)
    sm.put(2)
    rig.run(2)
    assert sm.x == expected


def test_set_clears_the_upper_bits(rig) -> None:
    sm = rig.start("set(x, 21)", jmp(0, 1))
    sm.x = ONES
    rig.run(2)
    assert sm.x == 21


def test_wrap_unless_a_jump_is_taken(rig) -> None:
    sm = rig.start("set(y, 1)", jmp(2, 3), "nop()", jmp(0, 3))
    sm.configure(execctrl=1 << 12 | 0 << 7)
    sm.x = 1
    rig.run(2)
    assert sm.pc == 3
    sm.exec_(0)
    rig.run(4)
    assert sm.pc in (0, 1), "x is 0: not taken, so it wraps"


# ---- side-set ----


def test_side_set_happens_though_the_instruction_stalls(rig) -> None:
    rig.start("pull(block).side(1)", "nop().side(0)", side=1)
    rig.run(5)
    assert rig.flat_edges() == [(1, 0, 1)]
    rig.sm.put(0)
    rig.run(3)
    assert rig.flat_edges()[1:] == [(7, 0, 0), (8, 0, 1)]


def test_side_set_wins_over_set(rig) -> None:
    rig.start("set(pins, 3).side(0)", jmp(0, 1), side=1)
    rig.run(3)
    assert rig.pads.levels & 3 == 2


def test_optional_side_set_and_pindirs(rig) -> None:
    sm = rig.sm
    words = [asm_pio_encode("nop()[7]", 2, True), asm_pio_encode("nop().side(1)", 2, True)]
    rig.block.load(0, words)
    rig.block.preset(15, 1, 0)
    sm.configure(1 << 16, 1 << 30 | 1 << 29 | 1 << 12, 0, 2 << 29)
    sm.enable(True)
    rig.run(20)
    assert rig.flat_edges() == [(9, 0, 1)], "direction switched on, level was there"


def test_the_higher_machine_wins_a_pin(rig) -> None:
    rig.start("set(pins, 1)", jmp(0, 1))
    other = rig.block.sm[1]
    rig.block.load(2, [asm_pio_encode("set(pins, 0)", 0), jmp(0, 3)])
    other.configure(pinctrl=4 << 26)
    other.exec_(2)
    other.enable(True)
    rig.run(4)
    assert rig.pads.levels & 1 == 0


# ---- FIFOs ----


def test_fifo_depths_and_overflow(rig) -> None:
    sm = rig.sm
    for join, depth in ((0, 4), (JOIN_TX, 8), (JOIN_RX, 0)):
        sm.configure(shiftctrl=join)
        for word in range(9):
            sm.put(word)
        assert sm.tx_level == depth
        assert rig.block.reg_read(FDEBUG) == 1 << 16
        rig.block.reg_write(FDEBUG, ONES)
        assert rig.block.reg_read(FDEBUG) == 0
    assert sm.get() == 0
    assert rig.block.reg_read(FDEBUG) == 1 << 8


def test_fstat_and_flevel(rig) -> None:
    assert rig.block.reg_read(FSTAT) == 0x0F000F00
    sm = rig.block.sm[2]
    for word in range(4):
        sm.put(word)
    assert rig.block.reg_read(FSTAT) == 0x0B040F00
    assert rig.block.reg_read(FLEVEL) == 4 << 16


def test_txstall_comes_back_while_it_lasts(rig) -> None:
    rig.start("pull(block)", jmp(0, 1))
    rig.run(3)
    assert rig.block.fdebug == 1 << 24
    rig.block.reg_write(FDEBUG, 1 << 24)
    assert rig.block.fdebug == 0
    rig.run(1)
    assert rig.block.fdebug == 1 << 24
    rig.sm.put(9)
    rig.run(3)
    rig.block.reg_write(FDEBUG, 1 << 24)
    rig.run(3)
    assert (rig.sm.osr, rig.block.fdebug) == (9, 0)


def test_pull_noblock_takes_x(rig) -> None:
    sm = rig.start("pull(noblock)", jmp(0, 1))
    sm.x = 77
    rig.run(2)
    assert (sm.osr, sm.osr_n, rig.block.fdebug) == (77, 0, 0)


def test_push_blocks_or_drops_when_full(rig) -> None:
    sm = rig.start("push(block)", jmp(2, 0), jmp(0, 2))
    sm.x, sm.isr = 9, 5
    rig.run(30)
    assert (sm.rx, sm.pc, rig.block.fdebug) == ([5, 0, 0, 0], 0, 1)
    assert sm.get() == 5
    sm.isr = 6
    rig.run(1)
    assert sm.rx == [0, 0, 0, 6]
    sm.isr = 7
    sm.exec_(asm_pio_encode("push(noblock)", 0))
    assert (sm.rx, sm.isr) == ([0, 0, 0, 6], 0)


def test_push_iffull_and_pull_ifempty_use_the_thresholds(rig) -> None:
    shift = IN_RIGHT | OUT_RIGHT | 8 << 20 | 8 << 25
    sm = rig.start("push(iffull)", "pull(ifempty)", jmp(0, 2), shift=shift)
    sm.isr_n, sm.osr_n, sm.osr = 7, 7, 3
    sm.put(4)
    rig.run(4)
    assert (sm.rx, sm.osr) == ([], 3)
    sm.isr_n, sm.osr_n = 8, 8
    sm.exec_(0)
    rig.run(4)
    assert (sm.rx, sm.osr) == ([0], 4)


def test_autopull_refills_with_the_last_bit_and_costs_nothing(rig) -> None:
    sm = rig.start("out(pins, 1)", shift=OUT_RIGHT | AUTOPULL | 2 << 25)
    sm.put(0b01)
    sm.put(0b01)
    rig.run(6)
    # cycle 0 refills in the background of a stall; then a bit each cycle, then starved
    assert rig.flat_edges() == [(2, 0, 1), (3, 0, 0), (4, 0, 1), (5, 0, 0)]
    assert rig.block.fdebug == 1 << 24


def test_autopull_refills_during_other_instructions(rig) -> None:
    sm = rig.start("nop()", jmp(0, 0), shift=OUT_RIGHT | AUTOPULL)
    rig.run(5)
    sm.put(42)
    rig.run(1)
    assert (sm.osr, sm.osr_n, sm.tx) == (42, 0, [])


def test_pull_is_a_barrier_under_autopull(rig) -> None:
    sm = rig.start("pull(block)", jmp(0, 1), shift=OUT_RIGHT | AUTOPULL)
    sm.osr, sm.osr_n = 5, 0
    sm.put(6)
    rig.run(3)
    assert (sm.osr, sm.tx) == (5, [6])


def test_autopush_stalls_on_a_full_fifo_without_shifting_again(rig) -> None:
    sm = rig.start("in_(x, 16)", jmp(0, 0), shift=AUTOPUSH | 16 << 20)
    sm.x = 0xABCD
    rig.run(30)
    assert (sm.rx, sm.isr, sm.isr_n) == ([0xABCD] * 4, 0xABCD, 16)
    assert rig.block.fdebug == 1
    sm.get()
    rig.run(1)
    assert (sm.rx, sm.isr, sm.isr_n) == ([0xABCD] * 4, 0, 0)


def test_changing_the_join_flushes(rig) -> None:
    sm = rig.sm
    sm.put(1)
    sm.configure(shiftctrl=sm.shiftctrl ^ IN_RIGHT)
    assert sm.tx_level == 1
    sm.configure(shiftctrl=sm.shiftctrl ^ JOIN_TX)
    assert sm.tx_level == 0


# ---- what the CPU forces ----


def test_exec_takes_a_cycle_and_ignores_its_delay(rig) -> None:
    sm = rig.start("set(pins, 1)", "set(pins, 0)")
    rig.run(4)
    sm.exec_(asm_pio_encode("set(x, 9)[31]", 0))
    rig.run(4)
    assert sm.x == 9
    assert [edge[0] for edge in rig.flat_edges()] == [1, 2, 3, 4, 6, 7, 8]


def test_exec_while_stalled_leaves_the_stall(rig) -> None:
    """As measured on a chip: a forced SET during WAIT, after which WAIT goes on waiting."""
    sm = rig.start("set(x, 0)", "wait(1, gpio, 9)", jmp(0, 2))
    rig.run(5)
    sm.exec_(asm_pio_encode("set(x, 8)", 0))
    rig.run(5)
    assert (sm.pc, sm.x) == (1, 8)
    rig.pads.drive(9, 1)
    rig.run(4)
    assert sm.pc == 2


def test_a_forced_instruction_may_stall(rig) -> None:
    sm = rig.start(jmp(2, 0), jmp(0, 1))
    sm.x = 1000
    sm.exec_(asm_pio_encode("pull(block)", 0))
    rig.run(10)
    assert rig.block.reg_read(0xCC) >> 31 == 1
    assert sm.x == 1000, "the program does not go on meanwhile"
    sm.put(3)
    rig.run(5)
    assert (sm.osr, rig.block.reg_read(0xCC) >> 31) == (3, 0)
    assert sm.x == 996


def test_exec_works_on_a_stopped_machine_at_once(rig) -> None:
    sm = rig.sm
    sm.put(11)
    sm.exec_(asm_pio_encode("pull(block)", 0))
    sm.exec_(asm_pio_encode("mov(y, osr)", 0))
    sm.exec_(asm_pio_encode("mov(isr, y)", 0))
    sm.exec_(asm_pio_encode("push(block)", 0))
    assert sm.get() == 11


def test_restart_clears_what_the_datasheet_lists(rig) -> None:
    sm = rig.start("set(pins, 1)[9]", jmp(0, 1))
    sm.x, sm.y, sm.osr, sm.osr_n, sm.isr, sm.isr_n = 1, 2, 3, 4, 5, 6
    sm.put(7)
    rig.run(2)
    sm.restart()
    assert (sm.isr, sm.isr_n, sm.osr_n, sm.delay) == (0, 0, 32, 0)
    assert (sm.x, sm.y, sm.osr, sm.pc, sm.tx) == (1, 2, 3, 1, [7])


def test_registers_by_offset(rig) -> None:
    sm = rig.start("nop()", jmp(0, 1))
    rig.run(5)
    block = rig.block
    assert block.reg_read(0x00) == 1
    assert block.reg_read(0xD4) == 1
    assert block.reg_read(0xD8) == jmp(0, 1)
    block.reg_write(0xD8, asm_pio_encode("set(y, 3)", 0))
    assert sm.y == 3
    block.reg_write(0x00, 0)
    assert not sm.enabled
    with pytest.raises(ValueError, match="no|cannot"):
        block.reg_read(0x1F0)


# ---- when run returns early ----


def test_run_returns_when_an_enabled_interrupt_rises(rig) -> None:
    rig.start("nop()[9]", "irq(1)", "irq(0)", jmp(0, 3))
    rig.block.irq_enable = 0x100
    assert rig.pio.run(50) == 12, "flag 1 is not enabled; flag 0 is set in cycle 11"
    assert rig.pio.run(50) == 50, "the same interrupt does not stop it twice"
    rig.block.irq_clear(1)
    rig.block.reg_write(0x34, 1)
    assert rig.pio.run(60) == 50, "it rose again"


def test_run_returns_when_a_watched_pad_changes(rig) -> None:
    rig.start("set(pins, 1)[9]", "set(pins, 2)[9]")
    rig.pio.wake_pins = 2
    assert rig.pio.run(100) == 11
    assert rig.pio.run(100) == 21


def test_run_returns_at_fifo_traffic_if_asked(rig) -> None:
    sm = rig.start("nop()[9]", "pull(block)")
    sm.put(1)
    sm.put(2)
    rig.pio.wake_fifo = True
    assert rig.pio.run(100) == 11
    assert rig.pio.run(100) == 22
    assert rig.pio.run(100) == 100


# ---- the pump's programs ----


@pytest.mark.parametrize("shortcut", [False, True])
def test_step_interval_is_the_same_inside_and_across_words(shortcut) -> None:
    rig = PumpRig(None, shortcut)
    for passes in (0, 1, 10):
        for word in (3 | passes << 7, 1 | passes << 7, 2 | passes << 7):
            rig.generator.put(word)
        rig.pio.run(rig.pio.now + 3000)
        rises = [t for t, pin, level in expand(rig.edges) if level]
        gaps = {b - a for a, b in zip(rises[-6:], rises[-5:])}
        assert gaps == {2 * passes + 266}
        assert rig.pads.levels >> rig.STEP & 1 == 0


@pytest.mark.parametrize("shortcut", [False, True])
def test_a_rest_word_inserts_its_time(shortcut) -> None:
    rig = PumpRig(None, shortcut)
    for word in (1 | 10 << 7, 0 | 100 << 7, 0 | 0 << 7, 1 | 10 << 7):
        rig.generator.put(word)
    rig.pio.run(3000)
    first, second = [t for t, pin, level in expand(rig.edges) if pin == rig.STEP and level]
    assert second - first == 286 + 208 + 8


@pytest.mark.parametrize("n_max", [0, 1, 2, 5])
def test_the_fuse_blows_after_exactly_n_max_edges(n_max) -> None:
    rig = PumpRig(n_max, True)
    for _ in range(4):
        rig.generator.put(3 | 5 << 7)
    rig.pio.run(20_000)
    rises = [t for t, pin, level in expand(rig.edges) if pin == rig.STEP and level]
    allow = [(t, level) for t, pin, level in expand(rig.edges) if pin == rig.ALLOW]
    assert len(rises) == n_max == rig.count()
    assert rig.pads.level(rig.ALLOW) == 0
    assert rig.pio.blocks[0].irq == 2, "the fuse is machine 1"
    if n_max:
        assert allow[-1][0] - rises[-1] <= 10
    else:
        assert allow == []


def test_stop_drops_allow_within_eight_cycles_at_any_moment() -> None:
    worst = 0
    for moment in range(300, 700):
        rig = PumpRig(1000, True)
        rig.generator.put(9 | 20 << 7)
        rig.pio.run(moment)
        rig.pads.drive(rig.STOP, 1)
        rig.pio.run(moment + 20)
        dropped = [t for t, pin, level in expand(rig.edges) if pin == rig.ALLOW and not level]
        worst = max(worst, dropped[0] - moment)
        rig.pads.drive(rig.STOP, 0)
        rig.pio.run(moment + 2000)
        assert rig.pads.level(rig.ALLOW) == 0, "for good"
    assert worst == 8


def test_stop_already_pressed_keeps_allow_low() -> None:
    rig = PumpRig(50, True)
    rig.pads.drive(rig.STOP, 1)
    rig.pio.run(1000)
    assert [edge for edge in rig.edges if edge[0] == rig.ALLOW] == []
