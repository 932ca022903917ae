"""The event log: numbers never repeat, what is kept can be asked for, losses are counted."""

import pytest
from fake_hal import FakeStore
from hypothesis import given, settings
from hypothesis import strategies as st

from pump.app.event_ring import LINES, EventRing, is_whole, mark_of
from pump.app.events import _BATCH, _HOLD_US, _KEPT, _PUT_OFF_US, _RETRY_US, EventLog
from pump.core.frame import MAX_LINE, seal

PLENTY = 10**6
LATER = 10**12


def log_of(store=None, boot=1):
    return EventLog(boot, EventRing(store or FakeStore()))


def add(log, count, now_us=0):
    for _ in range(count):
        log.add(now_us, "paused", [])


def every(log, mark=(0, 0), most=4, room=PLENTY):
    """All pages after ``mark``."""
    found = []
    more = True
    while more:
        lines, more = log.page(mark, most, room, lambda: None)
        assert len(lines) <= most and sum(map(len, lines)) <= room
        assert lines or not more
        found += lines
        mark = mark_of(lines[-1]) if lines else mark
    assert all(is_whole(line) for line in found)
    return [mark_of(line) for line in found]


def marks(boot, first, last):
    return [(boot, number) for number in range(first, last + 1)]


@pytest.mark.requirement("LOG-01")
def test_an_event_reads_as_in_the_protocol():
    log = EventLog(12)
    line = log.add(1_834_567_890, "stopped", [("cause", "disconnect"), ("state", "stopped")])
    assert line == seal("!1 event t=1834567ms boot=12 name=stopped cause=disconnect state=stopped")
    assert log.add(0, "acked", []) == seal("!2 event t=0ms boot=12 name=acked")


def test_an_empty_log():
    for log in (EventLog(1), log_of()):
        assert (log.oldest(), log.newest, every(log), log.due_us()) == ((1, 1), 0, [], None)


@given(st.integers(1, 3 * _KEPT), st.integers(0, 3 * _KEPT))
@pytest.mark.requirement("LOG-03")
def test_ram_keeps_the_newest(count, since):
    log = EventLog(3)
    lines = [log.add(number * 1000, "started", []) for number in range(1, count + 1)]
    first = max(1, count - _KEPT + 1)
    assert (log.newest, log.oldest()) == (count, (3, first))
    assert every(log, (3, since)) == marks(3, max(first, since + 1), count)
    assert every(log, (2, since)) == marks(3, first, count)
    assert every(log, (4, 0)) == []
    assert log.page((3, count - 1), 4, PLENTY, lambda: None) == ([lines[-1]], False)


def test_a_long_event_is_cut_to_the_line():
    log = EventLog(2**31)
    line = log.add(2**62, "exception", [("what", "x" * 48), ("more", "y" * 300)])
    assert len(line) <= MAX_LINE
    assert line[:-6].endswith(b" cut=yes")


def test_a_page_fits_the_room_there_is():
    log = EventLog(1)
    add(log, 3)
    length = len(log.page((1, 0), 1, PLENTY, lambda: None)[0][0])
    assert log.page((1, 0), 4, length - 1, lambda: None) == ([], True)
    assert len(log.page((1, 0), 4, 2 * length, lambda: None)[0]) == 2
    assert every(log, room=length) == marks(1, 1, 3)


# ---- to flash ---------------------------------------------------------------------------------


@pytest.mark.requirement("LOG-02")
def test_events_are_written_a_moment_later_and_together():
    store = FakeStore()
    log = log_of(store)
    add(log, 1, 1000)
    add(log, 2, 5000)
    assert log.due_us() == 1000 + _HOLD_US
    log.flush(999 + _HOLD_US, True)
    log.flush(1000 + _HOLD_US, False)
    assert store.records == {}
    assert log.due_us() == 1000 + _HOLD_US + _PUT_OFF_US
    assert not log.flush(1000 + _HOLD_US + _PUT_OFF_US, True)
    assert every(log_of(store)) == marks(1, 1, 3)
    assert log.due_us() is None


def test_a_write_holds_so_many_lines_and_the_next_is_due_at_once():
    store = FakeStore()
    log = log_of(store)
    add(log, 2 * _BATCH + 1)
    for written in (_BATCH, 2 * _BATCH, 2 * _BATCH + 1):
        log.flush(_HOLD_US, True)
        assert EventRing(store).newest == (1, written)
    assert log.due_us() is None


def test_without_a_ring_nothing_is_due():
    log = EventLog(1)
    add(log, 3 * _KEPT)
    assert (log.due_us(), log.flush(LATER, True), log.take_lost()) == (None, False, 0)


@pytest.mark.requirement("LOG-03")
@given(st.lists(st.tuples(st.integers(0, 90), st.integers(0, 12)), min_size=1, max_size=12))
@settings(max_examples=60, deadline=None)
def test_every_page_of_many_boots(boots):
    """(events, flushes) per boot; what was not flushed is lost with the power, the rest is told
    in order, whether it is in flash, in RAM or in both."""
    store = FakeStore()
    known = []
    for count, flushes in boots:
        log = log_of(store)
        assert log.boot == (known[-1][0] + 1 if known else 1)
        for _ in range(count):
            add(log, 1)
            if flushes:
                log.flush(LATER, True)
                flushes -= 1
        in_flash = EventRing(store).newest
        first_in_ram = max(1, count - _KEPT + 1)
        here = [at for at in marks(log.boot, 1, count) if at <= in_flash or at[1] >= first_in_ram]
        assert every(log) == known + here
        for mark in (known + here)[:: max(1, len(known + here) // 5)]:
            assert every(log, mark) == [at for at in known + here if at > mark]
        known += [at for at in here if at <= in_flash]
        lost = log.take_lost()
        assert lost in (0, count - len(here))


def test_the_boot_number_never_goes_back():
    store = FakeStore()
    log = log_of(store, 57)
    add(log, 1)
    log.write_all(0)
    assert log_of(store, 1).boot == 58
    assert log_of(store, 60).boot == 60


# ---- what fails -------------------------------------------------------------------------------


@pytest.mark.requirement("LOG-02")
def test_a_failure_is_told_once_and_nothing_is_lost_meanwhile():
    store = FakeStore()
    log = log_of(store)
    add(log, 3)
    store.full = True
    assert log.flush(_HOLD_US, True), "worth an alarm"
    assert log.due_us() == _HOLD_US + _RETRY_US
    add(log, 3, _HOLD_US + 1)
    assert log.due_us() == _HOLD_US + _RETRY_US, "new events do not hasten the next try"
    now_us = LATER
    for _ in range(6):
        assert not log.flush(now_us, True), "told before"
        now_us += _RETRY_US
    store.full = False
    log.flush(now_us, True)
    log.flush(now_us, True)
    assert not log.failing
    assert every(log_of(store)) == marks(1, 1, 6)
    add(log, 1)
    store.full = True
    assert log.flush(now_us + LATER, True), "a new failure is told anew"


def test_after_a_failure_one_call_looks_and_the_next_writes():
    store = FakeStore()
    log = log_of(store)
    add(log, 3)
    store.append = store.save = lambda *_: (_ for _ in ()).throw(OSError(5))
    log.flush(LATER, True)
    del store.append, store.save
    log.flush(2 * LATER, True)
    assert store.records == {}
    log.flush(2 * LATER, True)
    assert EventRing(store).newest == (1, 3)


@pytest.mark.requirement("LOG-02")
@pytest.mark.parametrize("already", [0, 5])
@pytest.mark.parametrize("done", range(4))
def test_what_a_failed_write_did_is_not_written_again(already, done):
    store = FakeStore()
    log = log_of(store)
    add(log, already)
    log.write_all(0)
    add(log, 3)
    whole = store.append, store.save

    def fails(name, data):
        lines = data.splitlines(keepends=True)
        if already:
            store.records[name] += b"".join(lines[:done])
        elif done == 3:
            store.records[name] = data
        raise OSError(5)

    store.append = store.save = fails
    assert log.flush(LATER, True)
    store.append, store.save = whole
    log.flush(2 * LATER, True)
    log.flush(2 * LATER, True)
    assert log.due_us() is None
    text = b"".join(store.records[name] for name in sorted(store.records))
    assert [mark_of(line) for line in text.splitlines(keepends=True)[1:]] == marks(
        1, 1, already + 3
    )


@pytest.mark.requirement("LOG-02")
def test_events_that_leave_ram_unwritten_are_counted_and_told_when_there_is_room():
    store = FakeStore()
    log = log_of(store)
    store.full = True
    add(log, _KEPT + 7)
    assert log.flush(LATER, True)
    assert log.take_lost() == 0, "an event now would cost another one"
    store.full = False
    now_us = 2 * LATER
    while log.take_lost() == 0:
        assert not log.flush(now_us, True)
    log.add(now_us, "overflow", [("unwritten", "7")])
    assert log.take_lost() == 0, "told once"
    log.write_all(now_us)
    assert every(log_of(store)) == marks(1, 8, _KEPT + 8)


def test_write_all_ends_also_where_nothing_can_be_written():
    store = FakeStore()
    log = log_of(store)
    add(log, 40)
    store.full = True
    assert not log.write_all(0)
    assert not log.write_all(0)
    store.full = False
    assert log.write_all(0)
    assert every(log_of(store)) == marks(1, 1, 40)


def test_a_segment_ends_in_the_midst_of_a_batch():
    store = FakeStore()
    log = log_of(store)
    add(log, LINES - 3)
    log.write_all(0)
    add(log, _BATCH)
    log.flush(LATER, True)
    assert EventRing(store).newest == (1, LINES)
    log.flush(LATER, True)
    assert EventRing(store).newest == (1, LINES - 3 + _BATCH)
