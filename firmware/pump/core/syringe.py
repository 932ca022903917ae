"""The syringes that the pump knows, by id: capacity and inner diameter.

Diameters are second-hand, transcribed from pump makers' tables: source A cites KD Scientific and
Harvard charts, source B the manuals of the New Era series.  Makers' tables disagree by up to 3.5 %
in flow, so calibrate by weighing and give ``volume-per-step`` where it matters.
"""

from pump.core.quantity import parse
from pump.core.refusal import Refusal

# id prefix, name, source, "mL:diameter in mm" per size.  Packed text: heap is scarce on the chip.
SERIES = (
    (
        "bd",
        "BD Plastic Luer-Lok",
        "B",
        "1:4.699 3:8.585 5:11.99 10:14.43 20:19.05 30:21.59 60:26.59",
    ),
    ("terumo", "Terumo", "B", "1:4.7 3:8.95 5:13.0 10:15.8 20:20.15 30:23.1 60:29.7"),
    (
        "monoject",
        "Sherwood Monoject (approximate)",
        "B",
        "3:8.94 6:12.7 12:15.72 20:20.12 35:23.8 60:26.7",
    ),
    (
        "omnifix",
        "B. Braun Omnifix",
        "B",
        "1:4.69 3:9.65 5:12.45 10:15.9 20:20.05 30:22.5 50:28.9",
    ),
    ("hamilton-1000", "Hamilton 1000 series", "A", "1:4.608 5:10.3 10:14.57 25:23.03 50:32.57"),
)


class Syringe:
    """One syringe: id, name, capacity ``volume_nl`` (int, nL), inner ``diameter`` (text with unit,
    as in "26.59mm"), ``source`` of the diameter."""

    def __init__(self, id: str, name: str, volume_nl: int, diameter: str, source: str) -> None:
        self.id = id
        self.name = name
        self.volume_nl = volume_nl
        self.diameter = diameter
        self.source = source

    def diameter_um(self) -> tuple[int, int]:
        """Return the inner diameter in um, exact."""
        return parse("diameter", self.diameter, "length")


def ids() -> list[str]:
    """Return the ids of all syringes in table order."""
    return [row[0] + "-" + size.split(":")[0] for row in SERIES for size in row[3].split()]


def _accepted(id: str) -> str:
    """Name what would have been taken: the sizes of the maker meant, or one id per maker."""
    for prefix, _, _, sizes in SERIES:
        if id.startswith(prefix + "-"):
            return ",".join([prefix + "-" + size.split(":")[0] for size in sizes.split()])
    return ",".join([row[0] + "-" + row[3].split(":")[0] for row in SERIES])


def find(id: str) -> Syringe:
    """Return the syringe called ``id``, or refuse it (unknown-syringe) naming some that exist."""
    for prefix, name, source, sizes in SERIES:
        for size in sizes.split():
            volume_ml, diameter = size.split(":")
            if id == prefix + "-" + volume_ml:
                full = "%s %s mL" % (name, volume_ml)
                return Syringe(id, full, int(volume_ml) * 10**6, diameter + "mm", source)
    raise Refusal("unknown-syringe", "syringe", id, accepts=_accepted(id))


def custom(volume_nl: int, diameter: str) -> Syringe:
    """Return a syringe that stands in no table, from its capacity and diameter with unit."""
    return Syringe("custom", "custom", volume_nl, diameter, "entered")
