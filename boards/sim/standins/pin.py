"""Stand-in for ``machine.Pin`` of the rp2 port (ports/rp2/machine_pin.c of MicroPython 1.28).

Edges are latched per pin and direction, as in IO_BANK0's INTR register, and all pins share one
interrupt line: however many edges come while the CPU cannot attend, each pin's handler is called
once, with what was latched in ``irq().flags()``.
"""

from boards.sim.interrupts import PIN_LINE

FALLING = 4
RISING = 8
_NONE_GIVEN = object()


class PinIrq:
    """What ``Pin.irq`` returns; also the registration itself."""

    def __init__(self, pin) -> None:
        self.pin = pin
        self.handler = None
        self.mask = 0
        self.hard = False
        self.last = 0

    def flags(self) -> int:
        """Edges that led to the last call."""
        return self.last

    def trigger(self, mask=None) -> int:
        """The trigger mask; a new one may be set."""
        old = self.mask
        if mask is not None:
            self.mask = mask
        return old


class PinBank:
    """IO_BANK0's interrupts: latches, registrations, one line."""

    def __init__(self, world) -> None:
        self._world = world
        self._latched = {}  # pin number: edges that wait for the CPU
        self._watched = []
        self.entries = {}
        self._line = world.irqs.line(PIN_LINE, self._serve)

    def register(self, pin, handler, trigger: int, hard: bool) -> PinIrq:
        """Set a pin's handler; edges latched before do not count."""
        number = pin.id
        world = self._world
        if number not in self._watched:
            self._watched.append(number)
            world.pads.watch(number, self._edge)
        entry = self.entry(pin)
        entry.handler, entry.mask, entry.hard, entry.last = handler, trigger, hard, 0
        self._latched.pop(number, None)
        if world.pads.owner(number) in ("pio0", "pio1"):
            world.pio.wake_at(world.pio.wake_pins | 1 << number)  # else such edges come in trains
        return entry

    def entry(self, pin) -> PinIrq:
        """The pin's registration, empty at first."""
        if pin.id not in self.entries:
            self.entries[pin.id] = PinIrq(pin)
        return self.entries[pin.id]

    def forget(self) -> None:
        """A reset of either kind: no handlers."""
        self.entries = {}
        self._latched = {}

    def _edge(self, pin: int, level: int, first: int, period: int, count: int) -> None:
        entry = self.entries.get(pin)
        edge = RISING if level else FALLING
        if entry is None or entry.handler is None or not entry.mask & edge:
            return
        self._latched[pin] = self._latched.get(pin, 0) | edge
        self._line.rise()

    def _serve(self) -> None:
        for pin in sorted(self._latched):
            edges = self._latched.pop(pin)
            entry = self.entries.get(pin)
            if entry is None or entry.handler is None or not edges & entry.mask:
                continue
            entry.last = edges & entry.mask
            if not self._world.irqs.dispatch(entry.handler, entry.pin, entry.hard):
                entry.handler, entry.mask = None, 0


def pin_class(world):
    """The ``Pin`` class of one chip."""
    bank = PinBank(world)
    irqs = world.irqs

    class Pin:
        """A GPIO of the simulated chip, one object each, with the constants of the rp2 port.

        ``id`` is for the stand-ins: the chip's Pin has no such attribute.
        """

        IN = 0
        OUT = 1
        OPEN_DRAIN = 2
        PULL_UP = 1
        PULL_DOWN = 2
        IRQ_FALLING = FALLING
        IRQ_RISING = RISING

        def __init__(self, id: int, mode: int = -1, pull: int = -1, value=None) -> None:
            if not 0 <= id < world.pads.count:
                raise ValueError("invalid pin")
            self.id = id
            if mode >= 0:
                self.init(mode, pull, value=value)

        def init(self, mode: int = -1, pull: int = -1, value=None) -> None:
            locked = irqs.heap_locked and irqs.open_heap()
            world.spend("pin")
            world.sync()
            pads = world.pads
            pads.func(self.id, "sio")
            level = pads.level(self.id) if value is None else int(bool(value))
            pads.sio(self.id, mode == Pin.OUT, level)
            # Outputs too: without ``pull`` the chip takes an earlier resistor away.
            pads.pull(self.id, {Pin.PULL_UP: "up", Pin.PULL_DOWN: "down"}.get(pull))
            if locked:
                irqs.close_heap(locked)

        def value(self, level=None):
            world.spend("pin")
            if level is None:
                if world.pads.is_pios(self.id):
                    world.sync()
                return world.pads.level(self.id)
            world.sync()
            # An input stays an input: the level waits in the output register.
            locked = irqs.heap_locked and irqs.open_heap()
            world.pads.sio_level(self.id, int(bool(level)))
            if locked:
                irqs.close_heap(locked)
            return None

        __call__ = value

        def on(self) -> None:
            self.value(1)

        def off(self) -> None:
            self.value(0)

        high = on
        low = off

        def toggle(self) -> None:
            """The other level in the output register."""
            world.spend("pin")
            world.sync()
            locked = irqs.heap_locked and irqs.open_heap()
            world.pads.sio_level(self.id, 1 - world.pads.sio_register(self.id))
            if locked:
                irqs.close_heap(locked)

        def irq(self, handler=_NONE_GIVEN, trigger=_NONE_GIVEN, hard=_NONE_GIVEN):
            """Register ``handler``; an exception in a hard one disables it for good. Without
            arguments the registration, unchanged."""
            irqs.will_allocate()
            world.spend("pin")
            if handler is _NONE_GIVEN and trigger is _NONE_GIVEN and hard is _NONE_GIVEN:
                return bank.entry(self)
            handler = None if handler is _NONE_GIVEN else handler
            mask = FALLING | RISING if trigger is _NONE_GIVEN else trigger
            return bank.register(self, handler, mask, hard is True or hard == 1)

    Pin.forget = staticmethod(bank.forget)
    return Pin
