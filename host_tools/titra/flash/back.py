"""A board that has been restarted: wait for its pump; where none comes, have the board say why."""

from __future__ import annotations

import time

from titra.client import PumpClient, Timeouts
from titra.errors import AtPrompt, NoConnection, PortUnusable
from titra.flash.device import RECOVERY, Repl
from titra.transport import open_transport

BACK_S = 20.0  # from the reset to the first answer
PAUSE_S = 0.2
# What boot.py and main.py do, up to the pump. A soft reset before it frees what they had taken.
START = """
import boot
import board
board.make_hal()
"""


def wait_for_pump(port: str, baud: int, timeouts: Timeouts) -> PumpClient:
    """The pump that comes up on ``port``. AtPrompt: it does not start, with the board's own
    traceback. Other NoConnection: nothing came within BACK_S."""
    until_s = time.monotonic() + BACK_S
    while True:
        client = None
        try:
            client = PumpClient(open_transport(port, baud), timeouts=timeouts)
            client.connect()
            return client
        except NoConnection as error:
            if client:
                client.close()
            if isinstance(error, AtPrompt) or time.monotonic() > until_s:
                raise _explained(port, error) from error
            time.sleep(PAUSE_S)


def _explained(port: str, error: NoConnection) -> NoConnection:
    """``error``, or what the board says at its prompt."""
    try:
        repl = Repl(port, anew=True)
    except PortUnusable:
        return type(error)(f"no pump after the restart: {error.message}. {RECOVERY}")
    try:
        said = repl.traceback(START)
    finally:
        repl.close()
    if not said:
        said = "boot.py and make_hal of board.py raise nothing: `mpremote run firmware/main.py`"
    return AtPrompt(f"the firmware does not start, the motor is off. The board says:\n{said}")
