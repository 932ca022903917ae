"""The outbox keeps bytes in order and room for what matters more."""

import pytest
from fake_hal import BOARD, FakeHal, FakeLink
from hypothesis import given
from hypothesis import strategies as st

from pump.app.outbox import FOR_EVENT, FOR_REPLY, FOR_TELEMETRY, SIZE, Outbox
from pump.app.pump import Pump

SPARES = st.sampled_from([FOR_REPLY, FOR_EVENT, FOR_TELEMETRY])
PUTS = st.tuples(st.just("put"), st.binary(min_size=1, max_size=300), SPARES)
SENDS = st.tuples(st.just("send"), st.integers(0, 400), st.none())


@pytest.mark.requirement("COM-11")
@given(st.lists(st.one_of(PUTS, SENDS), max_size=80))
def test_bytes_come_out_in_order_and_priorities_keep_room(acts):
    link = FakeLink()
    box = Outbox(link)
    taken = b""
    for act, what, spare in acts:
        if act == "send":
            link.takes = what
            left = box.send(4096)
            assert left == (len(link.sent) < len(taken))
            continue
        before = box.room()
        accepted = box.put(what, spare)
        assert accepted == (before - len(what) >= spare)
        taken += what if accepted else b""
        assert box.room() == SIZE - (len(taken) - len(link.sent))
    link.takes = 10**6
    assert box.send(4096) is False
    assert link.sent == taken


def test_each_kind_leaves_room_for_the_more_important():
    box = Outbox(FakeLink(takes=0))
    while box.put(b"t" * 100, FOR_TELEMETRY):
        pass
    assert box.room() >= FOR_TELEMETRY
    assert box.put(b"e" * 200, FOR_EVENT)
    while box.put(b"e" * 200, FOR_EVENT):
        pass
    assert box.room() >= FOR_EVENT
    assert box.put(b"r" * 240, FOR_REPLY) and box.put(b"r" * 240, FOR_REPLY)


def test_more_than_fits_is_refused_whole():
    link = FakeLink()
    box = Outbox(link)
    assert not box.put(b"x" * (SIZE + 1), FOR_REPLY)
    assert box.put(b"y" * SIZE, FOR_REPLY)
    assert not box.put(b"z", FOR_REPLY)
    box.send(4096)
    assert link.sent == b"y" * SIZE


def test_nothing_is_written_when_there_is_nothing():
    link = FakeLink()
    assert Outbox(link).send(4096) is False
    assert link.sent == b""


def test_a_sample_that_would_not_be_taken_is_not_made(monkeypatch):
    """To make one takes 14 ms on the chip. It has a number, so that the host sees it missing."""
    pump = Pump(FakeHal(), BOARD)
    session = pump.session
    made = []
    monkeypatch.setattr(session.report, "telemetry", lambda now_us: made.append(now_us) or [])
    for now_us in (10**7, 2 * 10**7):
        session.poll(now_us)
        assert made == [10**7]
        pump.outbox.put(b"r" * 200, FOR_REPLY)
    pump.outbox.send(SIZE)
    session.poll(3 * 10**7)
    assert made == [10**7, 3 * 10**7]
    assert session._sample == 3
