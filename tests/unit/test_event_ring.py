"""The ring of events in flash: order, no repeats, no gap but the oldest, whatever happens to a
write."""

import random
from functools import cache

import pytest
from fake_hal import FakeStore
from hypothesis import given, settings
from hypothesis import strategies as st

from pump.app.event_ring import CHUNK, LINES, NONE, SLOTS, EventRing, is_whole, mark_of
from pump.core.frame import MAX_LINE, seal

KEPT_LEAST = (SLOTS - 1) * LINES + 1


def line_of(boot, number, length=60):
    text = "!%d event t=%dms boot=%d name=paused" % (number, number * 7, boot)
    return seal(text + " x=" + "y" * (length - len(text) - 3))


def lines_of(boot, first, count, length=60):
    return [line_of(boot, number, length) for number in range(first, first + count)]


def all_after(ring, mark=NONE):
    found = list(ring.after(mark, lambda: None))
    for at, line in found:
        assert mark_of(line) == at and is_whole(line)
    return [at for at, _ in found]


def write_all(ring, boot, first, count, batch=8, length=60):
    last = first + count
    while first < last:
        lines = lines_of(boot, first, min(batch, last - first), length)
        done = ring.write((boot, first), lines)
        assert 1 <= done <= len(lines)
        first += done


def marks(boot, first, last):
    return [(boot, number) for number in range(first, last + 1)]


class PowerCut(BaseException):
    """The CPU is gone."""


class Breaking(FakeStore):
    """The operation with number ``breaks`` leaves ``part`` of what it should (0 none, 1000 all)
    and ends with ``how``; a save leaves the old or the new."""

    def __init__(self, breaks=None, part=0, how=PowerCut, records=None):
        super().__init__()
        self.records = {} if records is None else records
        self.breaks, self.part, self.how = breaks, part, how
        self.operations = 0
        self.reads = 0

    def read(self, name, at, count):
        assert count <= CHUNK, "no segment is loaded as a whole"
        self.reads += 1
        return super().read(name, at, count)

    def load(self, name):
        return self.records.get(name, b"")

    def save(self, name, data):
        if self._breaks():
            if self.part == 1000:
                self.records[name] = data
            raise self.how
        self.records[name] = data

    def append(self, name, data):
        before = self.records.get(name, b"")
        if self._breaks():
            self.records[name] = before + data[: len(data) * self.part // 1000]
            raise self.how
        self.records[name] = before + data

    def _breaks(self):
        self.operations += 1
        return self.operations - 1 == self.breaks


@pytest.mark.requirement("LOG-02")
def test_at_least_a_thousand_are_kept_and_the_oldest_go():
    assert KEPT_LEAST >= 1000
    store = Breaking()
    ring = EventRing(store)
    assert (ring.newest, ring.oldest, all_after(ring)) == (NONE, NONE, [])
    total = 3 * SLOTS * LINES + 5
    kept_least = total
    for first in range(1, total, 5):
        write_all(ring, 3, first, min(5, total + 1 - first))
        newest = ring.newest[1]
        if newest > SLOTS * LINES:
            kept_least = min(kept_least, newest - ring.oldest[1] + 1)
    assert kept_least >= KEPT_LEAST
    assert all_after(ring) == marks(3, ring.oldest[1], total)
    assert len(store.records) == SLOTS


def test_a_segment_of_the_longest_lines_is_small():
    store = FakeStore()
    ring = EventRing(store)
    longest = MAX_LINE - len("*hhhh\n")
    write_all(ring, 1, 1, 2 * LINES, length=longest)
    assert max(len(data) for data in store.records.values()) <= 8192
    assert all_after(EventRing(store)) == marks(1, 1, 2 * LINES)


@pytest.mark.requirement("PWR-01")
def test_power_on_reads_heads_and_one_segment():
    store = Breaking()
    write_all(EventRing(store), 1, 1, 2 * SLOTS * LINES, length=MAX_LINE - 6)
    store.reads = 0
    ring = EventRing(store)
    assert ring.newest == (1, 2 * SLOTS * LINES)
    segment = 8192 // CHUNK * 2  # a chunk may end in the midst of a line
    assert store.reads <= SLOTS + segment


@given(
    st.lists(st.tuples(st.integers(1, 40), st.integers(1, 9)), max_size=60),
    st.integers(38, MAX_LINE - 6),
)
@settings(max_examples=60, deadline=None)
def test_what_is_written_over_many_boots_is_read_back(boots, length):
    store = FakeStore()
    written = []
    for boot, (count, batch) in enumerate(boots, 1):
        ring = EventRing(store)
        assert ring.newest == (written[-1] if written else NONE)
        write_all(ring, boot, 1, count, batch, length)
        written += marks(boot, 1, count)
    ring = EventRing(store)
    found = all_after(ring)
    assert found == written[-len(found) :] if found else not written
    assert len(found) >= min(len(written), KEPT_LEAST)
    assert ring.oldest == (found[0] if found else NONE)
    for mark in random.Random(length).sample(written, min(len(written), 12)):
        for since in (mark, (mark[0], 10**9), (mark[0], 0)):
            assert all_after(ring, since) == [at for at in found if at > since]


def test_what_is_read_is_what_was_written_to_the_byte():
    store = FakeStore()
    ring = EventRing(store)
    lines = lines_of(9, 1, 20, 200)
    ring.write((9, 1), lines)
    assert [line for _, line in EventRing(store).after((9, 4), lambda: None)] == lines[4:]


# ---- power cuts -------------------------------------------------------------------------------

PARTS = [0, 1, 333, 500, 777, 999, 1000]


@cache
def filled(count):
    store = FakeStore()
    write_all(EventRing(store), 1, 1, count)
    return store.records


def cut_somewhere(records, breaks, part, boot, count, how=PowerCut):
    """Write events of ``boot`` until the cut; returns the last mark whose write had returned."""
    store = Breaking(breaks, part, how, records)
    ring = EventRing(store)
    done = ring.newest
    try:
        for first in range(1, count + 1, 3):
            write_all(ring, boot, first, min(3, count + 1 - first))
            done = (boot, ring.newest[1])
    except how:
        return done, True
    return done, False


@pytest.mark.requirement("PWR-05", "LOG-02")
@pytest.mark.parametrize("before", [0, 1, LINES - 2, LINES, SLOTS * LINES - 1, SLOTS * LINES + 40])
@pytest.mark.parametrize("part", PARTS)
def test_power_cut_at_every_operation(before, part):
    for breaks in range(16) if before <= LINES else (0, 1, 10, 11, 12):
        records = dict(filled(before))
        kept = all_after(EventRing(Breaking(records=records)))
        done, cut = cut_somewhere(records, breaks, part, 2, 40)
        assert cut or breaks >= 14
        ring = EventRing(Breaking(records=records))
        found = all_after(ring)
        assert found == sorted(set(found)), "in order, none twice"
        assert done == NONE or done in found, "what was written is there"
        of_two = [at for at in found if at[0] == 2]
        assert of_two == marks(2, 1, len(of_two)), "no hole"
        of_one = [at for at in found if at[0] == 1]
        assert of_one == kept[len(kept) - len(of_one) :]
        assert len(found) >= min(before, KEPT_LEAST)
        assert ring.newest == (found[-1] if found else NONE)
        write_all(ring, 3, 1, 5)
        again = all_after(EventRing(Breaking(records=records)))
        assert again[-5:] == marks(3, 1, 5)
        assert again[:-5] == found[len(found) - len(again) + 5 :], "nothing else has changed"


def test_cut_again_and_again():
    """Every boot writes some events and loses power in the midst: what was written stays."""
    source = random.Random(5)
    records = {}
    known = []
    for boot in range(1, 400):
        done, _ = cut_somewhere(
            records, source.randrange(4), source.randrange(1001), boot, source.randrange(1, 12)
        )
        found = all_after(EventRing(Breaking(records=records)))
        assert found == sorted(set(found))
        assert done == NONE or done in found
        same = [at for at in found if at[0] < boot]
        assert same == known[len(known) - len(same) :]
        assert len(found) >= min(len(known), 900)
        known = found
    assert max(len(data) for data in records.values()) < 12_000


@pytest.mark.requirement("LOG-02")
@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("before", [0, 5, LINES])
def test_a_write_that_failed_is_not_repeated_where_it_was_done(part, before):
    records = dict(filled(before))
    store = Breaking(0, part, OSError, records)
    ring = EventRing(store)
    lines = lines_of(2, 1, 6)
    with pytest.raises(OSError):
        ring.write((2, 1), lines)
    assert ring.unsure
    with pytest.raises(OSError):
        ring.write((2, 1), lines)
    assert store.operations == 1, "not before it has looked"
    ring.mount()
    there = ring.newest[1] if ring.newest[0] == 2 else 0
    assert there == (6 if part == 1000 else there)
    if there < 6:
        assert ring.write((2, there + 1), lines[there:]) == 6 - there
    assert all_after(EventRing(Breaking(records=records)))[-6:] == marks(2, 1, 6)


# ---- rot --------------------------------------------------------------------------------------


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_spoilt_bytes_cost_events_but_never_make_any(data):
    records = dict(filled(100))
    name = data.draw(st.sampled_from(sorted(records)))
    at = data.draw(st.integers(0, len(records[name]) - 1))
    junk = data.draw(st.binary(min_size=1, max_size=90))
    records[name] = records[name][:at] + junk + records[name][at + len(junk) :]
    ring = EventRing(Breaking(records=records))
    found = all_after(ring)
    assert found == sorted(set(found)) and set(found) <= set(marks(1, 1, 100))
    write_all(ring, 2, 1, LINES + 1)
    after = all_after(EventRing(Breaking(records=records)))
    assert after[-LINES - 1 :] == marks(2, 1, LINES + 1)


@given(st.binary(max_size=900))
@settings(max_examples=150, deadline=None)
def test_a_slot_full_of_junk_is_no_hindrance(junk):
    records = {"events-%02d" % slot: junk for slot in range(SLOTS)}
    ring = EventRing(Breaking(records=records))
    assert (ring.newest, all_after(ring)) == (NONE, [])
    write_all(ring, 1, 1, 40)
    assert all_after(EventRing(Breaking(records=records))) == marks(1, 1, 40)


def test_segments_of_another_make_are_passed_over():
    records = dict(filled(LINES * 3))
    records["events-07"] = seal("#500 boot=9 seq=1") + line_of(9, 1)  # the wrong slot for it
    assert all_after(EventRing(Breaking(records=records))) == marks(1, 1, LINES * 3)
    records["events-09"] = seal("#9 boot=1 seq=1") + line_of(1, 1)
    records["events-%02d" % (200 % SLOTS)] = seal("#200 boot=2 seq=1") + line_of(2, 1)
    ring = EventRing(Breaking(records=records))
    assert all_after(ring) == [(2, 1)]
    write_all(ring, 2, 2, LINES)
    assert all_after(EventRing(Breaking(records=records))) == marks(2, 1, LINES + 1)


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"!",
        b"!1 event",
        b"!x event t=1ms boot=1 name=a",
        b"!1 event t=1ms boot= n",
        b"#1 a b c",
    ],
)
def test_what_is_no_event_has_no_mark(line):
    assert mark_of(line) == NONE
    assert not is_whole(line)


def test_long_steps_are_announced():
    """Motion is topped up before each read and each check."""
    store = Breaking()
    ring = EventRing(store)
    write_all(ring, 1, 1, 60)
    store.reads = 0
    calls = []
    assert len(list(ring.after((1, 40), lambda: calls.append(store.reads)))) == 20
    assert len(calls) == store.reads + 20
