"""A board file as the host sees it: read, never run. ``faults`` finds what would keep the pump
from starting, or give one pin to two things; `titra flash` looks before it writes.
"""

from __future__ import annotations

import ast
import importlib
from collections.abc import Iterator, Mapping
from typing import Any

from titra import prescription
from titra.errors import UsageError
from titra.firmware_files import CHIPS, ROOT

RP2 = ("rp2040", "rp2350")
# GPIOs that there are and that are free: an ESP32's flash has 6 to 11, its console 1 and 3.
GPIOS = {
    "rp2040": frozenset(range(30)),
    "rp2350": frozenset(range(30)),
    "esp32": frozenset(
        {0, 2, 4, 5, *range(12, 20), *range(21, 24), *range(25, 28), *range(32, 40)}
    ),
}
INPUTS_ONLY = {"esp32": frozenset(range(34, 40))}
ANALOGUE = {
    "rp2040": frozenset(range(26, 30)),
    "rp2350": frozenset(range(26, 30)),
    "esp32": frozenset({0, 2, 4, *range(12, 16), *range(25, 28), *range(32, 40)}),
}
# Pins by name: those that every board of a chip has, those that may be None, those of several.
NEEDED = {
    **dict.fromkeys(RP2, ("STEP", "DIRECTION", "ENABLE", "STOP", "BUZZER", "ALLOW")),
    "esp32": ("STEP", "DIRECTION", "ENABLE", "STOP", "BUZZER", "COUNT"),
}
OPTIONAL: dict[str, tuple[str, ...]] = {**dict.fromkeys(RP2, ()), "esp32": ("ARM", "LATCH")}
PARTS = {
    **dict.fromkeys(("TRAVEL", "FORCE", "SUPPLY"), 1),
    **dict.fromkeys(("DISPLAY", "DRIVER_UART", "FORCE_HX711"), 2),
    "LED_RGB": 3,
}
LIGHTS = ("LED_RED", "LED_YELLOW")  # or LED_RGB
IN = ("STOP", "COUNT", "LATCH", "TRAVEL", "FORCE", "SUPPLY")
SENSED = ("FORCE", "SUPPLY")
NUMBERS = (
    "DRIVER_RUN_MA",
    "DRIVER_HOLD_MA",
    "FORCE_FULL_MN",
    "HX711_ZERO",
    "HX711_MN_PER_MEGACOUNT",
    "SUPPLY_DIVIDER",
)
WORDS = {"MODE": ("safe", "basic"), "LIBRARY": ("required", "optional"), "CHIP": tuple(CHIPS)}
OTHERS = (
    "DRIVER_INTERPOLATES",
    "MECHANICS",
    "WATCH",
    "HARD_LIMITS",
    "SOFT_LIMITS",
    "BOLUS_LOCKOUT",
    "BOLUS_HOURLY",
    "make_safe",
    "loop_open",
    "make_hal",
)


def check(board: str) -> None:
    """UsageError (bad-board) that names every fault of ``boards/<board>/board.py``."""
    if found := faults(board):
        raise UsageError(
            f"boards/{board}/board.py: {'; '.join(found)}",
            code="bad-board",
            details={"field": "board", "given": board},
        )


def faults(board: str) -> list[str]:
    """What is wrong with ``boards/<board>/board.py``, each in words; [] where nothing is."""
    try:
        names, values = _read(board)
    except SyntaxError as error:
        return [f"line {error.lineno}: {error.msg}"]
    found = [f"{name} is missing" for name in OTHERS if name not in names]
    found += [
        f"{name} is no whole number" for name in NUMBERS if type(values.get(name)) is not int
    ]
    if values.get("MODEL") != board:
        found.append(f"MODEL is {values.get('MODEL')!r}, the folder {board!r}")
    found += [
        f"{name} is {values.get(name)!r}, none of {', '.join(known)}"
        for name, known in WORDS.items()
        if values.get(name) not in known
    ]
    chip = values.get("CHIP")
    if isinstance(chip, str) and chip in CHIPS:
        found += [*_pin_faults(chip, values), *_shared(chip, values)]
    return found or _mechanics_faults(board)


def constants(board: str) -> dict[str, object]:
    """The literal constants of a board file."""
    return _read(board)[1]


def _read(board: str) -> tuple[set[str], dict[str, object]]:
    """(every name given at the top, those given as literals)."""
    names: set[str] = set()
    values: dict[str, object] = {}
    source = (ROOT / "boards" / board / "board.py").read_text(encoding="utf-8")
    for node in ast.parse(source).body:
        if isinstance(node, ast.FunctionDef):
            names.add(node.name)
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            name = node.targets[0].id
            names.add(name)
            try:
                values[name] = ast.literal_eval(node.value)
            except ValueError:
                values.pop(name, None)
    return names, values


def _pins(chip: str, values: Mapping[str, object]) -> Iterator[tuple[str, list[object]]]:
    """(name, GPIOs) of each name that stands for pins in use, right or wrong."""
    lights = () if values.get("LED_RGB") else LIGHTS
    for name in (*NEEDED[chip], *lights):
        yield name, [values.get(name)]
    for name in (*OPTIONAL[chip], *PARTS):
        given = values.get(name)
        if name not in values or given is not None:
            yield name, list(given) if isinstance(given, (tuple, list)) else [given]


def _pin_faults(chip: str, values: Mapping[str, object]) -> Iterator[str]:
    for name, gpios in _pins(chip, values):
        if name not in values:
            yield f"{name} is missing"
            continue
        if len(gpios) != PARTS.get(name, 1):
            yield f"{name} needs {PARTS.get(name, 1)} pins, not {len(gpios)}"
        if len(set(map(repr, gpios))) < len(gpios):
            yield f"{name} names one pin twice"
        allowed = GPIOS[chip] & (ANALOGUE[chip] if name in SENSED else GPIOS[chip])
        allowed -= frozenset() if name in IN else INPUTS_ONLY.get(chip, frozenset())
        kind = "analogue input" if name in SENSED else "input" if name in IN else "output"
        for gpio in gpios:
            if type(gpio) is not int or gpio not in allowed:
                yield f"{name} = {gpio!r} is no {kind} of the {chip}"
    if (values.get("ARM") is None) != (values.get("LATCH") is None):
        yield "ARM and LATCH go together: both or neither"


def _shared(chip: str, values: Mapping[str, object]) -> Iterator[str]:
    """Pins with two names."""
    owner: dict[object, str] = {}
    for name, gpios in _pins(chip, values):
        for gpio in gpios:
            if gpio is not None and owner.setdefault(gpio, name) != name:
                yield f"{owner[gpio]} and {name} are both GPIO {gpio}"


def _mechanics_faults(board: str) -> list[str]:
    refusal: Any = importlib.import_module("pump.core.refusal")
    try:
        prescription.board_settings(board)
    except UsageError as error:
        return [error.message]
    except (refusal.Refusal, TypeError, ValueError) as error:
        return [f"MECHANICS or limits: {error}"]
    return []
