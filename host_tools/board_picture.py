"""Draw the wiring of a board as an SVG: the board at the left, what its wires go to at the right.

A wire is a row; a part is a box around its rows. Resistors and switches are drawn where
wiring.toml puts them. On a board with a latch and a gate beside the chip these are drawn too, up
to the driver's STEP.
"""

from __future__ import annotations

from dataclasses import dataclass
from xml.sax.saxutils import escape

ROW, GATE_ROW = 32, 46
RESISTOR = 54
LATCH_HEAD = 16  # room above the latch for its CLR
GAP = 16
CHIP_X, CHIP_WIDTH = 30, 270
CHIP_RIGHT = CHIP_X + CHIP_WIDTH
BOX_X, BOX_WIDTH = 510, 340
BOX_RIGHT = BOX_X + BOX_WIDTH
WIDTH = BOX_RIGHT + 130
HEAD = 64
RED = "#b3261e"
BLUE = "#1f5fa8"
PLAIN = "#4a4a4a"
COLOURS = {
    "driver": BLUE,
    "motor supply": BLUE,
    "stop loop": RED,
    "stop gate": RED,
    "alarm light": "#8a6d00",
    "buzzer": "#8a6d00",
}
STYLE = (
    "text{font:13px system-ui,sans-serif;fill:#1b1b1b}.s{font-size:11px;fill:#555}"
    ".t{font-size:18px;font-weight:600}.n{font-weight:600}"
)
INK = "#1b1b1b"
GATE = "stop gate"


@dataclass(frozen=True)
class Line:
    """One wire: the name in board.py, its GPIO (None: a supply pin), the place of that on the
    board's header ('': not led out), the part that it goes to, what is told and drawn of its end,
    and what is in it: ``pull`` ("10 kohm to GND"), ``series`` and, behind the switch or at the far
    end, ``beyond`` (resistors), ``switch`` (the rail behind a normally-closed one)."""

    name: str
    gpio: int | None
    place: str
    part: str
    goes: str
    drawn: str
    pull: str = ""
    series: str = ""
    switch: str = ""
    beyond: str = ""
    fitted: bool = True


def picture(title: str, header: str, wires: list[Line], gate: dict[str, str]) -> str:
    """The SVG. ``header``: what the places on the board's header are called, if they are numbers;
    ``gate``: the names of the wires at the latch and the gate, or nothing."""
    groups: dict[str, list[Line]] = {}
    for wire in wires:
        groups.setdefault(wire.part, []).append(wire)
    heights: dict[str, int] = {}  # of each wire, by its name
    body: list[str] = []
    y = HEAD
    for part, group in groups.items():
        drawn, y = _group(part, group, y, heights, header, bool(gate))
        body += drawn
    body += _gate({role: heights[name] for role, name in gate.items()}, heights) if gate else []
    chip_bottom = y - GAP
    body += _motor_supply(y)
    height = y + ROW + 2 * GAP
    head = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}"'
        f' width="{WIDTH}" height="{height}">',
        f"<title>Wiring of the {escape(title)}</title><style>{STYLE}</style>",
        '<rect width="100%" height="100%" fill="#ffffff"/>',
        _text(CHIP_X, 32, title, "t"),
        _text(BOX_X, 32, "dashed: a part that the bench may have"),
        _box(CHIP_X, HEAD - 12, CHIP_WIDTH, chip_bottom - HEAD + 16, PLAIN),
    ]
    return "\n".join([*head, *body, "</svg>", ""])


def _text(x: int, y: int, text: str, kind: str = "s", anchor: str = "", colour: str = "") -> str:
    end = f' text-anchor="{anchor}"' if anchor else ""
    fill = f' style="fill:{colour}"' if colour else ""
    return f'<text class="{kind}" x="{x}" y="{y}"{end}{fill}>{escape(text)}</text>'


def _path(shape: str, colour: str = INK, dash: str = "") -> str:
    return f'<path d="{shape}" fill="none" stroke="{colour}" stroke-width="1.6"{dash}/>'


def _box(x: int, y: int, width: int, height: int, colour: str, dash: str = "") -> str:
    return (
        f'<rect x="{x}" y="{y}" width="{width}" height="{height}" rx="6" fill="none"'
        f' stroke="{colour}" stroke-width="2"{dash}/>'
    )


def _dot(x: int, y: int, colour: str = INK) -> str:
    return f'<circle cx="{x}" cy="{y}" r="3" fill="{colour}"/>'


def _resistor(x: int, y: int, label: str) -> list[str]:
    """One in a wire at ``y``."""
    return [
        f'<rect x="{x}" y="{y - 8}" width="{RESISTOR}" height="16" fill="#fff" stroke="{INK}"/>',
        _text(x + RESISTOR // 2, y + 4, label, anchor="middle"),
    ]


def _dash(fitted: bool) -> str:
    return "" if fitted else ' stroke-dasharray="5 4"'


def _group(
    part: str, group: list[Line], y: int, heights: dict[str, int], header: str, gated: bool
) -> tuple[list[str], int]:
    """The rows of ``part`` from ``y`` on, and where the next part begins."""
    pitch = GATE_ROW if part == GATE else ROW
    top = y - 6
    at = y + 9 + (pitch - ROW + LATCH_HEAD if part == GATE else 0)
    if part == "driver" and gated:  # its STEP comes from the gate
        heights["driver STEP"] = at
        at += ROW
    drawn = []
    for wire in group:
        heights[wire.name] = at
        drawn += _wire(wire, at, header)
        at += pitch
    bottom = at - pitch + 15
    colour = COLOURS.get(part, PLAIN)
    fitted = any(wire.fitted for wire in group)
    box = _box(BOX_X, top, BOX_WIDTH, bottom - top, colour, _dash(fitted))
    label = _text(BOX_RIGHT + 12, top + 19, part, "n", colour=colour)
    return [box, label, *drawn], bottom + GAP + 6


def _wire(wire: Line, y: int, header: str) -> list[str]:
    colour = COLOURS.get(wire.part, PLAIN)
    place = f"{header} {wire.place}" if header == "pin" and wire.place else wire.place
    where = place if wire.gpio is None else f"GPIO {wire.gpio}"
    if wire.gpio is not None and place:
        where += f" · {place}"
    above = 8 if wire.part == GATE else -4
    drawn = [
        _text(CHIP_X + 12, y + 4, wire.name, "n"),
        _text(CHIP_RIGHT - 10, y + 4, where, anchor="end"),
        _path(f"M{CHIP_RIGHT} {y}H{BOX_X}", colour, _dash(wire.fitted)),
        _text(BOX_X + 12, y - above, wire.drawn),
    ]
    if wire.pull:
        drawn += _pull(y, wire.pull)
    if wire.series:
        drawn += _resistor(CHIP_RIGHT + 145, y, wire.series)
    if wire.switch:
        drawn += _switch(y, wire.switch, wire.beyond)
    elif wire.beyond:
        drawn += _resistor(CHIP_RIGHT + 145, y, wire.beyond)
    return drawn


def _pull(y: int, label: str) -> list[str]:
    """A resistor from the wire at ``y`` to a rail; ``label``: both."""
    x = CHIP_RIGHT + 14
    size, _, rail = label.partition(" to ")
    return [
        _dot(x, y),
        _path(f"M{x} {y}v-15h60"),
        *_resistor(x + 6, y - 15, size),
        _text(x + 64, y - 11, f"to {rail}"),
    ]


def _switch(y: int, rail: str, beyond: str) -> list[str]:
    """A normally-closed one in the box at ``y`` to ``rail``, behind the resistor ``beyond``."""
    x = BOX_RIGHT - (160 if beyond else 90)
    drawn = [
        _path(f"M{x} {y}h54", RED),
        _dot(x + 16, y, RED),
        _dot(x + 38, y, RED),
        _path(f"M{x + 27} {y - 2}v-9m-7 0h14", RED),
    ]
    if beyond:
        drawn += [_path(f"M{x + 54} {y}h70", RED), *_resistor(x + 62, y, beyond)]
    return [*drawn, _text(BOX_RIGHT - 32, y + 4, rail)]


def _gate(at: dict[str, int], heights: dict[str, int]) -> list[str]:
    """Latch and gate between the wires ``at`` (height of each by its role) and the driver."""
    clock, latch, pulses, out = at["clock"], at["latch"], at["input"], at["output"]
    left, right = BOX_X + 90, BOX_X + 200  # of the latch
    turn, and_left, exit_x = right + 30, right + 60, BOX_RIGHT - 20
    loop_x, y_out = CHIP_RIGHT + 190, pulses - 7
    step = heights["driver STEP"]
    return [
        # The loop to CLR, in the gap above the box.
        _dot(loop_x, at["loop"], RED),
        _path(f"M{loop_x} {at['loop']}v24H{left + 55}V{clock - 36}", RED),
        # The latch.
        _path(f"M{BOX_X} {clock}H{left}M{right} {clock}H{turn}V{latch}", RED),
        f'<rect x="{left}" y="{clock - 36}" width="110" height="62" fill="#fff" stroke="{INK}"/>',
        _text(left + 55, clock - 24, "CLR 1", anchor="middle"),
        _text(left + 55, clock - 10, "74HC74", "s n", "middle"),
        _text(left + 5, clock + 4, "CLK 3"),
        _text(right - 5, clock + 4, "Q 5", anchor="end"),
        _text(left + 55, clock + 20, "D 2, PRE 4: 3V3", anchor="middle"),
        # Its output: read back, and B of the gate.
        _path(f"M{BOX_X} {latch}H{turn}V{pulses - 14}H{and_left}", RED),
        _dot(turn, latch, RED),
        # The gate.
        _path(f"M{BOX_X} {pulses}H{and_left}", RED),
        f'<path d="M{and_left} {pulses - 22}h20a15 15 0 0 1 0 30h-20z" fill="#fff"'
        f' stroke="{INK}"/>',
        _text(and_left + 15, pulses + 22, "74HC08", "s n", "middle"),
        _text(and_left + 4, pulses - 10, "2"),
        _text(and_left + 4, pulses + 4, "1"),
        _text(and_left + 38, y_out - 4, "3"),
        # Its output: to STEP of the driver, and counted.
        _path(f"M{and_left + 35} {y_out}H{exit_x}V{step}H{BOX_RIGHT - 130}", RED),
        _path(f"M{BOX_X} {out}H{exit_x}", RED),
        _dot(exit_x, out, RED),
        _text(BOX_X + 12, step + 4, "STEP, from the output of the gate"),
        _path(f"M{BOX_RIGHT - 124} {step - 4}l-6 4l6 4", RED),
    ]


def _motor_supply(y: int) -> list[str]:
    """The supply of the motor: not a pin of the board, yet a wire of the bench."""
    x, middle = BOX_RIGHT - 60, y + 9
    plates = f"M{x - 8} {middle - 3}h16M{x - 8} {middle + 3}h16"
    return [
        _box(BOX_X, y - 6, BOX_WIDTH, ROW, BLUE),
        _text(BOX_RIGHT + 12, y + 13, "motor supply", "n", colour=BLUE),
        _text(BOX_X + 12, middle + 4, "VMOT and GND of the driver, with 100 uF"),
        _path(f"{plates}M{x} {middle - 11}v8M{x} {middle + 3}v8"),
        _text(x + 12, middle - 2, "+"),
    ]
