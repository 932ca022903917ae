"""The host codec: round trips, any chunking, damaged lines."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from titra import protocol
from titra.protocol import BadLine, Event, Identity, LineSplitter, Reply, Telemetry

KEYS = st.from_regex(r"[a-z][a-z0-9-]{0,8}", fullmatch=True)
VALUES = st.text(
    st.characters(min_codepoint=32, max_codepoint=126, exclude_characters='"*'),
    min_size=1,
    max_size=12,
)
FIELDS = st.dictionaries(KEYS, VALUES, max_size=5)


def test_check_value_of_the_document() -> None:
    assert protocol.crc(b"123456789") == 0x29B1


@given(FIELDS, st.integers(1, 99_999))
def test_what_is_encoded_is_decoded(fields: dict[str, str], tag: int) -> None:
    text = protocol.encode("ok", fields, tag)
    message = protocol.decode(protocol.seal(text)[:-1])
    assert isinstance(message, Reply)
    assert (message.tag, message.ok, dict(message.fields)) == (str(tag), True, fields)


@given(st.lists(st.binary(max_size=600).filter(lambda b: b"\n" not in b)), st.data())
def test_splitter_gives_the_same_lines_in_any_chunking(
    lines: list[bytes], data: st.DataObject
) -> None:
    stream = b"".join(line + b"\n" for line in lines)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)))))
    chunks = [stream[a:b] for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    splitter = LineSplitter()
    got = [line for chunk in chunks for line in splitter.feed(chunk)]
    limit = protocol.RECEIVE_MAX + 1
    assert got == [line[:limit].removesuffix(b"\r") for line in lines]


def test_splitter_is_bounded() -> None:
    splitter = LineSplitter()
    for _ in range(100):
        assert splitter.feed(b"x" * 1000) == []
    assert len(splitter.partial) == protocol.RECEIVE_MAX + 1
    (line,) = splitter.feed(b"\n")
    assert isinstance(protocol.decode(line), BadLine)


@pytest.mark.requirement("COM-01")
@given(FIELDS, st.data())
def test_a_changed_byte_never_passes(fields: dict[str, str], data: st.DataObject) -> None:
    line = bytearray(protocol.seal(protocol.encode("ok", fields, 17))[:-1])
    at = data.draw(st.integers(0, len(line) - 1))
    line[at] ^= data.draw(st.integers(1, 255))
    message = protocol.decode(bytes(line))
    same_check = bytes(line).upper() == protocol.seal(protocol.encode("ok", fields, 17))[:-1]
    assert isinstance(message, BadLine) or same_check or b"," in line


@given(st.binary(max_size=300))
def test_decode_never_raises(data: bytes) -> None:
    assert isinstance(protocol.decode(data), protocol.Message)


@given(st.text(max_size=60))
def test_decode_of_sealed_nonsense_never_raises(text: str) -> None:
    data = text.encode()
    protocol.decode(b"%b*%04X" % (data, protocol.crc(data)))


def line(text: str) -> protocol.Message:
    return protocol.decode(protocol.seal(text)[:-1])


def test_the_four_kinds() -> None:
    event = line("!4 event t=1834567ms boot=12 name=stopped cause=disconnect")
    assert isinstance(event, Event)
    assert (event.seq, event.boot, event.t_us, event.name) == (4, 12, 1834567000, "stopped")
    sample = line("~205 t=1834600ms boot=12 state=stopped")
    assert isinstance(sample, Telemetry)
    assert (sample.seq, sample.fields["state"]) == (205, "stopped")
    refusal = line("- err code=bad-crc state=idle")
    assert isinstance(refusal, Reply) and refusal.code == "bad-crc" and refusal.tag == "-"
    who = protocol.decode(b"Titra,rpi_pico,E66,0.1.0")
    assert isinstance(who, Identity) and who.model == "rpi_pico"
    quoted = line('3 ok usage="program weight= dose=" more=no')
    assert quoted.fields == {"usage": "program weight= dose=", "more": "no"}


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"17 ok state=idle", "no-crc"),
        (b"17 ok state=idle*0000", "bad-crc"),
        (b"\xff\xfe", "not-ascii"),
        (b"x" * 513, "too-long"),
        (protocol.seal("17 ok state")[:-1], "malformed"),
        (protocol.seal("17 maybe state=idle")[:-1], "malformed"),
        (protocol.seal("123456 ok")[:-1], "malformed"),
        (protocol.seal("17 ok a=1 a=2")[:-1], "malformed"),
        (protocol.seal('17 ok a="x')[:-1], "malformed"),
    ],
)
def test_bad_lines_say_why(data: bytes, reason: str) -> None:
    message = protocol.decode(data)
    assert isinstance(message, BadLine) and message.reason == reason


@pytest.mark.parametrize(
    ("verb", "fields"),
    [
        ("status", {"Key": "1"}),
        ("status", {"key": 'a"b'}),
        ("status", {"key": "a\nb"}),
        ("status", {"key": "a*b"}),
        ("status", {"key": ""}),
        ("status", {"key": "é"}),
        ("two words", {}),
        ("", {}),
        ("status", {"key": "x" * 240}),
    ],
)
def test_what_cannot_be_sent_is_not_encoded(verb: str, fields: dict[str, str]) -> None:
    with pytest.raises(ValueError):
        protocol.encode(verb, fields, 1)
