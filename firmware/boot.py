"""First thing that runs: motor off, pins safe, Ctrl-C is data from here on."""

import board
import micropython

micropython.kbd_intr(-1)
board.make_safe()
