"""The drug library of one pump: in flash only, replaced as a whole or not at all; and its verbs.

Two slots, written in turn, each a body (the lines of the entries) and a head (``core.library``).
Loading takes the head of the slot that is not in use away, writes the body entry by entry, and
the commit writes the head once the CRC-32 of what flash holds is the one it quotes: at any cut the
library in use stays what it was. RAM holds heads, never entries: a prescription reads the one that
it names. Loading is for where nothing can move: each entry is a write to flash, and a plan that is
ready must not meet another library than the one that limited it.
"""

from micropython import const

from pump.app.event_ring import is_whole, lines
from pump.app.runs import bounds_of
from pump.core import library as core
from pump.core import states
from pump.core.bounds import NONE, Bounds
from pump.core.frame import joined, parse, seal
from pump.core.refusal import Refusal
from pump.core.settings import check_label

_BODY = const("library-%d")
_HEAD = const("library-%d-head")
NO_HEAD = {"name": "none", "version": "none", "entries": "0", "crc": "00000000"}
_OPTIONAL = const("optional")  # what a board's LIBRARY says where `drug` may be left out
_ACCEPTS_MAX = const(100)
_SPOILT = const("crc")
_BAD = const("bad-library")


class Library:
    """The library in ``store``.

    number   how often one has been written; 0: there is none in use
    head     dict of the TITLE of the one in use, and its crc
    reasons  why slots were not believed at power-on
    """

    def __init__(self, store) -> None:
        self._store = store
        self.number = 0
        self.head = NO_HEAD
        self.reasons = []
        self._empty_stage()
        for slot in (0, 1):
            data = store.load(_HEAD % slot)
            if data:
                try:
                    self._mount(_fields_of(data), slot)
                except (Refusal, KeyError):
                    self.reasons.append(_SPOILT)

    def lost(self) -> bool:
        """True when there was a library and none can be used."""
        return not self.number and bool(self.reasons)

    def repair(self) -> None:
        """Forget what is spoilt, so that the next boot does not tell it again."""
        try:
            for slot in (0, 1):
                self._store.save(_HEAD % slot, b"")
        except OSError:
            pass  # then it does

    def label(self) -> str:
        """Name and version of the library in use, "none" without."""
        return self.head["name"] + ":" + self.head["version"] if self.number else "none"

    def said(self, bounds: Bounds, whole: bool = False) -> tuple:
        """Pair: the drug that limits a plan, ``whole`` with its library; else the lack of a drug,
        or of a library."""
        drug = bounds.drug if whole else bounds.drug.split("@")[0]
        return "drug" if self.number else "library", drug or "none"

    def bounds(self, board, fields: dict, between) -> tuple:
        """Return what board, ``drug`` and ``route`` limit, and ``fields`` without those two.
        ``between`` is called before every step that takes long, here and below."""
        fields = dict(fields)
        core.check_field("route", fields.pop("route", core.ROUTE))
        drug = fields.pop("drug", "")
        if not drug and board.LIBRARY == _OPTIONAL:
            return bounds_of(board), fields
        near = ""
        for line in self._lines(between):
            id = line[9 : line.find(b" ", 9)].decode()
            if id == drug:
                covered = "%s@%s:%s" % (drug, self.label(), self.head["crc"])
                return core.bounds_of(_fields_of(line), bounds_of(board), covered), fields
            if id[:3] == drug[:3] and len(near) + len(id) < _ACCEPTS_MAX:
                near += "," + id
        raise Refusal(
            "unknown-drug" if drug else "missing-field", "drug", drug, accepts=near[1:] or "none"
        )

    def entry(self, number: str, between) -> dict:
        """The fields of the entry in place ``number`` (from 1)."""
        at = 0
        for line in self._lines(between):
            at += 1
            if str(at) == number:
                return _fields_of(line)
        raise Refusal("out-of-range", "n", number, self.head["entries"])

    def load(self, number: str, fields: dict) -> None:
        """Add entry ``number`` to what is being loaded; 1 begins anew."""
        if number == "1":
            self._empty_stage()
        if number != str(self._staged + 1) or self._staged == core.ENTRIES:
            raise Refusal("out-of-range", "n", number, str(self._staged))
        core.bounds_of(fields, NONE, "")
        if fields["id"] <= self._last:
            raise Refusal("bad-value", "id", fields["id"], accepts="after-" + self._last)
        line = core.line_of(fields)
        slot = self._spare()
        try:
            if not self._staged:
                self._store.save(_HEAD % slot, b"")
                self._store.save(_BODY % slot, b"")
            self._store.append(_BODY % slot, line)
        except OSError:
            self._empty_stage()
            raise Refusal("store-failed", "library")
        self._staged += 1
        self._size += len(line)
        self._last = fields["id"]

    def commit(self, head: dict) -> None:
        """Put what was loaded in use if it is all there, as flash has it. ``head``: TITLE, crc."""
        slot = self._spare()
        for name in ("name", "version"):
            check_label(name, head[name], core.TITLE_MAX)
        found = self._crc(head, slot, self._size)
        for name, had in (("entries", str(self._staged)), ("crc", found)):
            if head[name] != had or not self._staged:
                raise Refusal(_BAD, name, head[name], had)
        pairs = [("number", str(self.number + 1)), ("bytes", str(self._size))] + _shown(head)
        try:
            self._store.save(_HEAD % slot, seal("library " + joined(pairs)))
        except OSError:
            raise Refusal("store-failed", "library")
        self.number += 1
        self.head = head
        self._empty_stage()

    # ---- inside -------------------------------------------------------------------------------

    def _mount(self, head: dict, slot: int) -> None:
        if self._crc(head, slot, int(head["bytes"])) != head["crc"]:
            raise Refusal(_BAD, "crc")
        if int(head["number"]) > self.number:
            self.number = int(head["number"])
            self.head = head

    def _crc(self, head: dict, slot: int, size: int) -> str:
        return core.crc_of(head, self._store.digest(_BODY % slot, size))

    def _empty_stage(self) -> None:
        self._staged = 0
        self._size = 0
        self._last = ""

    def _spare(self) -> int:
        return (self.number + 1) % 2

    def _lines(self, between):
        return lines(self._store, _BODY % (self.number % 2), between) if self.number else ()


def _fields_of(line: bytes) -> dict:
    """What a line from flash says, or Refusal: it may have changed since it was written."""
    if not is_whole(line):
        raise Refusal(_BAD, "crc")
    return parse(line[:-1]).fields


def _shown(head: dict) -> list:
    return [(name, head[name]) for name in core.TITLE + ("crc",)]


# ---- verbs: handlers as in ``commands`` ---------------------------------------------------------


def show_library(session, fields: dict, now_us: int) -> list:
    """Which one is in use; with ``n`` its entry in that place."""
    library = session.library
    if "n" not in fields:
        return _shown(library.head)
    entry = library.entry(fields["n"], session.controller.top_up)
    return [("n", fields["n"])] + [(name, entry[name]) for name in core.FIELDS if name in entry]


def load_entry(session, fields: dict, now_us: int) -> list:
    """Take entry ``n`` of another library; nothing is in use before the commit."""
    session.controller.allow(states.MAINTENANCE)
    entry = dict(fields)
    number = entry.pop("n", "")
    session.library.load(number, entry)
    if number == "1":
        session.record("library-loading", [])
    return [("n", number)]


def commit_library(session, fields: dict, now_us: int) -> list:
    """Put what was loaded in the place of what is in use."""
    session.controller.allow(states.MAINTENANCE)
    for name in core.TITLE + ("crc",):
        if name not in fields:
            raise Refusal("missing-field", name)
    session.library.commit(fields)
    pairs = _shown(fields)
    session.record("library", pairs)
    return pairs
