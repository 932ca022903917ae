"""One PIO block: instruction memory, IRQ flags, pin registers, and the register file as the bus
sees it (RP2040 datasheet, section 3.7)."""

from boards.sim.pio_machine import StateMachine

CTRL, FSTAT, FDEBUG, FLEVEL, TXF0, RXF0 = 0x000, 0x004, 0x008, 0x00C, 0x010, 0x020
IRQ, IRQ_FORCE, INPUT_SYNC_BYPASS = 0x030, 0x034, 0x038
DBG_PADOUT, DBG_PADOE, DBG_CFGINFO, INSTR_MEM0, SM0_CLKDIV = 0x03C, 0x040, 0x044, 0x048, 0x0C8
INTR, IRQ0_INTE, IRQ0_INTS = 0x128, 0x12C, 0x134
_SM_STRIDE = 0x18
_CLKDIV, _EXECCTRL, _SHIFTCTRL, _ADDR, _INSTR, _PINCTRL = 0, 4, 8, 12, 16, 20


class Block:
    """PIO block ``index``. ``irq_enable`` is IRQ0_INTE: bits 0..3 RX not empty, 4..7 TX not full,
    8..11 IRQ flags 0..3."""

    def __init__(self, system, index: int) -> None:
        self.system = system
        self.index = index
        self.memory = [0] * 32
        self.irq = 0
        self.bypass = 0
        self.irq_enable = 0
        self.seen = 0  # interrupts that already made ``run`` return
        self.inp = 0  # pins as the machines see them in the present cycle
        self.out = 0
        self.oe = 0
        self.shown_out = 0  # what the pads were last told
        self.shown_oe = 0
        self.raised = 0  # flags set and cleared in the present cycle
        self.cleared = 0
        self.sm = [StateMachine(self, number) for number in range(4)]

    # ---- the CPU's side ----

    @property
    def fdebug(self) -> int:
        """FDEBUG: RXSTALL, RXUNDER, TXOVER, TXSTALL of the machines, 4 bits in every 8. Always up
        to date: what the replay repeats sets none of them."""
        value = 0
        for sm in self.sm:
            for kind in range(4):
                value |= (sm.fd >> kind & 1) << (8 * kind + sm.index)
        return value

    def load(self, offset: int, words) -> None:
        """Write instruction memory from ``offset``."""
        self.system.touch(2)
        for word in words:
            self.memory[offset & 31] = word & 0xFFFF
            offset += 1
        for sm in self.sm:
            sm.forget_code()

    def preset(self, mask: int, levels: int, oe: int) -> None:
        """Set levels and directions of the pins in ``mask`` at once, as the SDK does with forced
        SET instructions."""
        self.system.touch(0)
        self.out = self.out & ~mask | levels & mask
        self.oe = self.oe & ~mask | oe & mask
        self.show(self.system.now)

    def irq_clear(self, mask: int) -> None:
        """Write IRQ: clear flags."""
        self.system.touch(0)
        self.irq &= ~mask
        self.seen &= self.interrupts()

    def enable_irqs(self, mask: int) -> None:
        """Set IRQ0_INTE."""
        self.irq_enable = mask
        self.system.calm_to = 0

    def interrupts(self) -> int:
        """IRQ0_INTS: enabled interrupts that are asserted."""
        enabled = self.irq_enable
        if not enabled:
            return 0
        raw = (self.irq & 15) << 8
        if enabled & 0xFF:
            for sm in self.sm:
                if sm.rx:
                    raw |= 1 << sm.index
                if len(sm.tx) < sm.tx_depth:
                    raw |= 16 << sm.index
        return raw & enabled

    def reg_read(self, offset: int) -> int:
        """Bus read at ``offset`` from the block's base."""
        if SM0_CLKDIV <= offset < SM0_CLKDIV + 4 * _SM_STRIDE:
            return self._sm_read(offset - SM0_CLKDIV)
        if offset in (FSTAT, FLEVEL):
            return self._fifo_state(offset)
        if offset == FDEBUG:
            return self.fdebug
        if RXF0 <= offset < RXF0 + 16:
            return self.sm[(offset - RXF0) // 4].get()
        self.system.touch_read()
        if offset == CTRL:
            return sum([sm.enabled << sm.index for sm in self.sm])
        if offset == IRQ:
            return self.irq
        if offset == INPUT_SYNC_BYPASS:
            return self.bypass
        if offset == DBG_PADOUT:
            return self.out
        if offset == DBG_PADOE:
            return self.oe
        if offset == DBG_CFGINFO:
            return 0x200404
        if offset == IRQ0_INTE:
            return self.irq_enable
        if offset == IRQ0_INTS:
            return self.interrupts()
        raise ValueError("simulated PIO cannot read register 0x%03x" % offset)

    def reg_write(self, offset: int, value: int) -> None:
        """Bus write at ``offset`` from the block's base."""
        value &= 0xFFFFFFFF
        if SM0_CLKDIV <= offset < SM0_CLKDIV + 4 * _SM_STRIDE:
            self._sm_write(offset - SM0_CLKDIV, value)
        elif TXF0 <= offset < TXF0 + 16:
            self.sm[(offset - TXF0) // 4].put(value)
        elif INSTR_MEM0 <= offset < SM0_CLKDIV:
            self.load((offset - INSTR_MEM0) // 4, [value])
        elif offset == CTRL:
            self._control(value)
        elif offset == FDEBUG:
            self.system.touch(0)
            for sm in self.sm:
                for kind in range(4):
                    sm.fd &= ~((value >> (8 * kind + sm.index) & 1) << kind)
        elif offset == IRQ:
            self.irq_clear(value & 0xFF)
        elif offset == IRQ_FORCE:
            self.system.touch(0)
            self.irq |= value & 0xFF
        elif offset == INPUT_SYNC_BYPASS:
            self.system.touch(2)
            self.bypass = value
        elif offset == IRQ0_INTE:
            self.enable_irqs(value & 0xFFF)
            self.seen &= self.interrupts()
        else:
            raise ValueError("simulated PIO cannot write register 0x%03x" % offset)

    def show(self, t: int) -> None:
        """Tell the pads of the pin registers as of cycle ``t``."""
        self.shown_out = self.out
        self.shown_oe = self.oe
        self.system.pads.pio_set(self.index, self.out, self.oe, t)

    # ---- inside ----

    def _control(self, value: int) -> None:
        for sm in self.sm:
            if value >> 4 >> sm.index & 1:
                sm.restart()
            if value >> 8 >> sm.index & 1:
                self.system.touch(1)
                sm.restart_clock()
            sm.enable(bool(value >> sm.index & 1))

    def _fifo_state(self, offset: int) -> int:
        value = 0
        for sm in self.sm:
            tx, rx, at = len(sm.tx), len(sm.rx), sm.index
            if offset == FLEVEL:
                value |= (tx | rx << 4) << (8 * at)
                continue
            value |= (rx >= sm.rx_depth) << at | (not rx) << (8 + at)
            value |= (tx >= sm.tx_depth) << (16 + at) | (not tx) << (24 + at)
        return value

    def _sm_read(self, offset: int) -> int:
        self.system.touch_read()
        sm = self.sm[offset // _SM_STRIDE]
        register = offset % _SM_STRIDE
        if register == _ADDR:
            return sm.pc
        if register == _INSTR:
            return self.memory[sm.pc]
        if register == _EXECCTRL:
            return sm.execctrl | (sm.exec_op is not None) << 31
        return {_CLKDIV: sm.clkdiv, _SHIFTCTRL: sm.shiftctrl, _PINCTRL: sm.pinctrl}[register]

    def _sm_write(self, offset: int, value: int) -> None:
        sm = self.sm[offset // _SM_STRIDE]
        register = offset % _SM_STRIDE
        if register == _INSTR:
            sm.exec_(value)
        elif register == _CLKDIV:
            sm.configure(clkdiv=value)
        elif register == _EXECCTRL:
            sm.configure(execctrl=value)
        elif register == _SHIFTCTRL:
            sm.configure(shiftctrl=value)
        elif register == _PINCTRL:
            sm.configure(pinctrl=value)
