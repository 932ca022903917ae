"""When each step comes, seen at the pin: by the simulator, or on copper by the jig's stamps."""

import pytest

from titra.firmware_files import chip_of

from .therapies import BRIEF, BRIEF_STEPS, BRIEF_US, TAIL_US

CRYSTALS_PPM = 100  # between two boards
STAMP_NS = 16
# From the earliest to the latest that a step may come about its instant (TIMING.md): 160 ns each
# way; on an ESP32 Python begins each chunk, 0.02 ms early to 0.3 ms late.
SPREAD_NS = {"esp32": 320_000}
SPREAD_OF_PIO_NS = 320


@pytest.mark.requirement("DEL-02")
def test_each_step_comes_at_its_instant(device):
    """Against a straight line through the first and the last: step k is due at k T / N."""
    device.infuse(BRIEF)
    device.run_us(BRIEF_US + TAIL_US)
    assert device.state == "complete"
    came = device.step_instants_ns(BRIEF_STEPS)
    assert len(came) == BRIEF_STEPS
    spread = SPREAD_NS.get(chip_of(device.board), SPREAD_OF_PIO_NS) + STAMP_NS
    last = BRIEF_STEPS - 1
    took, due = came[last] - came[0], BRIEF_US * 1000 * last / BRIEF_STEPS
    assert abs(took - due) <= spread + due * CRYSTALS_PPM / 1_000_000
    for nth, at in enumerate(came):
        assert abs(at - came[0] - took * nth / last) <= spread, nth
