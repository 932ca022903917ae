"""Registers, configuration and FIFOs of one PIO state machine, and what the CPU can do to them.

All of the CPU's actions take place at the system's ``now``.
"""

from boards.sim.pio_data import M32, RXUNDER, STALL, TXOVER

_RESET_EXECCTRL = 0x1F << 12
_RESET_SHIFTCTRL = 0b11 << 18
_RESET_PINCTRL = 5 << 26
FORCED = 0x10000  # in exec_op: written by the CPU, so its delay is ignored
_ISR_FROM_X = 0xA0C1  # mov isr, x
_PUSH = 0x8000  # push noblock
_JOINED = ((4, 4), (8, 0), (0, 8), (0, 0))  # (tx, rx) depth by FJOIN bits


class Registers:
    """What state machine ``index`` of ``blk`` holds. Plain attributes, in the chip's terms."""

    def __init__(self, blk, index: int) -> None:
        self.blk = blk
        self.index = index
        self.enabled = False
        self.x = self.y = self.isr = self.osr = 0
        self.isr_n = 0  # bits shifted in
        self.osr_n = 32  # bits shifted out: 32 is empty
        self.pc = 0
        self.delay = 0  # slots still to idle
        self.latch = 0  # a stalled instruction has done its first half
        self.exec_latch = 0
        self.exec_op = None  # pending or stalled EXEC'd instruction
        self.slow = False  # take slots one by one
        self.fd = 0  # FDEBUG bits
        self.tx = []
        self.rx = []
        # what the last slot did to others
        self.eff = 0
        self.wm = self.wv = self.dm = self.dv = 0
        self.irq_set = self.irq_clr = 0
        self.popped = 0
        self.pushed = 0
        # what the shortcut wants to know, see pio_decode
        self.use = self.used = self.bad = 0
        self.dx = self.dy = 0
        self._mark_pc = -1
        self._mark = None
        self._saved = None
        self.isr_idle = False  # the program does not use the ISR: it is the CPU's
        self.aside_at = -1  # cycle whose slot the last ``_exec_aside`` took
        self.n = 0  # next slot
        self.epoch = 0
        self.divider = 256
        self.clkdiv = 1 << 16
        self.execctrl = _RESET_EXECCTRL
        self.shiftctrl = _RESET_SHIFTCTRL
        self.pinctrl = _RESET_PINCTRL
        self._apply_config()

    # ---- configuration ------------------------------------------------------------------------

    def configure(self, clkdiv=None, execctrl=None, shiftctrl=None, pinctrl=None) -> None:
        """Write configuration registers (images as in the datasheet); None leaves one alone."""
        self.blk.system.touch(2)
        if clkdiv is not None and clkdiv != self.clkdiv:
            self.clkdiv = clkdiv & 0xFFFFFF00
            self.divider = (clkdiv >> 16 or 65536) << 8 | clkdiv >> 8 & 0xFF
            self.restart_clock()
        if execctrl is not None:
            if execctrl & 0x60000:
                raise NotImplementedError("PIO: OUT_STICKY and INLINE_OUT_EN are not simulated")
            self.execctrl = execctrl & 0x7FFFFFFF
        if shiftctrl is not None:
            if (shiftctrl ^ self.shiftctrl) >> 30:
                self.tx = []
                self.rx = []
            self.shiftctrl = shiftctrl
        if pinctrl is not None:
            self.pinctrl = pinctrl
        self._apply_config()

    def _apply_config(self) -> None:
        execctrl, shiftctrl, pinctrl = self.execctrl, self.shiftctrl, self.pinctrl
        self.status_n = execctrl & 15
        self.status_rx = execctrl >> 4 & 1
        self.jmp_pin = execctrl >> 24 & 31
        self.side_pindir = execctrl >> 29 & 1
        self.side_en = execctrl >> 30 & 1
        self.autopush = shiftctrl >> 16 & 1
        self.autopull = shiftctrl >> 17 & 1
        self.in_right = shiftctrl >> 18 & 1
        self.out_right = shiftctrl >> 19 & 1
        self.push_th = shiftctrl >> 20 & 31 or 32
        self.pull_th = shiftctrl >> 25 & 31 or 32
        self.tx_depth, self.rx_depth = _JOINED[shiftctrl >> 30 & 3]
        self.out_base = pinctrl & 31
        self.set_base = pinctrl >> 5 & 31
        self.side_base = pinctrl >> 10 & 31
        self.in_base = pinctrl >> 15 & 31
        self.out_count = pinctrl >> 20 & 63
        self.set_count = pinctrl >> 26 & 7
        self.side_count = pinctrl >> 29 & 7
        self.following = [(pc + 1) & 31 for pc in range(32)]
        self.following[execctrl >> 12 & 31] = execctrl >> 7 & 31
        self.forget_code()

    def forget_code(self) -> None:
        """Configuration or program memory changed: decode anew."""
        self.code = [None] * 32
        self._exec_code = {}

    def restart_clock(self) -> None:
        """CLKDIV_RESTART: the divider starts a period in this cycle."""
        self.epoch = self.blk.system.now
        self.n = 0

    # ---- the CPU's side, all at the system's ``now`` -------------------------------------------

    @property
    def tx_level(self) -> int:
        """Words waiting in the TX FIFO."""
        return len(self.tx)

    @property
    def rx_level(self) -> int:
        """Words waiting in the RX FIFO."""
        return len(self.rx)

    def put(self, word: int) -> None:
        """Write TXF: into a full FIFO the word is lost and TXOVER set."""
        if len(self.tx) >= self.tx_depth:
            self.fd |= TXOVER
        else:
            self.tx.append(word & M32)
            self.blk.system.fifo_changed(self)

    def get(self) -> int:
        """Read RXF: 0 and RXUNDER when it is empty."""
        if not self.rx:
            self.fd |= RXUNDER
            return 0
        self.blk.system.fifo_changed(self)
        return self.rx.pop(0)

    def clear_fifos(self) -> None:
        """Empty both FIFOs, as changing FJOIN does."""
        self.blk.system.touch(1)
        self.tx = []
        self.rx = []

    def enable(self, on: bool) -> None:
        """SM_ENABLE. Off freezes the machine as it is, mid-delay too; pins hold."""
        system = self.blk.system
        if bool(on) == self.enabled:
            return
        system.touch(2)
        self.enabled = bool(on)
        if on:
            self.n = self.slots(system.now)

    def restart(self) -> None:
        """SM_RESTART: shift counters, ISR, delay, stalled and EXEC'd instructions. Not X, Y, OSR,
        FIFOs or PC."""
        self.blk.system.touch(1)
        self.isr = self.isr_n = 0
        self.osr_n = 32
        self.delay = self.latch = self.exec_latch = 0
        self.exec_op = None
        self.slow = False

    def exec_(self, word: int) -> None:
        """Write SMx_INSTR: executes at once, whatever the divider; stays pending if it stalls."""
        system = self.blk.system
        if self.isr_idle and system.replay.flying is not None and self._exec_aside(word):
            return
        system.touch(0)
        pc = self.pc
        self.exec_latch = 0
        self.exec_op = word & 0xFFFF | FORCED
        system.fill_inputs(system.now)
        self.exec_slot()
        self.slow = self.exec_op is not None
        if self.slow or pc != self.pc:
            system.touch(1)
        if self.enabled and self.cycle(self.n) == system.now:
            self.n += 1
        system.forced(self)

    def _exec_aside(self, word: int) -> bool:
        """``exec_`` of ``mov isr, x`` or ``push noblock`` while a record is under way: if all it
        costs the machine is a slot of waiting for a pin, the record goes on undisturbed."""
        word &= 0xE0FF
        if word not in (_ISR_FROM_X, _PUSH):
            return False
        system = self.blk.system
        watched = self.blk.irq_enable or system.wake_fifo or len(self.rx) >= self.rx_depth
        if word == _PUSH and watched:
            return False
        x = system.replay.x_waiting(self)
        if x is None:
            return False
        self.aside_at = system.now
        self.exec_latch = 0
        if word == _PUSH:
            self.rx.append(self.isr)
        self.isr = x if word == _ISR_FROM_X else 0
        self.isr_n = 0
        return True

    def waits_for_pin(self) -> bool:
        """Would a slot, with the block's present inputs, change nothing for it is a WAIT?"""
        if not self.enabled or self.slow or self.delay or self.autopull or self.side_count:
            return False
        word = self.blk.memory[self.pc]
        if word >> 13 != 1 or word >> 5 & 3 > 1:
            return False
        return (self.code[self.pc] or self._decode(self.pc))[0](self) == STALL
