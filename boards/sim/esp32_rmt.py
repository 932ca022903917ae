"""The RMT of the simulated ESP32: channels that play trains of pulses on pads, apart from the CPU.

Sources: driver/rmt.c (the driver up to MicroPython 1.26) and rmt_tx.c (from 1.27) of ESP-IDF, the
chip's reference manual. A train that fits into a channel's memory needs nothing more. Of a longer
one the other half of the memory is filled up by an interrupt each time that one half has been
played; where the CPU does not come to it, the RMT plays what is there, over and over.
"""

FOREVER_PLAYS = 1000  # "over and over": longer than any test looks on


class Channel:
    """One channel. ``over``: cycle at which it is idle again."""

    def __init__(self, system, pin: int, symbols: int, tick_cycles: int) -> None:
        self._system = system
        self.pin = pin
        self.symbols = symbols
        self._tick = tick_cycles
        self.over = 0
        self.level = 0
        self.trains = []  # (first rise, high, period, count), in order

    def play(self, halves: list, start: int) -> None:
        """Play (level, ticks) pairs from cycle ``start`` on."""
        self.over = self._add(halves, start)
        if len(halves) >= 2 * self.symbols:
            self._refill(halves, start, self.symbols)

    def _add(self, halves: list, at: int) -> int:
        """Add the pulses of ``halves`` to the trains; returns the end."""
        rise = None
        trains = self.trains
        for level, ticks in halves:
            if level and rise is None:
                rise = at
            elif not level and rise is not None:
                self._pulse(trains, rise, at - rise)
                rise = None
            at += ticks * self._tick
        if rise is not None:
            self._pulse(trains, rise, at - rise)
        return at

    def _pulse(self, trains: list, rise: int, high: int) -> None:
        if trains:
            first, width, period, count = trains[-1]
            if width == high and (count == 1 or rise == first + period * count):
                trains[-1] = (first, high, rise - first if count == 1 else period, count + 1)
                return
        trains.append((rise, high, 0, 1))

    def _refill(self, halves: list, start: int, symbol: int) -> None:
        """Have the interrupt that follows the half memory that ends at ``symbol`` looked at."""
        half = self.symbols // 2
        done = symbol - half
        if 2 * done >= len(halves):
            return
        at = start + sum([ticks for _, ticks in halves[: 2 * done]]) * self._tick

        def fill() -> None:
            if self._system.world.irqs.masked():
                self._run_away(halves[2 * (done - half) : 2 * (done + half)], at)
            else:
                self._refill(halves, start, symbol + half)

        self._system.world.at(at, fill)

    def _run_away(self, memory: list, at: int) -> None:
        """Nobody fills up: from cycle ``at`` on the memory is played again and again."""
        self.trains = [train for train in self.trains if train[0] < at]
        for _ in range(FOREVER_PLAYS):
            at = self._add(memory, at)
        self.over = at

    def run(self, until: int) -> None:
        """Make the edges up to and with cycle ``until``."""
        while self.trains:
            first, high, period, count = self.trains[0]
            if self.level:
                if first + high > until:
                    return
                self._set(0, first + high)
                count -= 1
                first += period
            else:
                whole = self._whole(until)
                if whole:
                    self._system.train(self, first, high, period, whole)
                    count -= whole
                    first += period * whole
                if count and first <= until:
                    self.trains[0] = (first, high, period, count)
                    self._set(1, first)
                    continue
            if count:
                self.trains[0] = (first, high, period, count)
                if first > until:
                    return
            else:
                self.trains.pop(0)

    def _whole(self, until: int) -> int:
        """Pulses of the first train that are over by ``until``."""
        first, high, period, count = self.trains[0]
        if first + high > until:
            return 0
        return min(count, (until - first - high) // period + 1) if period else 1

    def _set(self, level: int, at: int) -> None:
        self.level = level
        self._system.edge(self, level, at)


class RmtSystem:
    """All channels of one chip, as the World's engine. ``route`` connects a pad to one of them;
    whoever takes the pad's output away (``Pin.init``) cuts it off, and it plays to nobody."""

    def __init__(self, world, pads) -> None:
        self.world = world
        self._pads = pads
        self.now = 0
        self.calm_to = 0
        self.channels = []
        self._routes = {}
        pads.before = self._before_pads_change

    def open(self, pin: int, symbols: int, tick_cycles: int) -> Channel:
        """A new channel that has ``pin``."""
        channel = Channel(self, pin, symbols, tick_cycles)
        self.channels.append(channel)
        pads = self._pads
        pads.func(pin, "pio0")
        pads.pio_dir(0, 1 << pin, 1 << pin)
        pads.pio_out(0, 1 << pin, 0)
        self._routes[pin] = channel
        return channel

    def close(self, channel: Channel) -> None:
        """The channel is free again; what it still has to play is gone."""
        self.run(self.world.now)
        self.channels.remove(channel)

    def run(self, until: int) -> int:
        """Play up to cycle ``until``."""
        for channel in self.channels:
            if channel.trains:
                channel.run(until)
        self.now = until
        return until

    def _before_pads_change(self, mask: int) -> None:
        now = self.world.now
        if self.now < now:
            self.run(now)

    def _has_pad(self, channel: Channel) -> bool:
        pin = channel.pin
        return self._routes.get(pin) is channel and self._pads.owner(pin) == "pio0"

    def edge(self, channel: Channel, level: int, at: int) -> None:
        """One edge of a channel."""
        if self._has_pad(channel):
            bit = 1 << channel.pin
            self._pads.pio_out(0, bit, bit if level else 0, at)

    def train(self, channel: Channel, first: int, high: int, period: int, count: int) -> None:
        """Whole pulses of a channel."""
        if self._has_pad(channel):
            self._pads.train(channel.pin, 1, first, period, count)
            self._pads.train(channel.pin, 0, first + high, period, count)
