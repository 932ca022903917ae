"""The dose fuse: whatever is fed, exactly min(fed, N_max) steps are made.

The rig is the firmware's PIO programs on simulated silicon; edges are counted at the STEP pad by
the bench and by the counter program, which must agree.
"""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.timing.rigs import DEPTH, feed, rises
from tests.unit.pio_programs import PumpRig, expand, fuse, load

ALLOW_MOST = 10

WORDS = st.tuples(st.integers(0, 9), st.integers(0, 60))
# (word, cycles to let pass first): from a full queue to a starved generator
FEEDS = st.lists(
    st.tuples(WORDS, st.sampled_from([0, 0, 0, 1, 13, 257, 300, 2_000])), min_size=1, max_size=40
)


@pytest.mark.requirement("DEL-05", "DEL-06")
@settings(max_examples=150, deadline=None)
@given(st.one_of(st.integers(0, 12), st.integers(0, 120)), FEEDS)
@example(0, [((9, 0), 0)] * 20)
@example(9, [((9, 0), 0), ((1, 0), 0)])
@example(10, [((9, 0), 0), ((1, 0), 0)])
@example(120, [((0, 0), 0)] * 40)
def test_exactly_the_lesser_of_fed_and_allowed(n_max, words):
    rig = PumpRig(n_max, True)
    fed = feed(rig, words)
    made = rises(rig)
    assert len(made) == min(fed, n_max) == rig.count()
    assert rig.pads.level(rig.ALLOW) == (1 if fed < n_max else 0)
    drops = [t for t, pin, level in expand(rig.edges) if (pin, level) == (rig.ALLOW, 0)]
    if 0 < n_max <= fed:
        assert len(drops) == 1 and 0 < drops[0] - made[-1] <= ALLOW_MOST


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 20), FEEDS)
def test_the_short_cut_of_the_simulation_changes_nothing(n_max, words):
    plain, short = PumpRig(n_max, False), PumpRig(n_max, True)
    words = words[:6]
    assert feed(plain, words) == feed(short, words)
    assert expand(plain.edges) == expand(short.edges)


@pytest.mark.requirement("DEL-05")
@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 12), min_size=2, max_size=5))
def test_arming_again_allows_so_many_more(allowed):
    """Blown or not, an armed fuse starts from its new number, whatever it had left."""
    rig = PumpRig(allowed[0], True)
    for n_max in allowed[1:]:
        rig.pio.run(rig.pio.now + 5_000)
        # As DoseFuse.disarm does: the machine is stopped, emptied and set up afresh.
        rig.fuse.enable(False)
        rig.fuse.restart()
        load(rig.fuse, fuse, 1, rig.STEP, rig.ALLOW, rig.STOP)
        assert rig.pads.level(rig.ALLOW) == 0
        before = len(rises(rig))
        rig.fuse.put(n_max)
        rig.fuse.enable(True)
        while len(rig.generator.tx) < DEPTH:
            rig.generator.put(7)
        rig.pio.run(rig.pio.now + 30_000)
        assert len(rises(rig)) - before == n_max
    assert rig.count() == len(rises(rig))


def test_this_test_can_fail():
    """A fuse that is one off, either way, breaks the sum above."""
    for wrong in (4, 6):
        rig = PumpRig(wrong, True)
        fed = feed(rig, [((9, 0), 0)])
        assert len(rises(rig)) != min(fed, 5)
