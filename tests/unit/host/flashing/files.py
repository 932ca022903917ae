"""Some of the firmware's files: a pty takes 14 s for all of them."""

from __future__ import annotations

import zlib
from pathlib import Path

from pump.core import manifest

FEW = (
    "boot.py",
    "main.py",
    "board.py",
    "firmware.rec",
    "pump/ports/clock.mpy",
    "pump/core/dose.mpy",
)


def record_of(folder: Path, *without: str) -> bytes:
    """The record of the files in ``folder``."""
    names = [name for name in FEW if name not in ("firmware.rec", *without)]
    return manifest.pack([(name, zlib.crc32((folder / name).read_bytes())) for name in names])
