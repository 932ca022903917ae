"""Units: what each dimension is called and how large each unit is in base units.

Base units: g, ng, ng/g, nL, us, ng/nL, nL/s, ng/s, ng/(g s), um, mN, mV.
The unit ``ug`` is not known on purpose (it is misread as mg); ``mcg`` is.  Source: the
safe-abbreviation rules of the protocol.
"""

# dimension -> (unit, numerator, denominator): one ``unit`` is numerator/denominator base units.
# The first unit is the canonical one: every value entered in another unit of its dimension is a
# finite decimal in it (hours and kg stand in the denominators, seconds for times).
DIMENSIONS = (
    ("weight", (("kg", 1000, 1), ("g", 1, 1))),
    ("mass", (("mg", 10**6, 1), ("mcg", 1000, 1), ("ng", 1, 1), ("g", 10**9, 1))),
    ("dose", (("mg/kg", 1000, 1), ("mcg/kg", 1, 1), ("ng/kg", 1, 1000))),
    ("volume", (("mL", 10**6, 1), ("mcL", 1000, 1), ("nL", 1, 1), ("L", 10**9, 1))),
    (
        "time",
        (
            ("s", 10**6, 1),
            ("min", 60 * 10**6, 1),
            ("h", 3600 * 10**6, 1),
            ("ms", 1000, 1),
            ("us", 1, 1),
        ),
    ),
    ("concentration", (("mg/mL", 1, 1), ("mcg/mL", 1, 1000), ("ng/mL", 1, 10**6))),
    (
        "rate",
        (
            ("mL/h", 2500, 9),
            ("mL/min", 50000, 3),
            ("mcL/h", 5, 18),
            ("mcL/min", 50, 3),
            ("nL/min", 1, 60),
            ("nL/s", 1, 1),
        ),
    ),
    (
        "mass-rate",
        (
            ("mg/h", 2500, 9),
            ("mg/min", 50000, 3),
            ("mcg/h", 5, 18),
            ("mcg/min", 50, 3),
            ("ng/min", 1, 60),
        ),
    ),
    (
        "dose-rate",
        (
            ("mg/kg/h", 5, 18),
            ("mg/kg/min", 50, 3),
            ("mcg/kg/h", 1, 3600),
            ("mcg/kg/min", 1, 60),
            ("ng/kg/h", 1, 3600000),
            ("ng/kg/min", 1, 60000),
        ),
    ),
    ("length", (("mm", 1000, 1), ("um", 1, 1))),
    ("force", (("N", 1000, 1), ("mN", 1, 1))),
    ("voltage", (("V", 1000, 1), ("mV", 1, 1))),
)


def units_of(dimension: str) -> tuple[tuple[str, int, int], ...]:
    """Return the unit rows of ``dimension``; an unknown dimension raises KeyError."""
    for name, rows in DIMENSIONS:
        if name == dimension:
            return rows
    raise KeyError(dimension)


def canonical_unit(dimension: str) -> str:
    """Return the unit in which quantities of ``dimension`` are written into a plan."""
    return units_of(dimension)[0][0]


def unit_size(unit: str, dimension: str) -> tuple[int, int]:
    """Return one ``unit`` in base units; an unknown unit raises KeyError."""
    for name, n, d in units_of(dimension):
        if name == unit:
            return n, d
    raise KeyError(unit)
