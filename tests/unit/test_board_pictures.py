"""The pictures of the wiring show what has to be there, joined as it has to be, and readable."""

import re
import xml.etree.ElementTree as ElementTree

import pytest

from host_tools import board_pages
from host_tools.board_picture import BOX_X, CHIP_RIGHT, WIDTH
from titra.firmware_files import boards, chip_of

EVERY = pytest.mark.parametrize("board", boards())
GATED = pytest.mark.parametrize(
    "board", [board for board in boards() if board_pages.words_of(board).get("gate")]
)
SVG = "{http://www.w3.org/2000/svg}"
LETTER_PX = {"s": 6, "s n": 7, "n": 8, "t": 11}  # no narrower than any usual font
ABOVE_PX = 17  # from a wire's text to that of the resistor above it


class Picture:
    """An SVG taken apart: texts by place, nets of wires."""

    def __init__(self, board):
        self.root = ElementTree.fromstring(board_pages.made(board)["wiring.svg"])
        self.texts = [
            (int(e.get("x")), int(e.get("y")), e.text, e) for e in self.root.iter(f"{SVG}text")
        ]
        self.paths = [
            path
            for e in self.root.iter(f"{SVG}path")
            if "z" not in e.get("d")
            for path in strokes(e.get("d"))
        ]

    def height(self, text):
        """Of the wire that ``text`` stands at."""
        return min((x, y) for x, y, found, _ in self.texts if found == text)[1] - 4

    def row(self, name):
        """All texts at the wire ``name``, and right above it."""
        y = self.height(name) + 4
        beside = [text for _, at, text, _ in self.texts if y - ABOVE_PX <= at <= y]
        beside.remove(name)
        return set(beside)

    def net(self, name):
        """The ends of all strokes that are joined to the wire ``name`` where it leaves the chip.

        A stroke is joined to another where one of its ends lies on it; crossing is not joining."""
        found = {(CHIP_RIGHT, self.height(name))}
        while True:
            more = {
                end
                for path in self.paths
                for end in (path[0], path[-1])
                if any(on(at, path) for at in found) or any(on(e, path) for e in found)
            }
            more |= {
                end
                for path in self.paths
                for end in (path[0], path[-1])
                if any(on(end, other) for other in self.paths if {other[0], other[-1]} & found)
            }
            if more <= found:
                return found
            found |= more


def strokes(shape):
    """Polylines of a path of M, H, V, h, v and l."""
    made, x, y = [], 0, 0
    for letter, rest in re.findall(r"([MmHVhvl])([-\d .]*)", shape):
        by = [int(number) for number in re.findall(r"-?\d+", rest)]
        pairs = {"H": (by[0] - x, 0), "V": (0, by[0] - y), "h": (by[0], 0), "v": (0, by[0])}
        for dx, dy in [pairs[letter]] if letter in pairs else zip(by[::2], by[1::2]):
            x, y = (dx, dy) if letter == "M" else (x + dx, y + dy)
            if letter in "Mm":
                made.append([])
            made[-1].append((x, y))
    return made


def on(point, path):
    """The point lies on the polyline."""
    x, y = point
    return any(
        min(a, c) <= x <= max(a, c) and min(b, d) <= y <= max(b, d)
        for (a, b), (c, d) in zip(path, path[1:])
    )


@EVERY
def test_every_wire_is_drawn_with_its_pin(board):
    picture = Picture(board)
    for wire in board_pages.wires(board, board_pages.words_of(board)):
        row = picture.row(wire.name)
        assert wire.drawn in row | {""}
        if wire.gpio is not None:
            assert any(re.match(rf"GPIO {wire.gpio}\b", text) for text in row), wire.name
        assert not wire.place or any(wire.place in text for text in row)


@EVERY
@pytest.mark.requirement("STOP-12")
def test_the_enable_is_drawn_with_its_resistor_to_off(board):
    assert {"10 kohm", "to 3V3", "EN, low is on"} <= Picture(board).row("ENABLE")


@EVERY
def test_the_stop_loop_is_drawn_normally_closed(board):
    """An RP2's own pull-up opens it; an ESP32's input pins have none, and its latch wants it low
    when open."""
    picture = Picture(board)
    row = picture.row("STOP")
    assert "stop button, normally closed" in row
    if chip_of(board) == "esp32":
        assert {"10 kohm", "to GND", "1 kohm", "3V3"} <= row
    else:
        assert "GND" in row and not row & {"10 kohm", "3V3"}
    y = picture.height("STOP")
    contact = [path for path in picture.paths if path[0][1] == y and path[0][0] > BOX_X]
    assert any(path[-1][0] - path[0][0] == 54 for path in contact)


@EVERY
def test_a_board_with_a_latch_has_it_drawn(board):
    gate = board_pages.words_of(board).get("gate")
    assert bool(gate) == (board_pages.constants(board).get("ARM") is not None)


def test_the_esp32_of_the_project_has_the_latch():
    """Without it the stop waits for Python."""
    assert board_pages.words_of("esp32_devkitc")["gate"]


@GATED
def test_latch_and_gate_are_drawn_and_joined(board):
    picture = Picture(board)
    texts = {text for _, _, text, _ in picture.texts}
    pins = {"CLR 1", "CLK 3", "Q 5", "D 2, PRE 4: 3V3", "1", "2", "3"}
    assert {"74HC74", "74HC08"} | pins <= texts
    at = {text: (x, y) for x, y, text, _ in picture.texts}

    def ends_at(name, text):
        """The net has an end within a hand's breadth of the pin."""
        x, y = at[text]
        return any(abs(a - x) <= 40 and abs(b - y) <= 14 for a, b in picture.net(name))

    assert ends_at("STOP", "CLR 1") and ends_at("ARM", "CLK 3")
    assert ends_at("LATCH", "Q 5") and ends_at("LATCH", "2")
    assert ends_at("STEP", "1") and ends_at("COUNT", "3")
    step = picture.height("STEP, from the output of the gate")
    assert any(y == step and x > BOX_X for x, y in picture.net("COUNT"))
    nets = [picture.net(name) for name in ("STOP", "ARM", "LATCH", "STEP", "COUNT")]
    assert len(set().union(*nets)) == sum(map(len, nets)), "two of them are joined"


@GATED
@pytest.mark.parametrize("gone", ["pull", "switch", "beyond"])
def test_what_wiring_toml_lacks_is_not_drawn(board, gone, monkeypatch):
    words = board_pages.words_of(board)
    del words["names"]["STOP"][gone]
    before = Picture(board).row("STOP")
    monkeypatch.setattr(board_pages, "words_of", lambda board: words)
    assert Picture(board).row("STOP") < before


@EVERY
def test_texts_stay_apart_and_inside(board):
    boxes = []
    for x, y, text, element in Picture(board).texts:
        width = len(text or "") * LETTER_PX[element.get("class")]
        left = x - {"middle": width // 2, "end": width}.get(element.get("text-anchor"), 0)
        boxes.append((left, y - 9, left + width, y, text))
    assert all(left >= 0 and right <= WIDTH for left, _, right, _, _ in boxes)
    for at, (left, top, right, bottom, text) in enumerate(boxes):
        for a, b, c, d, other in boxes[:at]:
            apart = right <= a or c <= left or bottom <= b or d <= top
            assert apart or not (text and other), (text, other)
