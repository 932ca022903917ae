"""Fuzzed serial lines; `make fuzz N=1000000` runs the full million."""

import pytest

from pump.app.commands import VERBS
from tests.faults import fuzz

SHARES = 8
BATCHES = 10  # of a share; fuzz.LINES lines each
FIRST = 5_000_000


@pytest.mark.requirement("COM-05", "COM-08", "PROG-06", "COM-01")
@pytest.mark.parametrize("share", range(SHARES))
def test_no_exception_no_motion_no_change_without_a_valid_frame(share):
    begin = FIRST + share * BATCHES
    valid = sum(fuzz.batch(seed) for seed in range(begin, begin + BATCHES))
    lines = BATCHES * fuzz.LINES
    assert lines // 50 < valid < lines // 4, "valid frames among them"


@pytest.mark.parametrize(
    "line, verb",
    [
        (b"stop", "stop"),
        (b"17 pause", "pause"),
        (b"  8  stop", "stop"),
        (b"stop\r", "stop"),
        (b"ack", ""),
        (fuzz.protocol.seal("ack")[:-1], "ack"),
        (fuzz.protocol.seal("ack")[:-1].lower(), "ack"),
        (fuzz.protocol.seal("123456 ack")[:-1], ""),
        (fuzz.protocol.seal("stop")[:-2] + b"G", ""),
        (b"stop*0000", ""),
        (b"st\x00op", ""),
        (b"stop" + b" " * 300, ""),
        (fuzz.protocol.seal("status")[:-1], ""),
    ],
)
def test_the_judge_of_frames(line, verb):
    assert fuzz.may_change(line) == verb


def test_every_verb_is_drawn():
    drawn = {text.split(" ")[0] for text in fuzz.VALID}
    assert drawn == {row[0] for row in VERBS}
    assert {row[0] for row in VERBS if not row[2]} == {*fuzz.READS, *fuzz.MAY_CHANGE_UNCHECKED}


def test_offers_come_to_a_start():
    """A fuzzer whose starts never fit would prove little."""
    names = set()
    events = fuzz.Fuzzed.events

    class Told(fuzz.Fuzzed):
        def events(self):
            found = events(self)
            names.update(found)
            return found

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fuzz, "Fuzzed", Told)
        for seed in range(FIRST, FIRST + 60):
            fuzz.batch(seed)
    assert {"programmed", "started", "bolus-offered", "change-offered", "changed"} <= names


def test_a_change_without_a_valid_frame_would_be_seen(monkeypatch):
    monkeypatch.setattr(fuzz, "may_change", lambda line: "")
    with pytest.raises(fuzz.Broken):
        for seed in range(20):
            fuzz.batch(seed)


def test_an_exception_would_be_seen(monkeypatch):
    def boom(*_):
        raise ValueError("on purpose")

    monkeypatch.setattr("pump.app.session.Session._parse", boom)
    with pytest.raises(fuzz.Broken):
        fuzz.batch(FIRST)
