"""The store of calibrations: a TOML file to which entries are only appended.

The last entry of a syringe and a pump holds. A new file replaces the old one by a rename, so that
a cut leaves one of the two.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
import tomllib
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from fractions import Fraction
from pathlib import Path
from typing import Any, get_type_hints

from titra import quantities as q
from titra.errors import UsageError


@dataclass(frozen=True)
class Calibration:
    """An entry of the store; quantities are text with their unit. ``spread`` is the standard
    deviation, ``confidence_95`` half the interval; ``virtual`` marks a simulated pump."""

    syringe: str
    serial: str
    date: datetime
    volume_per_step: str
    n: int
    cv_percent: float
    spread: str
    confidence_95: str
    geometry: str
    density: str
    temperature: str
    steps: list[int]
    weights: list[str]
    firmware: str
    board: str
    virtual: bool
    note: str

    @property
    def volume_per_step_nl(self) -> Fraction:
        """Volume of a microstep, nL."""
        return q.split(self.volume_per_step)[0]

    @property
    def difference_percent(self) -> Fraction:
        """How much more than the geometry of that day, in percent."""
        return 100 * (self.volume_per_step_nl / q.split(self.geometry)[0] - 1)

    @property
    def text(self) -> str:
        """For display, as 'calibrated 2026-11-24, n=5, CV 0.4 %'."""
        cv = q.decimal(Fraction(str(self.cv_percent)), 1)
        of_what = " on a virtual pump" if self.virtual else ""
        return f"calibrated {self.date:%Y-%m-%d}{of_what}, n={self.n}, CV {cv} %"

    def as_json(self) -> dict[str, object]:
        """The entry as an object; the date as ISO 8601."""
        return {**asdict(self), "date": self.date.isoformat()}


def default_file() -> Path:
    """calibrations.toml in the user's data folder."""
    import platformdirs

    return platformdirs.user_data_path("titra", appauthor=False) / "calibrations.toml"


def load(file: Path | None = None) -> list[Calibration]:
    """Every entry, oldest first; none when there is no file. Raises UsageError."""
    path = file or default_file()
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8")).get("calibration", [])
        return [_entry(table) for table in found]
    except FileNotFoundError:
        return []
    except (OSError, ValueError, TypeError, AttributeError) as error:
        details = {"field": "file", "given": str(path)}
        message = f"not a store of calibrations: {path}: {error}"
        raise UsageError(message, details=details) from error


def calibrated(
    syringe: str, serial: str | None = None, file: Path | None = None
) -> Calibration | None:
    """The latest calibration of ``syringe`` on the pump ``serial``; None without one.

    With ``serial`` None that of whichever real pump was calibrated last: good for a preview, not
    for a run. Virtual pumps count only by their serial.
    """
    for entry in reversed(load(file)):
        if entry.syringe == syringe and (
            entry.serial == serial if serial is not None else not entry.virtual
        ):
            return entry
    return None


def append(entry: Calibration, file: Path | None = None) -> Path:
    """Add ``entry``; returns the file. Raises UsageError (store-failed): the old file holds."""
    import tomlkit

    path = (file or default_file()).resolve()
    load(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        document = tomlkit.parse(path.read_text(encoding="utf-8")) if path.exists() else None
        if document is None:
            document = tomlkit.document()
            document.add(tomlkit.comment("Written by `titra calibrate`; the last entry holds."))
        if "calibration" not in document:
            document.add("calibration", tomlkit.aot())
        document["calibration"].append(tomlkit.item(asdict(entry)))
        _replace(path, tomlkit.dumps(document))
    except OSError as error:
        raise _store_failed(path, error) from error
    return path


def check_store(file: Path | None = None) -> None:
    """Raise UsageError now if the store cannot be read or written; nothing is changed."""
    path = (file or default_file()).resolve()
    load(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path.parent):
            pass
    except OSError as error:
        raise _store_failed(path, error) from error


def _store_failed(path: Path, error: OSError) -> UsageError:
    details = {"field": "file", "given": str(path)}
    return UsageError(f"cannot write {path}: {error}", "store-failed", details)


def _replace(path: Path, text: str) -> None:
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=path.name + ".", suffix=".new")
    try:
        with open(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(name, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(name)
        raise


def _entry(table: dict[str, Any]) -> Calibration:
    """Raises ValueError for what is missing or of the wrong kind."""
    hints = get_type_hints(Calibration)
    for each in fields(Calibration):
        kind = getattr(hints[each.name], "__origin__", hints[each.name])
        if not isinstance(table.get(each.name), kind):
            raise ValueError(f"{each.name} is missing or no {kind.__name__}")
    entry = Calibration(**{each.name: table[each.name] for each in fields(Calibration)})
    for text in (entry.volume_per_step, entry.geometry):
        number, unit = q.split(text)
        if unit != "nL" or number <= 0:
            raise ValueError(f"not a volume in nL: {text!r}")
    return entry
