"""The HX711 bridge amplifier as a force sensor: 24 bits, ten times a second, by two pins.

After the data sheet (Avia Semiconductor): a conversion is ready when DATA is low; 25 pulses of
CLOCK shift it out, the highest bit first, and choose gain 128 for the next one. CLOCK high for
60 us switches the chip off, so a read that was held up in a pulse is not believed.

The drivers on PyPI and GitHub (micropython-hx711, robert-hh/hx711) wait for a conversion, up to
100 ms in which no word is put, and reckon in floats.
"""

import time

PULSES = 25
PULSE_MOST_US = 50
STALE_US = 500_000  # five conversions
SIGN = 1 << 23
ABSENT_MN = -(10**9)  # as implausible as an open sensor


class Hx711:
    """Force on the plunger (a ``hal.Force``).

    zero              counts without force
    mn_per_megacount  millinewtons for each 10^6 counts more; negative if the bridge is turned

    An open or shorted bridge drives the amplifier to an end of its range, beyond any force.
    """

    def __init__(self, clock, data, zero: int, mn_per_megacount: int) -> None:
        self._clock = clock
        self._data = data
        self._zero = zero
        self._mn_per_megacount = mn_per_megacount
        self._last_mn = ABSENT_MN
        self._taken_us = time.ticks_us()

    def read_mn(self) -> int:
        """The latest conversion, mN; ABSENT_MN when none has come for half a second."""
        now_us = time.ticks_us()
        if not self._data.value():
            raw = self._shift_in()
            if raw is not None:
                self._last_mn = (raw - self._zero) * self._mn_per_megacount // 1_000_000
                self._taken_us = now_us
        elif time.ticks_diff(now_us, self._taken_us) > STALE_US:
            self._last_mn = ABSENT_MN
        return self._last_mn

    def _shift_in(self):
        """The conversion that waits, or None when a pulse lasted too long. Some 0.4 ms."""
        clock = self._clock
        data = self._data
        raw = 0
        whole = True
        for _ in range(PULSES):
            begun_us = time.ticks_us()
            clock.value(1)
            raw = raw << 1 | data.value()
            clock.value(0)
            if time.ticks_diff(time.ticks_us(), begun_us) > PULSE_MOST_US:
                whole = False
        raw >>= 1  # the 25th pulse carries no bit
        return (raw ^ SIGN) - SIGN if whole else None
