"""What has to be done to a board, decided from what it is and what it holds; no I/O here."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from titra.errors import UsageError
from titra.firmware_files import RECORD_NAME
from titra.flash.device import Facts

# From this MicroPython on the ports are right; the RMT of the ESP32 is known in both its forms.
MICROPYTHON_LEAST = {"rp2040": (1, 28, 0), "rp2350": (1, 28, 0), "esp32": (1, 26, 0)}
MPY_VERSION = 6
# What ``sys.implementation._machine`` ends with, after the last "with".
MACHINE = {"rp2040": "RP2040", "rp2350": "RP2350", "esp32": "ESP32"}

OURS = ("pump/", "boot.", "main.", "board.")


@dataclass(frozen=True)
class Work:
    """Paths to write, in order, and to delete; ``same`` of the wanted files are there already."""

    write: tuple[str, ...]
    delete: tuple[str, ...]
    same: int

    @property
    def idle(self) -> bool:
        """Nothing to do."""
        return not self.write and not self.delete


def chip_in(facts: Facts) -> str:
    """What a board file calls the chip of this interpreter; '' for one that has no port here."""
    said = facts.machine.rpartition(" with ")[2]
    return next((chip for chip, name in MACHINE.items() if name == said), "")


def check_interpreter(facts: Facts, chip: str) -> None:
    """UsageError unless ``chip`` with a MicroPython that is new enough answers."""
    said = facts.machine or "an unknown chip"
    if chip_in(facts) != chip:
        raise UsageError(
            f"the board on this port is {said}, the firmware is for {MACHINE[chip]}",
            code="wrong-board",
            details={"field": "board", "given": said, "accepts": MACHINE[chip]},
        )
    version = ".".join(map(str, facts.version))
    least = ".".join(map(str, MICROPYTHON_LEAST[chip]))
    if facts.name != "micropython" or facts.version < MICROPYTHON_LEAST[chip]:
        raise UsageError(
            f"{facts.name} {version} is on the board, MicroPython {least} or later is needed",
            code="wrong-image",
            details={"field": "micropython", "given": version, "limit": least},
        )
    if facts.mpy != MPY_VERSION:
        raise UsageError(
            f"the board loads .mpy version {facts.mpy}, mpy-cross makes {MPY_VERSION}",
            code="wrong-image",
            details={"field": "mpy", "given": str(facts.mpy), "limit": str(MPY_VERSION)},
        )


def hashes(folder: Path) -> dict[str, str]:
    """Path to SHA-256 of every file under ``folder``."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def work(wanted: Mapping[str, str], there: Mapping[str, str], keep_board: bool) -> Work:
    """What makes ``there`` into ``wanted`` (path to SHA-256).

    The record of files is written last, whatever else is: after an interruption it does not fit,
    and the self-test keeps the pump from moving. Journal, events, settings and other people's
    files are left alone; so is a board.py, if ``keep_board``.
    """
    kept = {"board.py"} if keep_board and "board.py" in there else set()
    write = [path for path in wanted if there.get(path) != wanted[path] and path not in kept]
    stale = [path for path in there if path not in wanted and path.startswith(OURS)]
    if (write or stale) and RECORD_NAME not in write:
        write.append(RECORD_NAME)
    write.sort(key=lambda path: (path == RECORD_NAME, path))
    same = sum(there.get(path) == digest for path, digest in wanted.items())
    return Work(tuple(write), tuple(sorted(stale)), same)


def differences(wanted: Mapping[str, str], there: Mapping[str, str], done: Work) -> list[str]:
    """Paths that are not as they were meant to be after ``done``."""
    wrong = [path for path in done.write if there.get(path) != wanted[path]]
    return wrong + [path for path in done.delete if path in there]
