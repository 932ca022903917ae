"""A pump for the tests of the host tool: speaks the protocol in virtual time, misbehaves on order.

It shares the dose core with the firmware and nothing else; it is no substitute for the simulator.
"""

from __future__ import annotations

import binascii
from collections.abc import Callable
from fractions import Fraction

from pump.core import dose, refusal
from pump.core.mechanics import Mechanics
from pump.core.quantity import show

US = 10**6
LOG_BATCH = 4


def sealed(text: str) -> bytes:
    """A line as the pump sends it."""
    return b"%b*%04X\n" % (text.encode(), binascii.crc_hqx(text.encode(), 0xFFFF))


class FakePump:
    """The pump and its transport in one. ``now_us`` is virtual time.

    Faults: ``deaf`` answers nothing; ``mute(line)`` true swallows that outgoing line; ``garble``
    changes outgoing bytes; ``dead_at_us`` raises on the wire from then on.
    """

    name = "fake"

    def __init__(self, press_stop_at_us: int | None = None) -> None:
        self.now_us = 1000
        self.press_stop_at_us = press_stop_at_us
        self.state, self.cause = "idle", "none"
        self.boot = 7
        self.plan: dose.Plan | None = None
        self.steps = 0
        self.started_us = 0
        self.ended_us = 0
        self.lease = "off"
        self.on_loss = "stop"
        self.every_us = 0
        self.heard_us = 0
        self.max_silence_us = 0
        self.received: list[str] = []
        self.mute: Callable[[str], bool] = lambda line: False
        self.garble: Callable[[bytes], bytes] = lambda data: data
        self.before_read: Callable[[], None] = lambda: None
        self.deaf = False
        self.tenfold = ""
        self.dead_at_us: int | None = None
        self.closed = False
        self._out = bytearray()
        self._in = bytearray()
        self._event_seq = 0
        self._sample_seq = 0
        self._sample_due_us = 0
        self.log: list[tuple[tuple[int, int], str]] = []
        self._remembered: dict[str, str] = {}

    # transport ---------------------------------------------------------------------------------

    def clock(self) -> float:
        return self.now_us / US

    def close(self) -> None:
        self.closed = True

    def wake(self) -> None:
        """A read takes no real time: there is nothing to interrupt."""

    def write(self, data: bytes) -> None:
        self._check_link()
        self._in += data
        while b"\n" in self._in:
            line, _, rest = bytes(self._in).partition(b"\n")
            self._in = bytearray(rest)
            if line and not self.deaf:
                self._take(line.decode())

    def read(self, timeout_s: float) -> bytes:
        self.before_read()
        self.now_us += 1000 if self.deaf else 0
        until = self.now_us + (max(1, int(timeout_s * US)) if timeout_s > 0 else 0)
        while not self._out and self.now_us < until:
            self._check_link()
            self._advance(min(until, self._next_us()))
        data, self._out = bytes(self._out), bytearray()
        return self.garble(data) if data else b""

    def _check_link(self) -> None:
        from titra.errors import LinkGone

        if self.dead_at_us is not None and self.now_us >= self.dead_at_us:
            raise LinkGone("fake: the link is gone")

    # the pump ----------------------------------------------------------------------------------

    @property
    def step_edges(self) -> int:
        return self.steps

    def say(self, text: str) -> None:
        if not self.mute(text):
            self._out += sealed(text)

    def event(self, name: str, more: str = "") -> None:
        self._event_seq += 1
        text = f"!{self._event_seq} event t={self.now_us // 1000}ms boot={self.boot} name={name}"
        text = f"{text} {more}".rstrip()
        self.log.append(((self.boot, self._event_seq), text))
        self.say(text)

    def reboot(self) -> None:
        self.boot += 1
        self._event_seq = self._sample_seq = 0
        self.state, self.cause, self.plan = "stopped", "none", None
        self.event("boot", "reset=power-on")

    def press(self) -> None:
        self._end("stopped", "disconnect")

    def _next_us(self) -> int:
        times = [self.now_us + 60 * US]
        if self.every_us:
            times.append(self._sample_due_us)
        if self.state == "infusing" and self.plan:
            times.append(self.started_us + int(self._duration_us()))
            if self.press_stop_at_us is not None:
                times.append(self.started_us + self.press_stop_at_us)
            if self.lease != "off":
                times.append(self.heard_us + int(self.lease[:-1]) * US)
        if self.dead_at_us is not None:
            times.append(self.dead_at_us)
        return max(self.now_us + 1, min(times))

    def _duration_us(self) -> Fraction:
        assert self.plan
        return Fraction(*self.plan.total_duration_us)

    def _advance(self, to_us: int) -> None:
        self.now_us = to_us
        self.max_silence_us = max(self.max_silence_us, self.now_us - self.heard_us)
        if self.state == "infusing" and self.plan:
            done = Fraction(self.now_us - self.started_us) / self._duration_us()
            self.steps = min(self.plan.total_steps, int(done * self.plan.total_steps))
            silent_us = self.now_us - self.heard_us
            if self.press_stop_at_us is not None and (
                self.now_us - self.started_us >= self.press_stop_at_us
            ):
                self.press()
            elif done >= 1:
                self._end("complete", "none")
            elif self.lease != "off" and silent_us >= int(self.lease[:-1]) * US:
                self.event("host-lost", f"on-loss={self.on_loss}")
                self.lease = "off"
                if self.on_loss == "stop":
                    self._end("stopped", "host-lost")
        if self.every_us and self.now_us >= self._sample_due_us:
            self._sample_due_us = self.now_us + self.every_us
            self._sample_seq += 1
            self.say(f"~{self._sample_seq} boot={self.boot} {self._status()}")

    def _end(self, state: str, cause: str) -> None:
        self.state, self.cause = state, cause
        self.ended_us = self.now_us
        self.event(state, f"cause={cause} state={state} steps={self.steps}")

    def _status(self) -> str:
        planned = self.plan.total_steps if self.plan else 0
        end_us = self.now_us if self.state == "infusing" else self.ended_us
        volume = self.plan.delivered_nl(self.steps) if self.plan else (0, 1)
        return (
            f"t={self.now_us // 1000}ms state={self.state} cause={self.cause} "
            f"elapsed={(end_us - self.started_us) // 1000}ms steps={self.steps} "
            f"planned={planned} delivered={show(volume, 'mL', 'volume')}"
        )

    def _take(self, line: str) -> None:
        self.received.append(line)
        self.heard_us = self.now_us
        if line == "*IDN?":
            self._out += b"Titra,fake,0001,0.1.0\n"
            return
        tag = line.split(" ")[0]
        if line in self._remembered:
            self.say(self._remembered[line])
            return
        body, _, check = line.rpartition("*")
        if int(check, 16) != binascii.crc_hqx(body.encode(), 0xFFFF):
            self.say(f"{tag} err code=bad-crc state={self.state}")
            return
        _, verb, *words = body.split(" ")
        fields = dict(word.split("=", 1) for word in words)
        try:
            answer = f"{tag} ok " + getattr(self, "_do_" + verb, self._unknown)(fields)
        except refusal.Refusal as refused:
            pairs = " ".join(f"{key}={value}" for key, value in refused.pairs())
            answer = f"{tag} err {pairs} state={self.state}"
        self._remembered = {**dict(list(self._remembered.items())[-3:]), line: answer}
        self.say(answer)
        if verb == "log":
            for text in self._page:
                self.say(text)

    def _unknown(self, fields: dict[str, str]) -> str:
        raise refusal.Refusal("unknown-verb", given="verb")

    def _do_info(self, fields: dict[str, str]) -> str:
        return f"name=titra model=fake serial=0001 protocol=1 boot={self.boot}"

    def _do_status(self, fields: dict[str, str]) -> str:
        return self._status()

    def _do_heartbeat(self, fields: dict[str, str]) -> str:
        return f"t={self.now_us // 1000}ms"

    def _do_telemetry(self, fields: dict[str, str]) -> str:
        self.every_us = int(fields["every"].removesuffix("ms")) * 1000
        self._sample_due_us = self.now_us + self.every_us
        return f"every={fields['every']}"

    def _do_program(self, fields: dict[str, str]) -> str:
        if self.state in ("infusing", "stopped", "fault"):
            raise refusal.Refusal("not-now", given="program")
        self.plan = dose.plan(fields, Mechanics())
        self.state, self.steps, self.cause = "ready", 0, "none"
        self.event("programmed", f"plan={self.plan.hash}")
        tenfold = f" tenfold={self.tenfold}" if self.tenfold else ""
        return f"plan={self.plan.hash} state=ready steps={self.plan.total_steps}{tenfold}"

    def _do_start(self, fields: dict[str, str]) -> str:
        if self.plan is None:
            raise refusal.Refusal("no-plan")
        self.lease = fields.get("lease", "off")
        self.on_loss = fields.get("on-loss", "stop")
        self.state, self.started_us = "infusing", self.now_us
        self.event("started", f"plan={self.plan.hash}")
        return f"state=infusing lease={self.lease} on-loss={self.on_loss}"

    def _do_stop(self, fields: dict[str, str]) -> str:
        if self.state == "infusing":
            self._end("halted", "command")
        return f"state={self.state} cause={self.cause} steps={self.steps}"

    def _do_log(self, fields: dict[str, str]) -> str:
        boot, seq = (int(part) for part in fields["since"].split(":"))
        wanted = [text for mark, text in self.log if mark > (boot, seq)]
        self._page = wanted[:LOG_BATCH]
        more = "yes" if len(wanted) > LOG_BATCH else "no"
        newest = f"{self.boot}:{self._event_seq}"
        return f"events={len(self._page)} oldest=7:1 newest={newest} more={more}"
