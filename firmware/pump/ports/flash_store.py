"""Records in the flash filesystem: one file each.

littlefs keeps a file's old content until the new one is closed, so a power cut leaves the old
record or the new one. (A record that never was may be found empty: the same as none.)
"""

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
        with open(FOLDER + name + SUFFIX, "wb") as file:
            file.write(data)
