"""Stand-in for MicroPython's ``machine`` on rp2: mem32, resets, unique id; Pin and Timer have
files of their own.

Behaviour after the documentation of ``machine`` and the rp2 port (MicroPython 1.28).
"""

from boards.sim.standins.buses import i2c_class, uart_class
from boards.sim.standins.pin import pin_class
from boards.sim.standins.timer import timer_class
from boards.sim.watchdog import wdt_class
from boards.sim.world import SoftReset

PIO_BASES = (0x50200000, 0x50300000)
WATCHDOG_ENABLE = 1 << 30
WATCHDOG_REASON = 0x08
WATCHDOG_SCRATCH = 0x0C
INPUT_ENABLE = 1 << 6  # of a pad's register
SMALL = 1 << 30  # ints of this size and above live on the heap


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

    def _pad(self, address: int) -> int:
        """The GPIO of a register of PADS_BANK0, or -1."""
        gpio = (address - self._world.pads_at) // 4 - 1
        return gpio if 0 <= gpio < self._world.pads.count else -1

    def __getitem__(self, address: int) -> int:
        irqs = self._world.irqs
        locked = irqs.heap_locked and irqs.open_heap()
        self._world.spend("mem32")
        value = signed(self._read(address))
        if not -SMALL <= value < SMALL:
            irqs.will_allocate()
        if locked:
            irqs.close_heap(locked)
        return value

    def _read(self, address: int) -> int:
        block, offset = self._pio(address)
        if block is not None:
            self._world.sync()
            return block.reg_read(offset)
        if address == self._world.watchdog_at:
            return WATCHDOG_ENABLE if self._world.watchdog.running() else 0
        if address == self._world.watchdog_at + WATCHDOG_REASON:
            return self._world.watchdog.reason
        pad = self._pad(address)
        if pad >= 0:
            return INPUT_ENABLE if self._world.pads.buffered(pad) else 0
        index = (address - self._world.watchdog_at - WATCHDOG_SCRATCH) // 4
        if 0 <= index < 8:
            return self._world.watchdog.scratch[index]
        raise ValueError("simulated chip has no register 0x%08x" % address)

    def __setitem__(self, address: int, value: int) -> None:
        irqs = self._world.irqs
        locked = irqs.heap_locked and irqs.open_heap()
        self._world.spend("mem32")
        self._write(address, value)
        if locked:
            irqs.close_heap(locked)

    def _write(self, address: int, value: int) -> None:
        block, offset = self._pio(address)
        if block is not None:
            self._world.sync()
            block.reg_write(offset, value)
            return
        if address == self._world.watchdog_at:
            if not value & WATCHDOG_ENABLE:
                self._world.watchdog.stop()
            return
        pad = self._pad(address)
        if pad >= 0:
            self._world.pads.buffer(pad, value & INPUT_ENABLE)
            return
        index = (address - self._world.watchdog_at - WATCHDOG_SCRATCH) // 4
        if not 0 <= index < 8:
            raise ValueError("simulated chip has no register 0x%08x" % address)
        self._world.watchdog.scratch[index] = value & 0xFFFFFFFF


def adc_class(world):
    """The ``ADC`` class of one chip; ``world.volts_mv`` gives the voltage of each GPIO."""

    class ADC:
        """As documented for ``machine.ADC``; 12 bits, scaled to 16 as on the chip."""

        def __init__(self, gpio: int) -> None:
            if not 26 <= gpio <= 29:
                raise ValueError("Pin(%d) doesn't have ADC capabilities" % gpio)
            self._gpio = gpio

        def read_u16(self) -> int:
            world.spend("other")
            raw = min(4095, world.volts_mv.get(self._gpio, 0) * 4095 // 3300)
            return raw << 4 | raw >> 8

    return ADC


class Machine:
    """The module object."""

    PWRON_RESET = 1
    WDT_RESET = 3

    def __init__(self, world, reset=None) -> None:
        self._world = world
        self._reset = reset or world.die
        self._hz = world.boot_hz
        self.Pin = pin_class(world)
        self.ADC = adc_class(world)
        self.UART = uart_class(world)
        self.I2C = i2c_class(world)
        self.WDT = wdt_class(world)
        self.Timer = timer_class(world)
        self.mem32 = Memory32(world)

    def freq(self, hz: int = 0) -> int:
        """System clock in Hz; set, it must be the one that this simulation is made for."""
        self._world.spend("other")
        if not hz:
            return self._hz
        if hz != self._world.sys_hz:
            raise ValueError("cannot change frequency")
        self._hz = hz
        return hz

    def unique_id(self) -> bytes:
        self._world.spend("other")
        return b"\xe6\x61\x64\x08\x43\x00\x00\x01"

    def reset_cause(self) -> int:
        """As on the chip: ``machine.reset()`` reports the watchdog too."""
        self._world.spend("other")
        return self.PWRON_RESET if self._world.reset_cause == "power-on" else self.WDT_RESET

    def reset(self) -> None:
        """The whole chip, by way of the watchdog."""
        self._reset("reset")

    def soft_reset(self) -> None:
        """The interpreter alone; ``finally`` blocks run."""
        raise SoftReset

    def idle(self) -> None:
        """Sleep till something interrupts, 1 ms at most."""
        world = self._world
        world.sleep(world.now + world.sys_hz // 1000, world.irqs.waiting)

    def disable_irq(self) -> int:
        """Interrupts off; returns what was before, for ``enable_irq``."""
        irqs = self._world.irqs
        before = int(irqs.disabled)
        irqs.disabled = True
        self._world.look_ahead()
        return before

    def enable_irq(self, state: int) -> None:
        """Interrupts as they were when ``disable_irq`` returned ``state``."""
        self._world.irqs.disabled = bool(state)
        self._world.look_ahead()
        self._world.irqs.serve()
