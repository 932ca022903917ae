"""What ``calibrate`` shows: the result, what it changes in a plan, and the store."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from rich.markup import escape
from rich.table import Table

from titra import quantities as q
from titra.calibration import Weighing, plain
from titra.calibration_store import Calibration
from titra.cli.common import out
from titra.errors import PumpRefused
from titra.prescription import HostPlan


def say(markup: str) -> None:
    """One line on standard output, wrapped between words on a terminal only."""
    console = out()
    console.print(markup, soft_wrap=not console.is_terminal)


def signed(value: Fraction, places: int = 3) -> str:
    """With its sign also when positive."""
    text = q.decimal(value, places)
    return text if text.startswith("-") else "+" + text


def weights_text(weighings: Sequence[Weighing]) -> str:
    """The readings as --weights takes them."""
    return ",".join(plain(each.weight_g) + "g" for each in weighings)


def result_table(entry: Calibration) -> Table:
    """The result for a person."""
    title = f"[bold green]calibrated:[/] {escape(entry.syringe)} on pump {escape(entry.serial)}"
    table = Table(title=title, title_justify="left", show_header=False)
    table.add_column(style="cyan", no_wrap=True)
    table.add_column(overflow="fold")
    half = q.split(entry.confidence_95)[0]
    low, high = entry.volume_per_step_nl - half, entry.volume_per_step_nl + half
    cv = q.decimal(Fraction(str(entry.cv_percent)), 3)
    difference = signed(entry.difference_percent)
    liquid = q.spaced(entry.density)
    liquid += f" at {q.spaced(entry.temperature)}" if entry.temperature else ""
    weights = ", ".join(map(q.spaced, entry.weights))
    rows = (
        ("volume per step", f"{q.decimal(entry.volume_per_step_nl, 6)} nL"),
        ("95 % confidence", f"{q.decimal(low)} .. {q.decimal(high)} nL"),
        ("spread", f"{q.spaced(entry.spread)}, CV {cv} %"),
        ("geometry", f"{q.spaced(entry.geometry)}; the result is {difference} % off"),
        ("from", f"n={entry.n}, {escape(weights)}; {liquid}"),
        ("steps counted", ", ".join(map(str, entry.steps))),
    )
    for row in rows:
        table.add_row(*row)
    return table


class Effect:
    """The same prescription by the geometry (``before``) and calibrated (``after``, None where
    the dose core refuses it: ``refused`` says why)."""

    def __init__(self, before: HostPlan, entry: Calibration) -> None:
        self.before = before
        self.after: HostPlan | None = None
        self.refused = ""
        self.delivered_nl = before.steps * entry.volume_per_step_nl
        try:
            self.after = before.again(volume_per_step=entry.volume_per_step)
        except PumpRefused as refused:
            self.refused = refused.message

    @property
    def error_percent(self) -> Fraction:
        """What the plan by the geometry would have delivered too much, in percent."""
        return 100 * (self.delivered_nl / self.before.total_volume_nl - 1)

    def as_json(self) -> dict[str, object]:
        """For --json."""
        said: dict[str, object] = {
            "prescription": self.before.words,
            "steps_geometry": self.before.steps,
            "steps_calibrated": self.after.steps if self.after else None,
            "volume_error_percent": q.decimal(self.error_percent, 3),
        }
        return {**said, "refused": self.refused} if self.refused else said

    def table(self) -> Table:
        """For a person."""
        table = Table()
        table.add_column("", style="cyan", no_wrap=True)
        table.add_column("by geometry")
        table.add_column("calibrated")
        steps = str(self.after.steps) if self.after else escape(self.refused)
        table.add_row("steps", str(self.before.steps), steps)
        real = self.after and self.after.delivered_nl(self.after.steps)
        wanted = self.before.total_volume_nl
        table.add_row(
            "really delivers",
            q.show_volume(self.delivered_nl),
            q.show_volume(real) if real else "-",
        )
        table.add_row(
            "volume error",
            f"{signed(self.error_percent)} %",
            f"{signed(100 * (real / wanted - 1))} %" if real else "-",
        )
        return table


def list_table(entries: Sequence[Calibration]) -> Table:
    """Every entry; the last one of each syringe and pump holds and is marked."""
    table = Table(box=None, padding=(0, 2, 0, 0))
    table.add_column("")
    for name in ("syringe", "pump"):
        table.add_column(name, no_wrap=True)
    for name in ("nL/step", "date", "n", "CV %", "off %"):
        table.add_column(name, no_wrap=True, justify="right")
    for entry, holds in zip(entries, _holding(entries)):
        table.add_row(
            "*" if holds else "",
            escape(entry.syringe),
            escape(entry.serial),
            q.decimal(entry.volume_per_step_nl),
            f"{entry.date:%Y-%m-%d}",
            str(entry.n),
            q.decimal(Fraction(str(entry.cv_percent)), 2),
            signed(entry.difference_percent, 2),
            style="" if holds else "dim",
        )
    return table


def notes(entries: Sequence[Calibration]) -> list[str]:
    """What the table leaves out: the legend, then what is known of entries beyond figures."""
    lines = ["* holds: the last of its syringe and pump; off: from the geometry of that day"]
    for entry in entries:
        words = ["virtual pump"] if entry.virtual else []
        words += [entry.note] if entry.note else []
        if words:
            lines.append(f"{entry.syringe}, {entry.date:%Y-%m-%d %H:%M}: {', '.join(words)}")
    return lines


def _holding(entries: Sequence[Calibration]) -> list[bool]:
    latest = {(entry.syringe, entry.serial): entry for entry in entries}
    return [latest[entry.syringe, entry.serial] is entry for entry in entries]
