"""The raw wire log: every byte of a run with host time, one JSON object a line.

First line: ``{"titra": version, "started": ..., "port": ...}``. Then, in order of arrival,
``{"at": host time (ISO 8601, UTC), "clock": the transport's seconds, "dir": "tx" | "rx",
"data": "..."}``; ``data`` maps byte to character one to one (Latin-1), so nothing is lost.
"""

from __future__ import annotations

import datetime
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from titra import __version__
from titra.protocol import LineSplitter, Message, decode


class WireLog:
    """Writes a log; each record is flushed, so that a crash loses nothing."""

    def __init__(self, path: Path, port: str) -> None:
        """Create ``path`` and its directories. OSError when that fails."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self._file: TextIO = path.open("w", buffering=1, encoding="ascii")
        self._put({"titra": __version__, "started": _now(), "port": port})

    def tx(self, data: bytes, clock_s: float) -> None:
        """Record bytes sent at ``clock_s`` of the transport's clock."""
        self._record("tx", data, clock_s)

    def rx(self, data: bytes, clock_s: float) -> None:
        """Record bytes received."""
        self._record("rx", data, clock_s)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _record(self, direction: str, data: bytes, clock_s: float) -> None:
        text = data.decode("latin-1")
        self._put({"at": _now(), "clock": round(clock_s, 6), "dir": direction, "data": text})

    def _put(self, record: dict[str, object]) -> None:
        if not self._file.closed:
            self._file.write(json.dumps(record) + "\n")


def default_path(command: str) -> Path:
    """Where the log of this run goes: under XDG_STATE_HOME or ~/.local/state."""
    state = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    stamp = datetime.datetime.now(datetime.UTC).strftime("%Y%m%dT%H%M%S.%fZ")
    return Path(state) / "titra" / "wire" / f"{stamp}-{command}-{os.getpid()}.jsonl"


def records(path: Path) -> Iterator[dict[str, object]]:
    """The records after the first line; a last line cut short by a crash is left out."""
    with path.open(encoding="ascii") as file:
        next(file, None)
        for line in file:
            if line.endswith("\n"):
                yield json.loads(line)


def replay(path: Path) -> Iterator[Message]:
    """Every message the pump sent in the recorded run, through the same codec as a live one."""
    splitter = LineSplitter()
    for record in records(path):
        if record["dir"] == "rx":
            for line in splitter.feed(str(record["data"]).encode("latin-1")):
                yield decode(line)


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="microseconds")
