"""Records in the flash filesystem: one file each.

littlefs keeps a file's old content until the new one is closed, so a power cut leaves the old
record or the new one, also where the new one is the old with something appended. (A record that
never was may be found empty: the same as none.) An append costs one erase, like a short save.
"""

import binascii

from micropython import const

_FOLDER = const("/")
_SUFFIX = const(".rec")
_CHUNK = const(512)
_LONGEST = const(1 << 24)  # more than the file system holds
_buffer = bytearray(_CHUNK)


class FlashStore:
    """The HAL's Store."""

    def load(self, name: str) -> bytes:
        """The record, or b'' when there is none."""
        try:
            with open(_FOLDER + name + _SUFFIX, "rb") as file:
                return file.read()
        except OSError:
            return b""

    def read(self, name: str, at: int, count: int) -> bytes:
        """Up to ``count`` bytes from offset ``at``; b'' beyond the end."""
        try:
            with open(_FOLDER + name + _SUFFIX, "rb") as file:
                file.seek(at)
                return file.read(count)
        except OSError:
            return b""

    def save(self, name: str, data: bytes) -> None:
        """Replace the record."""
        with open(_FOLDER + name + _SUFFIX, "wb") as file:
            file.write(data)

    def append(self, name: str, data: bytes) -> None:
        """Add to the end of the record."""
        with open(_FOLDER + name + _SUFFIX, "ab") as file:
            file.write(data)

    def digest(self, name: str, count: int) -> int:
        """CRC-32 of the first ``count`` bytes of the record, of all where it has fewer."""
        return _crc32(_FOLDER + name + _SUFFIX, count)

    def checksum(self, path: str) -> int:
        """CRC-32 of a file; -1 when there is none."""
        return _crc32(_FOLDER + path, _LONGEST)


def _crc32(path: str, count: int) -> int:
    """Into one buffer: the self-test reads every file, and garbage costs time."""
    crc = 0
    try:
        with open(path, "rb") as file:
            while count > 0:
                got = min(count, file.readinto(_buffer))
                if not got:
                    break
                crc = binascii.crc32(memoryview(_buffer)[:got], crc)
                count -= got
    except OSError:
        return -1
    return crc
