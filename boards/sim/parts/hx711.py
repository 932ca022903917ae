"""An HX711 on two pads: a conversion every 100 ms, 24 bits and a 25th pulse; off after 60 us."""

from boards.sim.world import CYCLES_PER_US

CONVERSION = 100_000 * CYCLES_PER_US
OFF_AFTER = 60 * CYCLES_PER_US
SETTLING = 400_000 * CYCLES_PER_US
BITS = 24


class Hx711Chip:
    """``counts`` is what the bridge gives (-2^23 to 2^23 - 1); ``absent`` leaves DATA alone."""

    def __init__(self, clock: int, data: int) -> None:
        self.counts = 0
        self.absent = False
        self.switched_off = 0  # times that a pulse was too long
        self._clock, self._data = clock, data
        self._world = None
        self._sent = BITS + 1
        self._word = 0
        self._rose = 0

    def connect(self, world) -> None:
        """On the bench, with power."""
        self._world = world
        world.pads.watch(self._clock, self._edge)
        self._drive(1)
        world.at(world.now + SETTLING, self._convert)

    def _drive(self, level: int) -> None:
        self._world.pads.drive(self._data, None if self.absent else level)

    def _convert(self) -> None:
        if self._sent > BITS or self._sent == 0:
            self._sent = 0
            self._word = self.counts & (1 << BITS) - 1
            self._drive(0)
        self._world.at(self._world.now + CONVERSION, self._convert)

    def _edge(self, pin: int, level: int, first: int, period: int, count: int) -> None:
        if level:
            self._rose = first
            self._shift()
        elif first - self._rose > OFF_AFTER:
            self.switched_off += 1
            self._sent = BITS + 1
            self._drive(1)

    def _shift(self) -> None:
        if self._sent < BITS:
            self._drive(self._word >> BITS - 1 - self._sent & 1)
        else:
            self._drive(1)
        self._sent += 1
