"""The conversation with the host: lines in, answers, events and telemetry out.

A repeated id with the same text gets the same answer and acts once. A stop in a batch of input is
carried out before anything else in it, and nothing in that batch can start the motor.
"""

from micropython import const

from pump.app.commands import MOTION_VERBS, admit
from pump.app.library import Library
from pump.app.outbox import FOR_EVENT, FOR_REPLY, FOR_TELEMETRY
from pump.app.settings import Settings, board_defaults
from pump.core.frame import MAX_LINE, LineCutter, fitted, parse, seal, tag_of
from pump.core.refusal import Refusal

_REMEMBERED = const(4)
# Repeated, these answer anew: doing them twice is harmless and the first answer may be stale.
ANEW = ("stop", "log", "info", "status", "limits", "settings", "library", "heartbeat", "help")
_CHUNK = const(64)
# An answer and the event that goes with it must fit before a request is acted upon.
_ROOM_TO_ACT = const(512)
_BUSY = Refusal("busy")


class Session:
    """Ties link, controller, event log and outbox together."""

    def __init__(self, hal, board, version: str, log, outbox) -> None:
        self.hal = hal
        self.board = board
        self.version = version
        self.log = log
        self.outbox = outbox
        self.controller = None
        self.report = None
        self.leaving = False  # the host asked for the REPL
        self.settings = Settings(hal.store, board_defaults(board))
        self.library = Library(hal.store)
        self.send_after = []  # sealed lines that follow the answer
        self.cutter = LineCutter()
        self._chunk = bytearray(_CHUNK)
        self._answers = []  # (tag, text, answer)
        self._every_us = self.settings.get("telemetry-interval")
        self._telemetry_due_us = 0
        self._sample = 0
        self._lost = 0

    def attach(self, controller, report) -> None:
        """Complete the wiring (controller and session know each other)."""
        self.controller = controller
        self.report = report

    # ---- in -----------------------------------------------------------------------------------

    def receive(self, now_us: int) -> None:
        """Take what the link has (one chunk) and act on the lines it completes."""
        count = self.hal.link.read(self._chunk)
        if not count:
            self.cutter.expire(now_us)
            return
        lines = []
        for index in range(count):
            line = self.cutter.feed(self._chunk[index], now_us)
            if line:
                lines.append(line)
        if lines:
            self._act_on(lines, now_us)

    def _act_on(self, lines: list, now_us: int) -> None:
        requests = [self._parse(line) for line in lines]
        stopping = False
        for request in requests:
            if request and request.verb == "stop":
                stopping = True
        if stopping:
            self.controller.stop()
        for request in requests:
            if request:
                self._carry_out(request, stopping, now_us)

    def _parse(self, line: bytes):
        try:
            return parse(line)
        except Refusal as refusal:
            self._answer_refusal(tag_of(line), refusal)
            return None

    def _carry_out(self, request, stopping: bool, now_us: int) -> None:
        if request.verb != "stop" and self.outbox.room() < _ROOM_TO_ACT:
            self._answer_refusal(request.tag, _BUSY)
            return
        try:
            row = admit(request, self.board.MODE)
            self.controller.top_up()
        except Refusal as refusal:
            self._answer_refusal(request.tag, refusal)
            return
        self.controller.heard(now_us)
        known = self._remembered(request)
        if known:
            self._send(known, FOR_REPLY)
            return
        try:
            if stopping and request.verb in MOTION_VERBS:
                raise Refusal("not-now", "verb", request.verb, accepts="after-the-stop")
            if row[1] is None:
                self.outbox.put(self._identity(), FOR_REPLY)
                return
            pairs = row[1](self, request.fields, now_us)
            self.controller.top_up()
            answer = fitted(request.tag + " ok ", pairs)
        except Refusal as refusal:
            if refusal.code == "internal-mismatch":
                self.controller.fail("internal")  # the pump contradicts itself
            answer = self._refusal(request.tag, refusal)
        self._remember(request, answer)
        self._send(answer, FOR_REPLY)
        self._send_log()

    def _remembered(self, request):
        for tag, text, answer in self._answers:
            if tag == request.tag and text == request.text and tag != "-":
                return answer
        return None

    def _remember(self, request, answer: str) -> None:
        if request.tag != "-" and request.verb not in ANEW:
            self._answers.append((request.tag, request.text, answer))
            if len(self._answers) > _REMEMBERED:
                self._answers.pop(0)

    def _refusal(self, tag: str, refusal: Refusal) -> str:
        return fitted(tag + " err ", refusal.pairs() + [("state", self.controller.state)])

    def _answer_refusal(self, tag: str, refusal: Refusal) -> None:
        self._send(self._refusal(tag, refusal), FOR_REPLY)

    def _identity(self) -> bytes:
        parts = ("Titra", self.board.MODEL, self.hal.serial_number(), self.version)
        return ",".join(parts).encode() + b"\n"

    # ---- out ----------------------------------------------------------------------------------

    def record(self, name: str, pairs: list) -> None:
        """An event: into the log, and on its way to the host at once."""
        now_us = self.hal.clock.now_us()
        self._put(self.log.add(now_us, name, pairs), FOR_EVENT)
        self._telemetry_due_us = min(self._telemetry_due_us, now_us)

    def set_telemetry(self, every_us: int, now_us: int) -> None:
        """Send a sample every ``every_us`` from now on."""
        self._every_us = every_us
        self._telemetry_due_us = now_us + every_us

    def poll(self, now_us: int) -> None:
        """Send telemetry that is due, and say what was lost once there is room again."""
        if self._lost and self.outbox.room() > FOR_TELEMETRY:
            lost = self._lost
            self._lost = 0
            self.record("overflow", [("lost", str(lost))])
        unwritten = self.log.take_lost()
        if unwritten:
            self.record("overflow", [("unwritten", str(unwritten))])
        if now_us < self._telemetry_due_us:
            return
        missed = (now_us - self._telemetry_due_us) // self._every_us
        self._telemetry_due_us += (missed + 1) * self._every_us
        self._sample += 1
        if self.outbox.room() < FOR_TELEMETRY + MAX_LINE:
            return  # it would not be taken: a line takes long to make
        self.controller.top_up()
        head = "~%d t=%dms boot=%d " % (self._sample, now_us // 1000, self.log.boot)
        pairs = self.report.telemetry(now_us)
        self.controller.top_up()
        line = fitted(head, pairs)
        self.outbox.put(seal(line), FOR_TELEMETRY)

    def due_us(self) -> int:
        """When telemetry or a partial line must be seen to."""
        gap = self.cutter.due_us()
        if gap is not None and gap < self._telemetry_due_us:
            return gap
        return self._telemetry_due_us

    def _send(self, line: str, spare: int) -> None:
        self._put(seal(line), spare)

    def _put(self, sealed: bytes, spare: int) -> None:
        if not self.outbox.put(sealed, spare):
            self._lost += 1

    def _send_log(self) -> None:
        lines = self.send_after
        self.send_after = []
        for line in lines:
            self._put(line, FOR_REPLY)
