"""What a pump is set to: a table of named, typed, bounded values, and the slots they are kept in.

A slot is one line of text, written in turn with the other one:

    1 7 telemetry-interval=1s occlusion-force=40N supply-warn=4.5V ...*1C2D3E4F

that is format version, number of the write (it decides which slot is the newer), every setting in
canonical form, CRC-32. A slot is believed as a whole or not at all: check, version, every name and
every value must hold, as if they had just been entered; a setting that it lacks has its default.
Values are dicts of name -> canonical text; ``amount`` gives the integer in base units.
"""

from binascii import crc32

from micropython import const

from pump.core.quantity import exact, parse
from pump.core.ratio import compare
from pump.core.refusal import Refusal
from pump.core.units import canonical_unit, line_of, unit_size, units_of

_VERSION = const(1)
SLOTS = 2
LABEL = "label"
_LABEL_MAX = const(24)
_LABEL_CHARS = const("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-")

# Name, dimension (or LABEL), least, most, default. Packed text: heap is scarce on the chip.
_TABLE = const("""
telemetry-interval time 20ms 60s 1s
occlusion-force force 0.5N 150N 40N
supply-warn voltage 1V 60V 4.5V
supply-stop voltage 1V 60V 4V
pump-label label 1 24 unnamed
""")
NAMES = tuple([line.split(" ")[0] for line in _TABLE.strip().split("\n")])

# Why a slot is not believed.
_SPOILT = const("crc")
_OTHER_VERSION = const("version")
_BAD_VALUE = const("value")


def row_of(name: str) -> list[str]:
    """Return dimension (or LABEL), least, most and default of ``name``, or Refusal
    unknown-field."""
    if name not in NAMES:
        raise Refusal("unknown-field", name, accepts="settings")
    return line_of(_TABLE, name).split(" ")


def range_of(name: str) -> str:
    """Return what ``name`` accepts, for people: "20ms..60s"."""
    kind, least, most, _ = row_of(name)
    return "%s..%s-characters" % (least, most) if kind == LABEL else least + ".." + most


def checked(name: str, text: str) -> str:
    """Return ``text`` in canonical form, or refuse it: unknown-field, bad-number, missing-unit,
    bad-unit, out-of-range or bad-value."""
    kind, least, most, _ = row_of(name)
    if kind == LABEL:
        check_label(name, text, _LABEL_MAX)
        return text
    value = parse(name, text, kind)
    if compare(value, parse(name, least, kind)) < 0 or compare(value, parse(name, most, kind)) > 0:
        raise Refusal("out-of-range", name, text, range_of(name))
    if value[1] != 1:
        raise Refusal("bad-value", name, text, accepts="whole-" + _base_unit(kind))
    return exact(value, canonical_unit(kind), kind)


def check_together(values: dict) -> None:
    """Refuse (out-of-range) values that hold each by itself but not with each other."""
    warn, stop = values["supply-warn"], values["supply-stop"]
    if amount("supply-stop", stop) > amount("supply-warn", warn):
        raise Refusal("out-of-range", "supply-stop", stop, "supply-warn=" + warn)


def amount(name: str, text: str) -> int:
    """Return a canonical value in base units (us, mN, mV). TypeError for a label."""
    kind = row_of(name)[0]
    if kind == LABEL:
        raise TypeError(name)
    return parse(name, text, kind)[0]


def defaults(own: dict | None = None) -> dict:
    """Return the values of a pump that was never set; ``own`` are those of the board, which must
    hold as if they were entered."""
    values = {name: checked(name, row_of(name)[3]) for name in NAMES}
    for name in own or {}:
        values[name] = checked(name, own[name])
    check_together(values)
    return values


def pack(number: int, values: dict) -> bytes:
    """Return the slot's content; ``number`` >= 1."""
    words = ["%d %d" % (_VERSION, number)]
    words += [name + "=" + values[name] for name in NAMES]
    text = " ".join(words)
    return ("%s*%08X" % (text, crc32(text.encode()))).encode()


def unpack(data: bytes, base: dict) -> tuple[int, dict | None, str]:
    """Return (number, values, ""), or (0, None, why not); an empty slot has no reason. ``base``
    are the defaults."""
    if not data:
        return 0, None, ""
    text, star, check = data.partition(b"*")
    if not star or check != ("%08X" % crc32(text)).encode():
        return 0, None, _SPOILT
    words = text.decode().split(" ")
    if len(words) < 2 or words[0] != "%d" % _VERSION:
        return 0, None, _OTHER_VERSION
    try:
        return int(words[1]), _values(words[2:], base), ""
    except (Refusal, ValueError):
        return 0, None, _BAD_VALUE


def newest(slots: list[bytes], base: dict) -> tuple[int, dict | None, list[str]]:
    """Return (number, values, reasons): of the newest slot that is believed, or (0, None), and why
    each of the others that hold anything is not."""
    best = (0, None)
    reasons = []
    for data in slots:
        number, values, why = unpack(data, base)
        if why:
            reasons.append(why)
        if values is not None and number > best[0]:
            best = (number, values)
    return best[0], best[1], reasons


def _values(words: list[str], base: dict) -> dict:
    values = dict(base)
    for word in words:
        name, _, text = word.partition("=")
        values[name] = checked(name, text)
    check_together(values)
    return values


def check_label(name: str, text: str, most: int) -> None:
    """Refuse (bad-value, out-of-range) what is not 1 to ``most`` letters, digits and ``._-``."""
    for char in text:
        if char not in _LABEL_CHARS:
            raise Refusal("bad-value", name, text, accepts="letters-digits-._-")
    if not 1 <= len(text) <= most:
        raise Refusal("out-of-range", name, text, "1..%d-characters" % most)


def _base_unit(dimension: str) -> str:
    for unit in units_of(dimension):
        if unit_size(unit, dimension) == (1, 1):
            return unit
    raise KeyError(dimension)
