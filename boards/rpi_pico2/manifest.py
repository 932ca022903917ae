"""Freeze the firmware into a MicroPython image, in place of copying compiled files:

make -C ports/rp2 BOARD=RPI_PICO2 FROZEN_MANIFEST=.../boards/rpi_pico2/manifest.py

boot.py, main.py and board.py stay files, so that pins can be changed without a new image.
"""

import os

FOREIGN = ("esp32", "uart", "hal.py")  # ports of other chips begin so; the contract of ports
FIRMWARE = "../../firmware"

files = []
for folder, _, names in os.walk(FIRMWARE + "/pump"):
    for name in sorted(names):
        if name.endswith(".py") and not name.startswith(FOREIGN):
            files.append(os.path.relpath(os.path.join(folder, name), FIRMWARE + "/pump"))

include("$(PORT_DIR)/boards/manifest.py")
package("pump", files=sorted(files), base_path=FIRMWARE, opt=3)
