"""An SSD1306 on I2C: takes commands and data as the chip does, and shows its points."""

WIDTH = 128
PAGES = 8
# Commands with so many bytes after them; all others have none.
ARGUMENTS = {0x20: 1, 0x21: 2, 0x22: 2, 0x81: 1, 0x8D: 1, 0xA8: 1, 0xD3: 1, 0xD5: 1, 0xD9: 1}
ARGUMENTS.update({0xDA: 1, 0xDB: 1})


class Ssd1306Chip:
    """``lit`` tells whether the panel is on, with its charge pump."""

    def __init__(self) -> None:
        self.points = [bytearray(WIDTH) for _ in range(PAGES)]
        self.on = False
        self.pump = False
        self._columns = (0, WIDTH - 1)
        self._pages = (0, PAGES - 1)
        self._column = self._page = 0

    def lit(self) -> bool:
        """True when somebody would see something."""
        return self.on and self.pump

    def receive(self, data: bytes) -> None:
        """One write to its address: a control byte, then commands or points."""
        if data[0] == 0x40:
            for byte in data[1:]:
                self._put(byte)
        elif data[0] == 0x00:
            self._obey(data[1:])

    def picture(self) -> list:
        """64 lines of '#' and '.'."""
        lines = []
        for page in self.points:
            for bit in range(8):
                lines.append("".join(["#" if byte >> bit & 1 else "." for byte in page]))
        return lines

    def _put(self, byte: int) -> None:
        self.points[self._page][self._column] = byte
        self._column += 1
        if self._column > self._columns[1]:
            self._column = self._columns[0]
            self._page = self._pages[0] if self._page == self._pages[1] else self._page + 1

    def _obey(self, codes: bytes) -> None:
        at = 0
        while at < len(codes):
            code = codes[at]
            count = ARGUMENTS.get(code, 0)
            given = codes[at + 1 : at + 1 + count]
            if len(given) < count:
                raise ValueError("command 0x%02x lacks its bytes" % code)
            if code == 0x21:
                self._columns, self._column = (given[0], given[1]), given[0]
            elif code == 0x22:
                self._pages, self._page = (given[0], given[1]), given[0]
            elif code == 0x8D:
                self.pump = given[0] == 0x14
            elif code in (0xAE, 0xAF):
                self.on = code == 0xAF
            at += 1 + count
