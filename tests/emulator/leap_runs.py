"""The same sessions with and without leaps (``host_tools/emulator_leap.py``), for
``test_leap_on_chip``.

    leap_runs.py FOLDER        runs in RIG_PYTHON; prints [[plain, leaping], ...] of all cases

Every session is begun twice from one booted chip, and all that can be seen of it is told: edges
and packets with their instants, and every register of the state machines.
"""

import json
import sys
from pathlib import Path

from rigged import CYCLE_NS, STOP, Branch, Session, boot, freeze

sys.path.append(str(Path(__file__).parents[2] / "host_tools"))
from emulator_leap import Leaper  # noqa: E402

SLOW = "volume=0.0105mL rate=105mL/h syringe=bd-60"  # 210 steps/s
QUICK = "volume=0.03mL rate=1200mL/h syringe=bd-60"  # 2401 steps/s
# around a rising edge, and around the turns of the wait loop, which are two cycles long
PRESSES = [*range(-6, 270, 12), *range(40_000, 40_004), *range(570_001, 570_005)]
AFTER_NS = 40_000
REGISTERS = ("enabled", "waiting", "pc", "x", "y", "next_due_fp")
SHIFTS = ("output_shift_reg", "output_shift_count")


def seen(rig, settle) -> dict:
    """All that there is to see."""
    settle()
    pio = rig.mcu.pio[0]
    machines = [[int(getattr(m, name)) for name in REGISTERS + SHIFTS] for m in pio.machines]
    queues = [m.tx_fifo.item_count for m in pio.machines]
    packets = [[ns, data.decode()] for ns, data in rig.rx_log]
    return {"edges": rig.edges, "packets": packets, "machines": machines, "queues": queues}


def press(rig, settle, level: int) -> None:
    """The stop loop from outside, between two runs of the chip."""
    settle()
    rig.drive(STOP, level)


def button(session: Session, settle) -> dict:
    """A slow infusion; a press amid an interval, the loop closed again."""
    rig = session.rig
    allowed = session.start(session.program(SLOW), "20ms")
    rig.run_until(allowed + 31_234_568)
    press(rig, settle, 1)
    rig.run_ms(8)
    press(rig, settle, 0)
    rig.run_ms(10)
    return seen(rig, settle)


def talk(session: Session, settle) -> dict:
    """A quick one, asked, paused, resumed, and to its end."""
    rig = session.rig
    allowed = session.start(session.program(QUICK), "20ms")
    for ms, text in ((3, "status"), (9, "pause"), (30, "resume"), (40, "log"), (45, "stop")):
        rig.run_until(allowed + ms * 1e6)
        session.send(text)
    rig.run_ms(20)
    return seen(rig, settle)


def whole(session: Session, settle) -> dict:
    """A quick one to its last step."""
    rig = session.rig
    allowed = session.start(session.program("volume=0.01mL rate=1200mL/h syringe=bd-60"))
    rig.run_until(allowed + 50e6)
    return seen(rig, settle)


def dead(session: Session, settle) -> dict:
    """The CPU stands still amid the motion; the queue runs out."""
    rig = session.rig
    allowed = session.start(session.program(QUICK))
    rig.run_until(allowed + 12.3e6)
    freeze(rig)
    rig.run_ms(80)
    return seen(rig, settle)


def presses(session: Session, settle) -> list:
    """A press at many cycles, each from one instant amid an infusion."""
    rig = session.rig
    allowed = session.start(session.program(SLOW))
    rig.run_until(allowed + 15e6)
    count = len(rig.edges)
    rig.run_while(lambda: len(rig.edges) == count, 20, 0.0001)
    begun = rig.now

    def one(cycles: int) -> dict:
        rig.run_until(begun + (cycles + 600) * CYCLE_NS)
        press(rig, settle, 1)
        rig.run_ns(AFTER_NS)
        return seen(rig, settle)

    return [Branch(lambda cycles=cycles: one(cycles)).result() for cycles in PRESSES]


def main(folder: str) -> None:
    """All cases, each both ways at once."""
    session = boot(folder)
    rows = []
    for case in (button, talk, whole, dead, presses):
        plain = Branch(lambda case=case: case(session, lambda: None))
        leaping = Branch(lambda case=case: case(session, Leaper(session.rig.mcu).settle))
        rows.append([plain.result(), leaping.result()])
    print(json.dumps(rows))


main(sys.argv[1])
