"""The SSD1306, a screen of 128 x 64 points on I2C, as four rows of text (a ``hal.Display``).

Commands after the data sheet (Solomon Systech, rev. 1.1). A row is two pages of the chip: text of
up to 11 characters stands there in double size, longer text (21 at most) in single size. The
font has capitals, digits and what units need; another character is a blank.

The ``ssd1306`` of micropython-lib sends the whole picture, 23 ms at 400 kHz in which no word is
put, and needs 1 KB of frame buffer; its letters are 8 points high: nobody reads them from a chair.
"""

ADDRESS = 0x3C
WIDTH = 128
PAGES = 2  # of a row
ROWS = 4
LARGE_MOST = 11
SMALL_MOST = 21
COMMANDS = b"\x00"  # control byte: what follows are commands
DATA = 0x40
# off; clock; 64 lines; no offset; first line; charge pump on; addresses run along the page;
# mirrored both ways (the usual modules are mounted so); pins; contrast; pre-charge; level; picture
# from memory, not inverted; on
SET_UP = (
    b"\xae\xd5\x80\xa8\x3f\xd3\x00\x40\x8d\x14\x20\x00\xa1\xc8\xda\x12\x81\xcf\xd9\xf1\xdb\x40"
    b"\xa4\xa6\xaf"
)
CHARACTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZmhsgin./:-% "
GLYPH_COLUMNS = 5
# Five columns a character, the lowest bit at the top; drawn for this project.
FONT = (
    b"\x3e\x51\x49\x45\x3e\x00\x42\x7f\x40\x00\x42\x61\x51\x49\x46\x21\x41\x45\x4b\x31"
    b"\x18\x14\x12\x7f\x10\x27\x45\x45\x45\x39\x3c\x4a\x49\x49\x30\x01\x71\x09\x05\x03"
    b"\x36\x49\x49\x49\x36\x06\x49\x49\x29\x1e\x7e\x11\x11\x11\x7e\x7f\x49\x49\x49\x36"
    b"\x3e\x41\x41\x41\x22\x7f\x41\x41\x22\x1c\x7f\x49\x49\x49\x41\x7f\x09\x09\x09\x01"
    b"\x3e\x41\x49\x49\x7a\x7f\x08\x08\x08\x7f\x00\x41\x7f\x41\x00\x20\x40\x41\x3f\x01"
    b"\x7f\x08\x14\x22\x41\x7f\x40\x40\x40\x40\x7f\x02\x0c\x02\x7f\x7f\x04\x08\x10\x7f"
    b"\x3e\x41\x41\x41\x3e\x7f\x09\x09\x09\x06\x3e\x41\x51\x21\x5e\x7f\x09\x19\x29\x46"
    b"\x46\x49\x49\x49\x31\x01\x01\x7f\x01\x01\x3f\x40\x40\x40\x3f\x1f\x20\x40\x20\x1f"
    b"\x3f\x40\x38\x40\x3f\x63\x14\x08\x14\x63\x07\x08\x70\x08\x07\x61\x51\x49\x45\x43"
    b"\x7c\x04\x18\x04\x78\x7f\x08\x04\x04\x78\x48\x54\x54\x54\x24\x0c\x52\x52\x52\x3e"
    b"\x00\x44\x7d\x40\x00\x7c\x08\x04\x04\x78\x00\x60\x60\x00\x00\x20\x10\x08\x04\x02"
    b"\x00\x36\x36\x00\x00\x08\x08\x08\x08\x08\x23\x13\x08\x64\x62\x00\x00\x00\x00\x00"
)


class Ssd1306:
    """The screen at ``address`` of ``i2c`` (400 kHz: 257 bytes take 6 ms)."""

    def __init__(self, i2c, address: int = ADDRESS) -> None:
        self._i2c = i2c
        self._address = address
        self._ready = False
        self._row = bytearray(1 + PAGES * WIDTH)
        self._row[0] = DATA

    def show(self, row: int, text: str) -> None:
        """Write ``text`` into ``row``. OSError: no answer; the next call sets the screen up
        anew."""
        if not self._ready:
            self._command(SET_UP)
            self._ready = True
            for other in range(ROWS):
                self._write(other, "")
        self._write(row, text)

    def _write(self, row: int, text: str) -> None:
        points = self._row
        for at in range(1, len(points)):
            points[at] = 0
        large = len(text) <= LARGE_MOST
        at = 1
        for char in text[:SMALL_MOST]:
            glyph = CHARACTERS.find(char)
            for column in range(GLYPH_COLUMNS):
                bits = FONT[glyph * GLYPH_COLUMNS + column] if glyph >= 0 else 0
                if large:
                    wide = _doubled(bits)
                    points[at] = points[at + 1] = wide & 0xFF
                    points[at + WIDTH] = points[at + WIDTH + 1] = wide >> 8
                    at += 2
                else:
                    points[at + WIDTH] = bits
                    at += 1
            at += 1
        first = PAGES * row
        self._command(bytes((0x21, 0, WIDTH - 1, 0x22, first, first + PAGES - 1)))
        self._send(points)

    def _command(self, codes: bytes) -> None:
        self._send(COMMANDS + codes)

    def _send(self, data) -> None:
        try:
            self._i2c.writeto(self._address, data)
        except OSError:
            self._ready = False
            raise


def _doubled(bits: int) -> int:
    """Each of seven bits twice."""
    wide = 0
    for at in range(7):
        if bits >> at & 1:
            wide |= 3 << 2 * at
    return wide
