"""Lines of the serial protocol: cutting, checking and taking apart, putting together.

A request is ``[id] verb [key=value ...][*hhhh]``; see PROTOCOL.md. Bytes in, values out: the time
a byte came at is an argument. Bounds: a line is at most 240 bytes; a partial line is dropped after
_GAP_US without a byte (requirement COM-01).
"""

from micropython import const

from pump.core.crc import crc16_ccitt_false
from pump.core.refusal import Refusal

MAX_LINE = 240
TEXT_MAX = MAX_LINE - len("*hhhh\n")
_GAP_US = const(500_000)
_HEX = const(b"0123456789ABCDEFabcdef")
_KEY = const("abcdefghijklmnopqrstuvwxyz0123456789-")


class Request:
    """One request. ``tag`` is the id as text or '-', ``fields`` a dict of text to text."""

    def __init__(self, tag: str, verb: str, fields: dict, checked: bool, text: str) -> None:
        self.tag = tag
        self.verb = verb
        self.fields = fields
        self.checked = checked
        self.text = text


class LineCutter:
    """Cuts a byte stream into lines in a buffer of fixed size.

    ``feed`` returns a finished line as bytes, or None. An over-long line is reported once, as a
    line of MAX_LINE + 1 bytes, when its end comes.
    """

    def __init__(self) -> None:
        self._line = bytearray(MAX_LINE + 1)
        self._length = 0
        self._last_us = 0

    def feed(self, byte: int, now_us: int) -> bytes | None:
        """Take one byte that came at ``now_us``."""
        self.expire(now_us)
        self._last_us = now_us
        if byte != 10:
            if self._length <= MAX_LINE:
                self._line[self._length] = byte
                self._length += 1
            return None
        length = self._length
        self._length = 0
        if length and length <= MAX_LINE and self._line[length - 1] == 13:
            length -= 1
        return bytes(self._line[:length])

    def expire(self, now_us: int) -> None:
        """Drop a partial line that has waited _GAP_US or longer."""
        if self._length and now_us - self._last_us >= _GAP_US:
            self._length = 0

    def due_us(self) -> int | None:
        """When the partial line will be dropped; None when there is none."""
        return self._last_us + _GAP_US if self._length else None


def seal(text: str) -> bytes:
    """``text`` with its check and line end."""
    data = text.encode()
    return data + b"*%04X\n" % crc16_ccitt_false(data)


def parse(line: bytes) -> Request:
    """The request in ``line`` (without its line end). Raises Refusal bad-line, too-long, bad-crc,
    bad-value or duplicate-field."""
    if len(line) > MAX_LINE:
        raise Refusal("too-long", "line", limit="%dB" % MAX_LINE)
    for byte in line:
        if byte < 32 or byte > 126:
            raise Refusal("bad-line", given="byte-0x%02X" % byte, accepts="printable-ASCII")
    body, checked = _unseal(line)
    words = _words(body)
    tag = "-"
    if words and _is_tag(words[0]):
        tag = words.pop(0)
    if not words:
        raise Refusal("bad-line", given=body, accepts="[id]-verb-[key=value]")
    verb = words.pop(0)
    return Request(tag, verb, _fields(words), checked, body)


def tag_of(line: bytes) -> str:
    """The id of a line that could not be parsed, as far as it can be told; else '-'."""
    head = line.split(b" ")[0]
    if 1 <= len(head) <= 5:
        for byte in head:
            if byte < 48 or byte > 57:
                return "-"
        return head.decode()
    return "-"


def joined(pairs: list) -> str:
    """``key=value`` for each (key, value), quoted where the value holds a space."""
    words = []
    for key, value in pairs:
        words.append(key + "=" + ('"%s"' % value if " " in value else value))
    return " ".join(words)


def fitted(head: str, pairs: list) -> str:
    """``head`` and ``pairs`` as one line that leaves room for check and line end. Pairs stand in
    the order of their weight: what does not fit is left out at the end, and ``cut=yes`` says
    so."""
    text = head + joined(pairs)
    while len(text) > TEXT_MAX and pairs:
        pairs = pairs[:-1]
        text = head + joined(pairs + [("cut", "yes")])
    return text


def _unseal(line: bytes) -> tuple:
    if len(line) < 5 or line[-5] != 42 or line[-5:] == b"*IDN?":
        return line.decode(), False
    for byte in line[-4:]:
        if byte not in _HEX:
            raise Refusal("bad-crc", given=line[-4:].decode(), accepts="four-hex-digits")
    if int(line[-4:], 16) != crc16_ccitt_false(line[:-5]):
        raise Refusal("bad-crc", given=line[-4:].decode())
    return line[:-5].decode(), True


def _is_tag(word: str) -> bool:
    return 1 <= len(word) <= 5 and all("0" <= char <= "9" for char in word)


def _words(body: str) -> list:
    words = []
    word = ""
    quoted = False
    for char in body:
        if char == '"':
            quoted = not quoted
        if char == " " and not quoted:
            if word:
                words.append(word)
            word = ""
        else:
            word += char
    if quoted:
        raise Refusal("bad-line", given='"', accepts="closed-quotes")
    if word:
        words.append(word)
    return words


def _fields(words: list) -> dict:
    fields = {}
    for word in words:
        at = word.find("=")
        if at < 1 or not all(char in _KEY for char in word[:at]):
            raise Refusal("bad-line", given=word, accepts="key=value")
        key = word[:at]
        if key in fields:
            raise Refusal("duplicate-field", field=key)
        fields[key] = _unquoted(key, word[at + 1 :])
    return fields


def _unquoted(key: str, value: str) -> str:
    if len(value) >= 2 and value[0] == '"' and value[-1] == '"':
        value = value[1:-1]
    if not value or '"' in value or "*" in value:
        raise Refusal("bad-line", field=key, given=value, accepts="key=value")
    return value
