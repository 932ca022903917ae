"""What a single fault of the step generator delivers unasked stays within the table of TIMING.md.

Faults of the CPU are those of test_run_on.py; one more is made here by hand for each column.
"""

from pathlib import Path

import pytest

from tests.timing import single_fault_table as table
from tests.timing.drive import CYCLES_PER_US, Driven
from tests.timing.run_on_table import MAX_HZ, TICKS_PER_S

DOCUMENT = (Path(__file__).resolve().parents[2] / "firmware/TIMING.md").read_text()
SLOW = "volume=5mL rate=1mL/h syringe=bd-60"
JMP_Y_DEC = 0b100
CONDITION = 0b111 << 5
LONG_US = 2_000_000
TURN_US = 1_000_000  # until the loop comes round to the fault


@pytest.fixture
def moving():
    pump = Driven()
    pump.ask(pump.program(SLOW))
    pump.run_us(3_000_000)
    yield pump
    pump.close()


def fed_by_nobody(pump: Driven, words: int, ticks: int) -> None:
    """Something within the firmware has the generator work through ``words`` of its own. Instants
    count from here on."""
    firmware = pump.bench.pump()
    generator, session = firmware.hal.generator, firmware.session
    poll = session.poll

    def feed(now_us: int) -> None:
        session.poll = poll
        generator.halt()
        for _ in range(words):
            generator.put(generator.max_count, ticks)
        generator.run()

    session.poll = feed


def ended_in_a_fault(pump: Driven) -> bool:
    return pump.bench.pump().controller.state == "fault" and not pump.bench.crash


def test_the_table_is_the_codes():
    assert "\n".join(table.table()) in DOCUMENT
    for steps in (table.WORD_STEPS, table.QUEUE_STEPS, table.RUNAWAY_STEPS):
        assert "%d steps" % steps in DOCUMENT
    assert "%d ms" % (table.BLIND_US // 1000) in DOCUMENT


@pytest.mark.requirement("DEL-15")
@pytest.mark.parametrize("words", [1, 8])
def test_words_that_nobody_ordered(moving, words):
    """They are fed behind the firmware's back, into a queue made empty for them."""
    before = moving.bench.step_edges
    fed_by_nobody(moving, words, moving.bench.pump().hal.generator.min_step_ticks)
    moving.run_us(LONG_US)
    made = moving.bench.step_edges - before
    most = table.WORD_STEPS if words == 1 else table.QUEUE_STEPS
    assert table.WORD_STEPS * words <= made <= most
    assert ended_in_a_fault(moving)


@pytest.mark.requirement("DEL-15", "DEL-20")
def test_a_generator_that_runs_away(moving):
    """Its program, spoilt in the chip's memory, does not end a word; the word, spoilt as well, is
    as fast as the motor follows."""
    block = moving.world.pio.blocks[0]
    for address, word in enumerate(list(block.memory)):
        if word >> 13 == 0 and word >> 5 & 0b111 == JMP_Y_DEC:
            block.load(address, [word & ~CONDITION])
    before = moving.bench.step_edges
    fed_by_nobody(moving, 1, TICKS_PER_S // MAX_HZ)
    begun = moving.world.now
    moving.run_us(LONG_US)
    made = moving.bench.step_edges - before
    assert table.QUEUE_STEPS < made <= table.RUNAWAY_STEPS
    assert moving.last_rise() - begun <= (table.BLIND_US + TURN_US) * CYCLES_PER_US
    assert ended_in_a_fault(moving)
