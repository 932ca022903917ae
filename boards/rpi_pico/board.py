"""Raspberry Pi Pico (RP2040) on the reference bench: pins, mechanics, limits. See wiring.md."""

from machine import Pin

from pump.core.mechanics import Mechanics
from pump.core.supervisor import Watch
from pump.ports import parts
from pump.ports.rp2 import Rp2Hal

MODEL = "rpi_pico"
CHIP = "rp2040"
MODE = "safe"  # "basic" lets a person type program and start without a check

STEP = 2  # to the driver, and read back by fuse and counter
DIRECTION = 3
ENABLE = 4  # active low; needs an external pull-up of 10 kohm
ALLOW = 5  # owned by the dose fuse; a free pin, good for a probe or an AND gate before STEP
STOP = 14  # normally-closed loop to ground; internal pull-up

BUZZER = 15  # one that sounds by itself
LED_RED = 16
LED_YELLOW = 17
# Parts that the bench may have; None without. A part named anew may want its driver on the board:
# flash again.
LED_RGB = None  # (16, 17, 22): red, green, blue of one LED, in place of the two above
DISPLAY = None  # (20, 21): SDA and SCL of an SSD1306
DRIVER_UART = None  # (8, 9): TX and RX to PDN_UART of a TMC2209; other drivers need no more pins
DRIVER_RUN_MA = 600  # RMS, for the TMC2209; others have a potentiometer
DRIVER_HOLD_MA = 300
DRIVER_INTERPOLATES = False  # smoother, but the shaft lags by up to a microstep
TRAVEL = None  # 13: normally-closed switch at the end of travel, to ground
FORCE = None  # 26: amplified force sensor under the plunger
FORCE_FULL_MN = 200_000  # its reading at 3.3 V, if 0.33 V is none
FORCE_HX711 = None  # (18, 19): CLOCK and DATA of an HX711, in place of FORCE
HX711_ZERO = 0  # its counts without force
HX711_MN_PER_MEGACOUNT = 10_000  # millinewtons for each 10^6 counts more
SUPPLY = None  # 29: the Pico's own divider of VSYS
SUPPLY_DIVIDER = 3

# 8.2 kHz is 1200 mL/h from a 10 mL syringe; the step queue outlasts what the CPU does in one go up
# to there (firmware/TIMING.md). Above 94 turns a minute the motor is accelerated.
MECHANICS = Mechanics(
    lead="0.8mm",
    full_steps=200,
    microsteps=16,
    max_step_hz=8200,
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
    Pin(ALLOW, Pin.OUT, value=0)


def loop_open() -> bool:
    """The stop loop now; before the firmware is there."""
    return bool(Pin(STOP, Pin.IN, Pin.PULL_UP).value())


def make_hal() -> Rp2Hal:
    """The hardware of this board."""
    analogue = None
    if FORCE is not None or SUPPLY is not None:
        from pump.ports import rp2_analogue as analogue
    return Rp2Hal(
        step=STEP,
        direction=DIRECTION,
        enable=ENABLE,
        allow=ALLOW,
        stop=STOP,
        **parts.fitted(globals(), 1, analogue),
    )
