"""5 kHz sustained: telemetry every 20 ms, all kinds of requests, collections, and a CPU that needs
for each word and byte what the emulated chip needs, half to three times that, and pauses.

``tests/emulator/test_sustained_on_chip.py`` shows the same on the chip itself.
"""

import pytest

from tests.timing import bench_steps as steps

TICKS = 12_499  # and a half: 5000.2 steps/s, where words are shortest


@pytest.mark.requirement("DEL-18", "DEL-04")
@pytest.mark.parametrize("seed", steps.SEEDS)
def test_5_khz_is_sustained(seed):
    assert steps.sustained(TICKS, (seed,), steps.SECONDS, steps.chip_costs())


def test_three_times_as_much_is_not():
    """So the test above can fail."""
    assert not steps.sustained(TICKS // 3, steps.SEEDS, steps.SECONDS, steps.chip_costs())
