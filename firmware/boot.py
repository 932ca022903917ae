"""First thing that runs: pins looked at, motor off, Ctrl-C is data from here on.

A wrong board.py must not give the motor current. EN alone has a resistor to high outside the chip
(boards/README.md): another output that reads high against the chip's own resistor to ground may be
EN, and nothing is driven then. Without ``board.checked`` main.py makes no pump.
"""

import gc

gc.threshold(49152)  # objects never move: what is loaded must come to lie side by side

import sys  # noqa: E402
import time  # noqa: E402

import board  # noqa: E402
import machine  # noqa: E402
import micropython  # noqa: E402

micropython.kbd_intr(-1)


def look() -> None:
    """ValueError: one pin has two names, or an output other than ENABLE is pulled high."""
    pin = machine.Pin
    pin(board.ENABLE, pin.IN, pin.PULL_UP)  # a soft reset keeps driving it
    outputs = "STEP DIRECTION ALLOW ARM BUZZER LED_RGB LED_RED LED_YELLOW FORCE_HX711".split()
    others = "ENABLE STOP COUNT LATCH TRAVEL FORCE SUPPLY DISPLAY DRIVER_UART".split()
    taken = {}
    for name in outputs + others:
        gpios = getattr(board, name, None)
        for gpio in (gpios,) if isinstance(gpios, int) else gpios or ():
            first = taken.get(gpio)
            if first and (first != "LED_RGB" or name not in outputs[6:8]):  # in place of those
                raise ValueError("board.py: %s and %s are both GPIO %s" % (first, name, gpio))
            taken[gpio] = name
    if board.FORCE_HX711:
        taken[board.FORCE_HX711[1]] = ""  # its data, an input
    driven = [gpio for gpio in taken if taken[gpio] in outputs]
    for gpio in driven:
        pin(gpio, pin.IN, pin.PULL_DOWN)
        if "RP2350" in sys.implementation._machine:
            # Erratum E9: what was high stays near 2 V until its input buffer, bit 6 in the pad's
            # register, is off. The next look turns it on again.
            machine.mem32[0x40038004 + 4 * gpio] &= ~0x40
    for gpio in driven:
        wire = pin(gpio, pin.IN, pin.PULL_DOWN)
        if wire.value():
            time.sleep_ms(2)  # no resistor: older RP2040 lend GPIO 15 to USB (E5)
        if wire.value():
            raise ValueError("board.py: %s is GPIO %d, pulled high as EN is" % (taken[gpio], gpio))


look()
del look  # the heap is small
board.make_safe()
board.checked = True
