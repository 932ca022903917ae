"""The control port over USB: ``sys.stdin`` and ``sys.stdout`` of a MicroPython with USB serial.

What the sources of MicroPython 1.28 (rp2, TinyUSB) say and this file rests on: a read waits
until all bytes asked for have come, so bytes are read one by one after POLLIN. A write waits up
to 500 ms for room; POLLOUT means room for one byte at least, so bytes are written one by one
after POLLOUT. With the cable pulled POLLOUT lies and the write gives up after 500 ms with 0: then
the link is left alone for _BACK_OFF_US, so that a pulled cable costs one such wait and not one per
byte.
"""

import select
import sys
import time

from micropython import const

_BACK_OFF_US = const(2_000_000)
# Bytes in one call, 20 ms on the chip; the loop gives fewer when it is in a hurry.
_BURST = const(256)


class UsbSerial:
    """The HAL's SerialLink, and the waiting on it."""

    def __init__(self) -> None:
        self.stdin = sys.stdin
        self.stdout = sys.stdout
        self._in = select.poll()
        self._in.register(sys.stdin, select.POLLIN)
        self._out = select.poll()
        self._out.register(sys.stdout, select.POLLOUT)
        self._byte = bytearray(1)
        self._byte_out = bytearray(1)
        self._refused_at = None

    def read(self, buffer: bytearray) -> int:
        """Bytes put into ``buffer``, at most its length."""
        source = self.stdin.buffer
        count = 0
        while count < len(buffer) and self._ready(self._in):
            source.readinto(self._byte)
            buffer[count] = self._byte[0]
            count += 1
        return count

    def write(self, data: memoryview) -> int:
        """Bytes taken from ``data``; 0 while the host does not read or is away."""
        if self.backing_off():
            return 0
        write = self.stdout.buffer.write
        room = self._out.ipoll
        byte = self._byte_out
        most = min(len(data), _BURST)
        for count in range(most):
            for _ in room(0):
                break
            else:
                return count
            byte[0] = data[count]
            if write(byte) != 1:
                self._refused_at = time.ticks_us()
                return count
        return most

    def backing_off(self) -> bool:
        """True for a while after the host has vanished without a word."""
        if self._refused_at is None:
            return False
        if time.ticks_diff(time.ticks_us(), self._refused_at) < _BACK_OFF_US:
            return True
        self._refused_at = None
        return False

    def waiter(self, news) -> object:
        """A poller for ``wait``: ends on input, on ``news`` and, when wanted, on room."""
        poller = select.poll()
        poller.register(self.stdin, select.POLLIN)
        poller.register(news, select.POLLIN)
        poller.register(self.stdout, 0)
        return poller

    def wait(self, poller, timeout_ms: int, want_write: bool) -> None:
        """Sleep on ``poller`` for at most ``timeout_ms``."""
        writing = want_write and not self.backing_off()
        poller.modify(self.stdout, select.POLLOUT if writing else 0)
        for _ in poller.ipoll(timeout_ms):
            return

    def _ready(self, poller) -> bool:
        for _ in poller.ipoll(0):
            return True
        return False
