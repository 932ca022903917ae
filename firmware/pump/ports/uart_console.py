"""The control port over the console UART of an ESP32 board (115200 bit/s, to a USB bridge).

What the sources of MicroPython (esp32) say and this file rests on: POLLOUT is always there, a
write waits for the UART's FIFO of 128 bytes, and nothing tells whether a host reads. So the FIFO
is kept count of by the clock, and never given more than it holds. What comes in goes through a
ring of 260 bytes, which interrupts fill also while flash is written; what does not fit is lost.
"""

from pump.ports.usb_serial import UsbSerial

FIFO = 120
BYTE_US = 87


class UartConsole(UsbSerial):
    """The HAL's SerialLink, and the waiting on it."""

    def __init__(self, clock) -> None:
        super().__init__()
        self._clock = clock
        self._empty_us = 0  # when the FIFO will have sent all it has

    def write(self, data: memoryview) -> int:
        """Bytes taken from ``data``; 0 while the FIFO is full."""
        now_us = self._clock.now_us()
        empty_us = max(self._empty_us, now_us)
        count = min(len(data), FIFO - (empty_us - now_us + BYTE_US - 1) // BYTE_US)
        if count <= 0:
            return 0
        self._empty_us = empty_us + count * BYTE_US
        self.stdout.buffer.write(data[:count])
        return count

    def room_us(self) -> int:
        """When half of the FIFO will be free."""
        return self._empty_us - FIFO // 2 * BYTE_US
