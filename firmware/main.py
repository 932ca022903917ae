"""Wiring only: board to app, and run."""

import board

from pump.app.pump import Pump

pump = Pump(board.make_hal(), board)
try:
    pump.run()
except Exception:
    board.make_safe()  # the REPL must not be left with a motor that may move
    raise
