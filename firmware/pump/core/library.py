"""Entries of a drug library: what one may say, and the limits that come of it.

An entry is a dict of text; in flash a line of the protocol behind the word ``entry``:

    id=ketamine-depression drug=ketamine route=iv concentrations=1mg/mL,2mg/mL
    dose=..0.75mg/kg<1mg/kg rate=..1mg/kg/h<1.5mg/kg/h over=20min<..

A limit is ``hard<soft..soft<hard``: what stands beside ``..`` is soft, what stands beyond ``<`` is
hard, each may be missing, and they rise. A field may have several, of different units, joined by
commas. Entries stand in the order of their ids: at most ENTRIES, of TEXT_MAX bytes each.

The head makes entries a library: name, version, number of entries, and the CRC-32 of their lines
with those three behind them.
"""

from binascii import crc32

from pump.core.bounds import Bounds
from pump.core.frame import joined, seal
from pump.core.limits import check, enter
from pump.core.ratio import compare
from pump.core.refusal import Refusal
from pump.core.settings import check_label

ENTRIES = 64
TEXT_MAX = 210  # what a request takes beside id, verb and number
ROUTE = "iv"
NEEDED = ("id", "drug", "route", "concentrations")
LIMITED = ("dose", "rate", "concentration", "over", "weight")
PLAIN = {"concentrations": "concentration", "lockout": "over", "hourly": "dose"}  # read as
FIELDS = NEEDED + LIMITED + ("lockout", "hourly")
FORM = "hard<soft..soft<hard"
TITLE = ("name", "version", "entries")
TITLE_MAX = 16


def crc_of(head: dict[str, str], body_crc: int) -> str:
    """Return the CRC-32 of a library in hex: that of its lines, gone on with its TITLE."""
    title = joined([(name, head[name]) for name in TITLE])
    return "%08X" % crc32(title.encode(), body_crc)


def line_of(fields: dict[str, str]) -> bytes:
    """Return the line of an entry; Refusal too-long."""
    text = joined([(name, fields[name]) for name in FIELDS if name in fields])
    if len(text) > TEXT_MAX:
        raise Refusal("too-long", "id", fields["id"], "%dB" % TEXT_MAX)
    return seal("entry " + text)


def check_field(name: str, text: str) -> None:
    """Refuse what no entry may say in field ``name``."""
    if name == "route":
        if text != ROUTE:
            raise Refusal("route", name, text, accepts=ROUTE)
    elif name in PLAIN:
        for one in text.split(","):
            check(enter(PLAIN[name], one))
    elif name in LIMITED:
        rows_of(name, text)
    elif name in NEEDED:
        check_label(name, text, 24)
    else:
        raise Refusal("unknown-field", name, text, accepts=",".join(FIELDS))


def bounds_of(fields: dict[str, str], board: Bounds, drug: str) -> Bounds:
    """Return what limits a plan by this entry and by the ``board``, or refuse the entry. ``drug``:
    what the hash of the plan is to cover."""
    hard, soft = board.hard, board.soft
    for name in NEEDED:
        if name not in fields:
            raise Refusal("missing-field", name)
    for name in sorted(fields):
        try:
            check_field(name, fields[name])
        except Refusal as refusal:
            refusal.field = name
            raise
        if name in LIMITED:
            rows = rows_of(name, fields[name])
            hard += rows[0]
            soft += rows[1]
    bolus = fields.get("lockout", board.lockout), fields.get("hourly", board.hourly)
    return Bounds(hard, soft, *bolus, tuple(fields["concentrations"].split(",")), drug)


def rows_of(field: str, text: str) -> tuple:
    """Return the rows (field, least, most) of the limits on a field: hard ones, soft ones."""
    hard, soft = (), ()
    for limit in text.split(","):
        least, _, most = limit.partition("..")
        hard_least, _, soft_least = least.rpartition("<")
        soft_most, _, hard_most = most.partition("<")
        before = None
        for bound in (hard_least, soft_least, soft_most, hard_most):
            if bound:
                entered = enter(field, bound)
                check(entered)
                before = before or entered
                if before.dimension != entered.dimension:
                    raise Refusal("bad-unit", field, bound, accepts=before.unit)
                if compare(before.value, entered.value) > 0:
                    raise Refusal("bad-value", field, bound, before.text, FORM)
                before = entered
        if not before or ".." not in limit:
            raise Refusal("bad-value", field, limit, accepts=FORM)
        hard += ((field, hard_least, hard_most),)
        soft += ((field, soft_least, soft_most),)
    return hard, soft
