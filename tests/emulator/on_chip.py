"""Runs the firmware on an emulated RP2040; ``test_firmware_on_chip`` starts it in a process of its
own, with the interpreter that has the emulator.

    on_chip.py RIG_HOME FOLDER        FOLDER holds the device's files; RIG_UF2 names the image

Prints one JSON object: every line the chip sent, and the edges on its pins, for one session of
boot, questions, one short plan to its end, one short plan with the button pressed in it, and a
reset with the stop loop open.
"""

import binascii
import json
import sys

STEP, ENABLE, ALLOW, STOP = 2, 4, 5, 14
PRESS_NS = 6_000_000
PROGRAM = "program volume=0.0071mL rate=1200mL/h syringe=bd-60"


def seal(text: str) -> bytes:
    """A request with its check."""
    data = text.encode()
    return data + b"*%04X\n" % binascii.crc_hqx(data, 0xFFFF)


class Session:
    """The serial conversation, and what the pins did meanwhile."""

    def __init__(self, rig) -> None:
        self.rig = rig
        self.tag = 0

    def until(self, token: bytes, step_ms: float = 2.0) -> str:
        """The chip's output up to the end of the line that holds ``token``."""
        rig = self.rig

        def waiting() -> bool:
            at = rig.rx.find(token)
            return at < 0 or rig.rx.find(b"\n", at) < 0

        if not rig.run_while(waiting, max_ms=8000, step_ms=step_ms, max_wall_s=200):
            raise TimeoutError("no %r; got %r" % (token, bytes(rig.rx[-400:])))
        return rig.take().decode()

    def ask(self, text: str) -> str:
        """The chip's output up to the reply."""
        self.tag += 1
        self.rig.run_ms(15)
        self.rig.take()
        self.rig.write(seal("%d %s" % (self.tag, text)))
        return self.until(b"%d ok" % self.tag)

    def infuse(self, press_ns: int | None) -> dict:
        """Program and start; press the button ``press_ns`` after ALLOW rises."""
        rig = self.rig
        reply = self.ask(PROGRAM)
        plan = reply.split("plan=")[1][:8]
        self.ask("telemetry every=60s")
        first = len(rig.edges)
        begun = rig.now
        self.tag += 1  # a repeated id would be answered from memory
        rig.write(seal("%d start plan=%s" % (self.tag, plan)))
        pressed = None
        if press_ns is not None:
            rig.run_while(lambda: not self.raised(first), 1000, 0.2)
            pressed = self.raised(first)[0] + press_ns
            rig.at(pressed, lambda: rig.drive(STOP, 1))
        text = self.until(b"name=complete" if press_ns is None else b"name=stopped")
        rig.run_ms(10)
        return {
            "program": reply,
            "begun": begun,
            "pressed": pressed,
            "text": text,
            "edges": rig.edges[first:],
            "levels": {pin: rig.level(pin) for pin in (STEP, ENABLE, ALLOW)},
        }

    def raised(self, first: int) -> list:
        """Instants at which ALLOW rose."""
        return [t for t, pin, level in self.rig.edges[first:] if pin == ALLOW and level]


def main(home: str, folder: str) -> None:
    """One session."""
    sys.path.insert(0, home)
    from rig import Rig

    rig = Rig(folder)
    rig.drive(STOP, 0)
    rig.trace(STEP, ENABLE, ALLOW)
    session = Session(rig)
    seen = {}
    rig.boot()
    seen["boot"] = session.until(b"~1 ")
    seen["boot_edges"] = list(rig.edges)
    rig.write(b"*IDN?\n")
    seen["identity"] = session.until(b"Titra,")
    for verb in ("info", "status", "stop"):
        seen[verb] = session.ask(verb)
    seen["whole"] = session.infuse(None)
    seen["button"] = session.infuse(PRESS_NS)
    rig.drive(STOP, 0)
    seen["ack"] = session.ask("ack")
    rig.release(STOP)  # the chip's own pull-up opens the loop, as a broken wire does
    rig.reset_pin()
    rig.run_ms(5)
    rig.boot()
    seen["open"] = session.until(b"~1 ")
    print(json.dumps(seen))


main(sys.argv[1], sys.argv[2])
