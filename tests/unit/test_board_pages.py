"""Wiring pages and pictures say what the board files say, and are made from them."""

import xml.etree.ElementTree as ElementTree

import pytest

from host_tools import board_pages
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
        if name.isupper() and (value is None or _is_pin(name, value))
    }
    page = board_pages.made(board)["wiring.md"]
    assert pins and not [name for name in sorted(pins) if f"| {name}" not in page]


def _is_pin(name, value):
    words = ("MA", "MN", "ZERO", "MEGACOUNT", "DIVIDER", "HZ", "INTERPOLATES")
    return type(value) is int and name.rpartition("_")[2] not in words


@EVERY
@pytest.mark.requirement("STOP-12")
def test_the_page_asks_for_the_resistor_that_keeps_the_motor_off(board):
    page = board_pages.made(board)["wiring.md"]
    assert "10 kohm from ENABLE to 3V3" in page and "normally closed" in page


@EVERY
def test_no_pin_is_given_twice(board):
    """Parts in place of one another may share pins; nothing else may."""
    pins = board_pages.constants(board)
    fixed = ("STEP", "DIRECTION", "ENABLE", "ALLOW", "STOP", "COUNT", "ARM", "LATCH", "BUZZER")
    used = [pins[name] for name in fixed if name in pins]
    assert len(set(used)) == len(used)


@EVERY
def test_the_picture_is_an_svg_with_every_wire(board):
    made = board_pages.made(board)
    root = ElementTree.fromstring(made["wiring.svg"])
    texts = "".join(root.itertext())
    assert "10 kohm to 3V3" in texts
    pins = board_pages.constants(board)
    for name in ("STEP", "ENABLE", "STOP", "BUZZER"):
        assert f"GPIO {pins[name]} " in texts, name


def test_another_pin_makes_another_page(monkeypatch):
    before = board_pages.made("rpi_pico")
    pins = board_pages.constants("rpi_pico") | {"STOP": 12}
    monkeypatch.setattr(board_pages, "constants", lambda board: pins)
    after = board_pages.made("rpi_pico")
    assert all(before[name] != after[name] for name in before)
    assert "| 12 | 16 | STOP |" in after["wiring.md"]
