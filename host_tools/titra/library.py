"""Drug libraries on the host: entries, the compiled form, and what a drug limits.

An entry is what the pump keeps of it (``pump.core.library``): a dict of text. Compiled, a library
is a line that names it and a line for each entry, in the order of their ids, each with its check:
the same entries give the same bytes.
"""

from __future__ import annotations

import importlib
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from titra import protocol
from titra.errors import REFUSED, PumpRefused, TitraError, UsageError

NAMES = ("name", "version", "entries")
SUFFIX = ".library"
core: Any = importlib.import_module("pump.core.library")


class LibraryFaulty(TitraError):
    """A file that is no library that a pump would take."""

    code = "bad-library"
    exit_code = REFUSED


@dataclass(frozen=True)
class Entry:
    """One drug: ``fields`` as on the wire; ``note`` and ``source`` stay on the host."""

    fields: Mapping[str, str]
    note: str = ""
    source: str = ""

    @property
    def id(self) -> str:
        """What `drug=` names."""
        return self.fields["id"]

    def line(self) -> bytes:
        """The line that the pump keeps."""
        return bytes(core.line_of(dict(self.fields)))


@dataclass(frozen=True)
class Library:
    """Entries in the order of their ids, under a name and a version."""

    name: str
    version: str
    entries: Sequence[Entry] = field(default_factory=tuple)

    @property
    def head(self) -> dict[str, str]:
        """Name, version, number of entries and the CRC-32 of all, as on the wire."""
        head = {"name": self.name, "version": self.version, "entries": str(len(self.entries))}
        body = b"".join(entry.line() for entry in self.entries)
        return {**head, "crc": str(core.crc_of(head, zlib.crc32(body)))}

    @property
    def label(self) -> str:
        """Name and version, as the pump says them."""
        return f"{self.name}:{self.version}"

    def compiled(self) -> bytes:
        """The compiled form."""
        head = protocol.seal(protocol.encode("library", self.head, ""))
        return head + b"".join(entry.line() for entry in self.entries)


def unpack(data: bytes, origin: str) -> Library:
    """The library in a compiled form. Raises LibraryFaulty naming the line."""
    entries: list[Entry] = []
    head: dict[str, str] = {}
    for number, line in enumerate(data.split(b"\n")[:-1], 1):
        body, _, check = line.rpartition(b"*")
        if check != b"%04X" % protocol.crc(body):
            raise LibraryFaulty(f"{origin}:{number}: the line is damaged, its check does not fit")
        said = fields_of(body.decode("ascii"))
        if number == 1:
            head = said
        else:
            entries.append(Entry(said))
    found = Library(head.get("name", ""), head.get("version", ""), tuple(entries))
    if found.head != head:
        raise LibraryFaulty(f"{origin}: entries are missing or changed, the CRC does not fit")
    return found


def fields_of(text: str) -> dict[str, str]:
    """``key=value`` words behind the first word."""
    return dict(word.partition("=")[::2] for word in text.split(" ")[1:])


def read(path: Path) -> Library:
    """The library in a TOML file or a compiled one. Raises LibraryFaulty, UsageError."""
    try:
        data = path.read_bytes()
    except OSError as error:
        details = {"field": "file", "given": str(path)}
        raise UsageError(f"cannot read {path}: {error.strerror}", details=details) from error
    if data.startswith(b"library name="):
        return unpack(data, str(path))
    from titra import library_file

    found, problems = library_file.parse(data)
    if found is None or problems:
        more = f"{len(problems)} errors; " if len(problems) > 1 else ""
        raise LibraryFaulty(
            f"{path}:{problems[0]}; {more}`titra library check {path}` lists them",
            details={"field": problems[0].field, "given": problems[0].given},
        )
    return found


def bounds_of(path: Path, drug: str, board: Any) -> Any:
    """``pump.core.bounds.Bounds`` of ``drug`` in the library ``path`` on top of the ``board``'s,
    as the pump makes them. Raises PumpRefused (unknown-drug) and what ``read`` does."""
    library = read(path)
    for entry in library.entries:
        if entry.id == drug:
            word = f"{drug}@{library.label}:{library.head['crc']}"
            return core.bounds_of(dict(entry.fields), board, word)
    known = ",".join(entry.id for entry in library.entries)
    raise PumpRefused("unknown-drug", {"field": "drug", "given": drug, "accepts": known})
