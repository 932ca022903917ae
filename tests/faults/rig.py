"""A driven pump with something done to its bench before the first boot."""

from tests.timing.drive import BOOT_US, Driven
from titra.simulator import Lockstep


class Prepared(Driven):
    """``prepare(bench)`` is called before power-on."""

    def __init__(self, prepare, seed: int = 0, board: str = "rpi_pico") -> None:
        self.lockstep = Lockstep(board, seed)
        self.bench = self.lockstep.bench
        self.world = self.bench.world
        self.bench.keep_runs = True
        self.sent = b""
        self._id = 0
        prepare(self.bench)
        self.run_us(BOOT_US)
        self.board = self.bench.loader.module("board")


def relative(cycles: list) -> list:
    """Instants from the first on."""
    return [cycle - cycles[0] for cycle in cycles]


def motor_off(pump: Driven) -> bool:
    """EN high, ALLOW low, STEP low."""
    board = pump.board
    levels = [pump.level(pin) for pin in (board.ENABLE, board.ALLOW, board.STEP)]
    return levels == [1, 0, 0]
