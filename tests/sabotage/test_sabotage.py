"""The table of sabotage patches fits the sources as they stand, and a few patches are noticed.

`make sabotage` takes out every control in turn; here that is done with three of them, and with
nothing at all, which nothing may notice.
"""

import tomllib
from dataclasses import replace

import pytest

from tests.sabotage.__main__ import main, named_tests
from tests.sabotage.patched_tree import (
    FAILED,
    PASSED,
    ROOT,
    TABLES,
    Outcome,
    Tree,
    missing_tests,
    read_patches,
)
from tests.trace.sources import read_hazards, read_requirements

PATCHES = read_patches()
SAMPLE = ("verifier-is-not-obeyed", "stop-verb-leaves-the-motor-on", "crc-of-the-journal")
each = pytest.mark.parametrize("patch", PATCHES, ids=lambda patch: patch.name)


@each
def test_the_patch_fits_the_source(patch):
    text = (ROOT / patch.file).read_text()
    sabotaged = patch.applied(text)
    assert sabotaged != text
    compile(sabotaged, patch.file, "exec")


def test_every_test_that_is_named_exists():
    assert missing_tests(named_tests(PATCHES)) == []
    assert missing_tests(["tests/unit/test_lease.py::nope", "nowhere.py::x"]) != []


def test_what_is_proved_are_requirements_and_hazards():
    known = {row.id for row in read_requirements()} | {row.id for row in read_hazards()}
    for patch in PATCHES:
        assert patch.proves and set(patch.proves) <= known, patch.name
        assert patch.tests, patch.name


def test_names_are_names_and_nothing_is_taken_out_twice():
    assert len({patch.name for patch in PATCHES}) == len(PATCHES) > 100
    assert len({(patch.file, patch.old, patch.new) for patch in PATCHES}) == len(PATCHES)
    assert all(tomllib.loads(table.read_text()).keys() == {"patch"} for table in TABLES)


def test_most_hazards_of_delivery_and_stop_lose_a_control_here():
    lost = {name for patch in PATCHES for name in patch.proves}
    for hazard in read_hazards():
        if hazard.id[0] in "OS":
            assert hazard.id in lost, hazard.id


def test_a_judgement_about_a_mutant_is_about_a_line_that_is_there():
    """`make mutation` asks nobody about these."""
    rows = tomllib.loads((ROOT / "tests/sabotage/equivalent.toml").read_text())["mutant"]
    for row in rows:
        lines = (ROOT / ("firmware/pump/core/%s.py" % row["module"])).read_text().splitlines()
        joined = " ".join(line.strip() for line in lines)
        assert row["old"] in joined and row["old"] != row["new"] and row["why"], row


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    return Tree(tmp_path_factory.mktemp("sabotage") / "tree")


@pytest.fixture(scope="module")
def sample():
    return [patch for patch in PATCHES if patch.name.startswith(SAMPLE)]


@pytest.mark.requirement("DEL-16", "STOP-07", "PWR-10")
def test_a_sample_is_noticed_and_undone(tree, sample):
    assert len(sample) == len(SAMPLE)
    for patch in sample:
        outcome = tree.judge(patch)
        assert outcome.code == FAILED, (patch.name, outcome.tail)
        assert outcome.red, outcome.tail
    assert tree.run(named_tests(sample), stop_at_first=False).code == PASSED


def test_what_changes_nothing_is_not_noticed(tree, sample):
    """This test can fail: a patch that is none leaves everything green, and says so."""
    patch = replace(sample[0], new=sample[0].old + "  # nothing")
    assert tree.judge(patch).word == "unnoticed"
    assert tree.judge(replace(patch, tests=("tests/unit/none.py::x",))).word == "broken"


def test_a_patch_that_no_longer_fits_is_refused(tree, sample):
    with pytest.raises(ValueError, match="0 times"):
        tree.judge(replace(sample[0], old="no such text"))


def test_outcomes_in_words():
    red = "FAILED tests/unit/test_x.py::test_y[1] - assert 0"
    assert (Outcome(1, red, 0).word, Outcome(1, red, 0).red) == ("noticed", "test_y[1]")
    assert (Outcome(0, "", 0).word, Outcome(2, "", 0).word) == ("unnoticed", "broken")


def test_the_command_says_when_there_is_nothing_to_do(capsys):
    assert main(["no-such-patch"]) == 2
    assert "no such patch" in capsys.readouterr().out
