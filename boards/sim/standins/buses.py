"""Stand-ins for ``machine.UART`` and ``machine.I2C``: bytes take their time, parts on the bench
answer (``world.uarts``: (TX, RX) to part, ``world.i2cs``: (SDA, SCL) to {address: part}).

After the documentation of ``machine`` and the rp2 and esp32 ports (MicroPython 1.28): ``read(n)``
waits for n bytes or ``timeout`` ms and gives what came, None for nothing; an I2C address that does
not answer raises OSError(EIO). A bus that is not there, or a pin that it cannot have, is a
ValueError.
"""

from boards.sim.world import CYCLES_PER_US

_EIO = 5
_BITS_UART = 10
_BITS_I2C = 9


def _unfit(number: int, tx, rx) -> bool:
    return bool((tx.id + 4) // 8 % 2 != number or tx.id % 4 or rx.id != tx.id + 1)


def uart_class(world, free: tuple = ()):
    """The ``UART`` class of one chip; those whose numbers are ``free`` may have any pins."""

    class UART:
        """A UART with its buffers."""

        def __init__(self, id, baudrate, tx=None, rx=None, timeout=0) -> None:
            if id not in free if free else _unfit(id, tx, rx):
                raise ValueError("bad UART, TX or RX pin")
            self._pins = (tx.id, rx.id)
            self._byte = world.sys_hz * _BITS_UART // baudrate
            self._timeout = timeout * 1000 * CYCLES_PER_US
            self._waiting = []  # (cycle at which it is there, byte)
            self._busy = 0  # cycle at which the line is free

        def write(self, data) -> int:
            world.spend("other")
            part = world.uarts.get(self._pins)
            heard = part.receive(bytes(data)) if part else b""
            at = max(self._busy, world.now)
            for byte in heard:
                at += self._byte
                self._waiting.append((at, byte))
            self._busy = at
            return len(data)

        def any(self) -> int:
            world.spend("other")
            return self._there()

        def _there(self) -> int:
            return len([1 for at, _ in self._waiting if at <= world.now])

        def read(self, count=-1):
            world.spend("other")
            if count > 0 and self._there() < count:
                due = world.now + self._timeout
                if len(self._waiting) >= count:
                    due = min(due, self._waiting[count - 1][0])
                world.busy_us((due - world.now + CYCLES_PER_US - 1) // CYCLES_PER_US)
            there = self._there()
            taken = min(there, count) if count >= 0 else there
            data = bytes([byte for _, byte in self._waiting[:taken]])
            self._waiting = self._waiting[taken:]
            return data or None

    return UART


def i2c_class(world, free: tuple = ()):
    """The ``I2C`` class of one chip; those whose numbers are ``free`` may have any pins."""

    class I2C:
        """A bus controller."""

        def __init__(self, id, sda=None, scl=None, freq=400_000) -> None:
            apart = sda.id // 2 % 2 != id or sda.id % 2 or scl.id != sda.id + 1
            if id not in free if free else apart:
                raise ValueError("bad I2C, SDA or SCL pin")
            self._parts = world.i2cs.setdefault((sda.id, scl.id), {})
            self._hz = freq

        def writeto(self, address: int, data) -> int:
            world.spend("other")
            part = self._parts.get(address)
            if part is None:
                raise OSError(_EIO)
            world.busy_us((1 + len(data)) * _BITS_I2C * 1_000_000 // self._hz)
            part.receive(bytes(data))
            return len(data)

    return I2C
