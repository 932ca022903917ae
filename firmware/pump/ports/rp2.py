"""The RP2040 port: three PIO programs make, bound and count the steps; the CPU only plans.

State machines: generator and dose fuse in block 0, step counter in block 1, so that a fault in the
first block's program memory cannot blind the counter. See ``rp2_programs`` for the cycle sums.
"""

import gc
import io
import time

import machine
from machine import Pin, mem32
from micropython import const
from rp2 import StateMachine, asm_pio_encode

from pump.core.ratio import make
from pump.ports.clock import Clock
from pump.ports.flash_store import FlashStore
from pump.ports.rp2_periphery import (
    WATCHDOG_RP2040,
    Hot,
    Watchdog,
    bitten,
)
from pump.ports.rp2_programs import (
    STEP_OVERHEAD,
    WAIT_OVERHEAD,
    dose_fuse,
    make_step_generator,
    step_counter,
)
from pump.ports.switches import Driver
from pump.ports.usb_serial import UsbSerial

_GENERATOR = const(0)
_FUSE = const(1)
_COUNTER = const(4)
_FDEBUG = const(0x50200008)
_TXSTALL = const(1 << (24 + _GENERATOR))
_PULSE_US = const(3)  # a pulse takes 2.06 us
_CYCLES_PER_TICK = const(2)
_PASSES_MAX = const((1 << 25) - 1)
_COUNT_BITS = const(7)
_POLLIN = const(1)
_POLLOUT = const(4)
_IOCTL_POLL = const(3)
_FOREVER_US = const(1 << 62)


class StepGenerator:
    """PIO words: a tick is two system clocks, the length of one pass of the wait loop."""

    depth = 8
    min_step_ticks = STEP_OVERHEAD // _CYCLES_PER_TICK
    min_wait_ticks = WAIT_OVERHEAD // _CYCLES_PER_TICK
    max_ticks = _PASSES_MAX
    max_count = (1 << _COUNT_BITS) - 1
    late_us = 0

    def __init__(self, step: Pin, stop: Pin, allow_gpio: int) -> None:
        self.tick_ns = make(_CYCLES_PER_TICK * 1_000_000_000, machine.freq())
        self._step = step
        self._stop = stop
        self._program = make_step_generator(allow_gpio)
        self._machine = StateMachine(_GENERATOR)
        self.arm()

    def arm(self) -> None:
        self._machine.init(
            self._program, freq=machine.freq(), sideset_base=self._step, jmp_pin=self._stop
        )

    def run(self) -> None:
        mem32[_FDEBUG] = _TXSTALL
        self._machine.active(1)

    def room(self) -> int:
        return self.depth - self._machine.tx_fifo()

    def put(self, count: int, interval_ticks: int) -> None:
        if not self.room():
            raise OverflowError("step queue is full")
        passes = interval_ticks - (self.min_step_ticks if count else self.min_wait_ticks)
        self._machine.put(count | passes << _COUNT_BITS)

    def halt(self) -> None:
        self._machine.active(0)
        if self._step.value():
            time.sleep_us(_PULSE_US)  # frozen in a pulse that has been counted: let it be whole
        self.arm()

    def starved(self) -> bool:
        return bool(mem32[_FDEBUG] & _TXSTALL)

    def outlast(self, us: int) -> int:
        return _FOREVER_US


class DoseFuse:
    """Owns ALLOW. Loaded with the number of steps, it lets that many rising edges pass."""

    def __init__(self, step: Pin, stop: Pin, allow: Pin) -> None:
        self._step = step
        self._stop = stop
        self._allow = allow
        self._machine = StateMachine(_FUSE)
        self.disarm()

    def arm(self, steps: int) -> None:
        self.disarm()
        self._machine.put(steps)
        self._machine.active(1)

    def disarm(self) -> None:
        self._machine.init(
            dose_fuse,
            freq=machine.freq(),
            sideset_base=self._allow,
            in_base=self._step,
            jmp_pin=self._stop,
        )

    def allows(self) -> bool:
        return bool(self._allow.value())


class StepCounter:
    """Counts down in X; the CPU has X copied to the unused ISR and pushed."""

    _TO_ISR = asm_pio_encode("mov(isr, x)", 0)
    _PUSH = asm_pio_encode("push(noblock)", 0)

    def __init__(self, step: Pin) -> None:
        self._machine = StateMachine(_COUNTER, step_counter, freq=machine.freq(), in_base=step)
        self._machine.active(1)

    def steps(self) -> int:
        counter = self._machine
        counter.exec(self._TO_ISR)
        counter.exec(self._PUSH)
        return 0xFFFFFFFF - (counter.get() & 0xFFFFFFFF)


class StopInput:
    """The loop pulls the pin low; the pull-up makes a broken wire a stop.

    The generator and the fuse see the pin by themselves. This class is for the report: a hard
    interrupt latches the first opening and takes the driver's enable away.
    """

    def __init__(self, pin: Pin, disable: Pin) -> None:
        self._pin = pin
        self._disable = disable
        self._latched = False
        self._stirred = False
        self.news = False
        pin.irq(self._on_open, Pin.IRQ_RISING, hard=True)

    def _on_open(self, pin: Pin) -> None:
        self._disable.value(1)
        self._latched = True
        self._stirred = True
        self.news = True

    def is_open(self) -> bool:
        return bool(self._pin.value())

    def opened(self) -> bool:
        self.news = False
        if self._pin.value():
            self._latched = True
        return self._latched

    def restless(self) -> bool:
        if self._stirred:  # cleared only where set: what the interrupt says meanwhile is kept
            self._stirred = False
            return True
        return bool(self._pin.value())

    def rearm(self) -> bool:
        self._latched = False  # before the look: what the interrupt says meanwhile is kept
        if self._pin.value():
            self._latched = True
            return False
        return True


class _News(io.IOBase):
    """Lets a ``poll`` end when the stop interrupt has something to tell."""

    def __init__(self, stop: StopInput) -> None:
        self._stop = stop

    def ioctl(self, request: int, argument: int) -> int:
        return _POLLIN if request == _IOCTL_POLL and self._stop.news else 0


class Rp2Hal:
    """A board with an RP2040: give it the board file's pin numbers, and what surrounds the motor
    (``rp2_periphery``; ``chip`` and ``display`` from ``pump.drivers``)."""

    version = 1
    capabilities = ("hard-stop", "lease", "fuse", "counter", "flow-control")

    def __init__(
        self,
        step: int,
        direction: int,
        enable: int,
        allow: int,
        stop: int,
        indicators=None,
        travel=None,
        force=None,
        supply=None,
        chip=None,
        display=None,
        watchdog: int = WATCHDOG_RP2040,
    ) -> None:
        enable_low = Pin(enable, Pin.OUT, value=1)
        Pin(direction, Pin.OUT, value=0)
        step_pin = Pin(step, Pin.OUT, value=0)
        allow_pin = Pin(allow, Pin.OUT, value=0)
        stop_pin = Pin(stop, Pin.IN, Pin.PULL_UP)
        self.clock = Clock()
        self.driver = Driver(enable_low, chip)
        self.stop = StopInput(stop_pin, enable_low)
        self.generator = StepGenerator(step_pin, stop_pin, allow)
        self.fuse = DoseFuse(step_pin, stop_pin, allow_pin)
        self.counter = StepCounter(step_pin)
        self.link = UsbSerial()
        self.store = FlashStore()
        self._watchdog_at = watchdog
        self.watchdog = Watchdog(watchdog)
        self.hot = Hot(watchdog)
        self.indicators = indicators
        self.travel = travel
        self.force = force
        self.supply = supply
        self.display = display
        self._waiter = self.link.waiter(_News(self.stop))

    def serial_number(self) -> str:
        return "".join(["%02x" % byte for byte in machine.unique_id()])

    def reset_cause(self) -> str:
        if machine.reset_cause() == machine.PWRON_RESET:
            return "power-on"
        return "watchdog" if bitten(self._watchdog_at) else "reset"

    def free_bytes(self) -> int:
        return gc.mem_free()

    def collect(self) -> None:
        gc.collect()

    def wait(self, due_us: int, want_write: bool) -> None:
        left_us = due_us - self.clock.now_us()
        if left_us > 0:
            self.link.wait(self._waiter, (left_us + 999) // 1000, want_write)
