"""The raw wire log: every byte of a run with host time, one JSON object a line.

First line: ``{"titra": version, "started": ..., "port": ...}``. Then, in order of arrival,
``{"at": host time (ISO 8601, UTC), "clock": the transport's seconds, "dir": "tx" | "rx" | "link",
"data": "..."}``; ``data`` maps byte to character one to one (Latin-1), so nothing is lost. Records
``link`` say ``down: why`` and ``up``.

Every record is handed to the operating system before the next byte is read: a crash or kill of the
program loses nothing that was received. A power cut of the host can cost what the system has not
yet written to disk (seconds), and may cut the last line short; readers leave that line out.
"""

from __future__ import annotations

import datetime
import json
import os
import threading
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from titra import __version__
from titra.errors import BadRecording

TX, RX, LINK = "tx", "rx", "link"


class WireLog:
    """Writes a log; any thread may."""

    def __init__(self, path: Path, port: str) -> None:
        """Create ``path`` and its directories. OSError when that fails or ``path`` exists."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self._file: TextIO = path.open("x", buffering=1, encoding="ascii")
        self._writing = threading.Lock()
        self._put({"titra": __version__, "started": _now(), "port": port})

    def tx(self, data: bytes, clock_s: float) -> None:
        """Record bytes sent at ``clock_s`` of the transport's clock."""
        self._record(TX, data, clock_s)

    def rx(self, data: bytes, clock_s: float) -> None:
        """Record bytes received."""
        self._record(RX, data, clock_s)

    def link(self, word: str, clock_s: float) -> None:
        """Record that the link went ``down: why`` or came ``up`` again."""
        self._record(LINK, word.encode("ascii", "backslashreplace"), clock_s)

    def close(self) -> None:
        """Close the file."""
        with self._writing:
            self._file.close()

    def _record(self, direction: str, data: bytes, clock_s: float) -> None:
        text = data.decode("latin-1")
        self._put({"at": _now(), "clock": round(clock_s, 6), "dir": direction, "data": text})

    def _put(self, record: dict[str, object]) -> None:
        with self._writing:
            if not self._file.closed:
                self._file.write(json.dumps(record) + "\n")


@dataclass(frozen=True)
class Record:
    """One record: host time, seconds of the transport's clock, direction, bytes."""

    at: datetime.datetime
    clock_s: float
    direction: str
    data: bytes


def default_path(command: str) -> Path:
    """Where the log of this run goes: under XDG_STATE_HOME or ~/.local/state."""
    state = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    stamp = datetime.datetime.now(datetime.UTC).strftime("%Y%m%dT%H%M%S.%fZ")
    return Path(state) / "titra" / "wire" / f"{stamp}-{command}-{os.getpid()}.jsonl"


def header(path: Path) -> dict[str, str]:
    """The first line: ``titra``, ``started``, ``port``. Raises BadRecording."""
    try:
        with path.open(encoding="ascii") as file:
            found = json.loads(file.readline())
    except OSError as error:
        raise BadRecording(f"{path}: cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise BadRecording(f"{path}: not a recording of titra") from error
    if not isinstance(found, dict) or "titra" not in found:
        raise BadRecording(f"{path}: not a recording of titra")
    return {key: str(value) for key, value in found.items()}


def records(path: Path) -> Generator[Record]:
    """The records after the first line; a last line cut short by a crash is left out. Raises
    BadRecording at once or at the line that is wrong."""
    header(path)
    return _records(path)


def _records(path: Path) -> Generator[Record]:
    with path.open(encoding="ascii") as file:
        next(file, None)
        for number, line in enumerate(file, 2):
            if not line.endswith("\n"):
                return
            try:
                yield _record(json.loads(line))
            except (ValueError, KeyError, TypeError) as error:
                raise BadRecording(f"{path}, line {number}: not a record of titra") from error


def _record(found: dict[str, Any]) -> Record:
    return Record(
        datetime.datetime.fromisoformat(found["at"]),
        float(found["clock"]),
        str(found["dir"]),
        str(found["data"]).encode("latin-1"),
    )


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="microseconds")
