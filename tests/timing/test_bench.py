"""The benchmark document has every row that it must have, and its makers work on a tiny load.
How fast anything is, is not tested."""

import subprocess
import sys

import pytest

from tests.timing import (
    bench,
    bench_alternatives,
    bench_host,
    bench_memory,
    bench_steps,
    bench_stop,
)
from tests.timing.bench_table import Table, errors_ns, time_text, worst_and_std

DOCUMENT = bench.DOCUMENT.read_text()


def section(title: str) -> str:
    """One section of the document."""
    return DOCUMENT.split("\n## " + title + "\n")[1].split("\n## ")[0]


@pytest.mark.parametrize(
    "title, texts",
    [
        ("Step time", ["max", "std", "0.05 Hz", "4.2 Hz", "1 kHz", "5 kHz", "highest, "]),
        ("Highest rate", ["uneven", "uneven, chip's costs", "even, chip's costs"]),
        ("Stop", ["last STEP edge", "ALLOW low", "266 cycles", "25000 cycles"]),
        ("Run-on after a frozen CPU", ["bd-60, 0.1 mL/h", "bd-10, 700 mL/h", "bound"]),
        ("Dose fuse", ["trials", "worst deviation"]),
        ("The usual alternatives: step time", ["`sleep_us` loop", "soft `Timer`", "hard `Timer`"]),
        ("The usual alternatives: what ends the steps", ["`sleep_us` loop", "soft", "hard"]),
        (
            "Planner and simulation",
            ["plan a word", "plan, a step", "simulated seconds per wall second", "MicroPython"],
        ),
        ("Host library", ["cut and decode", "record", "read a recording whole"]),
        ("Allocation per loop turn", ["idle", "moving", "a telemetry line"]),
        ("Monitor", ["all pumps, 80x24", "one pump, plots, 80x24", "CPU of a core"]),
        ("On the emulated chip", ["RIG_UF2"]),
    ],
)
def test_the_document_has_every_row(title, texts):
    for text in texts:
        assert text in section(title), text


def test_the_document_says_where_it_comes_from():
    for text in ("- commit: ", "- interpreters: CPython ", "- machine: ", "- method: "):
        assert text in DOCUMENT.split("\n## ")[0]


def test_errors_against_the_ideal():
    assert errors_ns([110, 200, 290], 0, 100) == [80, 0, -80]
    assert worst_and_std([80, 0, -80]) == (80, pytest.approx(65.32, abs=0.01))
    assert [time_text(ns) for ns in (0, 82.44, 1_500, 2.5e9)] == [
        "0",
        "82.4 ns",
        "1.5 us",
        "2.5 s",
    ]


def test_a_table_reads_as_markdown():
    made = Table("Title", "\nText.\n", ["a", "b"], [["1", "2"]]).markdown()
    assert made == "## Title\n\nText.\n\n| a | b |\n|---|---:|\n| 1 | 2 |\n"


def test_step_time_and_highest_rate():
    row = bench_steps.step_row("1 kHz", 62_500, 1_000, "long")
    assert row[2] == "1000" and row[4] == "160 ns"
    costs = bench_steps.chip_costs()
    assert bench_steps.sustained(bench_steps.SLOW_TICKS, (1,), 1, costs)
    assert not bench_steps.sustained(bench_steps.FAST_TICKS, (0,), 1, costs)


def test_stop_run_on_and_fuse():
    assert bench_stop.sweep_row(7, every=40)[-1] == "0"
    assert bench_stop.run_on_row("bd-60", "26.59", "52.5", freezes=1)[2] == "1"
    assert bench_stop.fuse_table(trials=3).rows[1][1] == "3"


@pytest.mark.parametrize("name", bench_alternatives.NAMES)
def test_alternatives(name):
    row = bench_alternatives.alternative_row(name, "4.2 Hz", 238_095, 2)
    assert row[2] in ("7", "8")
    late = bench_alternatives.watch_program(name, 20_000, 1, bench_alternatives.press)
    assert len(late) <= 1


def test_the_exception_tells_the_timers_from_the_pump(monkeypatch):
    monkeypatch.setattr(bench_alternatives, "WATCH_US", 200_000)
    assert bench_alternatives.failing_row("hard_timer", (1,))[-1] == "**never end**"
    assert "never" not in bench_alternatives.own_row((1,))[-1]


def test_allocation():
    figures = bench_memory.unix_figures(turns=4)
    assert figures.keys() >= bench_memory.ROWS.keys()
    assert figures["idle"][1:] == [0, 0]


def test_the_chips_section_is_kept_or_taken(monkeypatch):
    monkeypatch.delenv("RIG_UF2", raising=False)
    kept = bench.CHIP_TITLE + "\n\n- commit: abc\n"
    assert bench.chip_section("# Else\n\n" + kept, "def") == kept
    assert "needs RIG_UF2" in bench.chip_section("# Else\n", "def")
    monkeypatch.setenv("RIG_UF2", "image.uf2")
    monkeypatch.setattr(bench, "CHIP_MODULE", "tests.emulator.no_such_module")
    assert bench.chip_section(kept, "def") == kept
    stand_in = type(sys)("stand_in")
    stand_in.rows = lambda: [("one word", "1 ms")]
    monkeypatch.setitem(sys.modules, "tests.emulator.no_such_module", stand_in)
    taken = bench.chip_section(kept, "def")
    assert "- commit: def" in taken and "| one word | 1 ms |" in taken


def test_every_job_can_be_called():
    for name, each in bench.jobs().items():
        for function, arguments in each:
            assert callable(function) and isinstance(arguments, tuple), name
    assert subprocess.run([bench.speed.MICROPYTHON[0], "-c", ""]).returncode == 0


def test_the_hosts_table_comes_from_a_tiny_load():
    made = bench_host.host_table(count=50, rounds=1)
    assert [int(row[1]) > 0 for row in made.rows] == [True] * 3
