"""Every kind of wrong input has its own answer, changes nothing and moves nothing."""

import pytest

from .targets import seal, sharing
from .therapies import (
    SHORT,
    SHORT_STEPS,
    SHORT_US,
    TAIL_US,
    TINY,
    TINY_STEPS,
    TINY_US,
)

GOOD = {
    "weight": "70kg",
    "dose": "0.5mg/kg",
    "over": "40min",
    "concentration": "1mg/mL",
    "syringe": "bd-60",
}


def program(**changes) -> str:
    """The good prescription with some fields replaced, added, or (None) left out."""
    fields = {**GOOD, **{key.replace("_", "-"): value for key, value in changes.items()}}
    return " ".join(["program"] + [f"{key}={value}" for key, value in fields.items() if value])


# text (sent with an id and a good check), code, field
SEALED = [
    # the line
    ("nope", "unknown-verb", "verb"),
    ("STOP", "unknown-verb", "verb"),
    ("Program", "unknown-verb", "verb"),
    ("stopp", "unknown-verb", "verb"),
    ("123456", "unknown-verb", "verb"),
    ("", "bad-line", ""),
    ("status =", "bad-line", ""),
    ("status x", "bad-line", ""),
    ("status =5", "bad-line", ""),
    ("status Field=5", "bad-line", ""),
    ("limits field=", "bad-line", "field"),
    ('limits field=""', "bad-line", "field"),
    ('limits field="dose', "bad-line", ""),
    ('limits field=do"se"', "bad-line", "field"),
    ("limits field=a*b", "bad-line", "field"),
    ("status\t", "bad-line", ""),
    ("status\x00", "bad-line", ""),
    ("stat\x08us", "bad-line", ""),
    ("status\x7f", "bad-line", ""),
    # fields
    ("status now=yes", "unknown-field", "now"),
    ("pause at=5min", "unknown-field", "at"),
    ("limits field=dose field=dose", "duplicate-field", "field"),
    (program(dose=None), "missing-field", "dose"),
    (program(over=None), "missing-field", "over"),
    (program(weight=None), "missing-field", "weight"),
    (program(concentration=None), "missing-field", "concentration"),
    (program(syringe=None), "missing-field", "syringe"),
    ("program", "missing-field", "syringe"),
    (program(patient="one"), "unknown-field", "patient"),
    (program(volume="5mL"), "unknown-field", "volume"),
    (program(rate="5mL/h"), "unknown-field", "rate"),
    (program(diameter="20mm"), "unknown-field", "diameter"),
    (program() + " dose=0.5mg/kg", "duplicate-field", "dose"),
    # numbers
    (program(weight="+70kg"), "bad-number", "weight"),
    (program(weight="-70kg"), "bad-number", "weight"),
    (program(weight="70.kg"), "bad-number", "weight"),
    (program(weight="7e1kg"), "bad-number", "weight"),
    (program(weight="1,5kg"), "bad-number", "weight"),
    (program(weight="0x46kg"), "bad-number", "weight"),
    (program(weight="7_0kg"), "bad-number", "weight"),
    (program(weight="kg"), "bad-number", "weight"),
    (program(weight="70.0.0kg"), "bad-number", "weight"),
    (program(weight="nankg"), "bad-number", "weight"),
    (program(weight="infkg"), "bad-number", "weight"),
    (program(weight="1234567890123kg"), "bad-number", "weight"),
    (program(weight="70.0000000001kg"), "bad-number", "weight"),
    (program(dose=".5mg/kg"), "bad-number", "dose"),
    (program(dose="1e3"), "bad-number", "dose"),
    (program(dose="+5"), "bad-number", "dose"),
    (program(dose="5."), "bad-number", "dose"),
    # units
    (program(weight="154lb"), "bad-unit", "weight"),
    (program(weight="70KG"), "bad-unit", "weight"),
    (program(weight="70"), "missing-unit", "weight"),
    (program(dose="0.5"), "missing-unit", "dose"),
    (program(dose="0.5mg/lb"), "bad-unit", "dose"),
    (program(dose="500ug/kg"), "bad-unit", "dose"),
    (program(dose="0.5Mg/kg"), "bad-unit", "dose"),
    (program(dose="0.5mg/kg/h"), "bad-unit", "dose"),
    (program(over="40m"), "bad-unit", "over"),
    (program(over="40"), "missing-unit", "over"),
    (program(over='"40 min"'), "bad-unit", "over"),
    (program(concentration="1mg/ml"), "bad-unit", "concentration"),
    (program(concentration="1%"), "bad-unit", "concentration"),
    # limits
    (program(weight="0kg"), "out-of-range", "weight"),
    (program(weight="0.299kg"), "out-of-range", "weight"),
    (program(weight="300.001kg"), "out-of-range", "weight"),
    (program(dose="0mg/kg"), "out-of-range", "dose"),
    (program(dose="1000.1mg/kg"), "out-of-range", "dose"),
    (program(over="0s"), "out-of-range", "over"),
    (program(over="999ms"), "out-of-range", "over"),
    (program(over="97h"), "out-of-range", "over"),
    (program(concentration="0mg/mL"), "out-of-range", "concentration"),
    (program(concentration="1001mg/mL"), "out-of-range", "concentration"),
    (program(volume_per_step="1388.246nL"), "out-of-range", "volume-per-step"),
    (program(volume_per_step="13.88246nL"), "out-of-range", "volume-per-step"),
    (program(dose="1.501mg/kg", concentration="10mg/mL"), "hard-limit", "dose"),
    (program(dose="5mg/kg", concentration="10mg/mL"), "hard-limit", "dose"),
    (program(dose="1mg/kg"), "capacity", "volume"),
    (program(syringe="bd-30"), "capacity", "volume"),
    (program(over="1min"), "rate-range", "rate"),
    (program(dose="1mcg/kg", over="90h"), "rate-range", "rate"),
    (program(syringe="bd-61"), "unknown-syringe", "syringe"),
    (program(syringe="BD-60"), "unknown-syringe", "syringe"),
    ("limits syringe=bd-2", "unknown-syringe", "syringe"),
    ("limits field=nope", "bad-value", "field"),
    # start
    ("start", "missing-field", "plan"),
    ("start plan=00000000", "wrong-plan", "plan"),
    ("start plan={plan} now=yes", "unknown-field", "now"),
    ("start plan={plan} plan={plan}", "duplicate-field", "plan"),
    ("start plan={plan} lease=10", "missing-unit", "lease"),
    ("start plan={plan} lease=10sec", "bad-unit", "lease"),
    ("start plan={plan} lease=.5s", "bad-number", "lease"),
    ("start plan={plan} lease=never", "bad-number", "lease"),
    ("start plan={plan} lease=0s", "out-of-range", "lease"),
    ("start plan={plan} lease=999ms", "out-of-range", "lease"),
    ("start plan={plan} lease=601s", "out-of-range", "lease"),
    ("start plan={plan} lease=1.0000005s", "bad-value", "lease"),
    ("start plan={plan} lease=10s on-loss=continue", "bad-value", "on-loss"),
    # the rest
    ("telemetry", "missing-field", "every"),
    ("telemetry every=200", "missing-unit", "every"),
    ("telemetry every=5Hz", "bad-unit", "every"),
    ("telemetry every=19.999ms", "out-of-range", "every"),
    ("telemetry every=61s", "out-of-range", "every"),
    ("telemetry every=0s", "out-of-range", "every"),
    ("telemetry every=20.0005ms", "bad-value", "every"),
    ("log since=5", "bad-value", "since"),
    ("log since=1:", "bad-value", "since"),
    ("log since=:1", "bad-value", "since"),
    ("log since=1:-1", "bad-value", "since"),
    ("log since=1:x", "bad-value", "since"),
    ("log since=1:1:1", "bad-value", "since"),
    ("help verb=nope", "unknown-verb", "verb"),
    ("pause", "not-now", ""),
    ("resume", "not-now", ""),
    ("ack", "not-now", ""),
]

# bytes as they are (the id is 1 where the pump can tell), code, field
RAW = [
    (b"1 status*0000", "bad-crc", ""),
    (b"1 stop*12G4", "bad-crc", ""),
    (b"1 stop*    ", "bad-crc", ""),
    (seal("1 pause").strip().replace(b"pause", b"pauze"), "bad-crc", ""),
    (seal("1 start plan={plan}").strip(), "bad-crc", ""),  # sealed before the hash is filled in
    (b"1 start plan={plan}", "crc-required", "verb"),
    (("1 " + program()).encode(), "crc-required", "verb"),
    (b"1 resume", "crc-required", "verb"),
    (b"1 telemetry every=1s", "crc-required", "verb"),
    (b"1 ack", "crc-required", "verb"),
    (b"1", "bad-line", ""),
    (b"1 status \xc3\xa9", "bad-line", ""),
    (b"1 \xff\xfe", "bad-line", ""),
    (b"1 status\rstatus", "bad-line", ""),
    (b"1 status".ljust(241), "too-long", "line"),
]


@pytest.fixture(scope=sharing)
def ready(shared_device):
    """A pump with a plan, waiting, and the hash of the plan."""
    return shared_device, shared_device.program(TINY)["plan"]


def unharmed(device, plan):
    """Still waiting with the same plan, and nothing has moved."""
    device.run_us(100_000)
    status = device.status()
    assert (status["state"], status["plan"], status["cause"]) == ("ready", plan, "none")
    assert (status["steps"], status["lease"], device.step_edges) == ("0", "off", 0)
    assert device.names() == ["boot", "programmed"]


def judged(reply, code, field):
    assert not reply.ok, reply
    assert (reply["code"], reply.get("field")) == (code, field), reply
    assert reply["state"] == "ready"


@pytest.mark.requirement(
    "COM-06",
    "COM-10",
    "DOSE-02",
    "DOSE-03",
    "DOSE-05",
    "DOSE-06",
    "DOSE-07",
    "DOSE-09",
    "DOSE-16",
    "DOSE-18",
    "PROG-06",
)
@pytest.mark.parametrize("text, code, field", SEALED)
def test_refused(ready, text, code, field):
    device, plan = ready
    judged(device.request(text.replace("{plan}", plan)), code, field)
    unharmed(device, plan)


@pytest.mark.requirement("COM-01", "COM-06", "PROG-06")
@pytest.mark.parametrize("line, code, field", RAW)
def test_refused_raw(ready, line, code, field):
    device, plan = ready
    device.send_raw(line.replace(b"{plan}", plan.encode()) + b"\n")
    judged(device.reply_to("1"), code, field)
    unharmed(device, plan)


def test_a_small_letter_check_is_good(ready):
    device, plan = ready
    data = seal("1 heartbeat")
    device.send_raw(data[:-5] + data[-5:].lower())
    assert device.reply_to("1").ok
    unharmed(device, plan)


@pytest.mark.requirement("DOSE-07", "DOSE-09")
def test_limits_are_inclusive(device):
    device.ask(program(dose="1.5mg/kg", concentration="10mg/mL") + " override=bench")
    device.ask(program(weight="300kg", dose="0.1mg/kg"))
    device.ask(program(weight="0.3kg"))
    device.ask(program(dose="0.001mg/kg", over="1s"))
    full = program(weight="80kg", dose="0.75mg/kg", over="1h")
    assert device.ask(full)["volume"] == "60.000mL"
    over_full = full.replace("0.75mg/kg", "0.750001mg/kg")
    device.refused(over_full, "capacity", "volume")


@pytest.mark.requirement("COM-07")
@pytest.mark.parametrize(
    "data", [b"\r\x03\x03", b"\x03", b"\x03status\x03\n", b"\x04", b"\x01\x02"]
)
def test_control_characters_are_data(device, data):
    """No REPL behind them, in rest or in motion."""
    device.send_raw(data + b"\n")
    assert device.state == "idle"
    device.infuse(TINY)
    device.send_raw(data + b"\n")
    device.run_us(TINY_US + TAIL_US)
    assert (device.state, device.step_edges) == ("complete", TINY_STEPS)


@pytest.mark.requirement("PROG-06")
def test_all_of_it_in_mid_infusion(device):
    plan = device.infuse(SHORT)["plan"]
    for text, _, _ in SEALED:
        device.send(text.replace("{plan}", plan)) if text != "pause" else None
        device.run_us(60_000)
    for line, _, _ in RAW:
        device.send_raw(line.replace(b"{plan}", plan.encode()) + b"\n")
        device.run_us(60_000)
    device.run_us(1_000_000)  # until the last is answered
    assert [reply for reply in device.replies[2:] if reply.ok] == []
    assert len(device.replies) == 2 + len(SEALED) - 1 + len(RAW)
    device.run_us(SHORT_US)
    assert (device.state, device.step_edges) == ("complete", SHORT_STEPS)
