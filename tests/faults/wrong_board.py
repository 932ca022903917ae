"""One boot with any board.py, on a bench that stays wired as the board's page says. Runs in
CPython, and in MicroPython as a program:

    micropython wrong_board.py ROOT BOARD PINS FOLDER ...

PINS is a JSON file of the right board's constants; it prints an outcome for each folder.
"""

import sys

CYCLES_PER_US = 125
FOREVER = 1 << 60
BOOT_US = 5_000_000  # a loop that seems open costs three seconds


class Over(BaseException):
    """The time is over."""


class Wired:
    """The names of a board file."""

    def __init__(self, names: dict) -> None:
        for name in names:
            setattr(self, name, names[name])


class Trial:
    """What ``folder``'s board.py did within BOOT_US of power-on. ``en_lows``: falling edges of EN
    at the driver; ``driven``: STEP edges at the driver while EN was low; ``state``: the pump's, or
    None where there is no pump."""

    def __init__(self, root: str, board: str, names: dict, folder: str) -> None:
        from boards.sim.bench import Bench

        wired = Wired(names)
        self.bench = Bench(root, board)
        self._pads = self.bench.world.pads
        self._enable = wired.ENABLE
        self.en_lows = 0
        self.driven = 0
        self.bench.wire(wired)
        self.bench.give_board_file(folder)
        self._pads.watch(wired.ENABLE, self._enable_edge)
        self._pads.watch(getattr(wired, "COUNT", wired.STEP), self._step_edge)
        self.run()

    def run(self) -> None:
        """Power on, for BOOT_US."""
        world = self.bench.world
        world.limit = world.now + BOOT_US * CYCLES_PER_US
        world.on_limit = self._over
        try:
            self.bench.run_firmware()
        except Over:
            world.limit = FOREVER
        pump = self.bench.pump()
        self.state = pump.controller.state if pump else None

    def _over(self) -> None:
        raise Over

    def _enable_edge(self, pin: int, level: int, first: int, period: int, count: int) -> None:
        if not level:
            self.en_lows += count

    def _step_edge(self, pin: int, level: int, first: int, period: int, count: int) -> None:
        if level and not self._pads.level(self._enable):
            self.driven += count

    def told(self) -> str:
        """The outcome in one line."""
        return "%d %d %s %s" % (self.en_lows, self.driven, self.state, self.bench.crash)


def main(root: str, board: str, pins: str, *folders: str) -> None:
    """The program."""
    import builtins
    import json

    sys.path.insert(0, root)
    real_open = open
    with open(pins) as file:
        names = json.load(file)
    for folder in folders:
        builtins.open = real_open  # in place of that of the last trial's chip
        print(Trial(root, board, names, folder).told())


if __name__ == "__main__":
    main(*sys.argv[1:])
