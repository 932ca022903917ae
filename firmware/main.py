"""Wiring only: board to app, and run."""

import board

from pump.app.pump import Pump

pump = Pump(board.make_hal(), board)
pump.run()
