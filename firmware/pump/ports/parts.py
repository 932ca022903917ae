"""Parts that a board may have around the motor, made from pin numbers; any chip with ``machine``.

What makes a part is a module of its own, on the device and in its heap only where the board file
names that part.
"""

from pump.ports.switches import Indicators, Travel


def fitted(board: dict, uart: int, analogue) -> dict:
    """The parts that the names of a board file (``globals()`` there) ask for, as arguments of a
    Hal. ``uart`` is the one of DRIVER_UART's pins; ``analogue`` the chip's module of analogue
    inputs, None where the board file names none."""
    made = dict.fromkeys(("travel", "force", "supply", "chip", "display"))
    if board["LED_RGB"]:
        from pump.ports.part_rgb import RgbIndicators

        made["indicators"] = RgbIndicators(board["BUZZER"], *board["LED_RGB"])
    else:
        made["indicators"] = Indicators(board["BUZZER"], board["LED_RED"], board["LED_YELLOW"])
    if board["TRAVEL"] is not None:
        made["travel"] = Travel(board["TRAVEL"])
    if board["FORCE"] is not None:
        made["force"] = analogue.Force(board["FORCE"], board["FORCE_FULL_MN"])
    elif board["FORCE_HX711"]:
        from pump.ports.part_hx711 import hx711

        scale = (board["HX711_ZERO"], board["HX711_MN_PER_MEGACOUNT"])
        made["force"] = hx711(*board["FORCE_HX711"], *scale)
    if board["SUPPLY"] is not None:
        made["supply"] = analogue.Supply(board["SUPPLY"], board["SUPPLY_DIVIDER"])
    if board["DRIVER_UART"]:
        from pump.ports.part_tmc2209 import tmc2209

        currents = (board["DRIVER_RUN_MA"], board["DRIVER_HOLD_MA"])
        steps = (board["MECHANICS"].microsteps, board["DRIVER_INTERPOLATES"])
        made["chip"] = tmc2209(uart, *board["DRIVER_UART"], *currents, *steps)
    if board["DISPLAY"]:
        from pump.ports.part_ssd1306 import ssd1306

        made["display"] = ssd1306(0, *board["DISPLAY"])
    return made
