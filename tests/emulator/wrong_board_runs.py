"""Two boots of an emulated RP2040 with a board file that is refused, for
``test_wrong_board_on_chip``.

    wrong_board_runs.py FOLDER     FOLDER holds the device's files; runs in RIG_PYTHON

Prints one JSON object: what Ctrl-D at the prompt brings, and the edges of both boots.
"""

import json
import sys

from rigged import ENABLE, Session, make_rig

BOOT_MS = 1500


def main(folder: str) -> None:
    """From power-on, past a soft reset."""
    rig = make_rig(folder)
    rig.drive(ENABLE, 1)  # the resistor: the chip's own output wins
    rig.boot()
    rig.run_ms(BOOT_MS)
    rig.take()
    rig.write(b"\x04")
    text = Session(rig).until(b"board.py: ")
    rig.run_ms(BOOT_MS)
    print(json.dumps({"text": text + rig.take().decode(), "edges": rig.edges}))


main(sys.argv[1])
