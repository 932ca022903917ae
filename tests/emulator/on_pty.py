"""A chip with nothing but the interpreter on it, its stop loop closed, at a pty of its own; for
``test_flash_on_chip``.

    on_pty.py        runs in RIG_PYTHON until its stdin ends; its first line ends with the port
"""

import os
import select
import sys
import tempfile

from rigged import make_rig


def ended(rig) -> None:
    """Leave when stdin has ended."""
    if select.select([sys.stdin], [], [], 0)[0]:
        os._exit(0)


def main() -> None:
    """Power on, and go as fast as the emulator does."""
    with tempfile.TemporaryDirectory() as nothing:
        rig = make_rig(nothing)
    rig.boot()
    rig.serve_pty(realtime=False, tick=ended)


main()
