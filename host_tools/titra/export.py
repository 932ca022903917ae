"""A recording as a table: one row per event, per sample, and per gap, in order.

CSV holds the pump's decimals exactly; Parquet holds them as doubles, counts as integers and host
time as a timestamp. A gap is a row of its own, ``kind`` = gap, so that nobody draws a line over
it; ``missing`` says how many reports lack, where that is known.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping
from decimal import Decimal
from fractions import Fraction
from importlib import import_module
from pathlib import Path
from typing import Any

from titra import results
from titra.errors import UsageError
from titra.protocol import Event
from titra.quantities import time_us, whole
from titra.recording import Gap, Recording, Timed

# column, unit in its name; where the value comes from
_QUANTITIES: tuple[tuple[str, str, Callable[[str | None], Fraction | None]], ...] = (
    ("rate_ml_per_h", "rate", lambda text: _times(results.rate_nl_per_s(text), 3600)),
    ("target_ml_per_h", "target", lambda text: _times(results.rate_nl_per_s(text), 3600)),
    ("delivered_ml", "delivered", lambda text: _times(results.volume_nl(text))),
    ("primed_ml", "primed", lambda text: _times(results.volume_nl(text))),
    ("dose_mg", "dose", lambda text: _times(results.mass_ng(text))),
    ("elapsed_s", "elapsed", lambda text: _times(_fraction(time_us(text)))),
    ("remaining_s", "remaining", lambda text: _times(_fraction(time_us(text)))),
)
_COUNTS = ("steps", "commanded", "planned")
_WORDS = ("state", "cause", "alarm")
_KNOWN = {"t", "boot", "name", *_COUNTS, *_WORDS, *(field for _, field, _ in _QUANTITIES)}
COLUMNS = (
    "kind",
    "host_time",
    "boot",
    "seq",
    "t_us",
    "name",
    *_WORDS,
    *(column for column, _, _ in _QUANTITIES),
    *_COUNTS,
    "missing",
    "detail",
)


def rows(recording: Recording) -> list[dict[str, Any]]:
    """Every entry as a row; what does not apply is None. Quantities are Fractions."""
    return [
        _gap_row(entry) if isinstance(entry, Gap) else _report_row(entry)
        for entry in recording.entries
    ]


def write(recording: Recording, path: Path) -> int:
    """Write ``path`` by its ending, .csv or .parquet; returns the number of rows. Raises
    UsageError for another ending, OSError."""
    writers = {".csv": _write_csv, ".parquet": _write_parquet}
    writer = writers.get(path.suffix.lower())
    if writer is None:
        raise UsageError(
            f"{path}: the ending must be .csv or .parquet",
            details={"field": "output", "given": path.name, "accepts": ".csv,.parquet"},
        )
    table = rows(recording)
    writer(table, path)
    return len(table)


def _report_row(entry: Timed) -> dict[str, Any]:
    report = entry.report
    fields = report.fields
    row: dict[str, Any] = dict.fromkeys(COLUMNS)
    event = isinstance(report, Event)
    row.update(
        kind="event" if event else "sample",
        host_time=entry.at,
        boot=report.boot,
        seq=report.seq,
        t_us=report.t_us,
        name=fields.get("name"),
    )
    row.update({word: fields.get(word) for word in _WORDS})
    row.update({column: read(fields.get(key)) for column, key, read in _QUANTITIES})
    row.update({count: whole(fields.get(count)) for count in _COUNTS})
    row["detail"] = _rest(fields) or None
    return row


def _gap_row(gap: Gap) -> dict[str, Any]:
    row: dict[str, Any] = dict.fromkeys(COLUMNS)
    until = f"until {gap.until.isoformat()}" if gap.until else "to the end"
    row.update(kind="gap", host_time=gap.since, name=gap.kind, missing=gap.missing)
    row["detail"] = f"{until} {gap.why}".strip()
    return row


def _write_csv(table: list[dict[str, Any]], path: Path) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for row in table:
            writer.writerow([_text(row[column]) for column in COLUMNS])


def _write_parquet(table: list[dict[str, Any]], path: Path) -> None:
    pa: Any = import_module("pyarrow")
    pq: Any = import_module("pyarrow.parquet")
    kinds: dict[str, Any] = dict.fromkeys(COLUMNS, pa.string())
    kinds.update(dict.fromkeys(("boot", "seq", "t_us", "missing", *_COUNTS), pa.int64()))
    kinds.update({column: pa.float64() for column, _, _ in _QUANTITIES})
    kinds["host_time"] = pa.timestamp("us", tz="UTC")
    plain = [
        {key: float(value) if isinstance(value, Fraction) else value for key, value in row.items()}
        for row in table
    ]
    pq.write_table(pa.Table.from_pylist(plain, schema=pa.schema(kinds)), path)


def _rest(fields: Mapping[str, str]) -> str:
    return " ".join(f"{key}={value}" for key, value in fields.items() if key not in _KNOWN)


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, Fraction):
        return format(Decimal(value.numerator) / Decimal(value.denominator), "f")
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def _times(value: Fraction | None, factor: int = 1) -> Fraction | None:
    """Millionths into units: nL into mL, ng into mg, us into s."""
    return None if value is None else value * factor / 10**6


def _fraction(value: int | None) -> Fraction | None:
    return None if value is None else Fraction(value)
