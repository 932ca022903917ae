"""Stand-in for MicroPython's ``rp2`` on the simulated RP2040 (behaviour of MicroPython 1.28).

Needed of ``world``: ``pads``, ``pio``, ``sys_hz``; ``spend(name)`` charges CPU time for a call;
``sync()`` brings PIO up to the present; ``wait_until(ready)`` is a busy wait of the firmware;
``interrupt(handler, argument, hard)`` hands the firmware an interrupt; ``irqs`` knows whether the
heap is locked. In return ``make_rp2`` sets ``world.pio_service``: to be called, without arguments,
whenever ``pio.run`` has returned.

Pins given as ``in_base`` and so on are Pin objects with an ``id``, or numbers.
"""

from boards.sim.standins.rp2_asm import OFFSETS, WORDS, PIOASMError, asm_pio, asm_pio_encode
from boards.sim.standins.rp2_machine import pio_class, state_machine_class

_ENOMEM = 12
_MEMORY_WORDS = 32


class Irq:
    """What ``irq()`` returns; also the registration itself."""

    def __init__(self) -> None:
        self.handler = None
        self.mask = 0
        self.hard = False
        self.last = 0

    def set(self, handler, trigger: int, hard: bool) -> None:
        self.handler, self.mask, self.hard, self.last = handler, trigger, hard, 0

    def run(self, argument) -> None:
        """Call a hard handler. One that raises is never called again."""
        if self.handler is None:
            return
        try:
            self.handler(argument)
        except Exception:
            self.handler = None
            self.mask = 0
            raise

    def flags(self) -> int:
        """Flags that led to the last call."""
        return self.last

    def trigger(self, mask=None) -> int:
        """Get or set the trigger mask."""
        if mask is not None:
            self.mask = mask
        return self.mask


class Driver:
    """What ``rp2`` keeps in C: program memory in use, claimed machines, registered handlers."""

    def __init__(self, world) -> None:
        self.world = world
        count = len(world.pio.blocks)
        self.used = [0] * count  # instruction memory, one bit a word
        self.claimed = [False] * (4 * count)
        self._loaded = []  # program objects this driver has given an offset
        self.initial_pc = [0] * (4 * count)
        self.pio_irqs = {}
        self.sm_irqs = {}
        self._fifo_seen = [0] * count
        world.pio_service = self.service

    def block(self, number: int):
        """The PIO block of state machine ``number``."""
        return self.world.pio.blocks[number // 4]

    def machine(self, number: int):
        """State machine ``number``."""
        return self.block(number).sm[number % 4]

    def offset(self, index: int, program: list) -> int:
        """Where a program is in block ``index``, loading it if need be. An offset that is left in
        the object from before a reset (the chip would have a new object) does not count."""
        self._adopt(program)
        if program[OFFSETS + index] < 0:
            self.add_program(index, program)
        return program[OFFSETS + index]

    def add_program(self, index: int, program: list) -> None:
        """Load a program as high up as it fits; OSError(ENOMEM) if it does not."""
        self._adopt(program)
        words = program[WORDS]
        length = len(words)
        for offset in range(_MEMORY_WORDS - length, -1, -1):
            mask = ((1 << length) - 1) << offset
            if not self.used[index] & mask:
                break
        else:
            raise OSError(_ENOMEM)
        self.used[index] |= mask
        moved = [word + offset if word >> 13 == 0 else word for word in words]
        self.world.pio.blocks[index].load(offset, moved)
        program[OFFSETS + index] = offset

    def _adopt(self, program: list) -> None:
        if not any([known is program for known in self._loaded]):
            self._loaded.append(program)
            for place in range(OFFSETS, OFFSETS + 3):
                program[place] = -1

    def new_irq(self) -> Irq:
        """A registration to fill in."""
        return Irq()

    def service(self) -> None:
        """The interrupt handler of the PIO blocks: acknowledge, then hand on."""
        for index, block in enumerate(self.world.pio.blocks):
            if not block.irq_enable and not self._fifo_seen[index]:
                continue
            asserted = block.interrupts()
            fifo = asserted & 0xFF
            new = asserted & 0xF00 | fifo & ~self._fifo_seen[index]
            self._fifo_seen[index] = fifo
            if not new:
                continue
            if new >> 8:
                block.irq_clear(new >> 8)
            entry = self.pio_irqs.get(index)
            if entry is not None and entry[1].handler is not None and new & entry[1].mask:
                entry[1].last = new & entry[1].mask
                self._hand_on(entry)
            for number in range(4):
                entry = self.sm_irqs.get(4 * index + number)
                if entry is None or entry[1].handler is None:
                    continue
                if new >> (8 + number) & entry[1].mask:
                    entry[1].last = 1
                    self._hand_on(entry)

    def _hand_on(self, entry: tuple) -> None:
        irq = entry[1]
        self.world.interrupt(irq.run if irq.hard else irq.handler, entry[0], irq.hard)

    def deinit(self) -> None:
        """Soft reset: handlers go, claimed machines stop, programs are forgotten; pins hold."""
        self.pio_irqs = {}
        self.sm_irqs = {}
        for block in self.world.pio.blocks:
            block.enable_irqs(0)
        for number, claimed in enumerate(self.claimed):
            if claimed:
                self.machine(number).enable(False)
        self.claimed = [False] * len(self.claimed)
        self.used = [0] * len(self.used)
        self._loaded = []


class Rp2:
    """The module object."""

    def __init__(self, world) -> None:
        self.driver = Driver(world)
        self.asm_pio = asm_pio
        self.asm_pio_encode = asm_pio_encode
        self.PIOASMError = PIOASMError
        self.StateMachine = state_machine_class(self.driver)
        self.PIO = pio_class(self.driver, self.StateMachine)


def make_rp2(world) -> Rp2:
    """A stand-in for the module, bound to one chip. One per boot of the firmware."""
    return Rp2(world)
