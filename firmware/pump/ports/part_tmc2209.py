"""A TMC2209 on pins of the chip."""

from machine import UART, Pin

from pump.drivers.tmc2209 import Tmc2209

TMC_BAUD = 115_200
TMC_ANSWER_MS = 5  # the longest exchange is 12 bytes, 1.04 ms


def tmc2209(
    uart: int, tx: int, rx: int, run_ma: int, hold_ma: int, microsteps: int, interpolate: bool
) -> Tmc2209:
    """A TMC2209 whose PDN_UART is on ``rx``, and through 1 kohm on ``tx``."""
    line = UART(uart, TMC_BAUD, tx=Pin(tx), rx=Pin(rx), timeout=TMC_ANSWER_MS)
    return Tmc2209(line, run_ma, hold_ma, microsteps, interpolate)
