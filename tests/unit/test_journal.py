"""The journal's slots: what was written is read back, and nothing that is spoilt is believed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pump.core.journal import Entry, newest, pack, unpack

ENTRY = Entry(12, "5D0A93C1", "infusing", 126058, 252117, 138823718)
SLOT = pack(7, ENTRY)


def as_tuple(entry):
    return entry and (entry.boot, entry.plan, entry.state, entry.steps, entry.of, entry.step_fl)


@pytest.mark.requirement("PWR-10")
@given(st.integers(1, 2**40), st.integers(1, 2**40), st.integers(0, 2**32), st.integers(0, 2**32))
def test_an_entry_is_read_back(number, boot, steps, of):
    entry = Entry(boot, "0123ABCD", "paused", steps, of, 7)
    found, back = unpack(pack(number, entry))
    assert (found, as_tuple(back)) == (number, as_tuple(entry))


def test_the_slot_reads_as_documented():
    assert SLOT.startswith(
        b"7 boot=12 plan=5D0A93C1 state=infusing steps=126058 of=252117 step=138823718fl*"
    )


@pytest.mark.requirement("PWR-05", "PWR-10")
@pytest.mark.parametrize("at", range(len(SLOT)))
def test_no_slot_cut_or_spoilt_at_any_byte_is_believed(at):
    assert unpack(SLOT[:at]) == (0, None)
    for bit in range(8):
        spoilt = bytearray(SLOT)
        spoilt[at] ^= 1 << bit
        assert unpack(bytes(spoilt)) == (0, None), bit


@pytest.mark.requirement("PWR-10")
@pytest.mark.parametrize("data", [b"", b"*", b"\xff" * 60, b"12x", b"-5", b"*00000000"])
def test_what_is_no_slot_is_not_believed(data):
    assert unpack(data) == (0, None)


@pytest.mark.requirement("PWR-10")
def test_the_newer_whole_slot_counts():
    older = pack(6, Entry(12, "5D0A93C1", "infusing", 125953, 252117, 138823718))
    for slots in ([SLOT, older], [older, SLOT]):
        assert newest(slots)[0] == 7
    assert newest([SLOT[:-1], older])[0] == 6
    assert newest([b"", b""]) == (0, None)
