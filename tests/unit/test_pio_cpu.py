"""PIO's FIFOs, registers, forced instructions, early returns (RP2040 datasheet 3.5.4 to 3.7)."""

import pytest

from boards.sim.standins.rp2_asm import asm_pio_encode
from tests.unit.pio_rig import (
    AUTOPULL,
    AUTOPUSH,
    FDEBUG,
    FLEVEL,
    FSTAT,
    IN_RIGHT,
    JOIN_RX,
    JOIN_TX,
    ONES,
    OUT_RIGHT,
    Rig,
    jmp,
)


@pytest.fixture(params=[False, True], ids=["by cycle", "shortcut"])
def rig(request) -> Rig:
    return Rig(request.param)


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
    rig.block.enable_irqs(0x100)
    assert rig.pio.run(50) == 12, "flag 1 is not enabled; flag 0 is set in cycle 11"
    assert rig.pio.run(50) == 50, "the same interrupt does not stop it twice"
    rig.block.irq_clear(1)
    rig.block.reg_write(0x34, 1)
    assert rig.pio.run(60) == 50, "it rose again"


def test_run_returns_when_a_watched_pad_changes(rig) -> None:
    rig.start("set(pins, 1)[9]", "set(pins, 2)[9]")
    rig.pio.wake_at(2)
    assert rig.pio.run(100) == 11
    assert rig.pio.run(100) == 21


def test_run_returns_at_fifo_traffic_if_asked(rig) -> None:
    sm = rig.start("nop()[9]", "pull(block)")
    sm.put(1)
    sm.put(2)
    rig.pio.wake_at_fifo(True)
    assert rig.pio.run(100) == 11
    assert rig.pio.run(100) == 22
    assert rig.pio.run(100) == 100
