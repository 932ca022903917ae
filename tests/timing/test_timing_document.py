"""firmware/TIMING.md says what the code does: its tables are made from it."""

from pathlib import Path

import pytest

from pump.core.lease import RUN_ON_NL, RUN_ON_US
from tests.timing import run_on_table, test_esp32
from tests.timing.drive import Driven
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


def test_the_esp32_table_is_the_ports_and_its_tests():
    """What is a constant there stands here in ms, us and steps."""
    pump = Driven(board="esp32_devkitc")
    steps = pump.bench.loader.module("pump.ports.esp32_steps")
    rmt = pump.bench.loader.module("pump.ports.esp32_rmt")
    pump.close()
    generator = steps.StepGenerator
    tick_ns = generator.tick_ns[0] // generator.tick_ns[1]
    assert tick_ns * rmt._TICK_HZ == 10**9
    usual, long = (chunk * tick_ns // 10**6 for chunk in (steps._CHUNK, steps._LONG))
    most = [symbols - 1 for symbols in (rmt._NEW_SYMBOLS, rmt._OLD_SYMBOLS)]
    assert most == [test_esp32.MOST_STEPS[modern] for modern in (True, False)]
    early, late = test_esp32.EARLY_US / 1000, test_esp32.BORDER_US / 1000
    soft, busy = test_esp32.SOFT_STOP_US / 1000, test_esp32.SOFT_STOP_BUSY_US // 1000
    for said in (
        "| step interval inside a chunk | exact, %d ns |" % tick_ns,
        "| %d ms, or %d ms when flash is to be written |" % (usual, long),
        "| %d steps (MicroPython 1.27 and later), %d (1.26) |" % tuple(most),
        "even CPU | %s ms early to %s ms late;" % (early, late),
        "telemetry at 20 ms | %d ms late (" % (generator.late_us // 2000),
        "| allowed for before it is a fault (`late_us`) | %d ms |" % (generator.late_us // 1000),
        "| %d us; each wait" % (generator.min_step_ticks * tick_ns // 1000),
        "| pulse high | %s us |" % (steps._WIDTH * tick_ns / 1000),
        "| %s ms on an even CPU (0.03 ms seen), %d ms with a garbage" % (soft, busy),
        "| the end of the chunk: %s s at most |" % (long / 1000),
        "what is left is the chunk in progress: at most %d steps and %s s,"
        % (most[0], long / 1000),
    ):
        assert said in DOCUMENT, said
    assert (usual * 1000, long * 1000) == (test_esp32.CHUNK_US, test_esp32.LONG_CHUNK_US)
