"""All PIO blocks of the simulated RP2040, in virtual time counted in system clock cycles.

An instruction executed in cycle t changes flags and pads from cycle t + 1 on; that is also when
the CPU can see it, and the time edges are reported with. Inputs pass two flip-flops: cycle t sees
the pads of cycle t - 2, or of cycle t where INPUT_SYNC_BYPASS is set.

``shortcut = False`` executes cycle by cycle: that is the reference. ``True`` gives the same by
running each machine ahead on its own for as long as its inputs cannot change:

1. T is the end of the run or the next change of the synchronised inputs, whichever is first.
2. Each machine runs to T, or to the first cycle in which it does something others can see; T drops
   to the end of that cycle. Delays, stalls and idle loops are passed over at once.
3. Machines that ran beyond T go back to where they were and run to T once more. All are at T now;
   what they did is applied, and it starts over.

On top of it ``pio_replay`` recognises whole patterns of all machines and repeats them unexecuted.

Contract with the owner: bring the PIO to the present (``run``) before the CPU or the bench changes
a pad or touches a machine. Machine attributes such as ``x`` or ``pc`` are up to date after
``settle()``; FIFO levels, flags and pads always are.
"""

from boards.sim.pio_block import Block
from boards.sim.pio_reach import leaves_isr, survey
from boards.sim.pio_replay import Replay

_SYNC = 2  # flip-flops in an input's way
_LONG_AGO = -1000


class PioSystem:
    """``blocks`` PIO blocks on ``pads``. ``run`` returns early when an interrupt enabled in a
    block's ``irq_enable`` rises, when a pad in ``wake_pins`` changes, or, with ``wake_fifo``, when
    a machine takes a word from a FIFO or puts one in; ``calm_to`` is 0 when one of them is set."""

    def __init__(self, pads, blocks: int = 2) -> None:
        self.pads = pads
        self.now = 0
        self.shortcut = True
        self.calm_to = 0  # up to here, exclusively, nothing happens that anybody waits for or sees
        self.wake_pins = 0
        self.wake_fifo = False
        self.blocks = [Block(self, index) for index in range(blocks)]
        self.machines = []  # enabled ones, in order of block and number
        self.relevant = 0  # pins that machines read or write
        self._clash = False  # two machines of a block write the same pin
        self._coupled = False
        self.history = [(_LONG_AGO, pads.inputs)]
        self.replay = Replay(self)
        pads.before = self._before_pads_change

    # ---- running ------------------------------------------------------------------------------

    def run(self, until: int) -> int:
        """Execute cycles [now, until); may return early. Returns the new ``now``."""
        if until <= self.now:
            return self.now
        if until < self.calm_to:
            self.now = until
            return until
        if not self._coupled:
            self._recouple()
        if self._interrupted():
            return self.now
        replay = self.replay
        if replay.flying and not self.shortcut:
            replay.settle()
        if replay.flying:
            if replay.fly(until):
                self.now = until
                return until
        elif self.pads.inputs != self.history[-1][1]:
            self._note_inputs(self.now)
        if not self.machines:
            self.now = until
        elif self._clash or not self.shortcut:
            self.now = self._run_cycles(self.now, until)
        else:
            self.now = self.run_ahead(self.now, until, True)
        return self.now

    def settle(self) -> None:
        """Bring all machine attributes up to ``now``."""
        self.replay.settle()

    def run_ahead(self, t: int, until: int, live: bool) -> int:
        """From ``t`` to ``until`` as described above. ``live`` False: going over cycles again
        whose effects are known already, so nothing stops it and no pattern is looked for."""
        machines = self.machines
        alone = len(machines) == 1
        while t < until:
            end = self.fill_inputs(t)
            if end > until:
                end = until
            for sm in machines:
                if not alone:
                    sm.save()
                if sm.divider == 256:
                    sm.run_to(end - sm.epoch)
                else:
                    sm.run_to(sm.slots(end))
                if sm.eff:
                    end = min(end, sm.cycle(sm.n - 1) + 1)
            for sm in machines:
                limit = sm.slots(end)
                if sm.n > limit:
                    sm.restore()
                    sm.run_to(limit)
            t = end
            what = self._apply(t)
            if what and live:
                if what & 1:
                    return t
                t = self.replay.anchor(t, until)
                if self.replay.flying:
                    return until
        return t

    def _run_cycles(self, t: int, until: int) -> int:
        """The reference: every machine, every cycle."""
        while t < until:
            self.fill_inputs(t)
            for sm in self.machines:
                if sm.cycle(sm.n) == t:
                    sm.slot()
            t += 1
            if self._apply(t) & 1:
                break
        return t

    # ---- inputs and effects -------------------------------------------------------------------

    def fill_inputs(self, t: int) -> int:
        """Set the blocks' inputs for cycle ``t``. Returns the cycle of their next known change."""
        history = self.history
        while len(history) > 1 and history[1][0] + _SYNC <= t:
            history.pop(0)
        seen = history[0][1]
        for block in self.blocks:
            bypass = block.bypass
            block.inp = seen & ~bypass | history[-1][1] & bypass if bypass else seen
        for when, levels in history:
            if (levels ^ seen) & self.relevant:
                return when + _SYNC
        return 1 << 62

    def _note_inputs(self, t: int) -> None:
        if self.history[-1][0] == t:
            self.history.pop()
        self.history.append((t, self.pads.inputs))

    def _apply(self, t: int) -> int:
        """Make what the machines did in the cycle before ``t`` take effect. Returns 1 if ``run``
        must stop here, else 2 if this is a place to look for a pattern, else 0."""
        events = fifo = popped = 0
        for sm in self.machines:
            if not sm.eff:
                continue
            events = 1
            block = sm.blk
            if sm.wm:
                block.out = block.out & ~sm.wm | sm.wv & sm.wm
            if sm.dm:
                block.oe = block.oe & ~sm.dm | sm.dv & sm.dm
            if sm.irq_set or sm.irq_clr:
                self.replay.spoil()
                block.raised |= sm.irq_set
                block.cleared |= sm.irq_clr
            fifo |= sm.popped | sm.pushed
            popped |= sm.popped
            if sm.popped:
                self.replay.note_pop(sm)
            sm.clear_effects()
        if not events:
            return 0
        old = self.pads.levels
        pins = False
        for block in self.blocks:
            if block.raised or block.cleared:
                block.irq = block.irq & ~block.cleared | block.raised
                block.raised = block.cleared = 0
            if block.out != block.shown_out or block.oe != block.shown_oe:
                pins = True
                block.show(t)
        changed = 0
        if pins:
            if self.pads.inputs != self.history[-1][1]:
                self._note_inputs(t)
            changed = self.pads.levels ^ old
            self.replay.note_pins(t, changed, self.pads.levels)
        if self._interrupted() or changed & self.wake_pins or (fifo and self.wake_fifo):
            if fifo:
                self.replay.spoil()  # a record takes words in its last cycle only
            return 1
        return 2 if popped or changed & self.pads.levels else 0

    def wake_at(self, pins: int) -> None:
        """Stop at changes of ``pins`` from now on."""
        self.wake_pins = pins
        self.calm_to = 0

    def wake_at_fifo(self, wake: bool) -> None:
        """Stop, or do not, where a machine takes a word or puts one in."""
        self.wake_fifo = wake
        self.calm_to = 0

    def keep_calm(self, to: int) -> None:
        """Nothing will happen to pins up to ``to``; if nothing can make ``run`` return early,
        running so far is a matter of setting ``now``."""
        watched = self.wake_pins or self.wake_fifo
        for block in self.blocks:
            watched = watched or block.irq_enable
        self.calm_to = 0 if watched else to

    def _interrupted(self) -> bool:
        """Has an enabled interrupt risen that ``run`` has not yet returned for?"""
        risen = 0
        for block in self.blocks:
            if block.irq_enable:
                asserted = block.interrupts()
                risen |= asserted & ~block.seen
                block.seen = asserted
        return risen != 0

    def fifo_changed(self, sm) -> None:
        """The CPU has put a word into a FIFO or is taking one out."""
        block = sm.blk
        if block.irq_enable & 0xFF:
            block.seen &= block.interrupts()

    # ---- called when the CPU or the bench acts ------------------------------------------------

    def touch(self, depth: int) -> None:
        """The CPU is about to act on a machine. 1: its path may change; 2: its set-up too."""
        self.replay.interrupt(depth == 2)
        if depth:
            self._coupled = False

    def touch_read(self) -> None:
        """The CPU reads what is not kept up to date."""
        self.replay.settle()

    def forced(self, sm) -> None:
        """``sm`` has just executed an instruction written by the CPU."""
        if self.pads.inputs != self.history[-1][1]:
            self._note_inputs(self.now)
        held = self.machines
        seen = [block.seen for block in self.blocks]
        self.machines = [sm]
        self._apply(self.now)
        self.machines = held
        for block, flags in zip(self.blocks, seen):
            block.seen = flags & block.interrupts()  # ``run`` is yet to return for a new one

    def _before_pads_change(self, mask: int) -> None:
        if mask & self.relevant:
            self.replay.interrupt(False)

    def _recouple(self) -> None:
        self._coupled = True
        self.machines = [sm for block in self.blocks for sm in block.sm if sm.enabled]
        self.relevant = 0
        self._clash = False
        written = [0] * len(self.blocks)
        for sm in self.machines:
            reads, writes = survey(sm)
            sm.isr_idle = leaves_isr(sm)
            index = sm.blk.index
            self._clash = self._clash or bool(written[index] & writes)
            written[index] |= writes
            self.relevant |= reads | writes
