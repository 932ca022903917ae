"""A chip for a scenario: bench commands on standard input, one JSON object a line, each answered.

    serve_chip.py FOLDER     FOLDER holds the device's files; runs in RIG_PYTHON

``{"do": "write", "data": text}``, ``run`` (``us``; answers what the chip sent), ``press``,
``release``, ``steps``. Text is Latin-1, a byte a character.
"""

import json
import sys

from rigged import ENABLE, STEP, STOP, make_rig


class Bench:
    """The chip and its pins."""

    def __init__(self, folder: str) -> None:
        self._rig = make_rig(folder)
        self._rig.boot()

    def write(self, order: dict) -> object:
        self._rig.write(order["data"].encode("latin-1"))
        return None

    def run(self, order: dict) -> object:
        self._rig.run_ns(order["us"] * 1000)
        return bytes(self._rig.take()).decode("latin-1")

    def press(self, order: dict) -> object:
        self._rig.drive(STOP, 1)
        return None

    def release(self, order: dict) -> object:
        self._rig.drive(STOP, 0)
        return None

    def steps(self, order: dict) -> object:
        """Steps since the motor first had current: the self-test's come before."""
        count, current = 0, False
        for _, pin, level in self._rig.edges:
            current = current or (pin == ENABLE and not level)
            count += current and pin == STEP and level
        return count


bench = Bench(sys.argv[1])
for line in sys.stdin:
    order = json.loads(line)
    print(json.dumps(getattr(bench, order["do"])(order)), flush=True)
