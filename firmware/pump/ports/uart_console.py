"""The control port over the console UART of an ESP32 board (115200 bit/s, to a USB bridge).

What the sources of MicroPython (esp32) say and this file rests on: POLLOUT is always there, a
write waits for the UART's _FIFO of 128 bytes, and nothing tells whether a host reads. So the _FIFO
is kept count of by the clock, and never given more than it holds. What comes in goes through a
ring of 260 bytes, which interrupts fill also while flash is written; what does not fit is lost.
"""

from micropython import const

from pump.ports.usb_serial import UsbSerial

_FIFO = const(120)
_BYTE_US = const(87)


class UartConsole(UsbSerial):
    """The HAL's SerialLink, and the waiting on it."""

    def __init__(self, clock) -> None:
        super().__init__()
        self._clock = clock
        self._empty_us = 0  # when the _FIFO will have sent all it has

    def write(self, data: memoryview) -> int:
        """Bytes taken from ``data``; 0 while the _FIFO is full."""
        now_us = self._clock.now_us()
        empty_us = max(self._empty_us, now_us)
        count = min(len(data), _FIFO - (empty_us - now_us + _BYTE_US - 1) // _BYTE_US)
        if count <= 0:
            return 0
        self._empty_us = empty_us + count * _BYTE_US
        self.stdout.buffer.write(data[:count])
        return count

    def room_us(self) -> int:
        """When half of the _FIFO will be free."""
        return self._empty_us - _FIFO // 2 * _BYTE_US
