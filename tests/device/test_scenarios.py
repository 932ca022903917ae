"""The scenario scripts that testers start from pass on every target."""

from pathlib import Path

import pytest

from titra.firmware_files import chip_of
from titra.scenario import Scenario, play
from titra.scenario.result import SKIPPED
from titra.targets import Rig, make_target

FILES = [
    pytest.param(path, id=path.stem)
    for path in (Path(__file__).parent / "scenarios").glob("*.toml")
]
# An hour on an emulated chip: first, so that all others run beside it.
FILES.sort(key=lambda param: (param.id != "escalation", param.id))


@pytest.mark.requirement("HOST-11")
@pytest.mark.parametrize("path", FILES)
def test_scenario(path, target_name, pytestconfig):
    name, _, board = target_name.rpartition("-")
    if chip_of(board) == "esp32" and path.stem == "escalation":
        pytest.skip("two hours on the Pico say it all; titra run --board %s runs it" % board)
    target = make_target(name, board, pytestconfig.getoption("--jig"))
    rig = Rig(name, board=board, target=target)
    try:
        result = play(Scenario.load(path), rig)
    finally:
        rig.close()
    if result.verdict == SKIPPED:
        pytest.skip([each.why for each in result.steps if each.why][0])
    wrong = [(each.step.line, each.why, each.said) for each in result.steps if each.why]
    assert not wrong
    assert result.verdict == "passed" and result.closing == ""
