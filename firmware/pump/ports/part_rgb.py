"""One RGB LED for all colours of the alarm light."""

from machine import Pin


class RgbIndicators:
    """A buzzer that sounds by itself, and an RGB LED with a common cathode."""

    def __init__(self, buzzer: int, red: int, green: int, blue: int) -> None:
        self._buzzer = Pin(buzzer, Pin.OUT, value=0)
        self._lamps = (
            (Pin(red, Pin.OUT, value=0), ("red", "yellow")),
            (Pin(green, Pin.OUT, value=0), ("yellow", "cyan")),
            (Pin(blue, Pin.OUT, value=0), ("cyan",)),
        )

    def show(self, sound: bool, colour: str, on: bool) -> None:
        self._buzzer.value(1 if sound else 0)
        for lamp, colours in self._lamps:
            lamp.value(1 if on and colour in colours else 0)
