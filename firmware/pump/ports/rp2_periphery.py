"""What an RP2040 or RP2350 board has beside the motor: watchdog, scratch registers."""

from binascii import crc32

from machine import WDT, mem32
from micropython import const

_WATCHDOG_MS = const(2000)
# The watchdog's registers: where they begin, and how far on (RP2040 and RP2350 data sheets).
WATCHDOG_RP2040 = 0x40058000
WATCHDOG_RP2350 = 0x400D8000
_ENABLE = const(1 << 30)  # in the first
_REASON = const(0x08)
_REASON_TIMER = const(1)
_SCRATCH = const(0x0C)  # 0 to 3 are free; SDK and boot ROM use 4 to 7
_WORD = const(0xFFFFFFFF)


class Watchdog:
    """``machine.WDT``, begun with the first feed. One that a soft reset has left running waits for
    that too: the self-test takes longer than a feed lasts."""

    def __init__(self, registers: int) -> None:
        self._control = registers
        self._wdt = None
        self._stop()

    def feed(self) -> None:
        if self._wdt is None:
            self._wdt = WDT(timeout=_WATCHDOG_MS)
        self._wdt.feed()

    def release(self) -> None:
        self._wdt = None
        self._stop()

    def _stop(self) -> None:
        if mem32[self._control] & _ENABLE:
            mem32[self._control] &= _WORD ^ _ENABLE


def bitten(registers: int) -> bool:
    """True when the last reset was a watchdog that was not fed, and not ``machine.reset``."""
    return bool(mem32[registers + _REASON] & _REASON_TIMER)


class Hot:
    """The watchdog's scratch registers 0 to 3, which outlive all resets but power-on. Two slots of
    two words, written in turn, so that a CPU that dies amid a write leaves the other. The higher
    one is believed; steps that have gone back, with another run, are written to both."""

    def __init__(self, registers: int) -> None:
        self._scratch = registers + _SCRATCH
        self._slot = 0
        self._steps = 0

    def save(self, boot: int, steps: int) -> None:
        self._write(boot, steps)
        if steps < self._steps:
            self._write(boot, steps)
        self._steps = steps

    def _write(self, boot: int, steps: int) -> None:
        at = self._scratch + 8 * self._slot
        mem32[at + 4] = 0
        mem32[at] = steps
        mem32[at + 4] = self._check(boot, steps)
        self._slot = 1 - self._slot

    def load(self, boot: int) -> int:
        best = -1
        for at in (self._scratch, self._scratch + 8):
            steps = mem32[at] & _WORD
            if mem32[at + 4] & _WORD == self._check(boot, steps) and steps > best:
                best = steps
        return best

    def _check(self, boot: int, steps: int) -> int:
        return crc32(b"%d %d" % (boot, steps))
