"""Sensors on ADC pins of an RP2040 or RP2350 board, where its board file names one."""

from machine import ADC
from micropython import const

_ADC_MV = const(3300)
_ADC_FULL = const(65535)


class Force:
    """A bridge amplifier on an ADC pin: ``full_mn`` at full scale, zero at a tenth of it, so that
    an open or shorted sensor reads far beyond anything that a syringe gives."""

    def __init__(self, pin: int, full_mn: int) -> None:
        self._adc = ADC(pin)
        self._full_mn = full_mn

    def read_mn(self) -> int:
        return (self._adc.read_u16() - _ADC_FULL // 10) * self._full_mn // _ADC_FULL


class Supply:
    """The supply on an ADC pin, divided by ``divider`` (3 for a Pico's VSYS on GPIO 29)."""

    def __init__(self, pin: int, divider: int) -> None:
        self._adc = ADC(pin)
        self._divider = divider

    def read_mv(self) -> int:
        return self._adc.read_u16() * _ADC_MV * self._divider // _ADC_FULL
