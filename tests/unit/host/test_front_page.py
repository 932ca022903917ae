"""``titra --help``: whole, grouped, and quick because it imports no command."""

from __future__ import annotations

import resource
import subprocess
import sys

import pytest

from titra.cli.table import PANELS, ROWS, Row

from .commands import run

HEAVY = ("rich", "serial", "numpy", "textual", "titra.client", "titra.cli.common", "pump")
MOST_CPU_S = 0.3


def test_the_page_names_every_command_under_its_panel() -> None:
    page = run("--help").stdout
    places = [page.index(f"\n{panel}:") for panel in PANELS if f"\n{panel}:" in page]
    assert places == sorted(places) and {row.panel for row in ROWS} <= set(PANELS)
    for row in ROWS:
        assert f"\n  {row.name} " in page and row.help in page


def test_the_page_fits_eighty_columns() -> None:
    assert max(len(line) for line in run("--help").stdout.splitlines()) <= 80


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_every_command_teaches(row: Row) -> None:
    result = run(row.name, "--help")
    text = result.stdout.replace("Usage: titra", "")
    assert result.exit_code == 0 and ("titra " in text or "─ Commands ─" in text)


def test_without_a_word_the_page_comes_as_an_error() -> None:
    result = run()
    assert result.exit_code == 2 and "Therapy" in result.stderr and not result.stdout


def test_a_slip_of_the_pen_is_answered_with_the_right_name() -> None:
    result = run("statsu")
    assert result.exit_code == 2 and "'status'" in result.stderr


@pytest.mark.requirement("HOST-10")
def test_help_imports_no_command_and_costs_little() -> None:
    code = (
        "import sys; sys.argv = ['titra', '--help']\n"
        "from titra.cli import app\n"
        "try: app()\n"
        f"finally: print('HEAVY', sorted(set({HEAVY!r}) & set(sys.modules)))"
    )
    costs_s = []
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        costs_s.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
        assert "HEAVY []" in done.stdout, done.stdout
    assert min(costs_s) < MOST_CPU_S, costs_s
