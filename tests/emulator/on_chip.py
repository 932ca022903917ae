"""One session with the firmware on an emulated RP2040, for ``test_firmware_on_chip``.

    on_chip.py FOLDER        FOLDER holds the device's files; runs in RIG_PYTHON

Prints one JSON object: every line the chip sent, and the edges on its pins, for one session of
boot, questions, one short plan to its end, one short plan with the button pressed in it, and a
reset with the stop loop open.
"""

import json
import sys

from rigged import ALLOW, ENABLE, STEP, STOP, Session, make_rig, reset_by_pin

PRESS_NS = 6_000_000
PROGRAM = "volume=0.0071mL rate=1200mL/h syringe=bd-60"


def infuse(session: Session, press_ns: int | None) -> dict:
    """Program and start; press the button ``press_ns`` after ALLOW rises."""
    rig = session.rig
    reply = session.program(PROGRAM)
    first = len(rig.edges)
    pressed = None
    allowed = session.start(reply)
    if press_ns is not None:
        pressed = allowed + press_ns
        rig.at(pressed, lambda: rig.drive(STOP, 1))
    text = session.until(b"name=complete" if press_ns is None else b"name=stopped")
    rig.run_ms(10)
    return {
        "program": reply,
        "pressed": pressed,
        "text": text,
        "edges": rig.edges[first:],
        "levels": levels(rig),
    }


def levels(rig) -> dict:
    return {pin: rig.level(pin) for pin in (STEP, ENABLE, ALLOW)}


def main(folder: str) -> None:
    """One session."""
    rig = make_rig(folder)
    session = Session(rig)
    seen = {}
    rig.boot()
    seen["boot"] = session.until(b"~1 ")
    seen["boot_edges"] = list(rig.edges)
    seen["boot_levels"] = levels(rig)
    rig.write(b"*IDN?\n")
    seen["identity"] = session.until(b"Titra,")
    for verb in ("info", "status", "stop"):
        seen[verb] = session.ask(verb)
    seen["whole"] = infuse(session, None)
    seen["button"] = infuse(session, PRESS_NS)
    rig.drive(STOP, 0)
    rig.run_ms(60)  # the release is debounced
    seen["ack"] = session.ask("ack")
    rig.release(STOP)  # the chip's own pull-up opens the loop, as a broken wire does
    reset_by_pin(rig)
    rig.run_ms(5)
    rig.boot()
    seen["open"] = session.until(b"~1 ")
    print(json.dumps(seen))


main(sys.argv[1])
