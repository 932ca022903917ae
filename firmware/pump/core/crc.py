"""The two checksums of the device, by tables of 16 entries (one per nibble).

CRC-16/CCITT-FALSE guards lines: polynomial 0x1021, start 0xFFFF, not reflected, no final xor;
check value of b"123456789" is 0x29B1.  CRC-32 (ISO-HDLC, as in zlib) guards plans, settings and
records: reflected polynomial 0xEDB88320, check value 0xCBF43926.  Source: the RevEng catalogue of
parametrised CRC algorithms.

Integers of 2^30 and more live on the heap of a 32-bit MicroPython, so the CRC-32 runs in two
halves of 16 bits; only its result is a long integer.
"""

_TABLE_16 = (
    0x0000, 0x1021, 0x2042, 0x3063, 0x4084, 0x50A5, 0x60C6, 0x70E7,
    0x8108, 0x9129, 0xA14A, 0xB16B, 0xC18C, 0xD1AD, 0xE1CE, 0xF1EF,
)  # fmt: skip
_TABLE_32_HIGH = (
    0x0000, 0x1DB7, 0x3B6E, 0x26D9, 0x76DC, 0x6B6B, 0x4DB2, 0x5005,
    0xEDB8, 0xF00F, 0xD6D6, 0xCB61, 0x9B64, 0x86D3, 0xA00A, 0xBDBD,
)  # fmt: skip
_TABLE_32_LOW = (
    0x0000, 0x1064, 0x20C8, 0x30AC, 0x4190, 0x51F4, 0x6158, 0x713C,
    0x8320, 0x9344, 0xA3E8, 0xB38C, 0xC2B0, 0xD2D4, 0xE278, 0xF21C,
)  # fmt: skip


def crc16_ccitt_false(data: bytes, start: int = 0xFFFF) -> int:
    """Return the CRC-16 (0..0xFFFF) of bytes-like ``data``; pass a former result to go on."""
    table = _TABLE_16
    crc = start
    for byte in data:
        crc = (crc << 4) & 0xFFFF ^ table[crc >> 12 ^ byte >> 4]
        crc = (crc << 4) & 0xFFFF ^ table[crc >> 12 ^ byte & 15]
    return crc


def crc32(data: bytes, start: int = 0) -> int:
    """Return the CRC-32 (0..0xFFFFFFFF) of bytes-like ``data``; pass a former result to go on."""
    table_high = _TABLE_32_HIGH
    table_low = _TABLE_32_LOW
    high = start >> 16 ^ 0xFFFF
    low = start & 0xFFFF ^ 0xFFFF
    for byte in data:
        low ^= byte
        at = low & 15
        low = low >> 4 ^ (high & 15) << 12 ^ table_low[at]
        high = high >> 4 ^ table_high[at]
        at = low & 15
        low = low >> 4 ^ (high & 15) << 12 ^ table_low[at]
        high = high >> 4 ^ table_high[at]
    return (high ^ 0xFFFF) << 16 | low ^ 0xFFFF
