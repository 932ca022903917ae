"""The USB serial port between the chip and its host, and what a host can be like.

After shared/tinyusb/mp_usbd_cdc.c of MicroPython 1.28. To the firmware:

    host            POLLOUT            a write
    reads           yes                goes out
    does not read   while room         goes into the FIFO of 256; full: 500 ms, then gives up
    port closed     always             goes into the FIFO, over the oldest bytes
    absent          always             the same, but enumeration empties the FIFO later
    cable pulled    always, a lie      goes into the FIFO; full: 500 ms busy, then gives up

``connected`` False, set as it is, means absent; the methods of the host's side tell them apart.
A reading host is infinitely quick here: the FIFO never fills.
"""

FIFO = 256
_ABSENT, _CLOSED, _PULLED = "absent", "closed", "pulled"


class UsbSerial:
    """Bytes both ways. ``connected`` and ``reading`` say how the host behaves."""

    def __init__(self, world) -> None:
        self._world = world
        self.connected = True
        self.reading = True
        self._away = _ABSENT  # in which way, when not connected
        self._kept = bytearray()  # in the chip's FIFO with nobody there
        self._rx = bytearray()
        self._taken = 0
        self.sent = bytearray()  # what the host has not taken yet
        self.received_at = 0  # cycle at which the host last sent
        self.on_line = None  # called when the chip has sent a whole line
        self.interrupt_char = -1  # the byte that interrupts the program; -1: none

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
        """What POLLOUT says."""
        return not self.connected or self.reading or len(self.sent) < FIFO

    def room(self) -> bool:
        """Would a byte be taken?"""
        if self.connected:
            return self.reading or len(self.sent) < FIFO
        return self._away != _PULLED or len(self._kept) < FIFO

    def put(self, byte: int) -> None:
        """Take a byte; there is room."""
        if self.connected:
            self.sent.append(byte)
            if byte == 10 and self.on_line:
                self.on_line()
            return
        self._kept.append(byte)
        if len(self._kept) > 2 * FIFO:
            self._kept = self._kept[-FIFO:]

    # ---- the host's side ----

    def host_write(self, data: bytes) -> None:
        """``data`` arrives at the chip now."""
        if self.interrupt_char >= 0 and self.interrupt_char in data:
            data = data.replace(bytes((self.interrupt_char,)), b"")
            self._world.at(self._world.now, interrupt)
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

    def close_port(self) -> None:
        """The host's program ends; the cable stays."""
        self._leave(_CLOSED)

    def open_port(self) -> None:
        """A program opens the port. After ``close_port`` it gets the last bytes of the FIFO."""
        if not self.connected and self._away == _CLOSED:
            self.sent.extend(self._kept[-FIFO:])
        self._kept = bytearray()
        self._away = _ABSENT
        self.connected = self.reading = True

    def pull_cable(self) -> None:
        """The chip is not told (a Pico does not sense the bus voltage): what was open stays open
        as far as the FIFO is concerned. What the host has not read is stuck in it."""
        if self.connected:
            self._leave(_PULLED)
        elif self._away == _CLOSED:
            self._away = _ABSENT

    def plug_cable(self) -> None:
        """The host enumerates the chip anew; nobody has the port open. The FIFO is emptied."""
        self.connected = False
        self._away = _ABSENT
        self._kept = bytearray()

    def _leave(self, how: str) -> None:
        self._kept = bytearray()
        if not self.reading:
            self._kept, self.sent = self.sent[-FIFO:], bytearray()
        self.connected = False
        self._away = how

    def reset(self) -> None:
        """The chip resets: what was in its buffers is gone."""
        self._rx = bytearray()
        self._taken = 0
        self._kept = bytearray()
        if self._away != _ABSENT:
            self._away = _ABSENT


class Interrupted(KeyboardInterrupt):
    """Ctrl-C has come to a chip that takes it for more than data."""


def interrupt() -> None:
    """In the program, wherever it is."""
    raise Interrupted()
