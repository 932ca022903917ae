"""The PIO's shortcuts give exactly what cycle-by-cycle execution gives.

Every scenario is played twice, with ``shortcut`` off and on, and everything that can be seen is
compared: edges, the times at which ``run`` returns, FIFOs, flags, FDEBUG, registers.
"""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from boards.sim.pio_record import Record
from tests.unit.pio_programs import PumpRig, expand
from tests.unit.pio_random import (
    ONES,
    Bench,
    actions,
    gentle_actions,
    lively_setups,
    machines,
    pause,
    play,
    play_lively,
)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(machines(), min_size=1, max_size=3),
    st.sampled_from([0, 0, ONES, 5]),
    st.sampled_from([0, 0, 0x100, 0xFFF]),
    st.lists(st.tuples(pause(), actions()), max_size=12),
)
def test_random_programs_give_the_same(setups, bypass, inte, script) -> None:
    slow = play(setups, bypass, inte, script, False)
    assert play(setups, bypass, inte, script, True) == slow


@settings(max_examples=100, deadline=None)
@given(
    lively_setups(),
    st.sampled_from([0, 0, ONES]),
    st.lists(
        st.tuples(st.one_of(st.integers(0, 40), st.integers(100, 2500)), gentle_actions()),
        max_size=8,
    ),
)
def test_lively_programs_give_the_same(setups, bypass, script) -> None:
    slow = play_lively(setups, bypass, script, False)
    assert play_lively(setups, bypass, script, True) == slow


# ---- our own programs ----

WORDS = st.one_of(
    st.sampled_from([(1, 2), (2, 2), (1, 3), (0, 2)]),
    st.tuples(st.sampled_from([0, 1, 2, 3, 12]), st.sampled_from([0, 1, 2, 7, 8, 40])),
)
EVENTS = st.one_of(
    st.tuples(st.just("put"), WORDS),
    st.tuples(st.just("put"), WORDS),
    st.tuples(st.just("put"), WORDS),
    st.tuples(st.just("read"), st.just(None)),
    st.tuples(st.just("read"), st.just(None)),
    st.tuples(st.just("stop"), st.sampled_from([0, 0, 0, 1])),
    st.tuples(st.just("led"), st.sampled_from([0, 1])),
    st.tuples(st.just("look"), st.just(None)),
)


def pump(n_max: int, script: list, shortcut: bool) -> tuple:
    rig = PumpRig(n_max, shortcut)
    log: list = []
    for cycles, (kind, value) in script:
        log.append(rig.pio.run(rig.pio.now + cycles))
        if kind == "put":
            if rig.generator.tx_level < 8:
                rig.generator.put(value[0] | value[1] << 7)
        elif kind == "read":
            log.append(rig.count())
        elif kind == "stop":
            rig.pads.drive(rig.STOP, value)
        elif kind == "led":
            rig.pads.drive(rig.LED, value)
        else:
            log.append(rig.state())
    log.append(rig.pio.run(rig.pio.now + 3000))
    return log, expand(rig.edges), rig.state()


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from([0, 1, 9, 1000]),
    st.lists(st.tuples(st.one_of(st.integers(0, 30), st.integers(0, 1500)), EVENTS), max_size=25),
)
def test_pump_programs_give_the_same(n_max, script) -> None:
    assert pump(n_max, script, True) == pump(n_max, script, False)


def test_a_count_read_in_flight_takes_its_slot() -> None:
    """The forced instructions of a read cost the counter the cycles they cost on the chip."""
    script = [(6626, ("put", (20, 7))), (4131, ("put", (1, 1)))]
    script += [(0, ("read", None)), (0, ("look", None))]
    assert pump(100, script, True) == pump(100, script, False)


def test_known_patterns_with_other_words_coming_next() -> None:
    """Each of four words is followed by each other one, several times over."""
    words = (1 | 2 << 7, 2 | 2 << 7, 1 | 3 << 7, 0 | 2 << 7)
    order = list(range(16)) * 2
    script = []
    for number in order:
        script.append((500, ("put", (words[number // 4] & 127, words[number // 4] >> 7))))
        script.append((1, ("put", (words[number % 4] & 127, words[number % 4] >> 7))))
    assert pump(1000, script, True) == pump(1000, script, False)


def fed(words: list, slices: list, shortcut: bool) -> tuple:
    """What is seen of ``words`` going through a queue that is filled after each of ``slices``."""
    rig = PumpRig(10_000, shortcut)
    log = []
    waiting = list(words)
    for cycles in slices:
        while waiting and rig.generator.tx_level < 8:
            count, passes = waiting.pop(0)
            rig.generator.put(count | passes << 7)
        rig.pio.run(rig.pio.now + cycles)
        log.append((rig.generator.tx_level, rig.count()))
    return log, expand(rig.edges), rig.state()


@pytest.mark.parametrize(
    "words",
    [
        [(21, 2)],
        [(7, 20), (7, 20), (5, 20), (0, 9), (1, 20)],
        [(6, 20), (6, 21), (6, 20)],
    ],
)
def test_stretches_from_word_to_word_give_the_same(words, monkeypatch) -> None:
    slices = [22_000, 123, 25_000] * 3
    followed = []
    plain = Record.advance

    def advance(self, times: int) -> None:
        if self.parts and self.words:
            followed.append(self)
        plain(self, times)

    monkeypatch.setattr(Record, "advance", advance)
    fast = fed(words * 12, slices, True)
    assert len(followed) > len(set(followed)) > 0, "no stretch, or none twice"
    assert fast == fed(words * 12, slices, False)


PULSES = [0xE001, 0xE000 | 9 << 8]  # for ever, so that there is a pattern to repeat
SQUARE = (PULSES, (1 << 16, 1 << 12, 3 << 18, 1 << 26))


@pytest.mark.parametrize(
    ("beside", "autopull"),
    [
        ([0x80A0, 0xE001, 0xE000], 0),  # pull(block): waits for the CPU
        ([0x8080, 0xA020, 0xA047], 0),  # pull(noblock)
        ([0x2080, 0x4001, 0x8000, 0x2000], 0),  # push(noblock) once a pulse
        ([0x2080, 0x4001, 0x8020, 0x2000], 0),  # push(block)
        ([0x2080, 0xA025, 0x2000], 0),  # mov(x, status): the TX FIFO's level
        ([0x2080, 0xC001, 0x20C1, 0x2000], 0),  # raise a flag, wait for it
        ([0x20C2, 0xE001, 0xE000], 0),  # wait for a flag that the CPU raises
        ([0xC020, 0xE001, 0xE000], 0),  # raise a flag and wait till the CPU clears it
        ([0x6021, 0x2080, 0x2000], 1),  # out(x, 1)
        ([0x2080, 0xA027, 0x2000], 1),  # mov(x, osr), refilled in the background
    ],
)
def test_what_the_cpu_can_change_is_not_repeated_blindly(beside, autopull) -> None:
    """A square wave, and a machine beside it whose next move hangs on FIFOs or flags."""

    def played(shortcut: bool) -> tuple:
        execctrl = (len(beside) - 1) << 12 | 2
        shiftctrl = 3 << 18 | autopull << 17 | 3 << 25
        pinctrl = 1 << 26 | 1 << 5
        bench = Bench([SQUARE, (beside, (1 << 16, execctrl, shiftctrl, pinctrl))], 0, 0, shortcut)
        bench.pads.func(1, "pio0")
        bench.block_pins()
        for wait in (300, 77, 100, 5, 300, 1, 1, 200):
            bench.run(wait)
            bench.act(("put", 1, 0x55))
            bench.run(wait // 3)
            bench.log.append(bench.sm[1].rx[:])
            bench.act(("get", 1, 0))
            bench.pio.blocks[0].reg_write(0x34, 4)
            bench.run(wait // 2)
            bench.act(("clear", 1, 3))
        return bench.log, expand(bench.edges), bench.state()

    assert played(True) == played(False)


def test_a_pull_that_changes_while_the_pad_is_driven() -> None:
    """An open-drain output: what its pull does shows only when it lets go."""
    drain = [0x2000, 0xE081, 0x2080, 0xE080]  # low while pin 0 is low and 3 cycles more

    def played(shortcut: bool) -> tuple:
        setups = [SQUARE, (drain, (1 << 16, 3 << 12, 3 << 18, 1 << 26 | 1 << 5))]
        bench = Bench(setups, 0, 0, shortcut)
        bench.pads.func(1, "pio0")
        bench.block_pins()
        bench.pads.pull(1, "up")
        for way in ("down", "up", "down", "down"):
            bench.run(12 * 40 + 7)
            assert bench.pads.level(1) == 0
            bench.pads.pull(1, way)
        bench.run(500)
        return bench.log, expand(bench.edges), bench.state()

    assert played(True) == played(False)


def test_a_loop_has_no_gap() -> None:
    """Found by Hypothesis: records either side of cycles that were merely executed."""
    setups = [([0xE001, 0xE000, 0xE101, 0xE300], (1 << 16, 3 << 12, 3 << 18, 1 << 26))]
    script = [(17, ("look", 0, 0))]
    assert play_lively(setups, 0, script, True) == play_lively(setups, 0, script, False)


def test_a_long_run_is_repeated_not_executed(monkeypatch) -> None:
    """The shortcut is used at all: 4000 steps at the cost of a few."""
    rig = PumpRig(10_000, True)
    executed = []
    plain = rig.pio.run_ahead

    def counted(t: int, until: int, live: bool) -> int:
        reached = plain(t, until, live)
        executed.append(t)
        return reached

    monkeypatch.setattr(rig.pio, "run_ahead", counted)
    fed = 0
    while fed < 40 or rig.generator.tx_level:
        if fed < 40 and rig.generator.tx_level < 8:
            rig.generator.put(100 | 5000 << 7)
            fed += 1
        else:
            rig.pio.run(rig.pio.now + 100 * (2 * 5000 + 266))
    rig.pio.run(rig.pio.now + 200 * (2 * 5000 + 266))
    assert rig.count() == 4000
    assert sum(edge[4] for edge in rig.edges if edge[0] == rig.STEP and edge[1]) == 4000
    assert len(rig.edges) < 700, "edges are not reported in trains"
    assert len(executed) < 60, "known patterns are executed again"
