"""The scenario scripts that testers start from pass on every target."""

from pathlib import Path

import pytest

from titra.scenario import Scenario, play
from titra.targets import EMULATOR, Rig

FILES = sorted((Path(__file__).parent / "scenarios").glob("*.toml"))


@pytest.mark.requirement("HOST-11")
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_scenario(path, target_name):
    target, board = target_name.split("-")
    if target == EMULATOR and path.stem != "short":
        pytest.skip("an emulated second of motion takes half a minute")
    rig = Rig(target, board=board)
    try:
        result = play(Scenario.load(path), rig)
    finally:
        rig.close()
    wrong = [(each.step.line, each.why, each.said) for each in result.steps if each.why]
    assert not wrong
    assert result.verdict == "passed" and result.closing == ""
