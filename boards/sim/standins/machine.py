"""Stand-in for MicroPython's ``machine`` on rp2: Pin, mem32, resets, watchdog, unique id.

Behaviour after the documentation of ``machine`` and the rp2 port (MicroPython 1.28).
"""

PIO_BASES = (0x50200000, 0x50300000)
WATCHDOG_SCRATCH = 0x4005800C


def pin_class(world):
    """The ``Pin`` class of one chip."""
    handlers = {}

    class Pin:
        """A GPIO of the simulated chip, one object each, with the constants of the rp2 port.

        ``id`` is for the stand-ins: the chip's Pin has no such attribute.
        """

        IN = 0
        OUT = 1
        OPEN_DRAIN = 2
        PULL_UP = 1
        PULL_DOWN = 2
        IRQ_FALLING = 4
        IRQ_RISING = 8

        def __init__(self, id: int, mode: int = -1, pull: int = -1, value=None) -> None:
            if not 0 <= id < world.pads.count:
                raise ValueError("invalid pin")
            self.id = id
            if mode >= 0:
                self.init(mode, pull, value=value)

        def init(self, mode: int = -1, pull: int = -1, value=None) -> None:
            world.spend("pin")
            world.sync()
            pads = world.pads
            pads.func(self.id, "sio")
            level = pads.level(self.id) if value is None else int(bool(value))
            pads.sio(self.id, mode == Pin.OUT, level)
            # Outputs too: without ``pull`` the chip takes an earlier resistor away.
            pads.pull(self.id, {Pin.PULL_UP: "up", Pin.PULL_DOWN: "down"}.get(pull))

        def value(self, level=None):
            world.spend("pin")
            world.sync()
            if level is None:
                return world.pads.level(self.id)
            # An input stays an input: the level waits in the output register.
            world.pads.sio_level(self.id, int(bool(level)))
            return None

        __call__ = value

        def on(self) -> None:
            self.value(1)

        def off(self) -> None:
            self.value(0)

        def irq(self, handler=None, trigger: int = 12, hard: bool = False):
            """Register ``handler``; an exception in a hard one disables it for good."""
            world.spend("pin")
            if self.id not in handlers:
                world.pads.watch(self.id, edge)
            handlers[self.id] = [self, handler, trigger, hard]

    def edge(pin: int, level: int, first: int, period: int, count: int) -> None:
        entry = handlers.get(pin)
        if entry is None or entry[1] is None:
            return
        if entry[2] & (Pin.IRQ_RISING if level else Pin.IRQ_FALLING):
            world.interrupt(guarded(entry), entry[0], entry[3])

    def guarded(entry):
        def call(pin) -> None:
            handler = entry[1]
            if handler is None:
                return
            try:
                handler(pin)
            except Exception:
                if not entry[3]:
                    raise
                entry[1] = None

        return call

    Pin.forget = staticmethod(handlers.clear)
    return Pin


def signed(word: int) -> int:
    """A word as the chip's mem32 gives it: negative with bit 31 set (seen on 1.28)."""
    return word - (1 << 32) if word >> 31 else word


class Memory32:
    """``machine.mem32``: the few registers the ports touch."""

    def __init__(self, world) -> None:
        self._world = world

    def _pio(self, address: int):
        for index, base in enumerate(PIO_BASES):
            if base <= address < base + 0x1000:
                return self._world.pio.blocks[index], address - base
        return None, 0

    def __getitem__(self, address: int) -> int:
        self._world.spend("mem32")
        self._world.sync()
        block, offset = self._pio(address)
        if block is not None:
            return signed(block.reg_read(offset))
        index = (address - WATCHDOG_SCRATCH) // 4
        if 0 <= index < 8:
            return signed(self._world.scratch[index])
        raise ValueError("simulated chip has no register 0x%08x" % address)

    def __setitem__(self, address: int, value: int) -> None:
        self._world.spend("mem32")
        self._world.sync()
        block, offset = self._pio(address)
        if block is not None:
            block.reg_write(offset, value)
            return
        index = (address - WATCHDOG_SCRATCH) // 4
        if not 0 <= index < 8:
            raise ValueError("simulated chip has no register 0x%08x" % address)
        self._world.scratch[index] = value & 0xFFFFFFFF


class Machine:
    """The module object."""

    PWRON_RESET = 1
    WDT_RESET = 3

    def __init__(self, world, reset) -> None:
        self._world = world
        self._reset = reset
        self.Pin = pin_class(world)
        self.mem32 = Memory32(world)

    def freq(self) -> int:
        """System clock in Hz."""
        self._world.spend("other")
        return self._world.sys_hz

    def unique_id(self) -> bytes:
        self._world.spend("other")
        return b"\xe6\x61\x64\x08\x43\x00\x00\x01"

    def reset_cause(self) -> int:
        """As on the chip: ``machine.reset()`` reports the watchdog too."""
        self._world.spend("other")
        return self.PWRON_RESET if self._world.reset_cause == "power-on" else self.WDT_RESET

    def reset(self) -> None:
        self._reset("soft")

    def disable_irq(self) -> int:
        self._world.mask(1)
        return 1

    def enable_irq(self, state: int) -> None:
        self._world.mask(-1)
