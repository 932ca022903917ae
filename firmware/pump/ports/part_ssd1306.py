"""An SSD1306 on pins of the chip."""

from machine import I2C, Pin

from pump.drivers.ssd1306 import Ssd1306

I2C_HZ = 400_000


def ssd1306(i2c: int, sda: int, scl: int) -> Ssd1306:
    """A display of 128 x 64 points."""
    return Ssd1306(I2C(i2c, sda=Pin(sda), scl=Pin(scl), freq=I2C_HZ))
