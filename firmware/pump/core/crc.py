"""The checksum of a line: CRC-16/CCITT-FALSE, by a table of 16 entries (one per nibble).

Polynomial 0x1021, start 0xFFFF, not reflected, no final xor; b"123456789" gives 0x29B1.
Source: the RevEng catalogue of parametrised CRC algorithms. Plans, settings and records are
guarded by CRC-32 (ISO-HDLC), which both interpreters have built in: ``binascii.crc32``.
"""

_TABLE_16 = (
    0x0000, 0x1021, 0x2042, 0x3063, 0x4084, 0x50A5, 0x60C6, 0x70E7,
    0x8108, 0x9129, 0xA14A, 0xB16B, 0xC18C, 0xD1AD, 0xE1CE, 0xF1EF,
)  # fmt: skip


def crc16_ccitt_false(data: bytes, start: int = 0xFFFF) -> int:
    """Return the CRC-16 (0..0xFFFF) of bytes-like ``data``; pass a former result to go on."""
    table = _TABLE_16
    crc = start
    for byte in data:
        crc = (crc << 4) & 0xFFFF ^ table[crc >> 12 ^ byte >> 4]
        crc = (crc << 4) & 0xFFFF ^ table[crc >> 12 ^ byte & 15]
    return crc
