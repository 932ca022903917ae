"""No line from the pump exceeds 240 bytes, and what a host must have is never what is cut."""

import itertools

import pytest
from fake_hal import BOARD, PRESCRIPTION, FakeHal

from pump.app.commands import VERBS
from pump.app.pump import Pump
from pump.core import states
from pump.core.frame import MAX_LINE, seal
from pump.core.journal import Entry, pack
from pump.core.syringe import ids

YEARS_US = 40 * 365 * 86_400 * 10**6
LONG_BOOT = 99_999_999
LONGEST_ID = max(ids(), key=len)
CALIBRATED = {"volume-per-step": "138.824599999nL"}
LONG_WEIGHT = "299123.123456789g"
LONG = {
    "weight": LONG_WEIGHT,
    "dose": "123456.123456789ng/kg",
    "over": "345599.123456789s",
    "concentration": "9999123.123456789ng/mL",
}
PLANS = {
    "reference": PRESCRIPTION,
    "calibrated": {**PRESCRIPTION, **CALIBRATED},
    "long digits": {**LONG, "syringe": LONGEST_ID},
    "long and calibrated": {**LONG, **CALIBRATED, "syringe": "bd-60"},
    "most steps": {
        "volume": "149.123456789mL",
        "over": "345599.123456789s",
        "diameter": "1mm",
        "capacity": "150mL",
        "volume-per-step": "0.147999999nL",
        "weight": LONG_WEIGHT,
        "concentration": "1000mg/mL",
    },
    "odd rate": {"rate": "1.123456789mcL/min", "volume": "0.123456789mL", "syringe": LONGEST_ID},
}
# What scripts live by: always there, whatever is cut.
STATUS_NEEDS = {"state", "cause", "latched", "plan", "stop-loop", "lease", "rate", "steps"}
SAMPLE_NEEDS = {"state", "rate", "target", "steps", "delivered"}
PROGRAM_NEEDS = {"plan", "state", "volume", "rate", "duration", "steps", "step", "syringe"}
# A board of another make: finer steps, no hard limits.
BOARD_WIDE = type(BOARD)(**{**vars(BOARD), "HARD_LIMITS": (), "MODEL": "esp32_devkitc-v4"})


class Talk:
    """A pump in its old age, with the longest ids, counters and times."""

    def __init__(self, board=BOARD_WIDE):
        self.hal = FakeHal()
        self.hal.clock.us = YEARS_US
        last = Entry(LONG_BOOT - 1, "none", "idle", 0, 0, 0)
        self.hal.store.save("journal-0", pack(1, last))
        self.pump = Pump(self.hal, board)
        self.pump.session._sample = 10**9
        self.pump.session.log.newest = 10**9
        self.pump.turn()
        self.tags = itertools.count(10_001)
        self.lines = []

    def ask(self, text, sealed=True):
        line = "%d %s" % (next(self.tags), text)
        self.hal.link.sent = b""
        self.hal.link.incoming = seal(line) if sealed else line.encode() + b"\n"
        while self.hal.link.incoming or self.pump.outbox.waiting():
            self.pump.turn()
        self.pump.session.record("overflow", [("lost", "1000000000")])
        while self.pump.outbox.waiting():
            self.pump.turn()
        lines = self.hal.link.sent.split(b"\n")[:-1]
        self.lines += lines
        for sent in lines:
            assert len(sent) + 1 <= MAX_LINE, sent
        return next(sent.decode() for sent in lines if sent[:1] not in b"!~")

    def sample(self):
        self.hal.link.sent = b""
        self.pump.session._telemetry_due_us = self.hal.clock.us
        self.pump.session.poll(self.hal.clock.us)
        self.pump.outbox.send(4096)
        line = self.hal.link.sent.decode()
        assert line.startswith("~") and len(line) <= MAX_LINE, line
        return line


def keys(line):
    return {word.split("=")[0] for word in line[: line.rindex("*")].split(" ") if "=" in word}


def request(fields):
    return "program " + " ".join([key + "=" + value for key, value in fields.items()])


@pytest.mark.requirement("COM-01")
@pytest.mark.parametrize("name", PLANS)
def test_every_line_of_every_plan_fits(name):
    talk = Talk()
    answer = talk.ask(request(PLANS[name]))
    assert " ok " in answer, answer
    assert keys(answer) >= PROGRAM_NEEDS
    controller = talk.pump.controller
    plan = controller.plan
    talk.ask("start plan=%s lease=599.999999s on-loss=finish" % plan.hash)
    assert controller.state == states.INFUSING
    for state, cause in (
        (states.INFUSING, "none"),
        (states.STOPPED, "disconnect"),
        (states.COMPLETE, "none"),
        (states.FAULT, "miscount"),
    ):
        controller.state, controller.cause = state, cause
        for steps in (0, plan.total_steps):
            controller.motion.measured = lambda steps=steps: steps
            controller.motion.commanded = lambda steps=steps: steps
            controller.motion.running = False
            assert keys(talk.ask("status")) >= STATUS_NEEDS
            assert keys(talk.sample()) >= SAMPLE_NEEDS
            talk.ask("pause")
            talk.pump.session.record("stopped", controller._ending())
            talk.ask("log")


@pytest.mark.requirement("LOG-06")
def test_the_reference_infusion_is_told_in_full():
    """Nothing is cut from an ordinary plan, not even in a long infusion with a lease."""
    talk = Talk(BOARD)
    talk.hal.clock.us = 10 * 86_400 * 10**6
    answer = talk.ask(request(PLANS["calibrated"]))
    assert "cut=yes" not in answer
    talk.ask("start plan=%s lease=600s" % talk.pump.controller.run.hash)
    talk.pump.controller.state = states.STOPPED
    talk.pump.controller.cause = "host-lost"
    assert "cut=yes" not in talk.ask("status")
    assert "cut=yes" not in talk.sample()
    assert "commanded" in keys(talk.sample())


def test_every_answer_without_a_plan_fits():
    talk = Talk()
    for row in VERBS:
        talk.ask(row[0])
        talk.ask("help verb=" + row[0]) if row[0] != "*IDN?" else None
    for field in ("weight", "dose", "volume-per-step", "nonsense"):
        talk.ask("limits field=" + field)
    for syringe in [*ids(), "hamilton-1000-x", "x" * 100]:
        talk.ask("limits syringe=" + syringe)


LONG_TEXT = "x" * 100
BAD_REQUESTS = [
    LONG_TEXT,
    "program " + LONG_TEXT,
    "program %s=1" % LONG_TEXT,
    "program dose=" + LONG_TEXT,
    "program a=1 a=1",
    request({**PRESCRIPTION, "dose": "1.6mg/kg"}),
    request({**PRESCRIPTION, "dose": "0.123456789mg/kg", "over": "1.123456789s"}),
    request({**PRESCRIPTION, "rate": "1mL/h"}),
    request({**PRESCRIPTION, "weight": "154lb"}),
    request({**PRESCRIPTION, "weight": "999999999999.123456789kg"}),
    request({**PRESCRIPTION, "syringe": "hamilton-1000-61"}),
    request({**PRESCRIPTION, "volume-per-step": "9999.123456789nL"}),
    request({**PRESCRIPTION, "diameter": "26.59mm"}),
    request({"weight": "70kg", "syringe": "bd-60"}),
    request({"rate": "1200.000000001mL/h", "over": "1h", "syringe": "hamilton-1000-50"}),
    request({"volume": "99.123456789mL", "over": "96h", "syringe": "hamilton-1000-50"}),
    "start plan=" + LONG_TEXT,
    "start plan=1 on-loss=" + LONG_TEXT,
    "start plan=1 lease=9999.123456789h",
    "log since=" + LONG_TEXT,
    "telemetry every=0.000000001us",
    "telemetry every=" + LONG_TEXT,
]


@pytest.mark.parametrize("text", BAD_REQUESTS)
@pytest.mark.parametrize("sealed", [True, False])
def test_every_refusal_fits(text, sealed):
    answer = Talk(BOARD).ask(text, sealed)
    assert " err code=" in answer and "cut=yes" not in answer, answer


def test_an_exception_and_its_event_fit():
    talk = Talk()
    talk.hal.link.sent = b""
    talk.pump.session.receive = lambda now_us: 1 // len([]) or [][len("x" * 300)]
    talk.pump.turn()
    assert b"name=exception" in talk.hal.link.sent and b"name=fault" in talk.hal.link.sent
    assert max(len(line) for line in talk.hal.link.sent.split(b"\n")) < MAX_LINE


def test_log_since_the_future_is_empty():
    talk = Talk(BOARD)
    answer = talk.ask("log since=%d:%d" % (LONG_BOOT, 2 * 10**9))
    assert "events=0" in answer and "more=no" in answer


def test_status_tells_a_lease_exactly():
    talk = Talk(BOARD)
    talk.ask(request(PRESCRIPTION))
    talk.ask("start plan=%s lease=1.5s" % talk.pump.controller.run.hash)
    assert "lease=1.5s" in talk.ask("status")
