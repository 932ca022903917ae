"""Records in the flash filesystem: one file each, replaced by write and rename.

littlefs renames over an existing file in one commit, so a power cut leaves the old record or the
new one, never half of either.
"""

import os

FOLDER = "/"
SUFFIX = ".rec"


class FlashStore:
    """The HAL's Store."""

    def load(self, name: str) -> bytes:
        """The record, or b'' when there is none."""
        try:
            with open(FOLDER + name + SUFFIX, "rb") as file:
                return file.read()
        except OSError:
            return b""

    def save(self, name: str, data: bytes) -> None:
        """Replace the record."""
        path = FOLDER + name + SUFFIX
        with open(path + ".new", "wb") as file:
            file.write(data)
        os.rename(path + ".new", path)
