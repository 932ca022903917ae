"""The bench jig: a Pico that does to a pump what a person at the bench would. See ../README.md.

The stop loop is closed, and the pump powered, only while this program drives its outputs: a jig
that is off, resets or ends in an error is a pressed stop button and a pulled plug.
"""

import select
import sys

import machine
from edges import DRIVEN, EDGES, TICK_CYCLES, Counter, Stamps, driven_counter, edge_counter
from machine import Pin

SYS_HZ = 125_000_000
TICK_NS = TICK_CYCLES * 1_000_000_000 // SYS_HZ
STEP, ENABLE, LOOP, POWER = 2, 4, 14, 15
LINE_MAX = 64
STAMPS_IN_LINE = 16


class Refused(Exception):
    """The request is not carried out; the text is the code."""


class Jig:
    """Verbs and what they act on."""

    def __init__(self) -> None:
        self._loop = Pin(LOOP, Pin.OUT, value=0)
        self._power = Pin(POWER, Pin.OUT, value=0)
        step = Pin(STEP, Pin.IN, Pin.PULL_DOWN)
        enable = Pin(ENABLE, Pin.IN, Pin.PULL_UP)
        self._stamps = Stamps(step)
        self._edges = Counter(EDGES, edge_counter, step, enable)
        self._driven = Counter(DRIVEN, driven_counter, step, enable)
        self.verbs = {
            "press": self._press,
            "release": self._release,
            "power": self._switch,
            "steps": self._steps,
            "first": self._first,
            "edges": self._tell,
            "reset": self._reset,
        }
        self._reset([])

    def let_go(self) -> None:
        """Loop open, power off."""
        self._loop.value(0)
        self._power.value(0)

    def answer(self, line: str) -> str:
        """The answer to a request."""
        verb, *words = line.split() or [""]
        if verb == "*IDN?":
            serial = "".join(["%02x" % byte for byte in machine.unique_id()])
            return "Titra,jig,%s,1" % serial
        try:
            if verb not in self.verbs:
                raise Refused("unknown-verb")
            return "ok " + self.verbs[verb](words)
        except Refused as refusal:
            return "err code=" + refusal.args[0]

    def _press(self, words: list) -> str:
        self._loop.value(0)
        return "loop=open"

    def _release(self, words: list) -> str:
        self._loop.value(1)
        return "loop=closed"

    def _switch(self, words: list) -> str:
        if words not in (["on"], ["off"]):
            raise Refused("on-or-off")
        self._power.value(words == ["on"])
        return "power=" + words[0]

    def _reset(self, words: list) -> str:
        self._edges.begin()
        self._driven.begin()
        self._stamps.begin()
        return "steps=0"

    def _steps(self, words: list) -> str:
        counts = (self._driven.count(), self._edges.count(), self._stamps.count)
        return "steps=%d edges=%d stamped=%d" % counts

    def _tell(self, words: list) -> str:
        count = self._stamps.count
        if not words:
            words = [str(max(0, count - STAMPS_IN_LINE))]
        if not words[0].isdigit():
            raise Refused("bad-number")
        first = int(words[0])
        try:
            told = [
                "%d" % self._stamps.ticks(number)
                for number in range(first, min(count, first + STAMPS_IN_LINE))
            ]
        except IndexError:
            raise Refused("overwritten") from None
        return "stamped=%d tick=%dns from=%d at=%s" % (count, TICK_NS, first, ",".join(told))

    def _first(self, words: list) -> str:
        if not self._stamps.count:
            raise Refused("no-edge")
        return "tick=%dns at=%d" % (TICK_NS, self._stamps.ticks(0))


def read_line(poller: select.poll) -> str:
    """The next line, without its end; what exceeds LINE_MAX is dropped."""
    byte = bytearray(1)
    line = bytearray()
    while byte[0] != 10:
        poller.poll()
        sys.stdin.buffer.readinto(byte)
        if byte[0] not in b"\r\n" and len(line) < LINE_MAX:
            line.append(byte[0])
    return "".join([chr(each) for each in line])


def serve(jig: Jig) -> None:
    """For ever."""
    poller = select.poll()
    poller.register(sys.stdin, select.POLLIN)
    while True:
        sys.stdout.buffer.write((jig.answer(read_line(poller)) + "\n").encode())


machine.freq(SYS_HZ)
jig = Jig()
try:
    serve(jig)
finally:
    jig.let_go()
