"""Parts that a board may have around the motor, made from pin numbers; any chip with ``machine``.

A driver is loaded only where its part is fitted: the rest of the heap stays free.
"""

from machine import I2C, UART, Pin
from micropython import const

from pump.ports.switches import Indicators, Travel

_TMC_BAUD = const(115_200)
_TMC_ANSWER_MS = const(5)  # the longest exchange is 12 bytes, 1.04 ms
_I2C_HZ = const(400_000)


def fitted(board: dict, uart: int, force, supply) -> dict:
    """The parts that the names of a board file (``globals()`` there) ask for, as arguments of a
    Hal. ``uart`` is the one of DRIVER_UART's pins; ``force`` and ``supply`` are the chip's classes
    of analogue inputs."""
    made = dict.fromkeys(("travel", "force", "supply", "chip", "display"))
    if board["LED_RGB"]:
        made["indicators"] = RgbIndicators(board["BUZZER"], *board["LED_RGB"])
    else:
        made["indicators"] = Indicators(board["BUZZER"], board["LED_RED"], board["LED_YELLOW"])
    if board["TRAVEL"] is not None:
        made["travel"] = Travel(board["TRAVEL"])
    if board["FORCE"] is not None:
        made["force"] = force(board["FORCE"], board["FORCE_FULL_MN"])
    elif board["FORCE_HX711"]:
        scale = (board["HX711_ZERO"], board["HX711_MN_PER_MEGACOUNT"])
        made["force"] = hx711(*board["FORCE_HX711"], *scale)
    if board["SUPPLY"] is not None:
        made["supply"] = supply(board["SUPPLY"], board["SUPPLY_DIVIDER"])
    if board["DRIVER_UART"]:
        currents = (board["DRIVER_RUN_MA"], board["DRIVER_HOLD_MA"])
        steps = (board["MECHANICS"].microsteps, board["DRIVER_INTERPOLATES"])
        made["chip"] = tmc2209(uart, *board["DRIVER_UART"], *currents, *steps)
    if board["DISPLAY"]:
        made["display"] = ssd1306(0, *board["DISPLAY"])
    return made


def tmc2209(
    uart: int, tx: int, rx: int, run_ma: int, hold_ma: int, microsteps: int, interpolate: bool
):
    """A TMC2209 whose PDN_UART is on ``rx``, and through 1 kohm on ``tx``."""
    from pump.drivers.tmc2209 import Tmc2209

    line = UART(uart, _TMC_BAUD, tx=Pin(tx), rx=Pin(rx), timeout=_TMC_ANSWER_MS)
    return Tmc2209(line, run_ma, hold_ma, microsteps, interpolate)


def hx711(clock: int, data: int, zero: int, mn_per_megacount: int):
    """A force sensor behind an HX711."""
    from pump.drivers.hx711 import Hx711

    wires = (Pin(clock, Pin.OUT, value=0), Pin(data, Pin.IN, Pin.PULL_UP))
    return Hx711(wires[0], wires[1], zero, mn_per_megacount)


def ssd1306(i2c: int, sda: int, scl: int):
    """A display of 128 x 64 points."""
    from pump.drivers.ssd1306 import Ssd1306

    return Ssd1306(I2C(i2c, sda=Pin(sda), scl=Pin(scl), freq=_I2C_HZ))


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
