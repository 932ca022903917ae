"""Espressif ESP32-DevKitC (ESP32-WROOM-32) on the reference bench: pins, mechanics, limits."""

from machine import Pin

from pump.core.mechanics import Mechanics
from pump.core.supervisor import Watch
from pump.ports import parts
from pump.ports.esp32 import Esp32Hal

MODEL = "esp32_devkitc"
CHIP = "esp32"
MODE = "safe"  # "basic" lets a person type program and start without a check

STEP = 25  # to the gate; what comes out of it goes to the driver and to COUNT
DIRECTION = 26
ENABLE = 27  # active low; needs an external pull-up of 10 kohm
COUNT = 22  # joined to STEP behind the gate
STOP = 34  # normally-closed loop to 3V3; needs an external pull-down of 10 kohm
# The latch and the gate that the stop needs on this chip. None for both: there are none, and the
# stop waits for Python (firmware/TIMING.md).
ARM = 33  # a rising edge sets the latch, if the loop is closed
LATCH = 35  # the latch's output

BUZZER = 23  # one that sounds by itself
LED_RED = 18
LED_YELLOW = 19
# Parts that the bench may have; None without. A part named anew may want its driver on the board:
# flash again.
LED_RGB = None  # (18, 19, 13): red, green, blue of one LED, in place of the two above
DISPLAY = None  # (14, 4): SDA and SCL of an SSD1306
DRIVER_UART = None  # (17, 16): TX and RX to PDN_UART of a TMC2209; other drivers need no more pins
DRIVER_RUN_MA = 600  # RMS, for the TMC2209; others have a potentiometer
DRIVER_HOLD_MA = 300
DRIVER_INTERPOLATES = False  # smoother, but the shaft lags by up to a microstep
TRAVEL = None  # 21: normally-closed switch at the end of travel, to ground
FORCE = None  # 36: amplified force sensor under the plunger
FORCE_FULL_MN = 200_000  # its reading at 3.3 V, if 0.33 V is none
FORCE_HX711 = None  # (32, 5): CLOCK and DATA of an HX711, in place of FORCE
HX711_ZERO = 0  # its counts without force
HX711_MN_PER_MEGACOUNT = 10_000  # millinewtons for each 10^6 counts more
SUPPLY = None  # 39: the supply through a divider
SUPPLY_DIVIDER = 3

# A chunk of steps may begin late, as if the motor had been stopped and started: so no rate above
# the one that it can start at.
MECHANICS = Mechanics(
    lead="0.8mm",
    full_steps=200,
    microsteps=16,
    max_step_hz=5000,
    start_stop_hz=5000,
    acceleration_hz_per_s=50000,
)

# A BD 60 mL syringe (5.6 cm2) at 40 N of plunger force stands at 72 kPa.
WATCH = Watch(force_stop_mn=40_000, supply_warn_mv=4_500, supply_stop_mv=4_000)

# Bench ceilings for the reference therapy, not clinical limits: (field, least, most), the unit
# tells which quantity is meant (pump/core/bounds.py).
HARD_LIMITS = (("dose", "", "1.5mg/kg"),)
# Passed by `override=<reason>` only.
SOFT_LIMITS = (("dose", "", "1mg/kg"), ("rate", "", "4mg/kg/h"))
# Of boluses, where prescription and drug library say nothing.
BOLUS_LOCKOUT = "5min"
BOLUS_HOURLY = "5mL"

# "required": every program names an entry of the drug library; "optional": it may, and where it
# does not, that is shown and logged.
LIBRARY = "optional"


def make_safe() -> None:
    """Motor driver off, STEP low: the first act after any reset."""
    Pin(ENABLE, Pin.OUT, value=1)
    Pin(STEP, Pin.OUT, value=0)
    if ARM is not None:
        Pin(ARM, Pin.OUT, value=0)


def loop_open() -> bool:
    """The stop loop is open now."""
    return not Pin(STOP, Pin.IN).value()


def make_hal() -> Esp32Hal:
    """The hardware of this board."""
    analogue = None
    if FORCE is not None or SUPPLY is not None:
        from pump.ports import esp32_analogue as analogue
    return Esp32Hal(
        step=STEP,
        direction=DIRECTION,
        enable=ENABLE,
        count=COUNT,
        stop=STOP,
        arm=ARM,
        latch=LATCH,
        **parts.fitted(globals(), 2, analogue),
    )
