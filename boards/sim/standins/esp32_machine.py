"""Stand-in for MicroPython's ``machine`` on the ESP32, and what differs there of ``select`` and
``sys``.

Sources: ports/esp32 of MicroPython 1.26 to 1.28 (machine_pin.c, machine_timer.c, machine_wdt.c,
machine_rtc.c, modmachine.c). Interrupts are soft, all of them. The task watchdog goes on through a
soft reset and cannot be stopped, only be given a long time. A panic reports as HARD_RESET.
"""

from boards.sim.esp32 import INPUT_ONLY
from boards.sim.standins.buses import i2c_class, uart_class
from boards.sim.standins.pin import FALLING, RISING, pin_class
from boards.sim.standins.small import Implementation, Poller, Stream
from boards.sim.standins.timer import timer_class
from boards.sim.watchdog import wdt_class
from boards.sim.world import SoftReset

TIMERS = (0, 1, 2, 3)
FREE_UARTS = (1, 2)  # 0 is the console
I2CS = (0, 1)
WATCHDOG_MOST_MS = 1 << 30
TICK_CYCLES = 1_250_000  # the scheduler's tick: 10 ms
_POLLOUT = 4


def esp32_pin_class(world):
    """The ``Pin`` class of one boot of a chip."""
    base = pin_class(world)

    class Pin(base):
        """As documented for ``machine.Pin`` on the ESP32."""

        def init(self, mode: int = -1, pull: int = -1, value=None) -> None:
            if self.id >= INPUT_ONLY and mode == base.OUT:
                raise ValueError("pin can only be input")
            super().init(mode, pull, value)

        def irq(self, handler=None, trigger: int = FALLING | RISING, wake=None):
            """Register a soft handler; there are no hard ones."""
            return super().irq(handler, trigger)

    return Pin


def esp32_adc_class(world):
    """The ``ADC`` class of one chip; ``world.volts_mv`` gives the voltage of each GPIO."""

    class ADC:
        """As documented for ``machine.ADC``; the calibrated reading."""

        ATTN_11DB = 3

        def __init__(self, pin, atten: int = 0) -> None:
            if not 32 <= pin.id <= 39:
                raise ValueError("invalid pin")
            self._gpio = pin.id

        def read_uv(self) -> int:
            world.spend("other")
            return min(3_150_000, world.volts_mv.get(self._gpio, 0) * 1000)

    return ADC


class Esp32Machine:
    """The module object."""

    PWRON_RESET = 1
    HARD_RESET = 2
    WDT_RESET = 3
    SOFT_RESET = 5

    def __init__(self, world) -> None:
        self._world = world
        self.Pin = esp32_pin_class(world)
        self.ADC = esp32_adc_class(world)
        self.UART = uart_class(world, FREE_UARTS)
        self.I2C = i2c_class(world, I2CS)
        self.WDT = wdt_class(world, WATCHDOG_MOST_MS)
        self.Timer = timer_class(world, TIMERS, may_be_hard=False)

        class RTC:
            """The memory of the real-time clock alone."""

            def memory(self, data=None):
                """What is kept, or keep ``data``."""
                world.spend("other")
                if data is None:
                    return world.rtc_memory
                world.rtc_memory = bytes(data)
                return None

        self.RTC = RTC

    def freq(self) -> int:
        """CPU clock in Hz."""
        self._world.spend("other")
        return 160_000_000

    def unique_id(self) -> bytes:
        self._world.spend("other")
        return b"\x24\x0a\xc4\x00\x00\x01"

    def reset_cause(self) -> int:
        self._world.spend("other")
        if self._world.soft:
            return self.SOFT_RESET
        causes = {"power-on": self.PWRON_RESET, "watchdog": self.WDT_RESET}
        return causes.get(self._world.reset_cause, self.HARD_RESET)

    def reset(self) -> None:
        """The whole chip."""
        self._world.die("reset")

    def soft_reset(self) -> None:
        """The interpreter alone; ``finally`` blocks run."""
        raise SoftReset


class Esp32Poller(Poller):
    """``select.poll()``: a time-out ends with a tick of the scheduler."""

    def poll(self, timeout_ms: int = -1) -> list:
        if timeout_ms > 0:
            world = self._world
            over = world.now + timeout_ms * 125_000
            timeout_ms = -(-over // TICK_CYCLES) * TICK_CYCLES - world.now
            timeout_ms //= 125_000
        return super().poll(timeout_ms)

    def ipoll(self, timeout_ms: int = -1):
        return self.poll(timeout_ms)


class Esp32Select:
    """``select``."""

    POLLIN = 1
    POLLOUT = _POLLOUT

    def __init__(self, world) -> None:
        self._world = world

    def poll(self) -> Esp32Poller:
        return Esp32Poller(self._world)


class UartStream(Stream):
    """``sys.stdin`` or ``sys.stdout``: the console UART. A write waits for the FIFO, the CPU with
    it."""

    def write(self, data) -> int:
        world = self._world
        world.spend("byte")
        for byte in data:
            while not self.usb.room():
                self.usb.wait_for_room()
            self.usb.put(byte)
        return len(data)


class Esp32Sys:
    """``sys`` as far as firmware may use it; the loader sets ``modules``."""

    platform = "esp32"

    def __init__(self, world, uart, machine: str) -> None:
        self.implementation = Implementation(machine)
        self.stdin = UartStream(world, uart)
        self.stdout = UartStream(world, uart)

    def exit(self, code: int = 0) -> None:
        """A soft reset."""
        raise SoftReset
