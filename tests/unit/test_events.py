"""The event log: numbers never repeat, the last lines are kept."""

from hypothesis import given
from hypothesis import strategies as st

from pump.app.events import KEPT, EventLog
from pump.core.frame import seal


def test_an_event_reads_as_in_the_protocol():
    log = EventLog(12)
    line = log.add(1_834_567_890, "stopped", [("cause", "disconnect"), ("state", "stopped")])
    assert line == "!1 event t=1834567ms boot=12 name=stopped cause=disconnect state=stopped"
    assert log.add(0, "acked", []) == "!2 event t=0ms boot=12 name=acked"


def test_an_empty_log():
    log = EventLog(1)
    assert (log.oldest(), log.newest) == (1, 0)


@given(st.integers(1, 3 * KEPT))
def test_the_ring_keeps_the_newest(count):
    log = EventLog(3)
    lines = [log.add(number * 1000, "started", []) for number in range(1, count + 1)]
    assert log.newest == count
    assert log.oldest() == max(1, count - KEPT + 1)
    for number in range(log.oldest(), log.newest + 1):
        assert log.line(number) == lines[number - 1]
        assert log.line(number).startswith("!%d " % number)


def test_a_long_event_is_cut_to_the_line():
    log = EventLog(2**31)
    line = log.add(2**62, "exception", [("what", "x" * 48), ("more", "y" * 300)])
    assert len(seal(line)) <= 240
    assert line.endswith(" cut=yes")
