"""The TMC2209 motor driver over its one-wire UART: set up, watched, never trusted.

PDN_UART goes to RX, and through 1 kohm to TX, so that every byte sent comes back first.
Registers and datagrams after the data sheet (Trinamic, TMC2209 rev. 1.09, chapters 4 and 5). The
drivers for it on PyPI are of Raspberry Pi and pyserial; micropython-lib has none.

A driver that loses its supply for a moment comes back with the microsteps of its MS pins: each
step would then be another volume. Hence ``reset`` is a fault like a short.

STEP is counted before the driver. What the driver has had of it shows in its standstill flag (set
2^20 clocks, 87 ms, after the last step): ``standstill`` is a fault where FAST_STEPS were counted
between two looks. These are half a second apart, so slower than some 40 steps a second it cannot
tell. The open load flags are left alone: the data sheet calls them informative, and false in fast
motion and at standstill; only the second is seen at infusion rates, between any two steps.
"""

GCONF = 0x00
GSTAT = 0x01
IFCNT = 0x02
IOIN = 0x06
IHOLD_IRUN = 0x10
TPOWERDOWN = 0x11
CHOPCONF = 0x6C
DRV_STATUS = 0x6F

VERSION = 0x21  # IOIN, top byte
PDN_DISABLE = 1 << 6  # the pin is the UART
MICROSTEPS_BY_REGISTER = 1 << 7
CHOPPER = 0x10000053 & ~(1 << 28)  # the chip's own default, without interpolation
LOW_SENSE = 1 << 17
INTERPOLATE = 1 << 28
WAS_RESET = 1
SHUT_DOWN = 2  # for heat or a short; kept when the cause is gone
UNDERVOLTAGE = 4
HOT = 1
OVERHEATED = 2
SHORT = 0x3C
STANDSTILL = 1 << 31
FAST_STEPS = 20
REST_DELAY = 20  # from standstill to less current, x 2^18 clocks: 0.44 s
HOLD_DELAY = 8  # then each step of the scale in 8 x 2^18 clocks, 0.17 s
SCALE_MOST = 31
READ_BYTES = 12  # the request's 4 come back, then the answer's 8


def crc8(data) -> int:
    """CRC-8 of the datagram ``data``: polynomial 0x07, bits from the lowest."""
    crc = 0
    for byte in data:
        for _ in range(8):
            crc = (crc << 1 ^ (0x07 if (crc >> 7 ^ byte) & 1 else 0)) & 0xFF
            byte >>= 1
    return crc


def current_scale(milliamps: int, sense_mohm: int) -> tuple:
    """(scale 0 to 31, whether the sense range is the low one) for an RMS current, rounded down.

    I = (scale + 1) / 32 x V / (R + 20 mohm) / sqrt(2), V 325 mV or, in the low range, 180 mV.
    ValueError: less than one step of the scale, or more than the driver can give.
    """
    for volts, low in ((180, True), (325, False)):
        scale = milliamps * 32 * (sense_mohm + 20) * 1_414_214 // (volts * 10**9) - 1
        if 0 <= scale <= SCALE_MOST:
            return scale, low
    raise ValueError("motor current")


class Tmc2209:
    """One driver at ``address`` 0 to 3 of ``uart``.

    run_ma, hold_ma   RMS motor current moving and after half a second of rest, also between two
                      slow steps; hold_ma not above run_ma; rounded down (1/32 of the
                      range at least)
    microsteps        1, 2, 4 to 256: what ``Mechanics.microsteps`` says
    interpolate       256 microsteps made of each step inside the driver
    sense_mohm        the sense resistors, 110 on the usual boards
    """

    def __init__(
        self,
        uart,
        run_ma: int,
        hold_ma: int,
        microsteps: int,
        interpolate: bool = False,
        sense_mohm: int = 110,
        address: int = 0,
    ) -> None:
        run, low = current_scale(run_ma, sense_mohm)
        hold = max(0, (run + 1) * hold_ma // run_ma - 1)
        resolution = 8
        while 1 << 8 - resolution < microsteps:
            resolution -= 1
        if resolution < 0 or 1 << 8 - resolution != microsteps or hold_ma > run_ma:
            raise ValueError("microsteps" if hold_ma <= run_ma else "motor current")
        self._uart = uart
        self._address = address
        self._chopper = CHOPPER | resolution << 24 | (LOW_SENSE if low else 0)
        if interpolate:
            self._chopper |= INTERPOLATE
        self._settings = (
            (GCONF, PDN_DISABLE | MICROSTEPS_BY_REGISTER),
            (IHOLD_IRUN, hold | run << 8 | HOLD_DELAY << 16),
            (TPOWERDOWN, REST_DELAY),
            (CHOPCONF, self._chopper),
            (GSTAT, 7),  # writing ones clears it
        )
        self._ready = False
        self._steps = None  # at the last look

    def set_up(self) -> str:
        """Write all settings and see that they were taken. Returns what is wrong, or ''."""
        self._ready = False
        ioin = self._read(IOIN)
        before = self._read(IFCNT)
        if ioin < 0 or before < 0:
            return "no-answer"
        if ioin >> 24 != VERSION:
            return "version"
        for register, value in self._settings:
            self._write(register, value)
        if (self._read(IFCNT) - before) & 0xFF != len(self._settings):
            return "not-taken"
        if self._read(CHOPCONF) != self._chopper:
            return "not-taken"
        self._ready = True
        return self.check()

    def check(self, steps: int | None = None) -> str:
        """What the driver says now: '' in order, ``hot`` a warning, anything else a fault. Takes
        3 ms. ``steps``: those counted before the driver, mod 2^32, while it has to make them."""
        if not self._ready:
            return "not-set-up"
        flags = self._read(GSTAT)
        status = self._read(DRV_STATUS)
        fast = self._is_fast(steps)
        if flags < 0 or status < 0:
            return "no-answer"
        for said, bits, meaning in (
            (flags, WAS_RESET, "reset"),
            (flags, UNDERVOLTAGE, "undervoltage"),
            (status, OVERHEATED, "overheated"),
            (status, SHORT, "short"),
            (flags, SHUT_DOWN, "shut-down"),
            (status, STANDSTILL if fast else 0, "standstill"),
            (status, HOT, "hot"),
        ):
            if said & bits:
                return meaning
        return ""

    def _is_fast(self, steps: int | None) -> bool:
        """FAST_STEPS have been counted since the last look, which was in this motion too."""
        before = self._steps
        self._steps = steps
        if steps is None or before is None:
            return False
        return (steps - before) & 0xFFFFFFFF >= FAST_STEPS

    def _read(self, register: int) -> int:
        """The register, or -1 without a whole answer."""
        uart = self._uart
        if uart.any():
            uart.read()
        request = bytes((0x55, self._address, register))
        uart.write(request + bytes((crc8(request),)))
        answer = uart.read(READ_BYTES)
        if not answer or len(answer) < 8:
            return -1
        answer = answer[-8:]
        if answer[:3] != bytes((0x05, 0xFF, register)) or crc8(answer[:7]) != answer[7]:
            return -1
        return int.from_bytes(answer[3:7], "big")

    def _write(self, register: int, value: int) -> None:
        data = bytes((0x55, self._address, register | 0x80)) + value.to_bytes(4, "big")
        self._uart.write(data + bytes((crc8(data),)))
        self._uart.read(len(data) + 1)  # they come back
