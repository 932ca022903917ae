"""An HX711 on pins of the chip."""

from machine import Pin

from pump.drivers.hx711 import Hx711


def hx711(clock: int, data: int, zero: int, mn_per_megacount: int) -> Hx711:
    """A force sensor behind an HX711."""
    wires = (Pin(clock, Pin.OUT, value=0), Pin(data, Pin.IN, Pin.PULL_UP))
    return Hx711(wires[0], wires[1], zero, mn_per_megacount)
