"""What an ESP32 board has beside the motor: watchdog, memory that outlives resets."""

import struct
from binascii import crc32

from machine import RTC, WDT
from micropython import const

_WATCHDOG_MS = const(2000)
_RELEASED_MS = const(86_400_000)  # the task watchdog cannot be stopped: a day
_SLOT = const(8)


class Watchdog:
    """The task watchdog, begun with the first feed. A CPU that stands still with interrupts off is
    reset sooner, by the chip's interrupt watchdog."""

    def __init__(self) -> None:
        self._wdt = None

    def feed(self) -> None:
        if self._wdt is None:
            self._wdt = WDT(timeout=_WATCHDOG_MS)
        self._wdt.feed()

    def release(self) -> None:
        self._wdt = None
        WDT(timeout=_RELEASED_MS).feed()


class Hot:
    """The memory of the real-time clock, which outlives all resets but power-on. Two slots,
    changed in turn, so that a CPU that dies amid a write leaves the other. The higher one is
    believed; steps that have gone back, with another run, are written to both."""

    def __init__(self) -> None:
        self._rtc = RTC()
        self._slot = 0
        self._steps = 0
        kept = bytes(self._rtc.memory())
        self._slots = (
            [kept[:_SLOT], kept[_SLOT:]] if len(kept) == 2 * _SLOT else [bytes(_SLOT)] * 2
        )

    def save(self, boot: int, steps: int) -> None:
        self._write(boot, steps)
        if steps < self._steps:
            self._write(boot, steps)
        self._steps = steps

    def load(self, boot: int) -> int:
        best = -1
        for slot in self._slots:
            steps = struct.unpack("<I", slot[:4])[0]
            if slot == self._pack(boot, steps) and steps > best:
                best = steps
        return best

    def _write(self, boot: int, steps: int) -> None:
        self._slots[self._slot] = self._pack(boot, steps)
        self._slot = 1 - self._slot
        self._rtc.memory(self._slots[0] + self._slots[1])

    def _pack(self, boot: int, steps: int) -> bytes:
        return struct.pack("<II", steps, crc32(b"%d %d" % (boot, steps)))
