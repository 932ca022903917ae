"""First thing that runs: motor off, pins safe, Ctrl-C is data from here on."""

import gc

gc.threshold(32768)  # objects never move: what is loaded must come to lie side by side

import board  # noqa: E402
import micropython  # noqa: E402

micropython.kbd_intr(-1)
board.make_safe()
