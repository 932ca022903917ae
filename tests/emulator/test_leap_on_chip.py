"""Leaps of the emulated chip (``host_tools/emulator_leap.py``) show in nothing: sessions with and
without them agree in every edge and packet, to the nanosecond, and in every register of PIO."""

import pytest

from tests.emulator import chip

CASES = ("button", "talk", "whole", "dead", "presses")
STEP = 2
pytestmark = pytest.mark.xdist_group("chip-leap")


@pytest.fixture(scope="module")
def seen(tmp_path_factory) -> dict:
    """Both ways of every case, from one boot."""
    if reason := chip.missing():
        pytest.skip(reason)
    folder = tmp_path_factory.mktemp("leap") / "files"
    chip.make_files(folder, chip.SHORT_PLANS)
    return dict(zip(CASES, chip.run("leap_runs.py", folder)))


@pytest.mark.parametrize("case", CASES)
def test_a_leap_shows_in_nothing(seen, case) -> None:
    plain, leaping = seen[case]
    rows = plain if case == "presses" else [plain]
    moved = [sum([pin == STEP for _, pin, _ in row["edges"]]) for row in rows]
    assert min(moved) > 2, "there is motion to leap over"
    assert leaping == plain
