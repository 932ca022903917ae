"""The device suite's view of a pump on a bench (``titra.targets``): Device and its Lines."""

import binascii
import re

import pytest

from titra.targets import BUTTON, FREEZE, POWER, STAMPS, STEPS, is_port

REPLY_MS = 2000
SLICE_US = 10_000
LINE_MAX = 240
FIELD = re.compile(r'([a-z][a-z0-9-]*)=("[^"]*"|[^ "]*)')
RELEASED_US = 60_000


def sharing(fixture_name, config) -> str:
    """The scope of a pump that tests share. A real one is at one port: each test has it alone."""
    return "function" if is_port(config.getoption("--target", default="both")) else "module"


def seal(text: str) -> bytes:
    """A request line with its check, by other arithmetic than the firmware's."""
    data = text.encode()
    return data + b"*%04X\n" % binascii.crc_hqx(data, 0xFFFF)


class Line:
    """One line from the pump, taken apart. ``kind``: reply, event, telemetry or identity."""

    def __init__(self, raw: str) -> None:
        self.raw = raw
        self.fields = {}
        if raw.startswith("Titra,"):
            self.kind = "identity"
            return
        assert len(raw) < LINE_MAX, raw
        body, star, check = raw.rpartition("*")
        assert star and check == "%04X" % binascii.crc_hqx(body.encode(), 0xFFFF), raw
        head, _, rest = body.partition(" ")
        self.kind = {"!": "event", "~": "telemetry"}.get(head[0], "reply")
        self.tag = head.lstrip("!~")
        self.ok = rest.split(" ")[0] == "ok"
        for key, value in FIELD.findall(rest):
            assert key not in self.fields, raw
            self.fields[key] = value.strip('"')

    def __getitem__(self, key: str) -> str:
        return self.fields[key]

    def get(self, key: str, default: str = "") -> str:
        return self.fields.get(key, default)

    def number(self, key: str) -> int:
        """The leading integer of a field (``12345ms`` and ``252117`` alike)."""
        return int(re.match(r"\d+", self.fields[key]).group())

    def __repr__(self) -> str:
        return self.raw


class Device:
    """A pump on a bench. ``events``, ``telemetry`` and ``replies`` hold all that came since.

    ``answer_ms``: what it takes at least to make and send a line (firmware/TIMING.md).
    """

    def __init__(self, target, answer_ms: int = 0) -> None:
        self._target = target
        self.answer_ms = answer_ms
        self.board = target.board
        self._bytes = b""
        self._next_id = 0
        self._power_was_cut = False
        self.events = []
        self.telemetry = []
        self.replies = []

    # ---- the serial port ----------------------------------------------------------------------

    def send_raw(self, data: bytes) -> None:
        """Bytes as they are."""
        self._target.write(data)

    def send(self, text: str, check: bool = True) -> str:
        """A request with the next id, not waited for. Returns the id."""
        self._next_id += 1
        line = "%d %s" % (self._next_id, text)
        self.send_raw(seal(line) if check else line.encode() + b"\n")
        return str(self._next_id)

    def request(self, text: str, check: bool = True) -> Line:
        """A request and its reply."""
        return self.reply_to(self.send(text, check))

    def ask(self, text: str, check: bool = True) -> Line:
        """A request that must be granted."""
        reply = self.request(text, check)
        assert reply.ok, reply
        return reply

    def repeat(self, tag: str, text: str) -> Line:
        """The reply to a request with an id of the caller's choice."""
        self.send_raw(seal(tag + " " + text))
        return self.reply_to(tag)

    def refused(self, text: str, code: str, field: str = "", check: bool = True) -> Line:
        """A request that must be refused with ``code`` (and ``field``)."""
        reply = self.request(text, check)
        assert not reply.ok, reply
        assert (reply["code"], reply.get("field")) == (code, field), reply
        return reply

    def reply_to(self, tag: str) -> Line:
        """The next reply that carries ``tag``, waited for in virtual time."""
        for _ in range(REPLY_MS * 1000 // SLICE_US):
            for line in self.lines(SLICE_US):
                if line.kind == "reply" and line.tag == tag:
                    return line
        raise AssertionError("no reply to %s in %d ms" % (tag, REPLY_MS))

    def lines(self, us: int) -> list:
        """Let ``us`` pass and return the lines that came in it."""
        self._bytes += self._target.run_us(us)
        *whole, self._bytes = self._bytes.split(b"\n")
        found = [Line(self._without_torn(raw.decode("ascii"))) for raw in whole]
        for line in found:
            kept = {"event": self.events, "telemetry": self.telemetry}
            kept.get(line.kind, self.replies).append(line)
        return found

    run_us = lines

    def raw(self, us: int) -> bytes:
        """Let ``us`` pass and return what came in it, be it the pump's or an interpreter's."""
        return self._target.run_us(us)

    def _without_torn(self, raw: str) -> str:
        """``raw`` without the piece of a line that a power cut left before it."""
        if self._power_was_cut and "!1 event" in raw:
            self._power_was_cut = False
            return raw[raw.index("!1 event") :]
        return raw

    # ---- the bench ----------------------------------------------------------------------------

    def need(self, *capabilities: str) -> None:
        """Skip the test where the target lacks one of these."""
        for capability in capabilities:
            if capability not in self._target.capabilities:
                pytest.skip("target has no " + capability)

    @property
    def step_edges(self) -> int:
        """Rising edges counted at the STEP pin since the target was made."""
        self.need(STEPS)
        return self._target.step_edges()

    def step_instants_ns(self, count: int) -> list:
        """When the latest ``count`` steps came, from any origin. To be asked at rest."""
        self.need(STAMPS)
        return self._target.step_instants_ns(count)

    def press(self) -> None:
        """Open the stop loop."""
        self.need(BUTTON)
        self._target.press()

    def release(self) -> None:
        """Close the stop loop, and wait until the release has been debounced."""
        self.need(BUTTON)
        self._target.release()
        self.run_us(RELEASED_US)

    def freeze(self) -> None:
        """The CPU stands still; the watchdog ends that."""
        self.need(FREEZE)
        self._power_was_cut = True
        self._target.freeze()

    def power_cut(self) -> None:
        """Power off and on."""
        self.need(POWER)
        self._power_was_cut = True
        self._target.power_cut()

    # ---- what tests say often -----------------------------------------------------------------

    def status(self) -> Line:
        return self.ask("status")

    @property
    def state(self) -> str:
        return self.status()["state"]

    def names(self) -> list:
        """The names of all events so far."""
        return [event["name"] for event in self.events]

    def last_event(self, name: str) -> Line:
        return [event for event in self.events if event["name"] == name][-1]

    def program(self, text: str) -> Line:
        return self.ask("program " + text)

    def infuse(self, text: str, more: str = "") -> Line:
        """Program and start; returns the reply to ``program``."""
        plan = self.program(text)
        self.ask("start plan=%s %s" % (plan["plan"], more))
        return plan

    def moves_in(self, us: int) -> int:
        """Steps made in the next ``us``."""
        before = self.step_edges
        self.run_us(us)
        return self.step_edges - before
