"""Units: what each dimension is called and how large each unit is in base units.

Base units: g, ng, ng/g, nL, us, ng/nL, nL/s, ng/s, ng/(g s), um, mN, mV.
The unit ``ug`` is not known on purpose (it is misread as mg); ``mcg`` is.  Source: the
safe-abbreviation rules of the protocol.
"""

# Dimension, then unit:size for each of its units; a size is numerator/denominator base units. The
# first unit is the canonical one: every value entered in another unit of its dimension is a finite
# decimal in it (hours and kg stand in the denominators, seconds for times). Packed text: heap is
# scarce on the chip.
UNITS = """
weight kg:1000 g:1
mass mg:1000000 mcg:1000 ng:1 g:1000000000
dose mg/kg:1000 mcg/kg:1 ng/kg:1/1000
volume mL:1000000 mcL:1000 nL:1 L:1000000000
time s:1000000 min:60000000 h:3600000000 ms:1000 us:1
concentration mg/mL:1 mcg/mL:1/1000 ng/mL:1/1000000
rate mL/h:2500/9 mL/min:50000/3 mcL/h:5/18 mcL/min:50/3 nL/min:1/60 nL/s:1
mass-rate mg/h:2500/9 mg/min:50000/3 mcg/h:5/18 mcg/min:50/3 ng/min:1/60
dose-rate mg/kg/h:5/18 mg/kg/min:50/3 mcg/kg/h:1/3600 mcg/kg/min:1/60 \
ng/kg/h:1/3600000 ng/kg/min:1/60000
length mm:1000 um:1
force N:1000 mN:1
voltage V:1000 mV:1
"""

_sizes: dict[
    str, tuple[int, int]
] = {}  # what was looked up: telemetry asks for the same ones again


def units_of(dimension: str) -> list[str]:
    """Return the names of the units of ``dimension``; an unknown dimension raises KeyError."""
    return [word.partition(":")[0] for word in line_of(UNITS, dimension).split(" ")]


def canonical_unit(dimension: str) -> str:
    """Return the unit in which quantities of ``dimension`` are written into a plan."""
    return line_of(UNITS, dimension).partition(":")[0]


def unit_size(unit: str, dimension: str) -> tuple[int, int]:
    """Return one ``unit`` in base units; an unknown unit raises KeyError."""
    key = dimension + unit
    if key not in _sizes:
        begin, end = _line(UNITS, dimension)
        at = UNITS.find(" " + unit + ":", begin, end)
        if at < 0:
            raise KeyError(unit)
        n, _, d = UNITS[at + len(unit) + 2 : end].partition(" ")[0].partition("/")
        _sizes[key] = int(n), int(d or 1)
    return _sizes[key]


def line_of(table: str, key: str) -> str:
    """Return what stands behind ``key`` and a space in the line of ``table`` that begins so, or
    raise KeyError."""
    begin, end = _line(table, key)
    return table[begin + 1 : end]


def _line(table: str, key: str) -> tuple[int, int]:
    """Return where the space behind ``key`` and the end of that line are."""
    at = table.find("\n" + key + " ")
    if at < 0:
        raise KeyError(key)
    return at + len(key) + 1, table.find("\n", at + 1)
