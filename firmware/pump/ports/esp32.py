"""The ESP32 port (MicroPython 1.26 and later): RMT steps, PCNT counts, the CPU starts each chunk.

Not in this chip, and so not declared: a stop input and a dose fuse in hardware. Beside the chip
the board has a latch and a gate: the stop loop clears the latch, which closes the gate in STEP.
With them the port declares ``hard-stop``; without, the stop is as quick as a soft interrupt.
"""

import gc
import io
import time

import machine
from esp32 import PCNT
from machine import Pin, Timer
from micropython import const

from pump.ports.clock import Clock
from pump.ports.esp32_periphery import Hot, Watchdog
from pump.ports.esp32_rmt import StepOutput
from pump.ports.esp32_steps import StepGenerator
from pump.ports.flash_store import FlashStore
from pump.ports.switches import Driver
from pump.ports.uart_console import UartConsole

_COUNT_MAX = const(32_767)  # the counter begins at 0 again when it reaches this
_FILTER = const(80)  # cycles of 12.5 ns: shorter pulses are not counted
_POLLIN = const(1)
_IOCTL_POLL = const(3)
_ROUGH_MS = const(10)  # the scheduler's tick: a poll with a time-out ends so late
_NAP_US = const(150)
_COLLECT_US = const(10_000)


class Gate:
    """The latch in the stop loop, and the gate in STEP behind it. ``arm`` and ``latch`` None:
    there is none, and the gate is always open."""

    def __init__(self, loop: Pin, arm: int | None, latch: int | None) -> None:
        self._loop = loop
        self.fitted = arm is not None and latch is not None
        if self.fitted:
            self._arm = Pin(arm, Pin.OUT, value=0)
            self._latch = Pin(latch, Pin.IN)

    def is_open(self) -> bool:
        """The stop loop is open."""
        return not self._loop.value()

    def tripped(self) -> bool:
        """The loop is open, or was since the latch was armed."""
        return self.is_open() or self.fitted and not self._latch.value()

    def set(self) -> None:
        """Set the latch, if the loop lets it."""
        if self.fitted:
            self._arm.value(1)
            self._arm.value(0)


class DoseFuse:
    """The count of steps handed to the RMT. ``left`` more may follow."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        self.left = 0

    def arm(self, steps: int) -> None:
        self.left = 0 if self._gate.is_open() else steps

    def disarm(self) -> None:
        self.left = 0

    def allows(self) -> bool:
        return self.left > 0 and not self._gate.is_open()

    def spend(self, steps: int) -> bool:
        """``steps`` are about to be made; False, and the fuse has blown, if that is too many."""
        if steps > self.left:
            self.left = 0
            return False
        self.left -= steps
        return True


class StepCounter:
    """A pulse counter on a pin of its own, joined to STEP behind the gate. Must be read at least
    every _COUNT_MAX steps."""

    def __init__(self, pin: Pin) -> None:
        self._counter = PCNT(
            0, pin=pin, rising=PCNT.INCREMENT, falling=PCNT.IGNORE, filter=_FILTER, max=_COUNT_MAX
        )
        self._counter.start()
        self._value = self._counter.value()
        self._steps = 0

    def steps(self) -> int:
        value = self._counter.value()
        self._steps += (value - self._value) % _COUNT_MAX
        self._value = value
        return self._steps & 0xFFFFFFFF


class StopInput:
    """The loop holds the pin high; a resistor pulls it low where the loop is open or broken.

    The latch keeps an opening however short. The interrupt is soft here: it takes the driver's
    enable away and STEP from the RMT as soon as Python gets to it.
    """

    def __init__(self, loop: Pin, gate: Gate) -> None:
        self._gate = gate
        self._latched = False
        self._stirred = False
        self.news = False
        self.on_open = None
        loop.irq(self._on_edge, Pin.IRQ_FALLING)

    def _on_edge(self, pin: Pin) -> None:
        self._latched = True
        self._stirred = True
        self.news = True
        if self.on_open:
            self.on_open()

    def arm(self) -> None:
        """The generator begins anew: set the latch, remember what it knew."""
        self._note()
        self._gate.set()

    def is_open(self) -> bool:
        return self._gate.is_open()

    def opened(self) -> bool:
        self.news = False
        self._note()
        return self._latched

    def restless(self) -> bool:
        if self._stirred:  # cleared only where set: what the interrupt says meanwhile is kept
            self._stirred = False
            return True
        return self._gate.is_open()

    def rearm(self) -> bool:
        self._latched = False  # before the look: what the interrupt says meanwhile is kept
        if not self._gate.is_open():
            self._gate.set()
        self._note()
        return not self._latched

    def _note(self) -> None:
        if self._gate.tripped():
            self._latched = True


class _News(io.IOBase):
    """Lets a ``poll`` end when the stop input or the alarm clock has something to tell."""

    def __init__(self, stop: StopInput) -> None:
        self._stop = stop
        self.rung = False

    def ring(self, timer: Timer) -> None:
        """The alarm clock."""
        self.rung = True

    def ioctl(self, request: int, argument: int) -> int:
        return _POLLIN if request == _IOCTL_POLL and (self.rung or self._stop.news) else 0


class Esp32Hal:
    """A board with an ESP32: give it the board file's pin numbers, and what surrounds the motor
    (``esp32_periphery``; ``chip`` and ``display`` from ``pump.drivers``). ``arm`` and ``latch``
    are None on a board without the gate."""

    version = 1

    def __init__(
        self,
        step: int,
        direction: int,
        enable: int,
        count: int,
        stop: int,
        arm: int | None,
        latch: int | None,
        indicators=None,
        travel=None,
        force=None,
        supply=None,
        chip=None,
        display=None,
    ) -> None:
        enable_low = Pin(enable, Pin.OUT, value=1)
        Pin(direction, Pin.OUT, value=0)
        loop = Pin(stop, Pin.IN)
        gate = Gate(loop, arm, latch)
        self.capabilities = ("lease", "counter")
        if gate.fitted:
            self.capabilities = ("hard-stop",) + self.capabilities
        self.clock = Clock()
        self.driver = Driver(enable_low, chip)
        self.stop = StopInput(loop, gate)
        self.fuse = DoseFuse(gate)
        self.counter = StepCounter(Pin(count, Pin.IN))
        self.generator = StepGenerator(StepOutput(step), self.clock, self.fuse, self.stop)
        self.stop.on_open = self._stop_now
        self.link = UartConsole(self.clock)
        self.store = FlashStore()
        self.watchdog = Watchdog()
        self.hot = Hot()
        self.indicators = indicators
        self.travel = travel
        self.force = force
        self.supply = supply
        self.display = display
        self._news = _News(self.stop)
        self._ring = self._news.ring
        self._alarm = Timer(1)
        self._waiter = self.link.waiter(self._news)

    def _stop_now(self) -> None:
        self.driver.enable(False)
        self.generator.cut()
        self.fuse.disarm()

    def serial_number(self) -> str:
        return "".join(["%02x" % byte for byte in machine.unique_id()])

    def reset_cause(self) -> str:
        cause = machine.reset_cause()
        if cause == machine.PWRON_RESET:  # a brown-out too
            return "power-on"
        return "watchdog" if cause == machine.WDT_RESET else "reset"

    def free_bytes(self) -> int:
        return gc.mem_free()

    def collect(self) -> None:
        """At the beginning of a chunk rather than across its end, where steps would be late."""
        now_us = self.clock.now_us()
        if self.generator.due_us() - now_us < _COLLECT_US:
            self.wait(now_us + _COLLECT_US, False)
        gc.collect()

    def wait(self, due_us: int, want_write: bool) -> None:
        self.generator.serve()
        due_us = min(due_us, self.generator.due_us())
        if want_write:
            due_us = min(due_us, self.link.room_us())
        left_us = due_us - self.clock.now_us()
        if left_us > _NAP_US:
            self._news.rung = False
            self._alarm.init(
                mode=Timer.ONE_SHOT, period=left_us, tick_hz=1_000_000, callback=self._ring
            )
            self.link.wait(self._waiter, left_us // 1000 + _ROUGH_MS, False)
        elif left_us > 0:
            time.sleep_us(left_us)
