"""``rp2.PIO`` and ``rp2.StateMachine`` of the stand-in, see ``rp2``."""

from boards.sim.pio_data import rotate
from boards.sim.pio_reach import takes_words
from boards.sim.standins.rp2_asm import (
    EXECCTRL,
    OFFSETS,
    OUT_INIT,
    SET_INIT,
    SHIFTCTRL,
    SIDE_INIT,
    WORDS,
    asm_pio_encode,
)
from boards.sim.world import SimulatedHang

_SMALL = 1 << 30  # ints of this size and above live on the heap
_MAX_DIVIDER = 65536 * 256


def _gpio(pin) -> int:
    """GPIO number of a Pin or a number; -1 for None."""
    if pin is None:
        return -1
    return pin if isinstance(pin, int) else pin.id


def _pin_values(init) -> tuple:
    """(count, directions, levels) from ``out_init`` and the like: bit 1 is output, bit 0 high."""
    if init is None:
        return 0, 0, 0
    if isinstance(init, int):
        init = (init,)
    oe = levels = 0
    for index, value in enumerate(init):
        oe |= (value >> 1 & 1) << index
        levels |= (value & 1) << index
    return len(init), oe, levels


def clock_divider(sys_hz: int, freq: int) -> int:
    """SMx_CLKDIV for ``freq`` Hz; -1 is the system clock, 0 the slowest."""
    if freq < 0:
        return 1 << 16
    if freq == 0:
        return 0
    divider = sys_hz * 256 // freq
    if not 256 <= divider <= _MAX_DIVIDER:
        raise ValueError("freq out of range")
    return divider << 8 & 0xFFFFFF00


def state_machine_class(driver):
    """The ``StateMachine`` class of one chip."""
    world = driver.world
    irqs = world.irqs
    objects = {}

    class StateMachine:
        """As documented for ``rp2.StateMachine``."""

        def __new__(cls, id: int, *args, **kwargs):
            if not 0 <= id < len(driver.claimed):
                raise ValueError("invalid StateMachine")
            if id not in objects:
                objects[id] = object.__new__(cls)
            return objects[id]

        def __init__(self, id: int, *args, **kwargs) -> None:
            self._id = id
            driver.claimed[id] = True
            if args or kwargs:
                self.init(*args, **kwargs)

        def __repr__(self) -> str:
            return "StateMachine(%u)" % self._id

        def init(
            self,
            prog: list,
            freq: int = -1,
            *,
            in_base=None,
            out_base=None,
            set_base=None,
            jmp_pin=None,
            sideset_base=None,
            in_shiftdir=None,
            out_shiftdir=None,
            push_thresh=None,
            pull_thresh=None,
        ) -> None:
            """Stop, reset and configure the machine; the FIFOs are emptied, X, Y and OSR stay."""
            _enter("sm.init")
            index = self._id // 4
            offset = driver.offset(index, prog)
            driver.initial_pc[self._id] = offset
            clkdiv = clock_divider(world.sys_hz, freq)
            execctrl = prog[EXECCTRL] + (offset << 12) + (offset << 7)
            shiftctrl = prog[SHIFTCTRL]
            for value, at, mask in (
                (in_shiftdir, 18, 1),
                (out_shiftdir, 19, 1),
                (push_thresh, 20, 31),
                (pull_thresh, 25, 31),
            ):
                if value is not None:
                    shiftctrl = shiftctrl & ~(mask << at) | (value & mask) << at
            if jmp_pin is not None:
                execctrl = execctrl & ~(31 << 24) | _gpio(jmp_pin) << 24
            groups = (
                (_gpio(out_base), _pin_values(prog[OUT_INIT])),
                (_gpio(set_base), _pin_values(prog[SET_INIT])),
                (_gpio(sideset_base), _pin_values(prog[SIDE_INIT])),
            )
            pinctrl = max(_gpio(in_base), 0) << 15
            for (base, values), base_at, count_at in zip(groups, (0, 5, 10), (20, 26, 29)):
                if base >= 0:
                    enable = execctrl >> 30 & 1 if count_at == 29 else 0
                    pinctrl |= base << base_at | (values[0] + enable) << count_at
            self._reset(offset)
            self._machine().configure(clkdiv, execctrl, shiftctrl, pinctrl)
            for base, values in groups:
                if base >= 0:
                    self._init_pins(base, values)

        def _machine(self):
            return driver.machine(self._id)

        def _reset(self, offset: int) -> None:
            """What the SDK's ``pio_sm_init`` does."""
            sm = self._machine()
            sm.enable(False)
            sm.configure(1 << 16, 0x1F << 12, 0b11 << 18, 0)
            sm.clear_fifos()
            sm.fd = 0
            sm.restart()
            sm.restart_clock()
            sm.exec_(offset)

        def _init_pins(self, base: int, values: tuple) -> None:
            count, oe, levels = values
            mask = rotate((1 << count) - 1, base)
            driver.block(self._id).preset(mask, rotate(levels, base), rotate(oe, base))
            for pin in range(world.pads.count):
                if mask >> pin & 1:
                    world.pads.func(pin, "pio%d" % (self._id // 4))

        def active(self, value=None) -> bool:
            """Start or stop the machine; says whether it runs."""
            locked = _enter("sm.active")
            if value is not None:
                self._machine().enable(bool(value))
            if locked:
                irqs.close_heap(locked)
            return self._machine().enabled

        def restart(self) -> None:
            """SM_RESTART and a jump to the program's start. FIFOs, X, Y and OSR stay."""
            locked = _enter("sm.restart")
            self._machine().restart()
            self._machine().exec_(driver.initial_pc[self._id])
            if locked:
                irqs.close_heap(locked)

        def exec(self, instr) -> None:
            """Execute one instruction at once: a word or its text."""
            locked = _enter("sm.exec")
            sm = self._machine()
            if not isinstance(instr, int):
                instr = asm_pio_encode(instr, sm.pinctrl >> 29 & 7, bool(sm.side_en))
            sm.exec_(instr)
            if locked:
                irqs.close_heap(locked)

        def get(self, buf=None, shift: int = 0):
            """One word from the RX FIFO, or a buffer full; waits for them."""
            locked = _enter("sm.get")
            if buf is None:
                word = self._get() >> shift
                if word >= _SMALL:
                    irqs.will_allocate()
                if locked:
                    irqs.close_heap(locked)
                return word
            for index in range(len(buf)):
                buf[index] = self._get() >> shift
            if locked:
                irqs.close_heap(locked)
            return buf

        def put(self, value, shift: int = 0) -> None:
            """A word, or each of a buffer, into the TX FIFO; waits for room."""
            locked = _enter("sm.put")
            for word in (value,) if isinstance(value, int) else value:
                self._put(word << shift & 0xFFFFFFFF)
            if locked:
                irqs.close_heap(locked)

        def _put(self, word: int) -> None:
            sm = self._machine()
            if sm.tx_level >= sm.tx_depth:
                if not takes_words(sm):
                    raise SimulatedHang("put() to %r, which will never take a word" % self)
                _wait(lambda: sm.tx_level < sm.tx_depth)
            sm.put(word)

        def _get(self) -> int:
            sm = self._machine()
            if not sm.rx_level:
                if not sm.enabled:
                    raise SimulatedHang("get() from %r, which is stopped" % self)
                _wait(lambda: sm.rx_level > 0)
            return sm.get()

        def rx_fifo(self) -> int:
            """Words in the RX FIFO."""
            locked = _enter("sm.rx_fifo")
            level = self._machine().rx_level
            if locked:
                irqs.close_heap(locked)
            return level

        def tx_fifo(self) -> int:
            """Words in the TX FIFO."""
            locked = _enter("sm.tx_fifo")
            level = self._machine().tx_level
            if locked:
                irqs.close_heap(locked)
            return level

        def irq(self, *args, **kwargs):
            """Register a handler for the machine's own flag: (handler=None, trigger=1, hard)."""
            _enter("sm.irq")
            entry = driver.sm_irqs.setdefault(self._id, (self, driver.new_irq()))
            if args or kwargs:
                handler = _register(entry[1], args, kwargs, 1)
                block = driver.block(self._id)
                bit = 0x100 << self._id % 4
                enabled = block.irq_enable
                block.enable_irqs(enabled & ~bit if handler is None else enabled | bit)
                driver.service()
            return entry[1]

    def _enter(name: str) -> bool:
        locked = irqs.heap_locked and irqs.open_heap()
        world.act(name)
        return locked

    def _wait(ready) -> None:
        pio = world.pio
        pio.wake_at_fifo(True)
        try:
            world.wait_until(ready)
        finally:
            pio.wake_at_fifo(False)
        world.sync()

    return StateMachine


def _register(irq, args: tuple, kwargs: dict, trigger: int):
    """Fill in an Irq from the arguments of ``irq()``; returns the handler."""
    names = ("handler", "trigger", "hard")
    values = {"handler": None, "trigger": trigger, "hard": False}
    for name, value in zip(names, args):
        values[name] = value
    for name in kwargs:
        if name not in values:
            raise TypeError("unexpected argument " + name)
        values[name] = kwargs[name]
    irq.set(values["handler"], values["trigger"], bool(values["hard"]))
    return values["handler"]


def pio_class(driver, state_machine):
    """The ``PIO`` class of one chip."""
    world = driver.world

    class PIO:
        """As documented for ``rp2.PIO``."""

        IN_LOW, IN_HIGH, OUT_LOW, OUT_HIGH = 0, 1, 2, 3
        SHIFT_LEFT, SHIFT_RIGHT = 0, 1
        JOIN_NONE, JOIN_TX, JOIN_RX = 0, 1, 2
        IRQ_SM0, IRQ_SM1, IRQ_SM2, IRQ_SM3 = 0x100, 0x200, 0x400, 0x800

        def __init__(self, id: int) -> None:
            if not 0 <= id < len(driver.used):
                raise ValueError("invalid PIO")
            self._id = id

        def __repr__(self) -> str:
            return "PIO(%u)" % self._id

        def _enter(self, name: str) -> None:
            world.act(name)

        def add_program(self, program: list) -> None:
            """Load a program; OSError(ENOMEM) where the 32 words do not suffice."""
            self._enter("pio.add_program")
            driver.add_program(self._id, program)

        def remove_program(self, program=None) -> None:
            """Free a program's words, or all of them."""
            self._enter("pio.remove_program")
            if program is None:
                driver.used[self._id] = 0
                return
            offset = program[OFFSETS + self._id]
            if offset < 0:
                raise ValueError("prog not in instruction memory")
            program[OFFSETS + self._id] = -1
            mask = ((1 << len(program[WORDS])) - 1) << offset
            driver.used[self._id] &= ~mask

        def state_machine(self, id: int, *args, **kwargs):
            """State machine ``id`` (0 to 3) of this block, initialised if there are arguments."""
            if not 0 <= id < 4:
                raise ValueError("invalid StateMachine")
            return state_machine(4 * self._id + id, *args, **kwargs)

        def irq(self, *args, **kwargs):
            """Register a handler for the block: (handler=None, trigger=0xF00, hard=False)."""
            self._enter("pio.irq")
            entry = driver.pio_irqs.setdefault(self._id, (self, driver.new_irq()))
            if args or kwargs:
                if _register(entry[1], args, kwargs, 0xF00) is not None:
                    world.pio.blocks[self._id].enable_irqs(entry[1].mask)
                    driver.service()
            return entry[1]

    return PIO
