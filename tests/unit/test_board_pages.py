"""Wiring pages and pictures say what the board files say, and are made from them."""

import inspect
import re
from collections import Counter

import pytest

from host_tools import board_pages, board_texts
from pump.core import annunciator
from pump.drivers.tmc2209 import Tmc2209
from titra import board_file
from titra.firmware_files import boards

EVERY = pytest.mark.parametrize("board", boards())


def test_every_board_has_its_page():
    assert board_pages.boards() == boards()


@EVERY
def test_pages_are_as_made(board):
    """Otherwise run `make boards`."""
    for name, text in board_pages.made(board).items():
        assert (board_pages.ROOT / "boards" / board / name).read_text(encoding="utf-8") == text


@EVERY
def test_every_pin_of_the_board_file_is_on_the_page(board):
    pins = {
        name
        for name, value in board_pages.constants(board).items()
        if name in board_file.PARTS or (name.isupper() and _is_pin(name, value))
    }
    page = board_pages.made(board)["wiring.md"]
    assert pins and not [name for name in sorted(pins) if f"| {name}" not in page]


def _is_pin(name, value):
    words = ("MA", "MN", "ZERO", "MEGACOUNT", "DIVIDER", "HZ", "INTERPOLATES")
    return type(value) is int and name.rpartition("_")[2] not in words


@EVERY
def test_no_pin_of_the_page_goes_to_two_things(board):
    """All parts fitted, at the pins that the page has for them; one RGB LED is in place of two."""
    owner = {}
    for line in board_pages.wires(board, board_pages.words_of(board)):
        name = "light" if line.name.startswith("LED_") else line.name
        if line.gpio is not None:
            assert owner.setdefault(line.gpio, name) == name, line


@EVERY
def test_the_pins_of_parts_are_those_that_the_board_file_names(board):
    """In the comment beside each None."""
    source = (board_pages.ROOT / "boards" / board / "board.py").read_text(encoding="utf-8")
    for name, told in board_pages.words_of(board)["parts"].items():
        pins = told["pins"]
        given = str(pins[0] if len(pins) == 1 else tuple(pins))
        assert f"\n{name} = None  # {given}:" in source or board_pages.constants(board)[name]


@EVERY
@pytest.mark.requirement("STOP-12")
def test_the_page_asks_for_the_resistor_that_keeps_the_motor_off(board):
    page = board_pages.made(board)["wiring.md"]
    assert "10 kohm from ENABLE to 3V3" in page and "normally closed" in page
    assert "| 1 | resistor 10 kohm | ENABLE to 3V3 |" in page


@EVERY
def test_lights_and_sounds_are_those_of_the_firmware(board):
    page = board_pages.made(board)["wiring.md"]
    for row in (
        "| red, flashing every 0.5 s | 5 + 5 pulses, again after 3 s | high: ",
        "| yellow, flashing every 2 s | 3 pulses, again after 6 s | medium: ",
        "| yellow, steady | 2 pulses, again after 20 s | low: ",
    ):
        assert page.count(row) == 1, row


def test_another_sound_and_light_make_another_page(monkeypatch):
    beep = annunciator._pattern(1000, (1000, 1000, 500_000))
    monkeypatch.setitem(annunciator._SOUNDS, annunciator.HIGH, beep)
    monkeypatch.setitem(annunciator._LIGHTS, annunciator.LOW, ((0, 500), 1000))
    assert "| 3 pulses, again after 0.5 s | high: " in board_texts.signals()
    assert "| yellow, flashing every 0.001 s |" in board_texts.signals()


def resistors(line):
    """Values of the resistors in a wire."""
    return [text.partition(" to ")[0] for text in (line.pull, line.series, line.beyond) if text]


@EVERY
def test_the_bill_has_the_resistors_that_are_drawn(board):
    words = board_pages.words_of(board)
    lines = board_pages.wires(board, words)
    page = board_pages.made(board)["wiring.md"]
    bill = Counter()
    for count, value in re.findall(r"^\| (\d+) \| resistor (\d+ k?ohm) \|", page, re.MULTILINE):
        bill[value] += int(count)
    named = [line for line in lines if line.name in words["names"]]
    assert bill == Counter(value for line in named for value in resistors(line))
    for name in words["parts"]:
        row = re.search(r"^\| %s \| (.*) \|$" % name, page, re.MULTILINE).group(1)
        drawn = [line for line in lines if line.name.partition("[")[0] == name]
        for value in {value for line in drawn for value in resistors(line)}:
            assert value in row


@EVERY
@pytest.mark.parametrize(
    "what",
    [
        "TMC2209 module",
        "A4988 or DRV8825 carrier",
        "bipolar stepper, 200 steps a turn",
        "lead screw 0.8 mm a turn",
        "electrolytic capacitor 100 uF",
        "push button with a normally-closed contact",
        "| 1 | active buzzer",
        "LED, red and yellow",
        "| VMOT | 4.75 to 28 V | 8 to 35 V | 8.2 to 45 V |",
        "VIO to 3V3",
        "bridged: RESET floats",
        "MS1, MS2 to GND (UART address 0",
        "one coil to 1A and 1B",
        "**GND** of board",
        "600 mA RMS moving, 300 mA at rest",
        "**Board**: its USB connector",
    ],
)
def test_the_page_tells_parts_and_supply(board, what):
    assert board_pages.made(board)["wiring.md"].count(what) == 1


def test_what_the_page_says_of_a_tmc2209_is_what_the_driver_does():
    asked = inspect.signature(Tmc2209).parameters
    assert asked["address"].default == 0
    assert asked["sense_mohm"].default == board_texts.SENSE_TMC2209_MOHM


def test_the_reference_voltage_follows_the_current(monkeypatch):
    """Worked out by hand: 1 A RMS is 1.414 A peak, x 8 x 0.068, x 0.5, and 2.5 V / 1.768 A."""
    assert "VREF 0.85 V for 600 mA RMS" in board_pages.made("rpi_pico")["wiring.md"]
    pins = board_pages.constants("rpi_pico") | {"DRIVER_RUN_MA": 1000}
    monkeypatch.setattr(board_pages, "constants", lambda board: pins)
    page = board_pages.made("rpi_pico")["wiring.md"]
    for volts in ("0.77", "0.71", "1.41"):
        assert f"{volts} V for 1000 mA RMS" in page


@EVERY
def test_the_divider_of_the_supply_is_that_of_the_board_file(board):
    line = [wire for wire in board_pages.wires(board, board_pages.words_of(board))][-3]
    assert line.name == "SUPPLY"
    divider = board_pages.constants(board)["SUPPLY_DIVIDER"]
    if line.pull:
        lower, upper = (int(text.split(" ")[0]) for text in (line.pull, line.beyond))
        assert (lower + upper) == divider * lower
        assert (
            f"the pin 5V through {upper} kohm, and {lower} kohm to GND"
            in (board_pages.made(board)["wiring.md"])
        )
    else:
        assert divider == 3  # of a Pico's own VSYS


def test_another_pin_makes_another_page(monkeypatch):
    before = board_pages.made("rpi_pico")
    pins = board_pages.constants("rpi_pico") | {"STOP": 12}
    monkeypatch.setattr(board_pages, "constants", lambda board: pins)
    after = board_pages.made("rpi_pico")
    assert all(before[name] != after[name] for name in before)
    assert "| 12 | 16 | STOP |" in after["wiring.md"]
