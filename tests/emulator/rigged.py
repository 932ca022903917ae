"""On the emulator's side: a chip with its pins watched, its serial port, and experiments that all
start from one instant.

Runs in RIG_PYTHON only. One cycle is 8 ns; edges are (ns, pin, level). The rig has no input
synchroniser: a state machine sees a pin two cycles earlier than on silicon.
"""

import binascii
import json
import math
import os
import re
import sys
from collections.abc import Callable

sys.path.insert(0, os.environ["RIG_HOME"])
from rig import Rig  # noqa: E402

STEP, ENABLE, ALLOW, STOP = 2, 4, 5, 14
CYCLE_NS = 8
TXF0 = 0x50200010  # the step generator's queue
WATCHDOG_CTRL = 0x40058000
DEPTH = 8


def seal(text: str) -> bytes:
    """A request with its check."""
    data = text.encode()
    return data + b"*%04X\n" % binascii.crc_hqx(data, 0xFFFF)


class PatientRig(Rig):
    """Gives up after so much emulated time, however slow this machine is."""

    def run_while(self, cond, max_ms=60_000, step_ms=1.0, max_wall_s=math.inf):
        return super().run_while(cond, max_ms, step_ms, max_wall_s)


def make_rig(folder: str) -> Rig:
    """A chip with the stop loop closed, not yet booted."""
    rig = PatientRig(folder)
    rig.drive(STOP, 0)
    rig.trace(STEP, ENABLE, ALLOW)
    return rig


def reset_by_pin(rig: Rig) -> None:
    """The RUN pin. On the chip it stops the watchdog as well; the emulator needs to be told."""
    rig.mcu.write_uint32(WATCHDOG_CTRL, 0)
    rig.reset_pin()


def at_repl(folder: str) -> Rig:
    """A chip without main.py, at its REPL, with the board's hardware made."""
    rig = make_rig(folder)
    rig.boot()
    rig.raw_repl()
    rig.exec("import gc\ngc.threshold(49152)\nimport board\nhal = board.make_hal()")  # as boot.py
    rig.exec("g = hal.generator\nf = hal.fuse")
    return rig


def rises(rig: Rig, first: int = 0) -> list:
    """Instants of the rising edges of STEP from edge ``first`` on."""
    return [t for t, pin, level in rig.edges[first:] if pin == STEP and level]


def freeze(rig: Rig) -> None:
    """Halt the CPU where it is, in the midst of anything, deaf to interrupts, for good."""
    core = rig.mcu.core
    core.pm = True
    core.enabled_interrupts = 0
    core.waiting = True


def queue_words(rig: Rig) -> int:
    """Words in the step generator's queue."""
    return rig.mcu.pio[0].machines[0].tx_fifo.item_count


def idle(rig: Rig) -> bool:
    """True when the generator is not started or waits for a word: nothing comes of itself."""
    generator = rig.mcu.pio[0].machines[0]
    return not generator.enabled or (generator.waiting and not queue_words(rig))


def open_loop(rig: Rig, offset: int, after: int, word: int, frozen: bool) -> list:
    """Open the stop loop ``offset`` cycles from now for ``after`` cycles, then close it, fill the
    queue with ``word`` and wait as long again. Returns the edges of all that as (cycles after the
    opening, pin, level)."""
    first = len(rig.edges)
    stop = rig.now + offset * CYCLE_NS
    if frozen:
        freeze(rig)
    rig.at(stop, lambda: rig.drive(STOP, 1))
    rig.run_until(stop + after * CYCLE_NS)
    rig.drive(STOP, 0)
    while queue_words(rig) < DEPTH:
        rig.mcu.write_uint32(TXF0, word)
    rig.run_ns(after * CYCLE_NS)
    return [((t - stop) / CYCLE_NS, pin, level) for t, pin, level in rig.edges[first:]]


class Branch:
    """An experiment begun now in a copy of this process; the original goes on undisturbed."""

    def __init__(self, act: Callable[[], object]) -> None:
        self._source, sink = os.pipe()
        self._data = None
        self._child = os.fork()
        if not self._child:
            _report(act, sink)
        os.close(sink)

    def wait(self) -> None:
        """Wait for the end of the experiment."""
        if self._data is not None:
            return
        with os.fdopen(self._source, "rb") as file:
            self._data = file.read()
        if os.waitpid(self._child, 0)[1]:
            raise RuntimeError("an experiment failed")

    def result(self) -> object:
        """What the experiment came to."""
        self.wait()
        return json.loads(self._data)


def _report(act: Callable[[], object], sink: int) -> None:
    """The copy's whole life."""
    status = 1
    try:
        data = json.dumps(act()).encode()
        with os.fdopen(sink, "wb") as file:
            file.write(data)
        status = 0
    except BaseException as error:
        print(repr(error), file=sys.stderr, flush=True)
    finally:
        os._exit(status)


def branch_out(act: Callable[[object], object], cases: list, at_once: int = 2) -> list:
    """``act`` of each case, all from this instant; the results in order."""
    branches, results = [], []
    for case in cases:
        branches.append(Branch(lambda case=case: act(case)))
        if len(branches) == at_once:
            results.append(branches.pop(0).result())
    return results + [branch.result() for branch in branches]


class Session:
    """The serial conversation of a chip that runs the firmware."""

    def __init__(self, rig: Rig) -> None:
        self.rig = rig
        self.tag = 0

    def until(self, token: bytes, step_ms: float = 2.0) -> str:
        """The chip's output up to the end of the line that holds ``token``."""
        rig = self.rig

        def waiting() -> bool:
            at = rig.rx.find(token)
            return at < 0 or rig.rx.find(b"\n", at) < 0

        if not rig.run_while(waiting, max_ms=8000, step_ms=step_ms):
            raise TimeoutError("no %r; got %r" % (token, bytes(rig.rx[-400:])))
        return rig.take().decode()

    def send(self, text: str) -> int:
        """Send a request under a new tag; a repeated one would be answered from memory."""
        self.tag += 1
        self.rig.write(seal("%d %s" % (self.tag, text)))
        return self.tag

    def ask(self, text: str) -> str:
        """The chip's output up to the reply."""
        self.rig.run_ms(15)
        self.rig.take()
        return self.until(b"%d ok" % self.send(text))

    def program(self, text: str) -> str:
        """Have a plan made; returns the reply."""
        return self.ask("program " + text)

    def raised(self, first: int) -> list:
        """Instants at which ALLOW rose, from edge ``first`` on."""
        return [t for t, pin, level in self.rig.edges[first:] if pin == ALLOW and level]

    def start(self, reply: str, every: str = "60s") -> float:
        """Start the plan of ``reply`` with telemetry as told; returns when ALLOW rose."""
        self.ask("telemetry every=" + every)
        first = len(self.rig.edges)
        self.send("start plan=" + plan_of(reply))
        if not self.rig.run_while(lambda: not self.raised(first), 1000, 0.2):
            raise TimeoutError("no start; got %r" % bytes(self.rig.rx[-400:]))
        return self.raised(first)[0]


def plan_of(reply: str) -> str:
    """The plan's hash."""
    return reply.split("plan=")[1][:8]


def steps_of(reply: str) -> int:
    """The plan's number of steps."""
    return int(re.search(r" steps=(\d+)", reply).group(1))


def boot(folder: str) -> Session:
    """A chip that runs its main.py, at its first telemetry line."""
    rig = make_rig(folder)
    session = Session(rig)
    rig.boot()
    session.until(b"~1 ")
    return session
