"""Pads: who wins, what a reset leaves, what peripherals read, what watchers are told."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from boards.sim.pads import Pads


def test_after_reset_pads_are_low_inputs() -> None:
    pads = Pads()
    assert pads.levels == 0
    assert pads.owner(7) is None


def test_pull_up_is_read_and_the_bench_overrides_it() -> None:
    pads = Pads()
    pads.pull(7, "up")
    assert pads.level(7) == 1
    pads.drive(7, 0)
    assert pads.level(7) == 0
    pads.drive(7, None)
    assert pads.level(7) == 1
    pads.pull(7, None)
    assert pads.level(7) == 0, "a floating pad reads 0 here"


def test_the_output_of_the_chip_wins_over_the_bench() -> None:
    pads = Pads()
    pads.drive(3, 1)
    pads.func(3, "sio")
    assert pads.level(3) == 1, "output not enabled yet"
    pads.sio(3, True, 0)
    assert pads.level(3) == 0


def test_only_the_owner_of_a_pad_drives_it() -> None:
    pads = Pads()
    pads.pio_dir(0, 1 << 5, 1 << 5)
    pads.pio_out(0, 1 << 5, 1 << 5)
    assert pads.level(5) == 0
    pads.func(5, "pio1")
    assert pads.level(5) == 0
    pads.func(5, "pio0")
    assert pads.level(5) == 1
    assert pads.owner(5) == "pio0"
    pads.func(5, None)
    assert pads.level(5) == 0


@pytest.mark.parametrize(("mode", "low", "high"), [(0, 0, 1), (1, 1, 0), (2, 0, 0), (3, 1, 1)])
def test_input_override_changes_what_peripherals_read_only(mode, low, high) -> None:
    pads = Pads()
    pads.in_override(4, mode)
    assert (pads.inputs >> 4 & 1, pads.level(4)) == (low, 0)
    pads.drive(4, 1)
    assert (pads.inputs >> 4 & 1, pads.level(4)) == (high, 1)


def test_a_reset_takes_back_what_the_chip_did_but_not_the_bench() -> None:
    pads = Pads()
    pads.drive(1, 1)
    pads.func(2, "sio")
    pads.sio(2, True, 1)
    pads.pull(3, "up")
    pads.in_override(1, 1)
    assert pads.levels == 0b1110
    pads.reset()
    assert pads.levels == 0b0010
    assert pads.inputs == 0b0010


def test_edges_are_told_once_with_the_time_of_the_clock() -> None:
    pads = Pads()
    told: list = []
    pads.watch(6, lambda *edge: told.append(edge))
    pads.clock = lambda: 123
    pads.drive(6, 1)
    pads.drive(6, 1)
    pads.drive(5, 1)
    pads.func(6, "pio1")
    pads.pio_dir(1, 1 << 6, 1 << 6, 200)
    pads.pio_out(1, 1 << 6, 1 << 6, 300)
    assert told == [(6, 1, 123, 0, 1), (6, 0, 200, 0, 1), (6, 1, 300, 0, 1)]


def test_a_train_reaches_the_watchers_as_it_is() -> None:
    pads = Pads()
    told: list = []
    pads.watch(6, lambda *edge: told.append(edge))
    pads.train(6, 1, 1000, 50, 9)
    pads.train(7, 1, 1000, 50, 9)
    assert told == [(6, 1, 1000, 50, 9)]


def test_the_pio_is_warned_before_each_change_of_others() -> None:
    pads = Pads()
    warned: list = []
    pads.before = lambda mask: warned.append((mask, pads.levels))
    pads.drive(2, 1)
    pads.pio_out(0, 1, 1)
    pads.reset()
    assert warned == [(4, 0), (pads.mask, 4)]


def test_pads_that_are_not_there_are_refused() -> None:
    with pytest.raises(ValueError, match="no such pad"):
        Pads(30).drive(30, 1)


ACTS = st.one_of(
    st.tuples(st.just("drive"), st.sampled_from([0, 1, None])),
    st.tuples(st.just("pull"), st.sampled_from(["up", "down", None])),
    st.tuples(st.just("func"), st.sampled_from(["sio", "pio0", "pio1", None])),
    st.tuples(st.just("sio"), st.tuples(st.booleans(), st.booleans())),
    st.tuples(st.just("pio_out"), st.tuples(st.integers(0, 1), st.booleans())),
    st.tuples(st.just("pio_dir"), st.tuples(st.integers(0, 1), st.booleans())),
)


@given(st.lists(ACTS, max_size=30))
def test_levels_follow_from_who_drives(acts) -> None:
    """Against a pad-by-pad model that knows nothing of masks."""
    pads = Pads()
    ext, pull, owner = None, "down", None
    out = {"sio": 0, "pio0": 0, "pio1": 0}
    oe = dict(out)
    for kind, value in acts:
        if kind == "drive":
            pads.drive(9, value)
            ext = value
        elif kind == "pull":
            pads.pull(9, value)
            pull = value
        elif kind == "func":
            pads.func(9, value)
            owner = value
        elif kind == "sio":
            pads.sio(9, value[0], value[1])
            oe["sio"], out["sio"] = value
        else:
            getattr(pads, kind)(value[0], 1 << 9, value[1] << 9)
            (out if kind == "pio_out" else oe)["pio%d" % value[0]] = value[1]
        expected = ext if ext is not None else int(pull == "up")
        if owner is not None and oe[owner]:
            expected = int(out[owner])
        assert pads.level(9) == expected
        assert pads.levels & ~(1 << 9) == 0
