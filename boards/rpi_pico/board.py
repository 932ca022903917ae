"""Raspberry Pi Pico (RP2040) on the reference bench: pins, mechanics, limits. See wiring.md."""

from machine import Pin

from pump.core.mechanics import Mechanics
from pump.core.supervisor import Watch
from pump.ports.rp2 import Rp2Hal
from pump.ports.rp2_periphery import Force, Supply
from pump.ports.switches import Indicators, Travel

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
# Parts that the bench may have; None without.
TRAVEL = None  # normally-closed switch at the end of travel, to ground, on GPIO 13
FORCE = None  # amplified force sensor under the plunger, on GPIO 26
FORCE_FULL_MN = 200_000  # its reading at 3.3 V, if 0.33 V is none
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


def make_safe() -> None:
    """Motor driver off, STEP low: the first act after any reset."""
    Pin(ENABLE, Pin.OUT, value=1)
    Pin(STEP, Pin.OUT, value=0)
    Pin(ALLOW, Pin.OUT, value=0)


def make_hal() -> Rp2Hal:
    """The hardware of this board."""
    return Rp2Hal(
        step=STEP,
        direction=DIRECTION,
        enable=ENABLE,
        allow=ALLOW,
        stop=STOP,
        indicators=Indicators(BUZZER, LED_RED, LED_YELLOW),
        travel=None if TRAVEL is None else Travel(TRAVEL),
        force=None if FORCE is None else Force(FORCE, FORCE_FULL_MN),
        supply=None if SUPPLY is None else Supply(SUPPLY, SUPPLY_DIVIDER),
    )
