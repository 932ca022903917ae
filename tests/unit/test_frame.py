"""Lines: cutting, checking, taking apart, putting together."""

import string

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from pump.app.commands import VERBS, admit
from pump.core.frame import (
    _GAP_US,
    MAX_LINE,
    TEXT_MAX,
    LineCutter,
    fitted,
    joined,
    parse,
    seal,
    tag_of,
)
from pump.core.refusal import Refusal

TAGS = st.one_of(st.just("-"), st.from_regex(r"[0-9]{1,5}", fullmatch=True))
KEYS = st.text(string.ascii_lowercase + string.digits + "-", min_size=1, max_size=12)
PLAIN = "".join(chr(code) for code in range(33, 127) if chr(code) not in '"*')
VALUES = st.text(PLAIN + " ", min_size=1, max_size=20)
FIELDS = st.dictionaries(KEYS, VALUES, max_size=5)
WORDS = st.text(string.ascii_lowercase, min_size=1, max_size=10)
TAUGHT = st.sampled_from([row[0] for row in VERBS if row[1]])


def request_text(tag, verb, fields):
    """A request as a host writes it."""
    words = [] if tag == "-" else [tag]
    words.append(verb)
    if fields:
        words.append(joined(list(fields.items())))
    return " ".join(words)


def refusal_of(line):
    with pytest.raises(Refusal) as caught:
        parse(line)
    return caught.value


@given(TAGS, WORDS, FIELDS)
def test_sealing_and_parsing_is_a_round_trip(tag, verb, fields):
    text = request_text(tag, verb, fields)
    sealed = seal(text)
    assume(len(sealed) <= MAX_LINE)
    assert sealed.endswith(b"\n") and sealed.count(b"\n") == 1
    request = parse(sealed[:-1])
    assert (request.tag, request.verb, request.fields) == (tag, verb, fields)
    assert request.checked and request.text == text
    bare = parse(text.encode())
    assert (bare.tag, bare.verb, bare.fields) == (tag, verb, fields)
    assert not bare.checked


@pytest.mark.requirement("COM-01")
@given(TAGS, TAUGHT, FIELDS, st.data())
def test_one_corrupt_byte_never_changes_what_is_done(tag, verb, fields, data):
    sealed = seal(request_text(tag, verb, fields))[:-1]
    at = data.draw(st.integers(0, len(sealed) - 1))
    byte = data.draw(st.integers(0, 255))
    assume(byte != sealed[at])
    corrupt = sealed[:at] + bytes([byte]) + sealed[at + 1 :]
    try:
        request = parse(corrupt)
    except Refusal:
        return
    same = (request.tag, request.verb, request.fields) == (tag, verb, fields)
    if request.checked:  # the check itself in lower case
        assert same
    else:  # the star is gone: nothing that needs a check gets through
        assert at == len(sealed) - 5
        try:
            row = admit(request, "safe")
        except Refusal:
            return
        assert not row[2]


@given(st.binary(max_size=300))
@example(b"*IDN?")
@example(b'"')
@example(b"=*0000")
def test_any_bytes_give_a_request_or_a_refusal(line):
    try:
        request = parse(line)
    except Refusal as refusal:
        assert len(seal(fitted("99999 err ", refusal.pairs()))) <= MAX_LINE
    else:
        assert request.verb and " " not in request.tag
        assert all(value and '"' not in value for value in request.fields.values())
    assert tag_of(line) == "-" or tag_of(line).isdecimal()


@pytest.mark.requirement("COM-06")
@pytest.mark.parametrize(
    ("line", "code"),
    [
        (b"", "bad-line"),
        (b"17", "bad-line"),
        (b"stop\x00", "bad-line"),
        (b"stop\tnow=1", "bad-line"),
        ("stöp".encode(), "bad-line"),
        (b"program dose", "bad-line"),
        (b"program =5", "bad-line"),
        (b"program dose=", "bad-line"),
        (b"program Dose=5mg/kg", "bad-line"),
        (b'program a="x', "bad-line"),
        (b'program a=""', "bad-line"),
        (b'program a=x"y"', "bad-line"),
        (b"program a=x*y", "bad-line"),
        (b"program a=1 a=1", "duplicate-field"),
        (b"stop*0000", "bad-crc"),
        (b"stop*00G0", "bad-crc"),
        (b"x" * (MAX_LINE + 1), "too-long"),
    ],
)
def test_refusals(line, code):
    assert refusal_of(line).code == code


def test_a_line_of_the_full_length_is_taken():
    text = "heartbeat a=" + "x" * (MAX_LINE - 5 - 12)
    line = seal(text)[:-1]
    assert len(line) == MAX_LINE and parse(line).checked


def test_idn_needs_no_check_and_may_have_one():
    assert parse(b"*IDN?").verb == "*IDN?"
    assert parse(b"7 *IDN?").tag == "7"
    request = parse(seal("7 *IDN?")[:-1])
    assert (request.verb, request.checked) == ("*IDN?", True)


def test_quotes():
    request = parse(b'3 note reason="bench test" who="x"  end=1')
    assert request.fields == {"reason": "bench test", "who": "x", "end": "1"}
    assert joined([("a", "b c"), ("d", "e")]) == 'a="b c" d=e'


@pytest.mark.parametrize(
    ("line", "tag"),
    [
        (b"17 stop\x00", "17"),
        (b"99999 x", "99999"),
        (b"123456 x", "-"),
        (b"1a x", "-"),
        (b"", "-"),
        (b" 17 x", "-"),
        (b"\xff\xfe", "-"),
        (b"42", "42"),
    ],
)
def test_tag_of_a_broken_line(line, tag):
    assert tag_of(line) == tag


def test_what_does_not_fit_is_cut_and_said():
    text = fitted("1 ok ", [("key-%02d" % number, "x" * 20) for number in range(20)])
    assert text.startswith("1 ok key-00=x") and text.endswith("x cut=yes")
    assert len(seal(text)) <= MAX_LINE


def test_the_check_value():
    assert seal("123456789") == b"123456789*29B1\n"


# ---- cutting ----------------------------------------------------------------------------------

NO_END = st.binary(max_size=60).map(lambda data: data.replace(b"\n", b"").rstrip(b"\r"))


def cut(cutter, data, now_us=0):
    lines = [cutter.feed(byte, now_us) for byte in data]
    return [line for line in lines if line is not None]


@given(st.lists(st.tuples(NO_END, st.sampled_from([b"\n", b"\r\n"])), max_size=8), st.data())
def test_lines_are_the_same_however_they_arrive(parts, data):
    stream = b"".join(line + end for line, end in parts)
    cutter = LineCutter()
    found = []
    at = now = 0
    while at < len(stream):
        size = data.draw(st.integers(1, 40))
        now += data.draw(st.integers(0, _GAP_US - 1))
        found += cut(cutter, stream[at : at + size], now)
        at += size
    assert found == [line for line, _ in parts]


@pytest.mark.requirement("COM-01")
@pytest.mark.parametrize("length", [MAX_LINE - 1, MAX_LINE])
def test_a_line_up_to_the_bound_is_whole(length):
    assert cut(LineCutter(), b"x" * length + b"\n") == [b"x" * length]


@pytest.mark.requirement("COM-01")
@pytest.mark.parametrize("length", [MAX_LINE + 1, MAX_LINE + 2, 5000])
def test_an_over_long_line_is_reported_once_and_the_next_is_whole(length):
    lines = cut(LineCutter(), b"x" * length + b"\nstop\n")
    assert [len(line) for line in lines] == [MAX_LINE + 1, 4]
    assert refusal_of(lines[0]).code == "too-long"
    assert lines[1] == b"stop"


@pytest.mark.requirement("COM-01")
def test_a_partial_line_is_dropped_after_the_gap():
    cutter = LineCutter()
    assert cutter.due_us() is None
    cut(cutter, b"start pl", 1000)
    assert cutter.due_us() == 1000 + _GAP_US
    cutter.expire(1000 + _GAP_US - 1)
    assert cutter.due_us() is not None
    cutter.expire(1000 + _GAP_US)
    assert cutter.due_us() is None
    assert cut(cutter, b"stop\n", 2000 + _GAP_US) == [b"stop"]


@pytest.mark.requirement("COM-01")
def test_the_gap_is_seen_by_the_next_byte_too():
    cutter = LineCutter()
    cut(cutter, b"start pl", 0)
    assert cut(cutter, b"stop\n", _GAP_US) == [b"stop"]
    cut(cutter, b"st", 10 * _GAP_US)
    assert cut(cutter, b"op\n", 11 * _GAP_US - 1) == [b"stop"]


# ---- fitting ----------------------------------------------------------------------------------


@given(st.lists(st.tuples(KEYS, st.text(PLAIN, max_size=60)), max_size=12))
def test_fitted_never_exceeds_a_line_and_drops_only_from_the_end(pairs):
    text = fitted("12345 ok ", pairs)
    assert len(seal(text)) <= MAX_LINE
    whole = "12345 ok " + joined(pairs)
    if len(whole) <= TEXT_MAX:
        assert text == whole
    else:
        assert text.endswith("cut=yes")
        assert whole.startswith(text[: -len("cut=yes")].rstrip())
