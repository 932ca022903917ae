"""The emulated chip, seen from the tests: what it needs, its files, and a run on it.

The emulator lives in an interpreter of its own; scripts of this folder that import ``rigged`` run
there and print one JSON object.
"""

import json
import os
import subprocess
from pathlib import Path
from textwrap import indent

from titra.firmware_files import build

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
NEEDED = {
    "RIG_UF2": "a MicroPython image for RPI_PICO",
    "RIG_HOME": "the folder of the emulator rig (rig.py)",
    "RIG_PYTHON": "a Python interpreter with the rig's emulator installed",
}
# An emulated second of motion takes half a minute, so a board under test takes shorter plans.
SHORT_PLANS = """
from pump.core import limits

limits.LIMITS = limits.LIMITS.replace("over time 1s ", "over time 1ms ").replace(
    "\\nvolume volume 0.001mL ", "\\nvolume volume 0.00001mL "
)
"""
# A bd-1 makes 266.648 steps/s for each mL/h here, 4999.65 at 18.75 and 19 998.6 at its 75 mL/h.
FAST_BOARD = (
    SHORT_PLANS
    + """
MECHANICS = Mechanics(
    lead="0.7689mm", full_steps=200, microsteps=64, max_step_hz=20000, start_stop_hz=20000
)
"""
)
# In place of ``pump.run()`` in main.py: every 50 ms a collection on top of those that happen
# anyway. Like everything long that the firmware does in motion it follows a filling of the queue.
COLLECTING_LOOP = """
    import gc
    import time

    collected = time.ticks_ms()
    while not pump.session.leaving:
        pump.turn()
        if time.ticks_diff(time.ticks_ms(), collected) >= 50:
            collected = time.ticks_ms()
            pump.controller.top_up()
            gc.collect()
"""
# The same after every turn.
HARSH_LOOP = """
    import gc

    while not pump.session.leaving:
        pump.turn()
        pump.controller.top_up()
        gc.collect()
"""


def missing() -> str:
    """What stands between this machine and an emulated chip, in one line; '' if nothing."""
    for name, what in NEEDED.items():
        if not os.path.exists(os.environ.get(name, "")):
            return f"no emulated chip: set {name} to {what}"
    return ""


def make_files(folder: Path, board_tail: str = "", loop: str | None = None) -> Path:
    """The device's files in ``folder``, as ``make firmware`` makes them, with ``board_tail`` after
    the board file; ``loop`` in place of main.py's, or with '' neither it nor boot.py."""
    build("rpi_pico", folder, check_board=not board_tail)
    if loop is not None:
        (folder / "firmware.rec").unlink()  # main.py is not the one it tells of
    board = (ROOT / "boards/rpi_pico/board.py").read_text()
    (folder / "board.py").write_text(board + board_tail)
    main = folder / "main.py"
    if loop:
        wiring, run_call, rest = main.read_text().partition("        pump.run()\n")
        if not run_call:
            raise ValueError("main.py does not run the pump as expected")
        main.write_text(wiring + indent(loop, "    ") + rest)
    elif loop == "":
        main.unlink()
        (folder / "boot.py").unlink()
    return folder


def run(script: str, folder: Path, *arguments: str, timeout_s: int = 1200) -> dict:
    """Run a script of this folder on a chip with the files in ``folder``; returns what it saw."""
    command = [os.environ["RIG_PYTHON"], str(HERE / script), str(folder), *arguments]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=timeout_s, check=False)
    if ended.returncode:
        raise RuntimeError(f"{script} {' '.join(arguments)}: {ended.stderr[-3000:]}")
    return json.loads(ended.stdout.splitlines()[-1])
