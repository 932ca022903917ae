"""Parts on plain pins, for every chip. What a board does not have is None in its board file."""

from machine import Pin


class Driver:
    """EN of the motor driver, active low; a pull-up on the board keeps it off without firmware.
    ``chip`` is a driver that can be talked to (``pump.drivers``), or None."""

    def __init__(self, enable_low: Pin, chip=None) -> None:
        self._enable_low = enable_low
        self._chip = chip

    def enable(self, on: bool) -> None:
        self._enable_low.value(0 if on else 1)

    def set_up(self) -> str:
        return self._chip.set_up() if self._chip else ""

    def check(self, steps: int | None = None) -> str:
        return self._chip.check(steps) if self._chip else ""


class Indicators:
    """A buzzer that sounds by itself, and a red and a yellow LED."""

    def __init__(self, buzzer: int, red: int, yellow: int) -> None:
        self._buzzer = Pin(buzzer, Pin.OUT, value=0)
        self._red = Pin(red, Pin.OUT, value=0)
        self._yellow = Pin(yellow, Pin.OUT, value=0)

    def show(self, sound: bool, colour: str, on: bool) -> None:
        self._buzzer.value(1 if sound else 0)
        self._red.value(1 if on and colour == "red" else 0)
        self._yellow.value(1 if on and colour == "yellow" else 0)


class Travel:
    """A normally-closed switch to ground: an open wire is the end of travel too."""

    def __init__(self, pin: int) -> None:
        self._pin = Pin(pin, Pin.IN, Pin.PULL_UP)

    def at_end(self) -> bool:
        return bool(self._pin.value())
