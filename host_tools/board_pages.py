"""Make wiring.md and wiring.svg of every board from its board.py (pins) and wiring.toml (words).

``python host_tools/board_pages.py`` writes them; a test compares. A pin is written down once, in
board.py; a name that stands in only one of the two files is a KeyError.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from host_tools import board_texts
from host_tools.board_picture import Line, picture
from titra.board_file import constants
from titra.firmware_files import chip_of
from titra.flash.job import MICROPYTHON_LEAST
from titra.prescription import board_settings

ROOT = Path(__file__).resolve().parents[1]
SWITCHED = ("pull", "series", "switch", "beyond")  # what wiring.toml may say of a wire's inside


def wires(board: str, words: dict[str, Any]) -> list[Line]:
    """Every wire of ``board``, grouped by part in the order of wiring.toml."""
    pins = constants(board)
    places = words["pins"]
    found = []
    for name, told in words["names"].items():
        gpio = pins[name]
        assert isinstance(gpio, int), f"{name}: what may be None stands in [parts] of wiring.toml"
        found.append(Line(name, gpio, str(places.get(str(gpio), "")), **told))
    for name, told in words["parts"].items():
        fitted = pins[name] is not None
        given = pins[name] if fitted else told["pins"]
        gpios = given if isinstance(given, (list, tuple)) else [given]
        for at, gpio in enumerate(gpios):
            each = {key: told[key][at] for key in ("goes", "drawn", *SWITCHED) if key in told}
            label = name if len(gpios) == 1 else f"{name}[{at}]"
            where = str(places.get(str(gpio), ""))
            found.append(Line(label, gpio, where, told["part"], **each, fitted=fitted))
    order = list(dict.fromkeys(line.part for line in found))
    found.sort(key=lambda line: order.index(line.part))
    return found + [
        Line(name, None, place, "power", goes, drawn)
        for name, (place, goes, drawn) in words["power"].items()
    ]


def page(board: str, words: dict[str, Any]) -> str:
    """wiring.md."""
    pins = constants(board)
    mechanics, _ = board_settings(board)
    least = ".".join(map(str, MICROPYTHON_LEAST[chip_of(board)][:2]))
    lines = [
        f"# Wiring of the {words['title']}",
        "",
        "Made by `make boards` from `board.py` and `wiring.toml` beside this file; edit those.",
        "Bench prototype, not a medical device.",
        "",
        f"Image: the official MicroPython {least} or later for {words['image']}; then"
        f" `titra flash --board {board}`.",
        "",
        "![wiring](wiring.svg)",
        "",
        f"| GPIO | {words['header']} | name in board.py | goes to |",
        "|---|---|---|---|",
    ]
    for wire in wires(board, words):
        optional = "" if wire.fitted else "if fitted: "
        gpio = "" if wire.gpio is None else wire.gpio
        lines.append(f"| {gpio} | {wire.place} | {wire.name} | {optional}{wire.goes} |")
    lines += ["", *[f"- {note}" for note in words["notes"]["lines"]], ""]
    lines += board_texts.parts(
        words,
        pins,
        board_texts.length(mechanics.lead_um),
        mechanics.steps_per_turn // mechanics.microsteps,
    )
    lines += ["", *board_texts.supply(words, pins)]
    if "text" in words["notes"]:
        lines += ["", words["notes"]["text"].strip()]
    lines += ["", SIGNALS % board_texts.signals()]
    return "\n".join(lines)


SIGNALS = """## What lights and sounds mean

%s
| each colour in turn, one beep | | the self-test at power-on |

Causes and what to do: [ALARMS.md](../../firmware/ALARMS.md).

## Recovery

`titra send maintenance` gives the REPL back, motor off. Should the firmware hang: hold the stop
button (open the loop), plug the board in, and run `titra flash --recover`, or `mpremote` within
3 s; the last resort is [erasing the flash](../README.md#getting-a-board-back). The motor is off
until EN is pulled low, and the resistor holds it high: pins that `board.py` names are looked at
before any is driven, and one that may be EN under another name is refused
([what can be seen](../README.md#a-board-file-that-is-wrong), and what not).
"""


def boards() -> list[str]:
    """Every board with a wiring.toml."""
    return sorted(path.parent.name for path in ROOT.glob("boards/*/wiring.toml"))


def words_of(board: str) -> dict[str, Any]:
    """The wiring.toml of ``board``."""
    return tomllib.loads((ROOT / "boards" / board / "wiring.toml").read_text(encoding="utf-8"))


def made(board: str) -> dict[str, str]:
    """File name to content, for the folder of ``board``."""
    words = words_of(board)
    title = f"{words['title']} ({words['chip']})"
    drawn = picture(title, words["header"], wires(board, words), words.get("gate", {}))
    return {"wiring.md": page(board, words), "wiring.svg": drawn}


if __name__ == "__main__":
    for name in boards():
        for file, text in made(name).items():
            (ROOT / "boards" / name / file).write_text(text, encoding="utf-8")
