"""Which files the firmware consists of, and the CRC-32 of each: the record ``firmware``.

Written when the device is flashed, compared at every power-on. Text, one file a line:

    1C2D3E4F pump/hal.py
    ...
    *5A6B7C8D

The last line is the CRC-32 of all before it. Paths are from the root of the device.
"""

from binascii import crc32

RECORD = "firmware"


def pack(files: list) -> bytes:
    """Return the record for ``files``, a list of (path, CRC-32)."""
    text = "".join(["%08X %s\n" % (crc, path) for path, crc in files]).encode()
    return text + b"*%08X\n" % crc32(text)


def unpack(data: bytes) -> list | None:
    """Return the list of (path, CRC-32), or None when the record is spoilt or empty."""
    at = data.rfind(b"*")
    if at < 1 or data[at:] != b"*%08X\n" % crc32(data[:at]):
        return None
    files = []
    for line in data[:at].decode().split("\n")[:-1]:
        files.append((line[9:], int(line[:8], 16)))
    return files
