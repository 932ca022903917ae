"""STEP by the ESP32's RMT, which plays a train of pulses ("chunk") without the CPU.

What the sources of MicroPython (both generations of its driver) and ESP-IDF say and this file
rests on:

- Up to 1.26: ``RMT(id, clock_div=)``, 64 symbols of memory. From 1.27: ``RMT(resolution_hz=,
  num_symbols=)``. Both have ``write_pulses(durations, levels)``, which waits while a chunk is
  being played; there is no second buffer. A symbol is two durations of at most 32767 ticks.
- A chunk that does not fit into the memory is filled up by an interrupt. Without it (flash
  write, frozen CPU) the RMT plays what is in its memory over and over: so a chunk always fits.
- Nothing ends a chunk early: ``active(False)`` may crash the classic ESP32, and so may ``deinit``.
  STEP is taken from the RMT instead, and the chunk plays on to nobody; meanwhile another channel
  can have STEP. ``wait_done`` of the older driver prints to the console while the RMT is busy:
  the clock says when a chunk is over.
"""

import time

from esp32 import RMT
from machine import Pin
from micropython import const

_TICK_HZ = const(2_500_000)
_CLOCK_DIV = const(32)  # of 80 MHz: the same
PULSE_MAX = 32_767
_CHANNELS = const(4)
_OLD_SYMBOLS = const(64)
_NEW_SYMBOLS = const(128)  # four channels have the 512 symbols of the chip
_MARGIN_US = const(1_000)


class StepOutput:
    """GPIO ``step``. ``halves``: durations that fit into a chunk."""

    def __init__(self, step: int) -> None:
        self._pin = Pin(step, Pin.OUT, value=0)
        self._modern = hasattr(RMT, "bitstream_rmt")
        # one symbol is the end mark
        self.halves = 2 * ((_NEW_SYMBOLS if self._modern else _OLD_SYMBOLS) - 1)
        self._channels = [None] * _CHANNELS
        self._over_us = [0] * _CHANNELS
        self._at = 0
        self._attached = False

    def attach(self, now_us: int) -> None:
        """Give STEP to a channel that has played all it had. Waits where there is none: at most
        until the end of the oldest chunk that was cut short."""
        if self._attached and self._over_us[self._at] <= now_us:
            return
        self._at = self._over_us.index(min(self._over_us))
        left_us = self._over_us[self._at] - now_us
        if left_us > 0:
            time.sleep_us(left_us)
        old = self._channels[self._at]
        if old:
            old.deinit()
        self._channels[self._at] = self._make(self._at)
        self._attached = True

    def play(self, durations: list, levels: list) -> None:
        """Begin a chunk; STEP is low after it."""
        self._channels[self._at].write_pulses(durations, levels)

    def busy_until(self, over_us: int) -> None:
        """The chunk in progress is over at ``over_us`` of the clock."""
        self._over_us[self._at] = over_us + _MARGIN_US

    def detach(self) -> None:
        """STEP low from now on, whatever the RMT plays."""
        self._pin.init(Pin.OUT, value=0)
        self._attached = False

    def _make(self, number: int) -> RMT:
        if self._modern:
            return RMT(pin=self._pin, resolution_hz=_TICK_HZ, num_symbols=_NEW_SYMBOLS)
        return RMT(number, pin=self._pin, clock_div=_CLOCK_DIV)
