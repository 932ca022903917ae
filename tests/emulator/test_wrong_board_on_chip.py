"""A wrong board.py on real MicroPython on an emulated RP2040, EN pulled high as on the bench."""

import pytest

from tests.emulator import chip as emulated

STEP, ENABLE = 2, 4
SWAPPED = "%s, ENABLE = ENABLE, %s"


@pytest.mark.requirement("HW-08")
@pytest.mark.parametrize(
    ("tail", "told"),
    [
        (SWAPPED % ("DIRECTION", "DIRECTION"), "DIRECTION is GPIO 4, pulled high as EN is"),
        (SWAPPED % ("STEP", "STEP"), "STEP is GPIO 4, pulled high as EN is"),
        ("BUZZER = ENABLE", "BUZZER and ENABLE are both GPIO 4"),
    ],
)
def test_refused_at_power_on_and_the_prompt_tells_why(tmp_path, tail: str, told: str) -> None:
    if reason := emulated.missing():
        pytest.skip(reason)
    emulated.make_files(tmp_path / "files", tail + "\n")
    seen = emulated.run("wrong_board_runs.py", tmp_path / "files")
    assert "ValueError: board.py: " + told in seen["text"]
    assert seen["text"].endswith(">>> ")
    levels = {
        pin: {level for _, at, level in seen["edges"] if at == pin} for pin in (STEP, ENABLE)
    }
    assert 0 not in levels[ENABLE] and 1 not in levels[STEP]
