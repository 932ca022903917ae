"""``titra syringes``: the firmware's table, the source of each diameter, and what was weighed."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import typer
from rich.markup import escape
from rich.table import Table

from titra import quantities as q
from titra.calibration_store import Calibration, load
from titra.cli.common import JsonOption, guarded, out, print_json, wants_json
from titra.cli.order import BoardOption
from titra.prescription import DEFAULT_BOARD, board_settings

SOURCES = {
    "A": "table citing KD Scientific / Harvard charts",
    "B": "table used by a behavioural-lab software, citing pump manuals (New Era series)",
}
NOTE = (
    "Second-hand figures: makers' tables disagree by up to 3.5 % on flow, one Monoject 1 mL entry "
    "by 51 %. Calibrate by weighing: titra calibrate."
)


@dataclass(frozen=True)
class Row:
    """A syringe of the table: volumes in nL; ``calibration`` is the last one of a real pump."""

    id: str
    name: str
    capacity_nl: int
    diameter: str
    source: str
    per_step_nl: Fraction
    calibration: Calibration | None

    def as_json(self) -> dict[str, object]:
        """The row as an object; the volume per step is that of the geometry, exact."""
        return {
            "syringe": self.id,
            "name": self.name,
            "capacity_nl": self.capacity_nl,
            "diameter": self.diameter,
            "source": SOURCES[self.source],
            "volume_per_step_nl": q.exact(self.per_step_nl),
            "calibration": self.calibration.as_json() if self.calibration else None,
        }


@guarded
def syringes(
    ctx: typer.Context, board: BoardOption = DEFAULT_BOARD, as_json: JsonOption = False
) -> None:
    """List the syringes that the pump knows: diameter, its source, volume per step, calibration.

    Example: titra syringes --board rpi_pico
    """
    found = rows(board)
    if wants_json(ctx, as_json):
        print_json({"board": board, "syringes": [row.as_json() for row in found], "note": NOTE})
        return
    console = out()
    console.print(_table(found))
    used = sorted({row.source for row in found})
    for line in [f"source {name}: {SOURCES[name]}" for name in used] + [NOTE]:
        console.print(escape(line), soft_wrap=not console.is_terminal)


def rows(board: str) -> list[Row]:
    """Every syringe of the firmware's table, in its order."""
    table: Any = importlib.import_module("pump.core.syringe")
    mechanics, _ = board_settings(board)
    found = [table.find(name) for name in table.ids()]
    latest = {entry.syringe: entry for entry in load() if not entry.virtual}
    return [
        Row(
            id=each.id,
            name=each.name,
            capacity_nl=each.volume_nl,
            diameter=each.diameter,
            source=each.source,
            per_step_nl=Fraction(*mechanics.volume_per_step_nl(each.diameter_um())),
            calibration=latest.get(each.id),
        )
        for each in found
    ]


def _table(found: list[Row]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0))
    table.add_column("syringe", style="cyan", no_wrap=True)
    table.add_column("capacity", justify="right", no_wrap=True)
    table.add_column("diameter", justify="right", no_wrap=True)
    table.add_column("source")
    table.add_column("nL/step", justify="right", no_wrap=True)
    table.add_column("weighed", justify="right", no_wrap=True)
    table.add_column("on")
    for row in found:
        entry = row.calibration
        weighed = (q.decimal(entry.volume_per_step_nl), f"{entry.date:%Y-%m-%d}") if entry else ()
        table.add_row(
            escape(row.id),
            f"{row.capacity_nl // 10**6} mL",
            q.spaced(row.diameter),
            row.source,
            q.decimal(row.per_step_nl),
            *weighed,
        )
    return table
