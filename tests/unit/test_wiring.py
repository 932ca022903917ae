"""The wiring document of a board says what its board file says, and asks for the resistor that
keeps the motor off while no firmware runs."""

import re
from pathlib import Path

import pytest

BOARDS = Path(__file__).resolve().parents[2] / "boards"
PAGE = (BOARDS / "rpi_pico/wiring.md").read_text()
BOARD = (BOARDS / "rpi_pico/board.py").read_text()


@pytest.mark.requirement("STOP-12")
def test_the_board_has_a_pull_up_on_the_enable_of_its_board_file():
    gpio = re.search(r"^ENABLE = (\d+)", BOARD, re.M).group(1)
    assert re.search(r"^\| %s \|[^|]*\| ENABLE \|[^|]*active low" % gpio, PAGE, re.M)
    assert re.search(r"kohm from ENABLE to 3V3, on the board", PAGE)


@pytest.mark.parametrize("name", ["STEP", "DIRECTION", "ALLOW", "STOP", "BUZZER", "LED_RED"])
def test_the_pins_are_those_of_the_board_file(name):
    gpio = re.search(r"^%s = (\d+)" % name, BOARD, re.M).group(1)
    assert re.search(r"^\| %s \|[^|]*\| %s \|" % (gpio, name), PAGE, re.M)
