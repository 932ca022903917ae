"""Bytes and heap of the firmware against their budget; ``make size`` adds them to
firmware/SIZE.md.

Bytes are those of the .mpy files that ``make firmware`` makes for each board. Heap is that of an
emulated RP2040 (``tests/emulator``), where there is one, in one infusion at 5 kHz with telemetry
every 100 ms: free after boot, free after a collection in motion at the least (what is kept), and
free at the least at the end of a turn, before that collection.
"""

import re
import subprocess
import tempfile
from datetime import date
from pathlib import Path

from tests.emulator import chip
from tests.emulator.chip_bench import plan, run
from titra import firmware_files

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "firmware/SIZE.md"
BUDGET_BYTES = 90_000
BUDGET_FREE_BYTES = 100_000
LARGEST = 12  # modules told of one by one
COLUMNS = ("esp32_devkitc", "rpi_pico", "rpi_pico2")  # the page keeps to these boards
HEADS = (
    "date",
    "commit",
    *[f"{board}, bytes" for board in COLUMNS],
    "free after boot",
    "kept free in motion",
    "low water in motion",
    "to ready, ms",
)
# In place of ``pump.run()`` in main.py.
NOTING_LOOP = """
    import gc

    gc.collect()
    booted = low = gc.mem_free()
    kept = 1 << 20
    while not pump.session.leaving:
        pump.turn()
        if pump.controller.moving():
            low = min(low, gc.mem_free())
            pump.controller.top_up()
            gc.collect()
            kept = min(kept, gc.mem_free())
    pump.run()
    print("booted", booted, "kept", kept, "low", low)
"""


def module_bytes(folder: Path) -> dict[str, int]:
    """Bytes of each .mpy file under ``folder``, by its path there, the largest first."""
    found = {str(path.relative_to(folder)): path.stat().st_size for path in folder.rglob("*.mpy")}
    return dict(sorted(found.items(), key=lambda item: (-item[1], item[0])))


def firmware_bytes(board: str, every_part: bool = False) -> dict[str, int]:
    """The same of the firmware for ``board``, made anew; with the modules of every part, or of
    those that it has."""
    with tempfile.TemporaryDirectory() as folder:
        firmware_files.compile_modules(board, Path(folder), every_part)
        return module_bytes(Path(folder))


def stand(what: str, figure: int, budget: int, at_most: bool) -> str:
    """One line: how ``figure`` stands against ``budget``, the most or else the least there is."""
    over = figure - budget if at_most else budget - figure
    word = "beyond" if at_most else "short"
    verdict = f"{over} bytes {word}" if over > 0 else f"within, {-over} bytes to spare"
    return f"{what}: {figure}, budget {budget}: {verdict}"


def chip_figures() -> dict[str, int]:
    """Heap and time to ready on the emulated chip; nothing where there is none."""
    if chip.missing():
        return {}
    figures = dict(run("bench_runs.py", "memory", plan(5000, 100)[0], loop=NOTING_LOOP))
    figures["ready_ms"] = round(run("bench_runs.py", "ready", tail="", loop=None))
    return figures


def row(totals: dict[str, int], heap: dict[str, int]) -> str:
    """A line of the page's table; ``totals``: the bytes of each board."""
    told = subprocess.run(
        ["git", "describe", "--always", "--dirty"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    named = [str(heap.get(name, "-")) for name in ("booted", "kept", "low", "ready_ms")]
    cells = [
        date.today().isoformat(),
        told.stdout.strip(),
        *[str(totals[board]) for board in COLUMNS],
        *named,
    ]
    return f"| {' | '.join(cells)} |\n"


def added(page: str, line: str) -> str:
    """``page`` with ``line`` after the last row of its table."""
    rows = list(re.finditer(r"^\|.*\n", page, re.MULTILINE))
    return page[: rows[-1].end()] + line + page[rows[-1].end() :]


def main() -> None:
    """Measure, print, and add a line to the page."""
    totals = {}
    for board in firmware_files.boards():
        modules = firmware_bytes(board)
        totals[board] = sum(modules.values())
        print(f"{board}, {len(modules)} modules:")
        for name, size in list(modules.items())[:LARGEST]:
            print(f"{size:8} {name}")
        print(stand("bytes of .mpy", totals[board], BUDGET_BYTES, at_most=True))
        print("with every part:", sum(firmware_bytes(board, True).values()), flush=True)
    heap = chip_figures()
    if heap:
        print(stand("heap free in motion", heap["kept"], BUDGET_FREE_BYTES, at_most=False))
        print(f"free after boot {heap['booted']}, low water {heap['low']}, in bytes")
        print(f"power-on to first telemetry: {heap['ready_ms']} ms (emulated)")
    else:
        print(f"heap not measured; {chip.missing()}")
    PAGE.write_text(added(PAGE.read_text(), row(totals, heap)))


if __name__ == "__main__":
    main()
