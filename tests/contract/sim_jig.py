"""The ports on simulated silicon, with a bench jig around them, for the contract suite."""

from pathlib import Path

from boards.sim.bench import Bench
from boards.sim.standins.small import never
from boards.sim.world import SimulatedReset

ROOT = Path(__file__).resolve().parents[2]
CYCLE_NS = 8


class SimJig:
    """See ``asking`` for what a jig offers. STEP is what the motor driver sees of it."""

    name = ""
    board = ""
    fitted: dict = {}

    def __init__(self) -> None:
        self._bench = Bench(str(ROOT), self.board)
        self._bench.fitted = self.fitted
        self._world = self._bench.world
        self._edges: dict = {0: [], 1: []}
        self._set_up()
        self._power_on()
        self._step = getattr(self._board, "COUNT", self._board.STEP)
        self._world.pads.watch(self._step, self._step_edge)

    def _set_up(self) -> None:
        """What differs of the chip."""

    def _power_on(self) -> None:
        """Reset to board file, as boot.py and main.py do it; main's loop is the test."""
        self._bench.power_on()
        self._board = self._bench.loader.module("board")
        self.hal = self._board.make_hal()

    def _step_edge(self, pin: int, level: int, first: int, period: int, count: int) -> None:
        self._edges[level] += [(first + period * k) * CYCLE_NS for k in range(count)]

    # ---- time

    def now_ns(self) -> int:
        return self._world.now * CYCLE_NS

    def run_ns(self, ns: int) -> None:
        self._world.sleep(self._world.now + -(-ns // CYCLE_NS), never)

    def at_ns(self, ns: int, action) -> None:
        self._world.at(self._world.now + ns // CYCLE_NS, action)

    # ---- motor side

    def rises_ns(self) -> list:
        self._world.sync()
        return sorted(self._edges[1])

    def falls_ns(self) -> list:
        self._world.sync()
        return sorted(self._edges[0])

    def step_level(self) -> int:
        self._world.sync()
        return self._world.pads.level(self._step)

    def driver_is_on(self) -> bool:
        return not self._world.pads.level(self._board.ENABLE)

    # ---- stop loop

    def press(self) -> None:
        self._bench.press()

    def release(self) -> None:
        self._bench.release()

    # ---- host

    def host_send(self, data: bytes) -> None:
        self._bench.usb.host_write(data)

    def host_take(self) -> bytes:
        return self._bench.usb.host_read()

    def host_reads(self, reads: bool) -> None:
        self._bench.usb.reading = reads

    def host_connected(self, connected: bool) -> None:
        self._bench.usb.connected = connected

    # ---- power

    def cut_power_during(self, action, after_ns: int) -> None:
        """Start ``action()``, cut the power ``after_ns`` later, come up again: a new ``hal``."""

        def cut() -> None:
            raise SimulatedReset("power-on")

        self.at_ns(after_ns, cut)
        try:
            action()
            self.run_ns(after_ns)
        except SimulatedReset:
            self._world.reset("power-on")
            self._bench.usb.reset()
            self._power_on()
            return
        raise AssertionError("the power was not cut")


class Rp2Jig(SimJig):
    """RP2040: PIO."""

    name = "rp2"
    board = "rpi_pico"


class Esp32Jig(SimJig):
    """ESP32 with latch and gate, MicroPython 1.27 or later."""

    name = "esp32"
    board = "esp32_devkitc"


class Esp32OldJig(Esp32Jig):
    """The same with the RMT of MicroPython 1.26."""

    name = "esp32-1.26"

    def _set_up(self) -> None:
        self._bench.chip.modern = False


class Esp32BareJig(Esp32Jig):
    """ESP32 without latch and gate."""

    name = "esp32-bare"
    fitted = {"ARM": None, "LATCH": None}
