"""One PIO state machine: registers, configuration, FIFOs, and its execution slot by slot.

A *slot* is one cycle of the divided clock. Slot n falls into system clock cycle
``epoch + floor(n * divider / 256)``: a first-order fractional divider that started at ``epoch``
and runs whether or not the machine is enabled. Choices where the datasheet is silent: slot 0 is in
the cycle of the divider's restart, and an instruction forced by the CPU takes the slot that falls
into the present cycle, if one does, without counting down a delay under way.
"""

from boards.sim.pio_data import RETRY, RXSTALL
from boards.sim.pio_decode import compile_op
from boards.sim.pio_registers import FORCED, Registers


class StateMachine(Registers):
    """A state machine that runs."""

    # ---- time ---------------------------------------------------------------------------------

    def slots(self, cycle: int) -> int:
        """How many slots lie before ``cycle``."""
        if self.divider == 256:
            return cycle - self.epoch
        return -(-((cycle - self.epoch) << 8) // self.divider)

    def cycle(self, n: int) -> int:
        """The cycle slot ``n`` falls into."""
        return self.epoch + (n * self.divider >> 8)

    # ---- execution ----------------------------------------------------------------------------

    def refill(self) -> None:
        """TX FIFO to OSR."""
        self.osr = self.tx.pop(0)
        self.osr_n = 0
        self.popped = 1
        self.eff = 1

    def push(self) -> bool:
        """ISR to RX FIFO; False, with RXSTALL set, when it is full."""
        self.bad = 1
        if len(self.rx) >= self.rx_depth:
            self.fd |= RXSTALL
            return False
        self.rx.append(self.isr)
        self.isr = self.isr_n = 0
        self.pushed = 1
        self.eff = 1
        return True

    def _side(self, mask: int, levels: int, dirs: int) -> None:
        """Side-set wins over the instruction's own pin write."""
        if dirs:
            self.dv = self.dv & ~mask | levels
            self.dm |= mask
        else:
            self.wv = self.wv & ~mask | levels
            self.wm |= mask
        self.eff = 1

    def exec_slot(self) -> None:
        word = self.exec_op
        op = self._exec_code.get(word)
        if op is None:
            op = self._exec_code[word] = compile_op(word & 0xFFFF, self)
        self.exec_op = None
        latch = self.latch
        self.latch = self.exec_latch
        result = op[0](self)
        self.exec_latch = self.latch
        self.latch = latch
        if op[2]:
            self._side(op[2], op[3], op[4])
        if result and result < 0:
            self.exec_op = word
            return
        if not word & FORCED:
            self.delay = op[1]
        if result:
            self.pc = result - 1
            self.latch = 0

    def slot(self) -> None:
        """Execute slot ``n``, whatever it is; effects on others stay pending in ``self``."""
        self.n += 1
        if self.exec_op is not None:
            self.exec_slot()
        elif self.delay:
            self.delay -= 1
        else:
            pc = self.pc
            fn, delay, mask, levels, dirs = self.code[pc] or self._decode(pc)
            result = fn(self)
            if mask:
                self._side(mask, levels, dirs)
            if not result:
                self.pc = self.following[pc]
                self.delay = delay
            elif result > 0:
                self.pc = result - 1
                self.delay = delay
        if self.autopull and self.osr_n >= self.pull_th and self.tx:
            self.refill()
        self.slow = self.exec_op is not None

    def _decode(self, pc: int) -> tuple:
        op = self.code[pc] = compile_op(self.blk.memory[pc], self)
        return op

    def run_to(self, end: int) -> None:
        """Execute slots up to ``end`` under constant inputs and flags, or just past the first one
        that does something others can see (``eff``). The same as ``slot()`` over and over, but
        delays, stalls and idle loops are passed over at once."""
        n = self.n
        blk = self.blk
        code = self.code
        following = self.following
        self._mark_pc = -1
        if self.autopull and self.osr_n >= self.pull_th and self.tx:
            self.slow = True
        while n < end:
            if self.slow:
                self.n = n
                self.slot()
                n += 1
                if self.eff:
                    break
                continue
            delay = self.delay
            if delay:
                if n + delay > end:
                    self.delay = delay - (end - n)
                    n = end
                    break
                n += delay
                self.delay = 0
                continue
            pc = self.pc
            fn, delay, mask, levels, dirs = code[pc] or self._decode(pc)
            result = fn(self)
            n += 1
            if mask and ((blk.oe if dirs else blk.out) ^ levels) & mask:
                self._side(mask, levels, dirs)
            elif mask and (self.wm or self.dm):
                self._side(mask, levels, dirs)
            if not result:
                to = following[pc]
            elif result > 0:
                to = result - 1
            else:
                if self.eff:
                    break
                if result != RETRY:
                    n = end
                continue
            self.pc = to
            self.delay = delay
            if self.eff:
                break
            if to <= pc and end - n > 8:
                n = self._skip_loop(to, n, end)
        self.n = n

    def _skip_loop(self, to: int, n: int, end: int) -> int:
        """At a jump back to ``to``: if the machine is as it was here last time but for X or Y that
        only taken x--/y-- have changed, pass over as many rounds as fit. Returns the next slot."""
        state = (self.delay, self.isr, self.osr, self.isr_n, self.osr_n, self.latch)
        mark = self._mark
        if self._mark_pc == to and mark[0] == state:
            use = self.use
            dx = self.dx - mark[4]
            dy = self.dy - mark[5]
            period = n - mark[1]
            rounds = (end - n) // period
            if self.x == mark[2]:
                dx = 0
            elif use & 1 or not dx:
                rounds = 0
            elif rounds * dx > self.x:
                rounds = self.x // dx
            if self.y == mark[3]:
                dy = 0
            elif use & 2 or not dy:
                rounds = 0
            elif rounds * dy > self.y:
                rounds = self.y // dy
            if rounds > 0:
                n += rounds * period
                self.x -= rounds * dx
                self.y -= rounds * dy
                self.dx += rounds * dx
                self.dy += rounds * dy
        self._mark_pc = to
        self.used |= self.use
        self.use = 0
        self._mark = (state, n, self.x, self.y, self.dx, self.dy)
        return n

    # ---- taking back what was run ahead -------------------------------------------------------

    def save(self) -> tuple:
        """Remember everything ``run_to`` may change."""
        self._saved = (
            (self.n, self.pc, self.delay, self.x, self.y, self.isr, self.isr_n, self.osr),
            (self.osr_n, self.latch, self.exec_latch, self.exec_op, self.slow, self.fd),
            (self.use, self.used, self.bad, self.dx, self.dy),
            self.tx[:],
            self.rx[:],
        )
        return self._saved

    def restore(self, saved=None) -> None:
        """Back to the last ``save()``, at which no effect was pending, or to what an earlier one
        returned."""
        first, second, third, self.tx, self.rx = saved or self._saved
        (self.n, self.pc, self.delay, self.x, self.y, self.isr, self.isr_n, self.osr) = first
        (self.osr_n, self.latch, self.exec_latch, self.exec_op, self.slow, self.fd) = second
        (self.use, self.used, self.bad, self.dx, self.dy) = third
        self.clear_effects()

    def clear_effects(self) -> None:
        """Forget what the last slot did to others."""
        self.eff = self.popped = self.pushed = 0
        self.wm = self.wv = self.dm = self.dv = 0
        self.irq_set = self.irq_clr = 0

    # ---- for the memory of patterns -----------------------------------------------------------

    def fixed_state(self, now: int) -> tuple:
        """All state but X, Y, FIFOs and absolute time."""
        phase = (self.cycle(self.n) - now, self.n * self.divider & 255)
        isr, isr_n = (-1, 0) if self.isr_idle else (self.isr, self.isr_n)
        return (self.pc, self.delay, isr, isr_n, self.osr, self.osr_n, self.latch) + phase

    def set_fixed_state(self, state: tuple, now: int) -> None:
        """Inverse of ``fixed_state``."""
        self.pc, self.delay = state[:2]
        if state[2] >= 0:
            self.isr, self.isr_n = state[2:4]
        self.osr, self.osr_n, self.latch = state[4:7]
        self.n = self.slots(now + state[7])
