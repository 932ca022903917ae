"""First thing that runs: pins looked at, motor off, Ctrl-C is data from here on.

A board file that is wrong must not give the motor current. EN alone has a resistor to high outside
the chip (boards/README.md), so another output that reads high against the chip's own resistor to
ground is not where board.py says, and may be EN. Nothing is driven before that is known. Where
anything raises here ``board.checked`` is not set, and main.py makes no pump.
"""

import gc

gc.threshold(32768)  # objects never move: what is loaded must come to lie side by side

import sys  # noqa: E402
import time  # noqa: E402

import board  # noqa: E402
import machine  # noqa: E402
import micropython  # noqa: E402

micropython.kbd_intr(-1)


def look() -> None:
    """ValueError: one pin has two names, or an output other than ENABLE is pulled high."""

    def named(names: str) -> list:
        found = []
        for name in names.split():
            gpios = getattr(board, name, None)
            for gpio in gpios if isinstance(gpios, (tuple, list)) else (gpios,):
                if gpio is not None:
                    found.append((name, gpio))
        return found

    hx711 = named("FORCE_HX711")
    outputs = named("STEP DIRECTION ALLOW ARM BUZZER") + hx711[:1]
    outputs += named("LED_RGB") or named("LED_RED LED_YELLOW")
    others = named("ENABLE STOP COUNT LATCH TRAVEL FORCE SUPPLY DISPLAY DRIVER_UART") + hx711[1:]
    machine.Pin(board.ENABLE, machine.Pin.IN, machine.Pin.PULL_UP)  # a soft reset keeps driving it
    pull_down = machine.Pin.IN, machine.Pin.PULL_DOWN
    for _, gpio in outputs:
        machine.Pin(gpio, *pull_down)
        if "RP2350" in sys.implementation._machine:
            # Erratum E9: what was high stays near 2 V until its input buffer, bit 6 in the pad's
            # register, is off. The next look turns it on again.
            machine.mem32[0x40038004 + 4 * gpio] &= ~0x40
    taken = {}
    for name, gpio in outputs + others:
        if gpio in taken:
            raise ValueError("board.py: %s and %s are both GPIO %s" % (taken[gpio], name, gpio))
        taken[gpio] = name
    for name, gpio in outputs:
        pin = machine.Pin(gpio, *pull_down)
        if pin.value():
            time.sleep_ms(2)  # no resistor: older RP2040 lend GPIO 15 to USB (E5)
        if pin.value():
            raise ValueError("board.py: %s is GPIO %d, pulled high as EN is" % (name, gpio))


look()
del look  # the heap is small
board.make_safe()
board.checked = True
