"""GPIO pads of a simulated chip: who drives each pad, its level, and what peripherals read.

Levels are bit masks over GPIO numbers. A pad takes the level of the chip's own output where one is
enabled, else that of the external (bench) driver, else of its pull resistor; a floating pad reads
0. An external driver loses against the chip's output, as a button behind a resistor does.
``sticky`` pads (erratum E9 of the RP2350) stay high when they are let go of, pull-down or not,
until their input buffer is off.

Edges are reported to watchers as ``fn(pin, level, t_first, period, count)``: ``count`` edges to
``level`` at system clock cycles ``t_first + i * period``. One call may stand for a whole train of
pulses; calls are chronological for each (pin, level), not between the two levels of one pin.
"""

_OWNERS = ("sio", "pio0", "pio1")  # on an ESP32 the RMT has the place of pio0


def _no_clock() -> int:
    return 0


class Pads:
    """``count`` GPIO pads after reset: inputs, with pull-down if ``pulls``, no function selected.

    The owner sets ``clock``, a callable that returns the current cycle; changes made by the CPU or
    the bench carry that time. ``before``, if set, is called with a pin mask ahead of any such
    change (the PIO uses it to bring itself up to date under the old conditions).
    """

    def __init__(self, count: int = 30, pulls: bool = True) -> None:
        self.count = count
        self.mask = (1 << count) - 1
        self._pulls = self.mask if pulls else 0
        self.clock = _no_clock
        self.before = None
        self.quiet = False  # PIO repeats cycles whose edges were already reported
        self.version = 0  # counts changes not made by PIO
        self.sticky = False
        self._ext_mask = 0
        self._ext_levels = 0
        self._watchers = {}
        self._watched = 0
        self.levels = 0
        self.inputs = 0
        self._clear_chip()

    def _clear_chip(self) -> None:
        self._up = 0
        self._down = self._pulls
        self._owned = [0, 0, 0]  # pads of sio, pio0, pio1
        self._out = [0, 0, 0]
        self._oe = [0, 0, 0]
        self._invert = 0
        self._low = 0
        self._high = 0
        self._buffered = 0  # pads whose input buffer is on; told apart on sticky ones only

    # ---- the bench and the CPU ----

    def drive(self, pin: int, level) -> None:
        """External driver of a pad: 0, 1, or None to let go."""
        bit = self._about_to_change(pin)
        self._ext_mask &= ~bit
        self._ext_levels &= ~bit
        if level is not None:
            self._ext_mask |= bit
            if level:
                self._ext_levels |= bit
        self._update(self.clock())

    def pull(self, pin: int, way) -> None:
        """The pad's resistor: 'up', 'down' or None."""
        bit = self._about_to_change(pin)
        self._up = self._up | bit if way == "up" else self._up & ~bit
        self._down = self._down | bit if way == "down" else self._down & ~bit
        self._update(self.clock())

    def func(self, pin: int, owner) -> None:
        """Give the pad's output to 'sio', 'pio0', 'pio1' or None."""
        bit = self._about_to_change(pin)
        for index in range(3):
            self._owned[index] &= ~bit
        if owner is not None:
            self._owned[_OWNERS.index(owner)] |= bit
            self._buffered |= bit
        self._update(self.clock())

    def owner(self, pin: int):
        """Who has the pad's output: 'sio', 'pio0', 'pio1' or None."""
        for index in range(3):
            if self._owned[index] >> pin & 1:
                return _OWNERS[index]
        return None

    def sio(self, pin: int, oe, level) -> None:
        """The CPU's output register of one pin: output enable and level."""
        bit = self._about_to_change(pin)
        self._oe[0] = self._oe[0] | bit if oe else self._oe[0] & ~bit
        self._out[0] = self._out[0] | bit if level else self._out[0] & ~bit
        self._update(self.clock())

    def sio_level(self, pin: int, level) -> None:
        """The CPU's output register of one pin: level alone."""
        bit = self._about_to_change(pin)
        self._out[0] = self._out[0] | bit if level else self._out[0] & ~bit
        self._update(self.clock())

    def sio_register(self, pin: int) -> int:
        """What the CPU's output register of one pin holds, driven or not."""
        return self._out[0] >> pin & 1

    def in_override(self, pin: int, mode: int) -> None:
        """IO_BANK0 INOVER: what peripherals read. 0 normal, 1 inverted, 2 low, 3 high."""
        bit = self._about_to_change(pin)
        self._invert = self._invert | bit if mode == 1 else self._invert & ~bit
        self._low = self._low | bit if mode == 2 else self._low & ~bit
        self._high = self._high | bit if mode == 3 else self._high & ~bit
        self._update(self.clock())

    def buffer(self, pin: int, on) -> None:
        """PADS_BANK0 IE: the pad's input buffer. A function that is selected turns it on too."""
        bit = self._about_to_change(pin)
        self._buffered = self._buffered | bit if on else self._buffered & ~bit
        self._update(self.clock())

    def buffered(self, pin: int) -> bool:
        """The input buffer is on."""
        return bool(self._buffered >> pin & 1)

    def relay(self, pin: int, level: int, t_first: int, period: int, count: int) -> None:
        """Edges that an outer part passes on to an input of the chip, as they are reported."""
        bit = 1 << pin
        self._ext_mask |= bit
        self._ext_levels = self._ext_levels | bit if level else self._ext_levels & ~bit
        self.levels = self.levels | bit if level else self.levels & ~bit
        self.inputs = self.inputs | bit if level else self.inputs & ~bit
        self.train(pin, level, t_first, period, count)

    def reset(self) -> None:
        """What a chip reset leaves: inputs, no functions. Outer drivers stay."""
        if self.before is not None:
            self.before(self.mask)
        self.version += 1
        self._clear_chip()
        self._update(self.clock())

    def is_pios(self, pin: int) -> bool:
        """True when the pad's output belongs to the PIO."""
        return bool((self._owned[1] | self._owned[2]) >> pin & 1)

    def level(self, pin: int) -> int:
        """Level of one pad, 0 or 1."""
        return self.levels >> pin & 1

    def watch(self, pin: int, fn) -> None:
        """Have ``fn`` told of the pad's edges; see the top of this file."""
        self._watchers.setdefault(pin, []).append(fn)
        self._watched |= 1 << pin

    def conditions(self, mask: int) -> tuple:
        """All that decides the levels of the pads in ``mask`` except PIO's registers."""
        held = (self._ext_mask, self._ext_levels, self._up, self._oe[0], self._out[0])
        rest = (self._owned[0], self._owned[1], self._owned[2])
        over = (self._invert, self._low, self._high)
        return tuple([value & mask for value in held + rest + over])

    # ---- the PIO ----

    def pio_out(self, block: int, mask: int, levels: int, t: int = -1) -> None:
        """PIO block ``block`` sets output levels of the pins in ``mask`` at cycle ``t``."""
        self._out[block + 1] = self._out[block + 1] & ~mask | levels & mask
        self._update(self.clock() if t < 0 else t)

    def pio_dir(self, block: int, mask: int, oe: int, t: int = -1) -> None:
        """PIO block ``block`` sets output enables of the pins in ``mask`` at cycle ``t``."""
        self._oe[block + 1] = self._oe[block + 1] & ~mask | oe & mask
        self._update(self.clock() if t < 0 else t)

    def pio_set(self, block: int, out: int, oe: int, t: int) -> None:
        """Both registers of a PIO block at once, at cycle ``t``."""
        self._out[block + 1] = out
        self._oe[block + 1] = oe
        self._update(t)

    def train(self, pin: int, level: int, t_first: int, period: int, count: int) -> None:
        """Tell the watchers of edges that PIO has skipped over; levels are set separately."""
        if self._watched >> pin & 1:
            for fn in self._watchers[pin]:
                fn(pin, level, t_first, period, count)

    # ---- inside ----

    def _about_to_change(self, pin: int) -> int:
        if not 0 <= pin < self.count:
            raise ValueError("no such pad")
        bit = 1 << pin
        if self.before is not None:
            self.before(bit)
        self.version += 1
        return bit

    def _update(self, t: int) -> None:
        """Work the levels out anew and report what changed at cycle ``t``."""
        own_sio, own0, own1 = self._owned
        out_sio, out0, out1 = self._out
        oe_sio, oe0, oe1 = self._oe
        driven = own_sio & oe_sio | own0 & oe0 | own1 & oe1
        inner = own_sio & out_sio | own0 & out0 | own1 & out1
        ext = self._ext_mask
        outer = self._ext_levels | self._up & ~ext
        if self.sticky:
            outer |= self.levels & self._buffered & ~ext
        levels = inner & driven | outer & ~driven
        changed = levels ^ self.levels
        self.levels = levels
        self.inputs = (levels ^ self._invert) & ~self._low | self._high
        if changed & self._watched and not self.quiet:
            for pin in self._watchers:
                if changed >> pin & 1:
                    for fn in self._watchers[pin]:
                        fn(pin, levels >> pin & 1, t, 0, 1)
