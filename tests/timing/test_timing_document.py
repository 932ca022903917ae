"""firmware/TIMING.md says what the code does: its tables are made from it."""

from pathlib import Path

import pytest

from pump.core.lease import RUN_ON_NL, RUN_ON_US
from tests.timing import run_on_table
from tests.unit.pio_programs import _programs

ROOT = Path(__file__).resolve().parents[2]
DOCUMENT = (ROOT / "firmware/TIMING.md").read_text()
IN_ONE_GO_MS = 23


def test_the_run_on_table_is_the_codes():
    assert "\n".join(run_on_table.run_on_table()) in DOCUMENT


def test_the_bounds_are_the_codes():
    assert "9 L x rate <= %d uL" % (RUN_ON_NL // 1000) in DOCUMENT
    assert "9 L        <= %s s" % (RUN_ON_US / 10**6) in DOCUMENT
    assert "**2 P + %d**" % _programs.STEP_OVERHEAD in DOCUMENT
    assert "**2 P + %d**" % _programs.WAIT_OVERHEAD in DOCUMENT


@pytest.mark.requirement("DEL-17")
def test_no_row_exceeds_the_volume_that_is_promised():
    for row in run_on_table.run_on_table()[2:]:
        assert float(row.split("|")[-2]) * 1000 <= RUN_ON_NL


@pytest.mark.requirement("DEL-21")
def test_a_full_queue_outlasts_what_is_done_in_one_go():
    steady = run_on_table.shortest_queue_of_all_ms()
    ramp = run_on_table.shortest_queue_in_a_ramp_ms()
    assert "| %d ms at %d Hz |" % (steady, run_on_table.MAX_HZ) in DOCUMENT
    assert "first of the cruise | %d ms |" % ramp in DOCUMENT
    assert "| **in one go** | **%d ms** |" % IN_ONE_GO_MS in DOCUMENT
    assert min(steady, ramp) > IN_ONE_GO_MS


def test_the_constants_of_the_tables_are_the_ports():
    source = (ROOT / "firmware/pump/ports/rp2.py").read_text()
    assert "    depth = %d\n" % run_on_table.DEPTH in source
    assert "_COUNT_BITS = const(%d)\n" % run_on_table.MAX_COUNT.bit_length() in source
    board = (ROOT / "boards/rpi_pico/board.py").read_text()
    assert "max_step_hz=%d" % run_on_table.MAX_HZ in board
    assert _programs.STEP_OVERHEAD // 2 == run_on_table.MIN_STEP
    assert _programs.WAIT_OVERHEAD // 2 == run_on_table.MIN_WAIT
