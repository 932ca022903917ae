"""A simulated pump and a simulated jig, wired as tests/hardware/README.md says.

The pump's time leads; the jig's follows by the same amount, and meets each edge in its order. An
answer of the jig takes no time of the pump's.
"""

from tests.hardware.silicon import ENABLE, LOOP, POWER, STEP, US, JigChip
from titra.errors import PortAbsent
from titra.targets import SimTarget

STEP_OUT, ENABLE_OUT = 2, 4  # of the pump, boards/rpi_pico/board.py


class WiredPump:
    """The port of a pump whose stop loop, plug and STEP are in the hands of a jig."""

    name = "simulated pump"

    def __init__(self, jig: JigChip) -> None:
        self._jig = jig
        self._target = SimTarget("rpi_pico")
        self._bench = self._target._lockstep.bench
        self._now_us = 0
        self._delay = 0  # cycles from the pump's time to the jig's
        self._powered = False
        self.opened = 0
        self._target.press()
        pads = self._bench.world.pads
        pads.watch(STEP_OUT, self._pass_on(STEP))
        pads.watch(ENABLE_OUT, self._pass_on(ENABLE))
        jig.pads.watch(LOOP, self._loop)
        jig.pads.watch(POWER, self._plug)

    def _pass_on(self, gpio: int):
        def edge(pin, level, first, period, count):
            for number in range(count):
                self._jig.at(first + period * number + self._delay, gpio, level)

        return edge

    def _loop(self, pin, level, first, period, count):
        (self._target.release if level else self._target.press)()

    def _plug(self, pin, level, first, period, count):
        self._powered = bool(level)
        if level:
            self._target.run_us(1)  # it comes to life, and dies of the cut that comes next
            self._target.power_cut()
            self._bench.usb.host_read()

    def open(self) -> "WiredPump":
        """The port, as the host finds it. Raises PortAbsent without power."""
        if not self._powered:
            raise PortAbsent("no power")
        self.opened += 1
        return self

    def write(self, data: bytes) -> None:
        """To the pump at once."""
        self._target.write(data)

    def read(self, timeout_s: float) -> bytes:
        """Both go on by ``timeout_s``, rounded up to a microsecond."""
        us = int(timeout_s * US) + 1
        self._delay = self._jig.world.now - self._bench.world.now
        data = self._target.run_us(us)
        self._jig.run_us(us)
        self._now_us += us
        return data

    def clock(self) -> float:
        """Virtual seconds."""
        return self._now_us / US

    def close(self) -> None:
        """The host lets the port go."""

    def end(self) -> None:
        """The simulation is over."""
        self._target.close()
