"""Wiring only: board to app, and run."""

import gc

import board

from pump.app.pump import Pump

gc.collect()
gc.threshold(-1)  # from here on the loop collects at times of its own choice
pump = Pump(board.make_hal(), board)
try:
    pump.run()
except Exception:
    board.make_safe()  # the REPL must not be left with a motor that may move
    raise
