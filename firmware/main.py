"""Wiring only: board to app, and run.

The way back to a board whose firmware hangs: hold the stop button at power-on and send Ctrl-C
within 3 s (``titra flash --recover`` and mpremote do). Then nothing is started, and the REPL is
there. Nor is anything started where boot.py has not ended well: whether this file is run then
depends on the release of MicroPython.
"""

import micropython

micropython.kbd_intr(-1)  # what boot.py said holds for boot.py alone

import gc  # noqa: E402
import select  # noqa: E402
import sys  # noqa: E402

import board  # noqa: E402

RECOVERY_MS = 3000
CTRL_C = b"\x03"
BYTES_MOST = 8  # a host that only talks gets the pump


def repl_wanted() -> bool:
    """True when the stop loop is open and somebody sends Ctrl-C."""
    if not board.loop_open():
        return False
    poller = select.poll()
    poller.register(sys.stdin, select.POLLIN)
    byte = bytearray(1)
    for _ in range(BYTES_MOST):
        if not poller.poll(RECOVERY_MS):
            return False
        sys.stdin.buffer.readinto(byte)
        if byte == CTRL_C:
            return True
    return False


if not getattr(board, "checked", False):
    raise RuntimeError("boot.py refused board.py, the motor is off; Ctrl-D tells why")
if not repl_wanted():
    from pump.app.pump import Pump

    gc.collect()
    gc.threshold(-1)  # from here on the loop collects at times of its own choice
    pump = Pump(board.make_hal(), board)
    for package, name in (("pump.app", "post"), ("pump.core", "manifest")):
        # The self-test has run; motion needs the heap. To acknowledge an open loop loads it again.
        delattr(sys.modules[package], name)
        del sys.modules[package + "." + name]
    try:
        pump.run()
    except Exception:
        board.make_safe()  # the REPL must not be left with a motor that may move
        raise
