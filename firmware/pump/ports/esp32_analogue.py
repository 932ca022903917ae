"""Sensors on ADC pins of an ESP32 board, where its board file names one."""

from machine import ADC, Pin
from micropython import const

_ZERO_MV = const(330)
_FULL_MV = const(3300)


class Force:
    """A bridge amplifier on an ADC pin: ``full_mn`` at 3.3 V, zero at a tenth of it, so that an
    open or shorted sensor reads far beyond anything that a syringe gives."""

    def __init__(self, pin: int, full_mn: int) -> None:
        self._adc = ADC(Pin(pin), atten=ADC.ATTN_11DB)
        self._full_mn = full_mn

    def read_mn(self) -> int:
        return (self._adc.read_uv() // 1000 - _ZERO_MV) * self._full_mn // _FULL_MV


class Supply:
    """The supply on an ADC pin, divided by ``divider``."""

    def __init__(self, pin: int, divider: int) -> None:
        self._adc = ADC(Pin(pin), atten=ADC.ATTN_11DB)
        self._divider = divider

    def read_mv(self) -> int:
        return self._adc.read_uv() // 1000 * self._divider
