"""Codec of the serial protocol (firmware/PROTOCOL.md); bytes in, typed messages out, no I/O.

A line is ASCII, at most MAX_LINE bytes with star and check, and ends with a line feed. The check
is CRC-16/CCITT-FALSE of every byte before the star; that of ``123456789`` is ``29B1``.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from titra import quantities

MAX_LINE = 240
RECEIVE_MAX = 512  # more than the contract allows the pump: its check tells if a line is whole
MAX_ID = 99_999
ID_DIGITS, SEQ_DIGITS = 5, 18
_KEY = re.compile(r"[a-z][a-z0-9-]*\Z")
_PRINTABLE = bytes(range(32, 127))
_IDENTITY = re.compile(r"[^ ,*]+,[^,]*,[^,]*,[^,]*\Z")
_MARKS = ("~", "!", "-")  # what telemetry, events and replies without id begin with
_CHECK = re.compile(r"\*[0-9A-Fa-f]{4}\Z")
_PAIR = re.compile(r' ([a-z][a-z0-9-]*)=([^ "]*)')
_WORD = re.compile(r'[^\s"=]+(?:="[^"]*"|=[^\s"]*)?(?=\s|\Z)|\S+')


@dataclass(frozen=True)
class Message:
    """One line from the pump. ``raw`` is the line as it came, without its end."""

    raw: str
    fields: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Reply(Message):
    """Answer to a request. ``tag`` is the id sent, or '-' where the pump could read none."""

    tag: str = "-"
    ok: bool = True

    @property
    def code(self) -> str:
        """The error code; '' for an ok."""
        return "" if self.ok else self.fields.get("code", "")


@dataclass(frozen=True)
class Report(Message):
    """Common to events and telemetry: sequence number, pump time, boot number."""

    seq: int = 0

    @property
    def boot(self) -> int:
        """Boot number; -1 where it is missing."""
        text = self.fields.get("boot", "")
        return int(text) if text.isdecimal() else -1

    @property
    def t_us(self) -> int | None:
        """Pump time since boot in us."""
        return quantities.time_us(self.fields.get("t"))


@dataclass(frozen=True)
class Event(Report):
    """Something happened; ``(boot, seq)`` names it for good."""

    @property
    def name(self) -> str:
        """One of the names in PROTOCOL.md."""
        return self.fields.get("name", "")


@dataclass(frozen=True)
class Telemetry(Report):
    """A sample of the pump's state."""


@dataclass(frozen=True)
class Identity(Message):
    """The bare SCPI answer to ``*IDN?``."""

    maker: str = ""
    model: str = ""
    serial: str = ""
    firmware: str = ""


@dataclass(frozen=True)
class BadLine(Message):
    """A line that is not of this protocol. ``reason``: too-long, not-ascii, bad-crc, no-crc,
    malformed."""

    reason: str = "malformed"


class LineSplitter:
    """Cuts a byte stream into lines with a buffer of at most RECEIVE_MAX + 1 bytes.

    A line that is too long comes out once, cut to RECEIVE_MAX + 1 bytes, when its end arrives.
    """

    def __init__(self) -> None:
        self._held = bytearray()

    def feed(self, data: bytes) -> list[bytes]:
        """Take bytes in any chunking; return the finished lines without their ends."""
        *whole, rest = data.split(b"\n")
        if whole and self._held:
            self._keep(whole[0])
            whole[0] = bytes(self._held)
            self._held.clear()
        self._keep(rest)
        return [line[: RECEIVE_MAX + 1].removesuffix(b"\r") for line in whole]

    def _keep(self, piece: bytes) -> None:
        self._held += piece[: RECEIVE_MAX + 1 - len(self._held)]

    @property
    def partial(self) -> bytes:
        """What has come of a line not yet ended."""
        return bytes(self._held)


def crc(data: bytes) -> int:
    """CRC-16/CCITT-FALSE."""
    return binascii.crc_hqx(data, 0xFFFF)


def seal(text: str) -> bytes:
    """``text`` as a line with check and line feed."""
    data = text.encode("ascii")
    return b"%b*%04X\n" % (data, crc(data))


def encode(verb: str, fields: Mapping[str, str], tag: int | str) -> str:
    """A request without its check. ValueError names what cannot stand in a line."""
    words = [str(tag)] if str(tag) else []
    words.append(verb)
    for key, value in fields.items():
        if not _KEY.match(key):
            raise ValueError(f"not a field name: {key!r}")
        words.append(f"{key}={_quoted(key, value)}")
    text = " ".join(words)
    if not text.isascii() or not text.isprintable() or not verb or " " in verb:
        raise ValueError("only printable ASCII can be sent")
    if len(text) + 5 > MAX_LINE:
        raise ValueError(f"the line is longer than {MAX_LINE} bytes")
    return text


def decode(line: bytes) -> Message:
    """The message in ``line`` (without its end). Never raises: what is wrong becomes a BadLine."""
    raw = line.decode("ascii", "backslashreplace")
    if len(line) > RECEIVE_MAX:
        return BadLine(raw, reason="too-long")
    if line.translate(None, _PRINTABLE):
        return BadLine(raw, reason="not-ascii")
    if raw[:1] not in _MARKS and raw.count(",") == 3 and _IDENTITY.match(raw):
        return Identity(raw, {}, *(part.strip() for part in raw.split(",")))
    check = b"*%04X" % binascii.crc_hqx(line[:-5], 0xFFFF)
    if line[-5:] != check and line[-5:].upper() != check:
        return BadLine(raw, reason="bad-crc" if _CHECK.search(raw) else "no-crc")
    return _parse(raw, raw[:-5])


def pairs(text: str) -> dict[str, str] | None:
    """``key=value`` words as a dict; None when they are not well formed."""
    return _fields(" " + text)


def _parse(raw: str, body: str) -> Message:
    head, _, rest = body.partition(" ")
    mark, number = head[:1], head[1:]
    if mark == "~" and number.isdecimal() and len(number) <= SEQ_DIGITS:
        fields = _fields(body[len(head) :])
        return BadLine(raw) if not fields else Telemetry(raw, fields, int(number))
    kind, _, rest = rest.partition(" ")
    fields = _fields(" " + rest)
    if fields is None:
        return BadLine(raw)
    if kind in ("ok", "err") and (head == "-" or (head.isdecimal() and len(head) <= ID_DIGITS)):
        return Reply(raw, fields, head, kind == "ok")
    if kind == "event" and mark == "!" and number.isdecimal() and len(number) <= SEQ_DIGITS:
        return Event(raw, fields, int(number))
    return BadLine(raw)


def _fields(text: str) -> dict[str, str] | None:
    """The pairs of ``text``, each after a space. Most lines have no quotes: one pass of the
    regular expression reads them, and has missed nothing if it found a pair for every space."""
    fields: dict[str, str] = dict(_PAIR.findall(text))
    if len(fields) == text.count(" ") and '"' not in text:
        return fields
    fields = {}
    for word in _WORD.findall(text):
        key, equals, value = word.partition("=")
        if not equals or not _KEY.match(key) or key in fields:
            return None
        if len(value) >= 2 and value[0] == value[-1] == '"':
            value = value[1:-1]
        if '"' in value:
            return None
        fields[key] = value
    return fields


def _quoted(key: str, value: str) -> str:
    if not value or '"' in value or "*" in value:
        raise ValueError(f"{key} cannot hold {value!r}")
    return f'"{value}"' if " " in value else value
