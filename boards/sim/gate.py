"""What stands between an ESP32's STEP and the motor driver: a latch and a gate.

The loop, when it opens, clears the latch; a rising edge of ARM sets it while the loop is closed.
STEP passes while the latch is set, to the driver and back to the chip's COUNT. Without ARM and
LATCH in the board file STEP and COUNT are joined by a wire.
"""


class StopGate:
    """On the pads of ``board``. Gates are taken for infinitely quick."""

    def __init__(self, pads, clock, board) -> None:
        self._pads = pads
        self._clock = clock
        self._stop = board.STOP
        self._count = board.COUNT
        self._latch = board.LATCH
        self.passes = self._latch is None
        self._high = False
        pads.watch(board.STEP, self._step)
        if self._latch is not None:
            pads.watch(board.STOP, self._loop)
            pads.watch(board.ARM, self._arm)
            pads.drive(self._latch, 0)
        pads.relay(self._count, 0, clock(), 0, 1)

    def _loop(self, pin: int, level: int, first: int, period: int, count: int) -> None:
        if not level:
            self._switch(False)

    def _arm(self, pin: int, level: int, first: int, period: int, count: int) -> None:
        if level and self._pads.level(self._stop):
            self._switch(True)

    def _switch(self, passes: bool) -> None:
        if passes == self.passes:
            return
        self.passes = passes
        self._pads.drive(self._latch, 1 if passes else 0)
        if self._high:  # a pulse is cut short, or its rest let through
            self._pads.relay(self._count, 1 if passes else 0, self._clock(), 0, 1)

    def _step(self, pin: int, level: int, first: int, period: int, count: int) -> None:
        self._high = bool(level)
        if self.passes:
            self._pads.relay(self._count, level, first, period, count)
