"""The USB serial port between the chip and its host, and what a host can be like."""

FIFO = 256


class UsbSerial:
    """Bytes both ways. ``connected`` and ``reading`` say how the host behaves.

    To the firmware, output blocks when the host is connected but does not read and the chip's
    FIFO is full; with no host, output goes nowhere at once.
    """

    def __init__(self, world) -> None:
        self._world = world
        self.connected = True
        self.reading = True
        self._rx = bytearray()
        self._taken = 0
        self.sent = bytearray()  # what the host has not taken yet
        self.received_at = 0  # cycle at which the host last sent
        self.on_line = None  # called when the chip has sent a whole line

    # ---- the chip's side ----

    def readable(self) -> bool:
        return self._taken < len(self._rx)

    def take(self) -> int:
        byte = self._rx[self._taken]
        self._taken += 1
        if self._taken == len(self._rx):
            self._rx = bytearray()
            self._taken = 0
        return byte

    def writable(self) -> bool:
        return self.connected and (self.reading or len(self.sent) < FIFO)

    def put(self, byte: int) -> None:
        if self.connected:
            self.sent.append(byte)
            if byte == 10 and self.on_line:
                self.on_line()

    # ---- the host's side ----

    def host_write(self, data: bytes) -> None:
        """``data`` arrives at the chip now."""
        self._rx.extend(data)
        self.received_at = self._world.now

    def host_read(self) -> bytes:
        """Take all the chip has sent."""
        if not self.sent:
            return b""
        data = bytes(self.sent)
        self.sent = bytearray()
        return data

    def pending(self) -> int:
        """Bytes sent by the chip that the host has not taken."""
        return len(self.sent)

    def reset(self) -> None:
        """The chip resets: what was in its buffers is gone."""
        self._rx = bytearray()
        self._taken = 0
