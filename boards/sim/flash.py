"""Flash files of the simulated chip: a dictionary that survives resets, with flash's delays.

A write costs page programs and, every few of them, a sector erase, during which interrupts are
off. A file counts as written when it is closed, as on littlefs.
"""

import io

PAGE = 256
ERASE_EVERY = 4  # closes per erase: littlefs writes metadata pairs and moves on when full
ROOM = 1_441_792  # bytes of the Pico's file system
_ENOSPC = 28


class FlashFile:
    """An open file."""

    def __init__(self, flash, path: str, mode: str) -> None:
        self._flash = flash
        self._path = path
        self._writes = "w" in mode or "a" in mode
        self._text = "b" not in mode
        start = flash.files.get(path, b"") if "w" not in mode else b""
        self._data = io.BytesIO(start)
        if "a" in mode:
            self._data.seek(len(start))

    def read(self, size: int = -1):
        data = self._data.read(size)
        return data.decode() if self._text else data

    def readinto(self, buffer) -> int:
        return self._data.readinto(buffer)

    def write(self, data) -> int:
        return self._data.write(data.encode() if self._text else data)

    def seek(self, offset: int) -> int:
        return self._data.seek(offset)

    def close(self) -> None:
        if self._writes:
            self._flash.commit(self._path, self._data.getvalue())
        self._writes = False

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace) -> None:
        if kind is None:
            self.close()


class Flash:
    """``open`` and ``os`` of one chip. ``room`` bytes fit into all files together."""

    def __init__(self, world) -> None:
        self._world = world
        self.files = {}
        self.room = ROOM
        self._closes = 0

    def open(self, path: str, mode: str = "r") -> FlashFile:
        self._world.spend("file")
        if "r" in mode and path not in self.files:
            raise OSError(2)
        return FlashFile(self, path, mode)

    def commit(self, path: str, data: bytes) -> None:
        """The moment at which a write counts; a power cut before it leaves the old file."""
        held = sum([len(self.files[other]) for other in self.files if other != path])
        if held + len(data) > self.room:
            raise OSError(_ENOSPC)
        self._burn(1 + len(data) // PAGE)
        self.files[path] = data

    def rename(self, old: str, new: str) -> None:
        """Atomic, also over an existing file, as on littlefs."""
        self._world.spend("file")
        if old not in self.files:
            raise OSError(2)
        self._burn(1)
        self.files[new] = self.files.pop(old)

    def remove(self, path: str) -> None:
        self._world.spend("file")
        if path not in self.files:
            raise OSError(2)
        self._burn(1)
        del self.files[path]

    def listdir(self, path: str = "") -> list:
        self._world.spend("file")
        return sorted(self.files)

    def _burn(self, pages: int) -> None:
        self._closes += 1
        us = pages * 400
        if self._closes % ERASE_EVERY == 0:
            us += 45_000
        self._world.stall_us(us)
