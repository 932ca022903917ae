"""What the pages of all boards say alike: parts, supply, lights and sounds.

Figures are those of board.py, of the tables in pump/core/annunciator.py, or of the makers:
TMC2209 data sheet rev. 1.09 (Trinamic); Pololu's pages of its A4988 and DRV8825 carriers (2980,
2133) and the data sheets of both chips; Pico and Pico 2 data sheets (Raspberry Pi); ESP32-DevKitC
guide and ESP32 data sheet (Espressif). LEDs are taken to drop 2 V: 4 mA through 330 ohm.
"""

from __future__ import annotations

from math import sqrt
from typing import Any

from pump.core import annunciator

SENSE_TMC2209_MOHM = 110  # as pump/drivers/tmc2209.py takes them to be
SENSE_A4988_MOHM = 68  # of Pololu's carrier since 2017
SENSE_DRV8825_MOHM = 100
DIVIDER_LOWER_KOHM = 10
MEANINGS = {
    annunciator.HIGH: "high: the motor has stopped unasked",
    annunciator.MEDIUM: "medium: somebody should come",
    annunciator.LOW: "low: it is enough to know",
}
CHANGES = 40  # of a sound, looked at to find its period; the longest burst has 20
# A part that the bench may have: what to buy for it.
OPTIONAL = {
    "LED_RGB": "1 RGB LED, common cathode; 3 resistors 330 ohm (in place of the two LEDs)",
    "DISPLAY": "1 SSD1306 module, 128 x 64, I2C, 3.3 V, with pull-ups of its own",
    "DRIVER_UART": "1 resistor 1 kohm; the driver is a TMC2209",
    "TRAVEL": "1 limit switch with a normally-closed contact",
    "FORCE": "1 load cell with a bridge amplifier: 0.33 V at no force, 3.3 V at FORCE_FULL_MN",
    "FORCE_HX711": "1 load cell with an HX711 module, on 3.3 V (in place of FORCE)",
}


def parts(words: dict[str, Any], pins: dict[str, Any], lead: str, full_steps: int) -> list[str]:
    """The bill of parts as a table. ``pins``: the constants of board.py."""
    rows = [
        *words["bill"]["rows"],
        ["1", "TMC2209 module (sense resistors 110 mohm), or A4988 or DRV8825 carrier", "driver"],
        [
            "1",
            f"bipolar stepper, {full_steps} steps a turn, NEMA 17, for"
            f" {pins['DRIVER_RUN_MA']} mA RMS or more a coil",
            "motor",
        ],
        ["1", f"linear bench, lead screw {lead} a turn, with a holder for the syringe", "pump"],
        ["1", "supply 12 or 24 V, 2 A, with a current limit", "VMOT"],
        ["1", "electrolytic capacitor 100 uF, 50 V", "across VMOT and GND at the driver"],
        ["1", "resistor 10 kohm", "ENABLE to 3V3"],
        ["1", "push button with a normally-closed contact, the kind for emergencies", "stop loop"],
        ["1", "active buzzer, 3 to 5 V, 50 mA at most; it sounds by itself", "BUZZER"],
        ["1", "NPN transistor 2N3904", "emitter GND, collector buzzer, whose + is at 5 V or 3V3"],
        ["1", "resistor 1 kohm", "BUZZER to the base"],
        ["1", "diode 1N4148 across the buzzer, its cathode at +", "a magnetic buzzer's kick"],
        ["2", "LED, red and yellow, 5 mm", "LED_RED, LED_YELLOW"],
        ["2", "resistor 330 ohm", "in series with each LED"],
    ]
    lines = ["## Parts", "", "| n | part | for |", "|---|---|---|"]
    lines += [f"| {' | '.join(row)} |" for row in rows]
    optional = OPTIONAL | {"SUPPLY": words["bill"]["supply"]}
    lines += ["", "If fitted, besides:", "", "| name in board.py | part |", "|---|---|"]
    return [*lines, *[f"| {name} | {optional[name]} |" for name in words["parts"]]]


def supply(words: dict[str, Any], pins: dict[str, Any]) -> list[str]:
    """How the board, the driver and the motor are powered. ``pins``: the constants of board.py."""
    run_ma, hold_ma = pins["DRIVER_RUN_MA"], pins["DRIVER_HOLD_MA"]
    peak_a = run_ma / 1000 * sqrt(2)
    a4988_v = peak_a * 8 * SENSE_A4988_MOHM / 1000
    tmc2209_v = run_ma / 1000 * sqrt(2) * 2.5 * (SENSE_TMC2209_MOHM + 20) / 325
    drv8825_v = peak_a * 5 * SENSE_DRV8825_MOHM / 1000
    return [
        "## Supply",
        "",
        f"- **Board**: {words['supply']['board']}",
        "- **Motor**: VMOT has a supply of its own; the board's 5 V does not carry a motor. Power"
        " the board before VMOT, and take VMOT away first: the board's 3V3 is what holds EN off.",
        "- **100 uF** from VMOT to GND, within 20 mm of the driver: with long leads the spike at"
        " plugging in passes what the driver stands, from 12 V on.",
        "- **GND** of board, driver and motor supply are one, joined at the driver.",
        "- **Coils**: one coil to 1A and 1B, the other to 2A and 2B. Two wires with a few ohms"
        " between them are a coil. Should the motor turn the wrong way round, exchange the two"
        " wires of one coil. Never plug or unplug a motor with VMOT on.",
        "",
        "| | TMC2209 | A4988 carrier | DRV8825 carrier |",
        "|---|---|---|---|",
        "| VMOT | 4.75 to 28 V | 8 to 35 V | 8.2 to 45 V |",
        "| logic supply | VIO to 3V3 | VDD to 3V3 | none; at its place is FAULT, at 3V3 or open |",
        "| SLEEP, RESET | - | bridged: RESET floats otherwise | both to 3V3: they pull down |",
        "| 1/16 step | MS1, MS2 to GND (UART address 0, the one that is asked); the firmware sets"
        " 1/16. Without DRIVER_UART: both to VIO | MS1, MS2, MS3 to 3V3 | M2 to 3V3, M0 and M1 to"
        " GND (all three high is 1/32) |",
        f"| current | by the firmware: {run_ma} mA RMS moving, {hold_ma} mA at rest"
        " (`DRIVER_RUN_MA`, `DRIVER_HOLD_MA`); the potentiometer plays no part. Without"
        f" DRIVER_UART: potentiometer, VREF {tmc2209_v:.2f} V for {run_ma} mA RMS |"
        f" potentiometer: VREF = 8 x peak current x sense resistor, {a4988_v:.2f} V for"
        f" {run_ma} mA RMS at {SENSE_A4988_MOHM} mohm | potentiometer: VREF = peak current x"
        f" 0.5 ohm, {drv8825_v:.2f} V for {run_ma} mA RMS |",
        "",
        "VREF is measured from the potentiometer's slider to GND, with VMOT on."
        f" {run_ma} mA RMS is {peak_a:.2f} A peak.",
        "",
        _watched(words, pins["SUPPLY_DIVIDER"]),
    ]


def _watched(words: dict[str, Any], divider: int) -> str:
    """What the input SUPPLY is joined to; its thresholds are in WATCH."""
    upper = DIVIDER_LOWER_KOHM * (divider - 1)
    own = words["supply"]["watched"].format(upper=upper, lower=DIVIDER_LOWER_KOHM, divider=divider)
    return (
        f"**SUPPLY**, if named: {own} To have VMOT watched: {words['supply']['vmot']}, 100 kohm to"
        " VMOT and 10 kohm to GND (28 V make 2.5 V), `SUPPLY_DIVIDER = 11`, and `supply_warn_mv`,"
        " `supply_stop_mv` of WATCH in mV of VMOT."
    )


def signals() -> str:
    """The table of lights and sounds, from the tables of the firmware."""
    rows = [
        f"| {_light(priority)} | {_sound(priority)} | {MEANINGS[priority]} |"
        for priority in annunciator.PRIORITIES
    ]
    return "\n".join(["| light | sound | priority |", "|---|---|---|", *rows])


def _light(priority: str) -> str:
    colour, _ = annunciator.light(priority, 0)
    off_us = annunciator.light_change_us(priority, 0)
    if off_us is None:
        return f"{colour}, steady"
    period_us = annunciator.light_change_us(priority, off_us)
    return f"{colour}, flashing every {period_us / 1_000_000:g} s"


def _sound(priority: str) -> str:
    """The pulses of a burst, in groups where one pause is longer than the others, and the pause
    before the next burst."""
    changes = [0]
    while len(changes) < CHANGES:
        changes.append(annunciator.buzzer_change_us(priority, changes[-1]))
    pauses = [on - off for off, on in zip(changes[1::2], changes[2::2])]
    rest = max(pauses)
    burst = pauses[: pauses.index(rest)]
    groups = [1]
    for pause in burst:
        if pause == max(burst) > min(burst):
            groups.append(1)
        else:
            groups[-1] += 1
    pulses = " + ".join(map(str, groups))
    return f"{pulses} pulses, again after {rest / 1_000_000:g} s"


def length(um: tuple[int, int]) -> str:
    """A length in um (a ratio) in mm."""
    return f"{um[0] / um[1] / 1000:g} mm"
