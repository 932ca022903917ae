"""Stand-in for MicroPython's ``esp32``: RMT, both generations of it, and PCNT.

Sources: ports/esp32/esp32_rmt.c before and after its move to ESP-IDF's newer driver (1.26, 1.27),
ports/esp32/esp32_pcnt.c of 1.26. Loops, carriers and interrupts of the counter are not simulated.
"""

from boards.sim.esp32 import NS_PER_CYCLE

SOURCE_HZ = 80_000_000
SYSTEM_HZ = 125_000_000
BLOCK = 64  # symbols
BLOCKS = 8
HALVES_A_US = 3  # of a train that the driver takes over in a microsecond
SHORT_CYCLES = SYSTEM_HZ * 3 // 10  # what the classic chip can still end early
_INVALID_STATE = 0x103


def rmt_class(world, modern: bool):
    """The ``RMT`` class of one boot of a chip, of the newer generation or the older."""
    used = [0]  # memory blocks

    class RmtBase:
        """What both generations have."""

        PULSE_MAX = 32767

        def _open(self, pin, symbols: int, divider: int) -> None:
            world.spend("other")
            world.sync()
            if divider * SYSTEM_HZ % SOURCE_HZ:
                raise ValueError("the simulation wants whole cycles of 8 ns")
            self._blocks = -(-symbols // BLOCK)
            if used[0] + self._blocks > BLOCKS:
                raise OSError(-_INVALID_STATE)
            used[0] += self._blocks
            tick = divider * SYSTEM_HZ // SOURCE_HZ
            self._channel = world.pio.open(pin.id, symbols, tick)

        def _live(self):
            if self._channel is None:
                raise OSError("already deinitialized")
            return self._channel

        def _busy(self) -> bool:
            return self._live().over > world.now

        @staticmethod
        def source_freq() -> int:
            return SOURCE_HZ

        def loop(self, enable: bool) -> None:
            raise NotImplementedError("the simulated RMT does not loop")

        def write_pulses(self, duration, data=True) -> None:
            """Begin to play; waits while something is being played."""
            channel = self._live()
            if self._busy():
                world.pause_us(-(-(channel.over - world.now) * NS_PER_CYCLE // 1000))
            halves = _halves(duration, data)
            world.spend("rmt")
            world.pause_us(len(halves) // HALVES_A_US)
            world.sync()
            channel.play(halves, world.now)

        def deinit(self) -> None:
            """Give the channel back. While it plays a long train the classic chip crashes."""
            if self._channel is None:
                return
            world.spend("other")
            _end_early(self._channel)
            world.pio.close(self._channel)
            used[0] -= self._blocks
            self._channel = None

    def _end_early(channel) -> None:
        if channel.over - world.now > SHORT_CYCLES:
            world.die("reset")  # a panic
        channel.trains = []
        channel.over = 0

    class NewRmt(RmtBase):
        """From 1.27."""

        def __init__(
            self,
            id: int = -1,
            *,
            pin,
            resolution_hz=None,
            clock_div=None,
            idle_level: bool = False,
            tx_carrier=None,
            num_symbols: int = BLOCK,
        ) -> None:
            if resolution_hz is not None and clock_div is not None:
                raise ValueError("resolution_hz and clock_div are mutually exclusive")
            if num_symbols < BLOCK or num_symbols % 2:
                raise ValueError("num_symbols must be even and at least 64")
            divider = clock_div or SOURCE_HZ // (resolution_hz or 10_000_000)
            self._open(pin, num_symbols, divider)

        @staticmethod
        def bitstream_rmt(value=None) -> bool:
            return bool(value)

        def wait_done(self, timeout: int = 0) -> bool:
            world.spend("other")
            return not self._busy()

        def active(self, value=None) -> bool:
            """Tells whether it plays; False ends that, which crashes the classic chip."""
            world.spend("other")
            if value:
                raise ValueError("activate by calling write_pulses()")
            if value is None:
                return self._busy()
            _end_early(self._live())
            return False

    class OldRmt(RmtBase):
        """Up to 1.26."""

        installed = {}

        def __init__(
            self, id: int, *, pin, clock_div: int = 8, idle_level: bool = False, tx_carrier=None
        ) -> None:
            if not 1 <= clock_div <= 255:
                raise ValueError("clock_div must be between 1 and 255")
            if id in OldRmt.installed:
                raise OSError(-_INVALID_STATE)
            self._open(pin, BLOCK, clock_div)
            self._id = id
            OldRmt.installed[id] = self

        def wait_done(self, timeout: int = 0) -> bool:
            """Prints to the console while it plays."""
            world.spend("other")
            if self._busy():
                world.complain(b"E (0) rmt: rmt_wait_tx_done(1): Timeout on wait_tx_done\r\n")
                return False
            return True

        def deinit(self) -> None:
            super().deinit()
            OldRmt.installed.pop(self._id, None)

    return NewRmt if modern else OldRmt


def _halves(duration, data) -> list:
    """(level, ticks) pairs. A duration has 15 bits, and 0 is the end."""
    if isinstance(data, (tuple, list)):
        if isinstance(duration, int):
            duration = [duration] * len(data)
        if len(duration) != len(data):
            raise ValueError("duration and data must have same length")
        pairs = [(1 if level else 0, ticks & 0x7FFF) for level, ticks in zip(data, duration)]
    else:
        first = 1 if data else 0
        pairs = [((first + at) % 2, ticks & 0x7FFF) for at, ticks in enumerate(duration)]
    if not pairs:
        raise ValueError("No pulses")
    ends = [at for at, pair in enumerate(pairs) if not pair[1]]
    return pairs[: ends[0]] if ends else pairs


def pcnt_class(world):
    """The ``PCNT`` class of one boot of a chip."""

    class PCNT:
        """One channel of each unit, rising edges only."""

        IGNORE = 0
        INCREMENT = 1

        def __init__(self, id: int, **options) -> None:
            self._unit = world.counters[id]
            self.init(**options)

        def init(
            self, pin=None, rising=None, falling: int = 0, filter=None, max=None, value=None
        ) -> None:
            """(Re)configure what is given."""
            world.spend("other")
            world.sync()
            unit = self._unit
            if falling:
                raise NotImplementedError("the simulated counter takes rising edges only")
            if filter is not None:
                if not 0 <= filter <= 1023:
                    raise ValueError("filter")
                unit.filter_cycles = filter * SYSTEM_HZ // SOURCE_HZ
            if max is not None:
                if not 0 <= max <= 32767:
                    raise ValueError("maximum")
                unit.most = max
            if rising is not None:
                unit.rising = rising
            if pin is not None:
                unit.connect(pin.id)
            if max is not None or value is not None:
                unit.clear()

        def start(self) -> None:
            world.spend("other")
            world.sync()
            self._unit.counting = True

        def stop(self) -> None:
            world.spend("other")
            world.sync()
            self._unit.counting = False

        def value(self, value=None) -> int:
            """The count; sets it to 0 if asked to."""
            world.spend("pin")
            count = self._unit.value()
            if value is not None:
                self._unit.clear()
            return count

    return PCNT


class Esp32:
    """The module object."""

    def __init__(self, world, modern: bool) -> None:
        self.RMT = rmt_class(world, modern)
        self.PCNT = pcnt_class(world)
