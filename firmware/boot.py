"""First thing that runs: motor off, pins safe, Ctrl-C is data from here on."""

import micropython

import board

micropython.kbd_intr(-1)
board.make_safe()
