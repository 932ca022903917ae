"""Fuzzed serial lines: mutated valid requests, and noise, fed to the whole pump on a fake HAL.

``python -m tests.faults.fuzz -n 1000000 --seed 1`` (or ``make fuzz``): exit code 1 and the batch's
seed when something happened that no valid frame asked for. A batch is a function of its seed:
a pump is brought into some state by valid requests, then LINES lines come in chunks. Before and
after every chunk the pump is looked at; unless the chunk held a whole valid frame of a verb that
may change something, nothing may have changed. What a whole valid frame is, is judged here, by
``titra.protocol`` and regular expressions, not by the firmware's parser.
"""

import argparse
import multiprocessing
import re
import sys
import time
from pathlib import Path
from random import Random

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / part) for part in ("", "firmware", "host_tools", "tests/unit")]

from fake_hal import BOARD, FakeHal  # noqa: E402

from pump.app.commands import VERBS  # noqa: E402
from pump.app.pump import Pump  # noqa: E402
from titra import protocol  # noqa: E402

LINES = 250  # of a batch
TURN_US = 500
GAP_US = 600_000  # longer than a partial line is kept
READS = ("*IDN?", "info", "status", "limits", "heartbeat", "log", "settings", "library", "help")
MAY_CHANGE = tuple(row[0] for row in VERBS if row[0] not in READS)
MAY_CHANGE_UNCHECKED = ("stop", "pause")
INNOCENT = ("overflow",)  # events that output alone can cause
PROGRAM = "program weight=70kg dose=0.5mg/kg over=40min concentration=1mg/mL syringe=bd-60"
VALID = (
    PROGRAM,
    "program rate=60mL/h volume=2mL syringe=bd-10 kvo=0.5mL/h",
    "prime volume=0.5mL rate=60mL/h syringe=bd-60 connected=no",
    "start plan=%(plan)s",
    "start plan=%(plan)s lease=10s on-loss=finish",
    "phase rate=60mL/h over=1min",
    "phase pause=5s",
    "bolus volume=0.2mL over=30s",
    "change rate=50mL/h",
    "change rate=50mL/h over=10min",
    "pause",
    "resume",
    "stop",
    "ack",
    "ack alarm=disconnect",
    "silence",
    "clear",
    "status",
    "info",
    "limits field=dose",
    "limits syringe=bd-60",
    "telemetry every=100ms",
    "heartbeat",
    "log since=1:3",
    "log",
    "settings",
    "library",
    "library n=1",
    "library-load n=1 id=a drug=a route=iv concentrations=1mg/mL dose=..0.5mg/kg<1mg/kg",
    "library-commit name=fuzz version=1 entries=1 crc=00000000",
    "set telemetry-interval=500ms",
    'set pump-label="bench"',
    "help verb=start",
    "*IDN?",
    "maintenance",
)
SPLICES = (
    b"%s%s%s%n", b"{0.__class__}", b"{}", b'"', b'""', b"=", b"==", b"*", b"**", b"\x00", b"\r",
    b"\r\n", b"\n\n\n\n", b"\x03", b"\x04", b"\x1b[A", b"\xff\xfe", "µ½Ω".encode(), b"\x7f", b" ",
    b"  ", b"\t", b"99999999999999999999", b"-1", b"1e9", b"0x10", b"NaN", b"';--", b"$(reboot)",
    b"`id`", b"../../main", b"\\n", b"__import__", b"plan=", b"\xf0\x9f\x92\x89",
)  # fmt: skip
STATES = ("idle", "ready", "infusing", "paused", "halted", "stopped", "complete", "bolus", "fault")


class Broken(Exception):
    """An invariant does not hold; the text says which and by what."""


def may_change(line: bytes) -> str:
    """The verb of a whole valid frame that may change the pump, or ''."""
    line = line.removesuffix(b"\r")
    if len(line) > protocol.MAX_LINE or re.search(rb"[^ -~]", line):
        return ""
    sealed = re.fullmatch(rb"(.*)\*([0-9A-Fa-f]{4})", line)
    checked = bool(sealed) and int(sealed[2], 16) == protocol.crc(sealed[1])
    if sealed and not checked:
        return ""
    body = sealed[1] if sealed else line
    found = re.fullmatch(rb" *(?:[0-9]{1,5} +)?([a-z-]+)(?: +[a-z][a-z0-9-]*=.*)? *", body)
    verb = found[1].decode() if found else ""
    known = verb in MAY_CHANGE_UNCHECKED or checked and verb in MAY_CHANGE
    return verb if known else ""


# ---- lines --------------------------------------------------------------------------------------


def mutated(rng: Random, plan: str) -> bytes:
    """A line (or several) made of valid ones."""
    data = _sealed(rng, _text(rng, plan))
    for _ in range(rng.choice((0, 1, 1, 1, 2, 5))):
        data = rng.choice(MUTATIONS)(rng, data, plan)
    return data if rng.random() < 0.02 else data + b"\n"


def _text(rng: Random, plan: str) -> bytes:
    text = rng.choice(VALID) % {"plan": plan}
    tag = rng.choice(("", "%d " % rng.randrange(100_000), "7 ", "%d " % rng.randrange(10**9)))
    return (tag + text).encode()


def _sealed(rng: Random, data: bytes) -> bytes:
    if rng.random() < 0.15:
        return data
    return data + b"*%04X" % protocol.crc(data)


def _flip(rng: Random, data: bytes, plan: str) -> bytes:
    at = rng.randrange(len(data) or 1)
    return data[:at] + bytes([(data[at] if data else 0) ^ 1 << rng.randrange(8)]) + data[at + 1 :]


def _cut(rng: Random, data: bytes, plan: str) -> bytes:
    return data[: rng.randrange(len(data) + 1)]


def _drop(rng: Random, data: bytes, plan: str) -> bytes:
    at = rng.randrange(len(data) + 1)
    return data[:at] + data[at + rng.randint(1, 8) :]


def _double(rng: Random, data: bytes, plan: str) -> bytes:
    at, end = sorted(rng.randrange(len(data) + 1) for _ in range(2))
    return data[:end] + data[at:end] + data[end:]


def _splice(rng: Random, data: bytes, plan: str) -> bytes:
    other = _sealed(rng, _text(rng, plan))
    return data[: rng.randrange(len(data) + 1)] + other[rng.randrange(len(other)) :]


def _insert(rng: Random, data: bytes, plan: str) -> bytes:
    at = rng.randrange(len(data) + 1)
    return data[:at] + rng.choice(SPLICES) * rng.choice((1, 1, 1, 3)) + data[at:]


def _wrong_check(rng: Random, data: bytes, plan: str) -> bytes:
    return data.rpartition(b"*")[0] + b"*%04X" % rng.randrange(1 << 16)


def _sealed_nonsense(rng: Random, data: bytes, plan: str) -> bytes:
    """The right check on what is no request: only what cannot be one by chance is sealed."""
    body = data.rpartition(b"*")[0]
    at = rng.randrange(len(body) + 1)
    body = body[:at] + rng.choice(SPLICES) + body[at:]
    return body + b"*%04X" % protocol.crc(body)


def _long(rng: Random, data: bytes, plan: str) -> bytes:
    return data[: rng.randrange(len(data) + 1)] + rng.choice((b"a", b"=", b'"', b" ", b"1")) * (
        rng.choice((200, 240, 241, 300, 2000))
    )


def _noise(rng: Random, data: bytes, plan: str) -> bytes:
    return rng.randbytes(rng.randint(0, 80))


MUTATIONS = (
    _flip, _flip, _cut, _cut, _drop, _double, _splice, _insert, _insert, _wrong_check,
    _sealed_nonsense, _long, _noise,
)  # fmt: skip


# ---- the pump -----------------------------------------------------------------------------------


def meant(answer: str) -> str:
    """What a start must add when the plan's rate is far from the last one."""
    return " tenfold=yes" if " tenfold=" in answer else ""


class Fuzzed:
    """A pump with its link; time goes on by TURN_US a turn."""

    def __init__(self) -> None:
        self.hal = FakeHal()
        self.pump = Pump(self.hal, BOARD)
        self.partial = b""  # of what was fed, after the last line end
        self.seen = 0  # events looked at
        self.turns()

    def turns(self, most: int = 1) -> None:
        """Until the input is taken, and ``most`` more."""
        hal = self.hal
        while hal.link.incoming or most > 0:
            if not hal.link.incoming:
                most -= 1
            hal.until_us = hal.clock.us + TURN_US
            self.pump.turn()
            hal.go_to(hal.until_us)

    def ask(self, text: str) -> str:
        """A valid request; returns what came."""
        self.hal.link.sent = b""
        self.hal.link.incoming += protocol.seal(text)
        self.turns(4)
        return self.hal.link.sent.decode()

    def bring_to(self, state: str) -> str:
        """By valid requests; returns the hash of the plan, or a false one."""
        hal = self.hal
        plan = "00000000"
        if state != "idle":
            answer = self.ask(PROGRAM)
            found = re.search(r" plan=(\w+) state=ready", answer)
            if not found:
                raise Broken("no plan")
            plan = found[1]
        if state not in ("idle", "ready"):
            self.ask("start plan=" + plan + meant(answer))
        if state == "bolus":
            self.pump.controller.boluses.__init__()  # no lock-out from the last round
            offer = re.search(r" ok plan=(\w+)", self.ask("bolus volume=0.2mL over=30s"))
            self.ask("start plan=" + offer[1])
        if state in ("paused", "halted"):
            self.ask({"paused": "pause", "halted": "stop"}[state])
        if state == "stopped":
            hal.stop.press()
            self.turns(2)
            hal.stop.release()
            self.turns(200)
        if state == "fault":
            self.pump.controller.fail("internal")
        if state == "complete":
            self.ask("stop")
            answer = self.ask("program rate=599mL/h over=1s syringe=bd-10")
            found = re.search(r" plan=(\w+)", answer)
            self.ask("start plan=" + found[1] + meant(answer))
            for _ in range(100):
                hal.until_us = None
                self.pump.turn()
        self.turns(4)
        while self.hal.link.sent[-1:] not in (b"", b"\n"):
            self.turns()
        self.hal.link.sent = b""
        self.seen = self.pump.log.newest
        if self.pump.controller.state != state:
            raise Broken("wanted %s, is %s" % (state, self.pump.controller.state))
        return plan

    def look(self) -> tuple:
        """All that may not change by itself."""
        pump, hal = self.pump, self.hal
        controller = pump.controller
        moving = controller.moving()
        return (
            controller.state,
            controller.cause,
            controller.run.hash if controller.run else "",
            controller.side.hash if controller.side else "",
            controller.offer.hash if controller.offer else "",
            controller.lease_us,
            tuple(controller.alarms.active()),
            pump.session._every_us,
            pump.session.settings.number if hasattr(pump.session.settings, "number") else 0,
            pump.session.library.number,
            pump.session.leaving,
            hal.driver.on,
            hal.generator.running,
            None if moving else (hal.counter.count, hal.fuse.left),
        )

    def hash(self) -> str:
        """What a start would have to quote now."""
        controller = self.pump.controller
        made = controller.offer or controller.side or controller.run
        return made.hash if made else "00000000"

    def events(self) -> list:
        """Names of the events since last asked."""
        log = self.pump.log
        lines = [log._lines[n % len(log._lines)] for n in range(self.seen + 1, log.newest + 1)]
        self.seen = log.newest
        return [re.search(rb" name=([a-z-]+)", line)[1].decode() for line in lines]

    def feed(self, data: bytes) -> list:
        """Bytes from the host; returns the verbs that were validly asked for."""
        *lines, self.partial = (self.partial + data).split(b"\n")
        self.hal.link.incoming += data
        self.turns()
        return [verb for verb in map(may_change, lines) if verb]

    def check_output(self) -> None:
        """Whatever came in, what goes out is of the protocol."""
        *lines, self.hal.link.sent = self.hal.link.sent.split(b"\n")
        for line in lines:
            message = protocol.decode(line)
            if isinstance(message, protocol.BadLine):
                raise Broken("bad line out (%s): %r" % (message.reason, line))


def batch(seed: int) -> int:
    """Feed LINES lines; returns how many of them were valid frames that may change something.
    Raises Broken."""
    rng = Random("titra fuzz %d" % seed)
    fuzzed = Fuzzed()
    fuzzed.bring_to(rng.choice(STATES))
    valid = 0
    for number in range(LINES):
        data = mutated(rng, fuzzed.hash())
        cuts = sorted(rng.randrange(len(data) + 1) for _ in range(rng.choice((0, 0, 1, 3))))
        for begin, end in zip([0, *cuts], [*cuts, len(data)]):
            before = fuzzed.look()
            verbs = fuzzed.feed(data[begin:end])
            if rng.random() < 0.0005:
                fuzzed.turns(GAP_US // TURN_US)
                fuzzed.partial = b""
            after = fuzzed.look()
            names = fuzzed.events()
            fuzzed.check_output()
            where = "batch %d, line %d: %r" % (seed, number, data)
            if "exception" in names:
                raise Broken("exception event, %s" % where)
            if verbs:
                valid += len(verbs)
            elif before != after:
                raise Broken("%s -> %s, %s" % (before, after, where))
            elif set(names) - set(INNOCENT):
                raise Broken("events %s, %s" % (names, where))
        if fuzzed.pump.session.leaving:
            fuzzed = Fuzzed()
            fuzzed.bring_to(rng.choice(STATES))
    return valid


def safely(seed: int) -> tuple:
    """(valid frames, '') of a batch, or (0, what is wrong)."""
    try:
        return batch(seed), ""
    except Exception as error:
        return 0, "batch %d: %s: %s" % (seed, type(error).__name__, error)


def run(lines: int, seed: int, jobs: int, tell=print) -> tuple:
    """(lines fed, valid frames among them, what is wrong)."""
    batches = -(-lines // LINES)
    valid = 0
    wrong = []
    begun = time.monotonic()
    with multiprocessing.Pool(jobs) as pool:
        seeds = range(seed, seed + batches)
        for done, (frames, what) in enumerate(pool.imap_unordered(safely, seeds, 4), 1):
            valid += frames
            if what:
                wrong.append(what)
                tell("BROKEN " + what)
            if done % 200 == 0:
                spent = time.monotonic() - begun
                tell("%d of %d lines, %.0f s" % (done * LINES, batches * LINES, spent))
    return batches * LINES, valid, wrong


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-n", type=int, default=20_000, help="number of lines")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=multiprocessing.cpu_count())
    given = parser.parse_args()
    lines, valid, wrong = run(given.n, given.seed, given.jobs)
    print(
        "%d lines, seed %d: %d valid frames that may change something among them, %d broken"
        % (lines, given.seed, valid, len(wrong))
    )
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
