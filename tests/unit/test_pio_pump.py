"""The pump's PIO programs: intervals, the dose fuse, the stop input."""

import pytest

from tests.unit.pio_programs import PumpRig, expand


@pytest.mark.parametrize("shortcut", [False, True])
def test_step_interval_is_the_same_inside_and_across_words(shortcut) -> None:
    rig = PumpRig(None, shortcut)
    for passes in (0, 1, 10):
        for word in (3 | passes << 7, 1 | passes << 7, 2 | passes << 7):
            rig.generator.put(word)
        rig.pio.run(rig.pio.now + 3000)
        rises = [t for t, pin, level in expand(rig.edges) if level]
        gaps = {b - a for a, b in zip(rises[-6:], rises[-5:])}
        assert gaps == {2 * passes + 266}
        assert rig.pads.levels >> rig.STEP & 1 == 0


@pytest.mark.parametrize("shortcut", [False, True])
def test_a_rest_word_inserts_its_time(shortcut) -> None:
    rig = PumpRig(None, shortcut)
    for word in (1 | 10 << 7, 0 | 100 << 7, 0 | 0 << 7, 1 | 10 << 7):
        rig.generator.put(word)
    rig.pio.run(3000)
    first, second = [t for t, pin, level in expand(rig.edges) if pin == rig.STEP and level]
    assert second - first == 286 + 208 + 8


@pytest.mark.parametrize("n_max", [0, 1, 2, 5])
def test_the_fuse_blows_after_exactly_n_max_edges(n_max) -> None:
    rig = PumpRig(n_max, True)
    for _ in range(4):
        rig.generator.put(3 | 5 << 7)
    rig.pio.run(20_000)
    rises = [t for t, pin, level in expand(rig.edges) if pin == rig.STEP and level]
    allow = [(t, level) for t, pin, level in expand(rig.edges) if pin == rig.ALLOW]
    assert len(rises) == n_max == rig.count()
    assert rig.pads.level(rig.ALLOW) == 0
    assert rig.pio.blocks[0].irq == 2, "the fuse is machine 1"
    if n_max:
        assert allow[-1][0] - rises[-1] <= 10
    else:
        assert allow == []


def test_stop_drops_allow_within_eight_cycles_at_any_moment() -> None:
    worst = 0
    for moment in range(300, 700):
        rig = PumpRig(1000, True)
        rig.generator.put(9 | 20 << 7)
        rig.pio.run(moment)
        rig.pads.drive(rig.STOP, 1)
        rig.pio.run(moment + 20)
        dropped = [t for t, pin, level in expand(rig.edges) if pin == rig.ALLOW and not level]
        worst = max(worst, dropped[0] - moment)
        rig.pads.drive(rig.STOP, 0)
        rig.pio.run(moment + 2000)
        assert rig.pads.level(rig.ALLOW) == 0, "for good"
    assert worst == 8


def test_stop_already_pressed_keeps_allow_low() -> None:
    rig = PumpRig(50, True)
    rig.pads.drive(rig.STOP, 1)
    rig.pio.run(1000)
    assert [edge for edge in rig.edges if edge[0] == rig.ALLOW] == []
