"""A table of BENCHMARKS.md, and the kit that its makers share."""

import sys
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, pstdev

ROOT = Path(__file__).resolve().parents[2]
NS_PER_CYCLE = 8


@dataclass
class Table:
    """``text`` says how the rows were made and how to read them."""

    title: str
    text: str
    head: list[str]
    rows: list[list[str]]

    def markdown(self) -> str:
        """The section as it stands in the document."""
        align = "|---|" + "---:|" * (len(self.head) - 1)
        lines = ["## " + self.title, "", self.text.strip(), "", _row(self.head), align]
        return "\n".join(lines + [_row(row) for row in self.rows]) + "\n"


def _row(cells: list[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def say(text: str) -> None:
    """Progress, for whoever waits."""
    print(text, file=sys.stderr, flush=True)


def time_text(ns: float) -> str:
    """A time with three digits: 82.4 ns, 3.1 us, 12.0 ms, 4.25 s."""
    for unit, size in (("s", 1e9), ("ms", 1e6), ("us", 1e3)):
        if ns >= size:
            return "%.3g %s" % (ns / size, unit)
    return "%.3g ns" % ns if ns else "0"


def errors_ns(rises: list[int], origin: float, interval: float) -> list[float]:
    """How far each step is from its ideal instant; all arguments in cycles."""
    return [
        NS_PER_CYCLE * (cycle - origin - k * interval) for k, cycle in enumerate(rises, start=1)
    ]


def worst_and_std(errors: list[float]) -> tuple[float, float]:
    """The largest absolute error and the standard deviation about the mean."""
    return max(abs(error) for error in errors), pstdev(errors, fmean(errors))
