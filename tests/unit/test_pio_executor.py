"""PIO instructions against the RP2040 datasheet (3.2 to 3.5), with and without shortcuts. Expected
values are worked out by hand."""

import pytest

from boards.sim.standins.rp2_asm import asm_pio_encode
from tests.unit.pio_rig import IN_RIGHT, ONES, OUT_RIGHT, Rig, jmp


@pytest.fixture(params=[False, True], ids=["by cycle", "shortcut"])
def rig(request) -> Rig:
    return Rig(request.param)


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


@pytest.mark.parametrize(
    ("shift", "y", "osr"), [(OUT_RIGHT, 0x8, 0x01234567), (0, 0x1, 0x23456780)]
)
def test_out_shifts_either_way(rig, shift, y, osr) -> None:
    sm = rig.start("out(y, 4)", jmp(0, 1), shift=shift)
    sm.osr, sm.osr_n = 0x12345678, 0
    rig.run(3)
    assert (sm.y, sm.osr, sm.osr_n) == (y, osr, 4)


def test_out_to_pins_pindirs_isr_pc(rig) -> None:
    sm = rig.start(
        "out(pins, 4)", "out(pindirs, 4)", "out(isr, 8)", "out(pc, 5)", "nop()", jmp(0, 5)
    )
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
