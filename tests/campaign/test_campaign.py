"""A part of the fault campaign in every test run; `make campaign` runs any number of others.

Seeds are fixed so that a failure is the change's own; the message names the seed that replays it.
"""

import pytest

from tests.campaign import faults, therapy
from tests.campaign.__main__ import part_of
from tests.campaign.campaign import Run, run, story
from tests.campaign.rig import Edges
from tests.campaign.table import report

FIRST = 1_000_000
SHARE = 25
SHARES = 10
QUIET = FIRST - 1  # from here down a seed without a fault is looked for


def told(outcome) -> str:
    return "make campaign REPLAY=%d: %s" % (outcome.seed, "; ".join(outcome.broken))


def quiet_run(kind: str = "plain", fits=lambda therapy: True) -> Run:
    """A run of that kind that draws no fault, of a therapy that ``fits``."""
    seed = QUIET
    while True:
        drawn = Run(seed)
        if not drawn.faults and drawn.therapy.kind == kind and fits(drawn.therapy):
            return drawn
        seed -= 1


@pytest.mark.requirement(
    "VER-01", "STOP-02", "STOP-04", "STOP-15", "DEL-01", "DEL-05", "DEL-09", "DEL-17", "PWR-05",
    "PWR-07", "LOG-03", "LOG-08", "COM-04", "COM-11",
)  # fmt: skip
@pytest.mark.parametrize("share", range(SHARES))
def test_no_invariant_is_violated(share):
    begin = FIRST + share * SHARE
    print("seeds %d to %d" % (begin, begin + SHARE - 1))
    outcomes = [run(seed) for seed in range(begin, begin + SHARE)]
    broken = [told(outcome) for outcome in outcomes if outcome.broken]
    assert not broken, "\n".join(broken)
    assert sum(outcome.steps for outcome in outcomes) > 10_000


@pytest.mark.requirement("VER-01")
def test_a_run_is_a_function_of_its_seed():
    assert run(FIRST + 3) == run(FIRST + 3)
    assert story(FIRST + 3) == story(FIRST + 3)


def test_every_fault_comes_and_takes_place():
    drawn = {fault.kind.name for seed in range(FIRST, FIRST + 400) for fault in Run(seed).faults}
    assert drawn == {kind.name for kind in faults.KINDS}


def judged_again(drawn: Run) -> list:
    oracle = type(drawn.oracle)(drawn.rig, drawn.host, drawn.therapy, drawn.faults)
    return oracle.judge()


def test_the_oracle_sees_a_step_too_many():
    drawn = quiet_run()
    assert drawn.go().broken == []
    last = drawn.oracle.edges.last()
    drawn.rig.bench.step_runs.append((last + 125_000_000, 0, 1))
    assert any("none was in order" in what for what in judged_again(drawn))


def test_the_oracle_sees_a_step_too_few():
    drawn = quiet_run()
    assert drawn.go().broken == []
    first, period, count = drawn.rig.bench.step_runs.pop()
    if count > 1:
        drawn.rig.bench.step_runs.append((first, period, count - 1))
    assert any("complete with" in what for what in judged_again(drawn))


def test_the_oracle_sees_a_step_off_its_instant():
    drawn = quiet_run()
    drawn.go()
    first, period, count = drawn.rig.bench.step_runs[-1]
    drawn.rig.bench.step_runs[-1] = (first + 60, period, count)
    if drawn.therapy.plain:
        assert any("from its instant" in what for what in judged_again(drawn))


def test_the_oracle_sees_a_step_after_a_press():
    drawn = quiet_run()
    drawn.go()
    middle = drawn.rig.bench.step_runs[len(drawn.rig.bench.step_runs) // 2][0]
    drawn.rig.openings.append([middle - 6, None])
    assert any("none was in order" in what for what in judged_again(drawn))


def test_the_oracle_sees_an_event_lost_and_an_outcome_without_a_fault():
    drawn = quiet_run()
    drawn.go()
    lost = max(drawn.host.fetched)
    del drawn.host.fetched[lost]
    assert any("lost from the log" in what for what in judged_again(drawn))
    drawn.host.final.fields["cause"] = "occlusion"
    assert any("no fault for it" in what for what in judged_again(drawn))


def test_every_therapy_is_drawn_and_every_verb_that_makes_one():
    runs = [Run(seed) for seed in range(FIRST, FIRST + 400)]
    assert {drawn.therapy.kind for drawn in runs} == set(therapy.KINDS)
    words = {part.words.split("=")[0] for r in runs for part in r.therapy.phases}
    assert words == {"rate", "pause"}
    assert any(" to=" in part.words for r in runs for part in r.therapy.phases)
    changes = [part for r in runs for part in r.therapy.changes]
    assert {part.volume_ml is None for part in changes} == {True, False}


def test_the_oracle_sees_a_change_that_comes_out_otherwise():
    """In steps, and in rate."""
    drawn = quiet_run("change", lambda therapy: len(therapy.actions) == 1)
    assert drawn.go().broken == []
    event = next(line for line in drawn.host.events.values() if line["name"] == "changed")
    right = event.fields["steps"]
    event.fields["steps"] = str(int(right) + 5)
    assert any("a change " in what for what in judged_again(drawn))
    event.fields["steps"] = right
    assert judged_again(drawn) == []
    drawn.therapy.changes[-1].rate_ml_h *= 2
    assert any("cycles a step for" in what for what in judged_again(drawn))


@pytest.mark.parametrize("kind", ["phases", "change"])
def test_the_oracle_sees_a_step_too_many_of_phases_and_changes(kind):
    drawn = quiet_run(kind)
    assert drawn.go().broken == []
    last = drawn.oracle.edges.last()
    drawn.rig.bench.step_runs.append((last + 1250, 0, 1))
    broken = judged_again(drawn)
    assert any("confirmed" in what for what in broken)
    assert any("complete with" in what for what in broken)


def test_edges_are_counted_by_interval():
    edges = Edges([(100, 0, 1), (200, 10, 5), (300, 50, 2)])
    cycles = [100, 200, 210, 220, 230, 240, 300, 350]
    for at in range(0, 400, 5):
        assert edges.until(at) == sum(cycle <= at for cycle in cycles)
        later = [cycle for cycle in cycles if cycle > at]
        assert edges.next_after(at) == (later[0] if later else None)
    assert (edges.total(), edges.last()) == (8, 350)
    even = Edges([(100, 0, 1), (200, 10, 5), (251, 10, 2)])
    spans = ((1, 5, 0), (2, 4, 0), (2, 6, 1), (5, 2, 1), (6, 2, 0))
    assert all(even.worst(10, before, steps) == off for before, steps, off in spans)


def test_shards_are_all_of_it():
    parts = [part_of(5, 1003, "%d/4" % i) for i in range(1, 5)]
    assert [seed for part in parts for seed in part] == list(range(5, 1008))
    with pytest.raises(SystemExit):
        part_of(1, 10, "3/2")


def test_the_table_counts_each_fault():
    outcome = run(FIRST + 3)
    about = {"commit": "x", "number": 1, "seed": 1, "shard": "", "first": 1, "last": 1}
    text = report(dict(about, minutes=1, jobs=1), [kind.name for kind in faults.KINDS], [outcome])
    assert "**1 whole infusions" in text and "Violations" not in text
    for name in outcome.faults:
        row = next(line for line in text.splitlines() if line.startswith("| %s |" % name))
        assert row.split("|")[2].strip() == "1"
