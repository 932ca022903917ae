"""The checksum of a line against the catalogue's check value and CPython's own."""

import binascii

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pump.core.crc import crc16_ccitt_false

CHECK = b"123456789"


@pytest.mark.requirement("COM-01")
def test_check_value_of_the_catalogue():
    assert crc16_ccitt_false(CHECK) == 0x29B1
    assert crc16_ccitt_false(b"") == 0xFFFF


@given(st.binary(max_size=300))
def test_agree_with_c(data):
    assert crc16_ccitt_false(data) == binascii.crc_hqx(data, 0xFFFF)


@given(st.binary(max_size=60), st.binary(max_size=60))
def test_can_be_taken_in_pieces(head, tail):
    assert crc16_ccitt_false(tail, crc16_ccitt_false(head)) == crc16_ccitt_false(head + tail)


@pytest.mark.requirement("COM-01")
@given(st.binary(min_size=1, max_size=60), st.data())
def test_any_flipped_bit_shows(data, choice):
    bit = choice.draw(st.integers(0, 8 * len(data) - 1))
    broken = bytearray(data)
    broken[bit // 8] ^= 1 << bit % 8
    assert crc16_ccitt_false(broken) != crc16_ccitt_false(data)


def test_every_kind_of_buffer():
    for buffer in (bytearray(CHECK), memoryview(CHECK), memoryview(bytearray(CHECK))):
        assert crc16_ccitt_false(buffer) == 0x29B1
