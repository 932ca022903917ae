"""Make wiring.md and wiring.svg of every board from its board.py (pins) and wiring.toml (words).

``python host_tools/board_pages.py`` writes them; a test compares. A pin is written down once, in
board.py; a name that stands in only one of the two files is a KeyError.
"""

from __future__ import annotations

import ast
import tomllib
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import escape

ROOT = Path(__file__).resolve().parents[1]
ROW = 30
GAP = 16
CHIP_X, CHIP_WIDTH = 30, 250
BOX_X, BOX_WIDTH = 500, 290
WIDTH = BOX_X + BOX_WIDTH + 130
HEAD = 64
COLOURS = {
    "driver": "#1f5fa8",
    "stop loop": "#b3261e",
    "stop gate": "#b3261e",
    "alarm light": "#8a6d00",
    "buzzer": "#8a6d00",
}
PLAIN = "#4a4a4a"
STYLE = (
    "text{font:13px system-ui,sans-serif;fill:#1b1b1b}.s{font-size:11px;fill:#555}"
    ".t{font-size:18px;font-weight:600}.n{font-weight:600}"
)


@dataclass(frozen=True)
class Line:
    """One wire: the name in board.py, its GPIO, what it goes to, and what is drawn beside it."""

    name: str
    gpio: int
    part: str
    words: str
    mark: str = ""
    fitted: bool = True


def constants(board: str) -> dict[str, object]:
    """The literal constants of a board file, read and not run."""
    found = {}
    source = (ROOT / "boards" / board / "board.py").read_text(encoding="utf-8")
    for node in ast.parse(source).body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            try:
                found[node.targets[0].id] = ast.literal_eval(node.value)
            except ValueError:
                continue
    return found


def wires(board: str, words: dict) -> list[Line]:
    """Every wire of ``board``, grouped by part in the order of wiring.toml."""
    pins = constants(board)
    found = []
    for name, (part, text, *mark) in words["names"].items():
        gpio = pins[name]
        assert isinstance(gpio, int), name
        found.append(Line(name, gpio, part, text, *mark))
    for name, (gpios, part, texts) in words["parts"].items():
        fitted = pins[name] is not None
        given = pins[name] if fitted else gpios
        each = given if isinstance(given, (list, tuple)) else [given]
        for at, (gpio, text) in enumerate(zip(each, texts, strict=True)):
            label = name if len(gpios) == 1 else f"{name}[{at}]"
            found.append(Line(label, gpio, part, text, "", fitted))
    order = list(dict.fromkeys(line.part for line in found))
    return sorted(found, key=lambda line: order.index(line.part))


def pin_of(words: dict, gpio: int) -> str:
    """The place of a GPIO on the board's header; '' for one that is not led out."""
    return str(words["pins"].get(str(gpio), ""))


def page(board: str, words: dict) -> str:
    """wiring.md."""
    lines = [
        f"# Wiring of the {words['title']}",
        "",
        "Made by `make boards` from `board.py` and `wiring.toml` beside this file; edit those.",
        "Bench prototype, not a medical device.",
        "",
        f"Image: the official MicroPython 1.28 or later for {words['image']}; then"
        f" `titra flash --board {board}`.",
        "",
        "![wiring](wiring.svg)",
        "",
        f"| GPIO | {words['header']} | name in board.py | goes to |",
        "|---|---|---|---|",
    ]
    for wire in wires(board, words):
        optional = "" if wire.fitted else "if fitted: "
        place = pin_of(words, wire.gpio)
        lines.append(f"| {wire.gpio} | {place} | {wire.name} | {optional}{wire.words} |")
    lines += ["", *[f"- {note}" for note in words["notes"]["lines"]]]
    lines += [words["notes"].get("text", ""), SIGNALS]
    return "\n".join(lines)


SIGNALS = """## What lights and sounds mean

| light | sound | priority |
|---|---|---|
| red, flashing twice a second | 5 + 5 pulses | high: the motor has stopped unasked |
| yellow, flashing every two seconds | 3 pulses | medium: somebody should come |
| yellow, steady | 2 pulses | low: it is enough to know |
| each colour in turn, one beep | | the self-test at power-on |

Causes and what to do: [ALARMS.md](../../firmware/ALARMS.md).

## Recovery

`titra send maintenance` gives the REPL back, motor off. Should the firmware hang: hold the stop
button (open the loop), plug the board in, and run `titra flash --recover`, or `mpremote` within
3 s. Whatever board.py says, the motor is off until EN is pulled low, and the resistor holds it
high: a wrong pin number leaves the motor off or fails the self-test.
"""


def picture(board: str, words: dict) -> str:
    """wiring.svg: the board at the left, each part at the right, a line for each wire."""
    groups: dict[str, list[Line]] = {}
    for wire in wires(board, words):
        groups.setdefault(wire.part, []).append(wire)
    body, y = [], HEAD
    for part, group in groups.items():
        body += _group(words, part, group, y)
        y += ROW * len(group) + GAP
    chip = _box(CHIP_X, HEAD - 12, CHIP_WIDTH, y - HEAD + 8, PLAIN, 2)
    title = f"{words['title']} ({words['chip']})"
    head = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {y + 20}"'
        f' width="{WIDTH}" height="{y + 20}">',
        f"<title>Wiring of the {escape(title)}</title><style>{STYLE}</style>",
        '<rect width="100%" height="100%" fill="#ffffff"/>',
        f'<text class="t" x="{CHIP_X}" y="32">{escape(title)}</text>',
        f'<text class="s" x="{BOX_X}" y="32">dashed: a part that the bench may have</text>',
        chip,
    ]
    return "\n".join([*head, *body, "</svg>", ""])


def _box(x: int, y: int, width: int, height: int, colour: str, line: int, dash: str = "") -> str:
    return (
        f'<rect x="{x}" y="{y}" width="{width}" height="{height}" rx="6" fill="none"'
        f' stroke="{colour}" stroke-width="{line}"{dash}/>'
    )


def _group(words: dict, part: str, group: list[Line], y: int) -> list[str]:
    colour = COLOURS.get(part, PLAIN)
    optional = not any(wire.fitted for wire in group)
    dash = ' stroke-dasharray="5 4"' if optional else ""
    drawn = [_box(BOX_X, y - 6, BOX_WIDTH, ROW * len(group), colour, 2, dash)]
    drawn.append(
        f'<text class="n" x="{BOX_X + BOX_WIDTH + 12}" y="{y + 13}"'
        f' style="fill:{colour}">{escape(part)}</text>'
    )
    for at, wire in enumerate(group):
        drawn += _wire(words, wire, y + ROW * at + 9, colour)
    return drawn


def _wire(words: dict, wire: Line, y: int, colour: str) -> list[str]:
    place = pin_of(words, wire.gpio)
    where = f"{words['header']} {place}" if words["header"] == "pin" and place else place
    dash = "" if wire.fitted else ' stroke-dasharray="5 4"'
    right = CHIP_X + CHIP_WIDTH
    drawn = [
        f'<text class="n" x="{CHIP_X + 12}" y="{y + 4}">{escape(wire.name)}</text>',
        f'<text class="s" x="{right - 10}" y="{y + 4}" text-anchor="end">'
        f"GPIO {wire.gpio}{' · ' + escape(where) if where else ''}</text>",
        f'<path d="M{right} {y}H{BOX_X}" stroke="{colour}" stroke-width="1.6"{dash}/>',
        f'<text class="s" x="{BOX_X + 10}" y="{y + 4}">{escape(_short(wire))}</text>',
    ]
    return drawn + MARKS.get(wire.mark, lambda y: [])(y)


def _short(wire: Line) -> str:
    """The first words of a wire's description, as far as its box goes."""
    text = wire.words.partition(";")[0].partition(":")[0]
    return text if len(text) <= 44 else text[:43].rpartition(" ")[0] + " …"


def _resistor(y: int, to: str) -> list[str]:
    x = CHIP_X + CHIP_WIDTH + 24
    return [
        f'<path d="M{x} {y}v-14h12" fill="none" stroke="#1b1b1b" stroke-width="1.6"/>',
        f'<rect x="{x + 12}" y="{y - 19}" width="36" height="10" fill="#fff" stroke="#1b1b1b"/>',
        f'<text class="s" x="{x + 54}" y="{y - 10}">10 kohm to {to}</text>',
    ]


def _switch(y: int, to: str) -> list[str]:
    x = BOX_X + BOX_WIDTH - 90
    return [
        f'<path d="M{x} {y}h54" stroke="#b3261e" stroke-width="2"/>',
        f'<circle cx="{x + 16}" cy="{y}" r="3" fill="#b3261e"/>',
        f'<circle cx="{x + 38}" cy="{y}" r="3" fill="#b3261e"/>',
        f'<path d="M{x + 27} {y - 2}v-9m-7 0h14" stroke="#b3261e" stroke-width="2"/>',
        f'<text class="s" x="{x + 58}" y="{y + 4}">{to}</text>',
    ]


MARKS = {
    "pull-up": lambda y: _resistor(y, "3V3"),
    "loop": lambda y: _switch(y, "GND"),
    "loop-high": lambda y: [*_resistor(y, "GND"), *_switch(y, "3V3")],
}


def boards() -> list[str]:
    """Every board with a wiring.toml."""
    return sorted(path.parent.name for path in ROOT.glob("boards/*/wiring.toml"))


def made(board: str) -> dict[str, str]:
    """File name to content, for the folder of ``board``."""
    words = tomllib.loads((ROOT / "boards" / board / "wiring.toml").read_text(encoding="utf-8"))
    return {"wiring.md": page(board, words), "wiring.svg": picture(board, words)}


if __name__ == "__main__":
    for name in boards():
        for file, text in made(name).items():
            (ROOT / "boards" / name / file).write_text(text, encoding="utf-8")
