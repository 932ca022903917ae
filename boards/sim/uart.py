"""The console UART between an ESP32 and its host: 115200 bit/s each way, and no flow control.

Sources: uart.c, mphalport.c of MicroPython's esp32 port. What comes in goes through a ring of 260
bytes (one is never used); what finds it full is lost. What goes out waits for the FIFO of 128
bytes, and is lost where nobody reads.
"""

from boards.sim.usb import UsbSerial, interrupt

BYTE_CYCLES = 10 * 125_000_000 // 115_200
RING = 259
FIFO = 128


class UartSerial(UsbSerial):
    """Bytes both ways. ``lost``: bytes that found the ring full."""

    def __init__(self, world) -> None:
        super().__init__(world)
        self._line_free = 0  # cycle at which the host's line is free again
        self._coming = []  # (cycle, byte) on the line to the chip, the last first
        self._sent_until = 0  # cycle at which the FIFO is empty
        self._wire = []  # (cycle, byte) on the line to the host
        self.lost = 0

    # ---- the chip's side ----

    def readable(self) -> bool:
        self._arrive()
        return self._taken < len(self._rx)

    def writable(self) -> bool:
        """What POLLOUT says."""
        return True

    def room(self) -> bool:
        return self._sent_until - self._world.now <= (FIFO - 1) * BYTE_CYCLES

    def put(self, byte: int) -> None:
        now = self._world.now
        self._sent_until = max(self._sent_until, now) + BYTE_CYCLES
        if self.connected and self.reading:
            self._wire.append((self._sent_until, byte))
            if byte == 10:
                self._world.at(self._sent_until, self._line_end)

    def wait_for_room(self) -> None:
        """A write holds up the CPU until the FIFO takes a byte."""
        over = self._sent_until - (FIFO - 1) * BYTE_CYCLES
        self._world.pause_us(max(0, over - self._world.now) // 125 + 1)

    def _line_end(self) -> None:
        self._depart()
        if self.on_line:
            self.on_line()

    # ---- the host's side ----

    def host_write(self, data: bytes) -> None:
        self._arrive()
        self._line_free = max(self._line_free, self._world.now)
        idle = not self._coming
        coming = []
        for byte in data:
            self._line_free += BYTE_CYCLES
            if byte == self.interrupt_char:
                self._world.at(self._line_free, interrupt)
            else:
                coming.append((self._line_free, byte))
        self._coming = coming[::-1] + self._coming
        self.received_at = self._world.now
        if coming and idle:  # the CPU may be asleep, and must see each byte come
            self._world.at(coming[0][0], self._tell_next)

    def _tell_next(self) -> None:
        self._arrive()
        if self._coming:
            self._world.at(self._coming[-1][0], self._tell_next)

    def host_read(self) -> bytes:
        self._depart()
        return super().host_read()

    def pending(self) -> int:
        self._depart()
        return len(self.sent)

    def reset(self) -> None:
        super().reset()
        self._coming = []
        self._wire = []
        self._sent_until = 0

    # ---- the line ----

    def _arrive(self) -> None:
        now = self._world.now
        coming = self._coming
        while coming and coming[-1][0] <= now:
            byte = coming.pop()[1]
            if len(self._rx) - self._taken < RING:
                self._rx.append(byte)
            else:
                self.lost += 1

    def _depart(self) -> None:
        now = self._world.now
        gone = 0
        for at, byte in self._wire:
            if at > now:
                break
            self.sent.append(byte)
            gone += 1
        if gone:
            self._wire = self._wire[gone:]
