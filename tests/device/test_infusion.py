"""The whole job, and what may and may not disturb it."""

import random

import pytest

from .therapies import (
    SHORT,
    SHORT_STEPS,
    SHORT_US,
    TAIL_US,
    TINY,
    TINY_STEPS,
    TINY_US,
    WHOLE,
    WHOLE_STEPS,
    WHOLE_US,
)


@pytest.mark.requirement("DEL-01", "DEL-03", "DOSE-04", "DOSE-12", "LOG-06")
def test_whole_job(device):
    before = device.status()
    assert (before["state"], before["plan"], before["steps"]) == ("idle", "none", "0")
    plan = device.program(WHOLE)
    assert plan["state"] == "ready"
    assert plan["total"] == "3.500mg"
    assert plan["volume"] == "3.500mL"
    assert plan["rate"] == "105.000mL/h"
    assert plan["duration"] == "120.000s"
    assert plan.number("steps") == WHOLE_STEPS
    assert plan["over"] == "120s"
    assert device.moves_in(1_000_000) == 0  # a plan alone moves nothing
    started = device.ask("start plan=" + plan["plan"])
    assert (started["state"], started["lease"], started["on-loss"]) == ("infusing", "off", "stop")
    device.run_us(WHOLE_US // 2)
    half = device.status()
    assert half["state"] == "infusing"
    assert half["rate"] == device.telemetry[-1]["target"] == "105.000mL/h"
    took_ms = half.number("t") - device.last_event("started").number("t")
    assert abs(half.number("steps") - WHOLE_STEPS * took_ms / (WHOLE_US // 1000)) < 10
    assert half.number("steps") <= half.number("commanded") <= WHOLE_STEPS
    device.run_us(WHOLE_US // 2 + TAIL_US)
    assert device.step_edges == WHOLE_STEPS
    end = device.status()
    assert end["state"] == "complete"
    assert end.number("steps") == end.number("planned") == end.number("commanded") == WHOLE_STEPS
    assert (end["delivered"], end["dose"], end["rate"]) == ("3.500mL", "3.500mg", "0mL/h")
    assert end["remaining"] == "0.000s"
    assert device.names() == ["boot", "programmed", "started", "complete"]
    done = device.last_event("complete")
    assert done.number("steps") == WHOLE_STEPS
    took_ms = done.number("t") - device.last_event("started").number("t")
    assert abs(took_ms - WHOLE_US // 1000) < 20 + device.answer_ms
    assert device.moves_in(5_000_000) == 0


def test_second_job_counts_from_zero(device):
    device.infuse(TINY)
    device.run_us(TINY_US + TAIL_US)
    first = device.status()["plan"]
    device.refused("start plan=" + first, "not-now")
    device.infuse(TINY)
    device.run_us(TINY_US + TAIL_US)
    end = device.status()
    assert (end["state"], end.number("steps")) == ("complete", TINY_STEPS)
    assert device.step_edges == 2 * TINY_STEPS


@pytest.mark.requirement("STOP-13", "DEL-01")
@pytest.mark.parametrize("after_us", [3_000, 1_234_567, 7_777_777, 19_500_000])
def test_pause_keeps_the_count(device, after_us):
    device.infuse(SHORT)
    device.run_us(after_us)
    paused = device.ask("pause")
    assert paused["state"] == "paused"
    assert paused.number("steps") == device.step_edges
    assert device.moves_in(5_000_000) == 0
    assert device.status()["rate"] == "0mL/h"
    resumed = device.ask("resume")
    assert resumed["state"] == "infusing"
    device.run_us(SHORT_US)
    assert device.state == "complete"
    assert device.step_edges == SHORT_STEPS
    assert device.names()[-4:] == ["started", "paused", "resumed", "complete"]


@pytest.mark.requirement("DEL-01")
def test_many_pauses(device):
    device.infuse(SHORT)
    before = 0
    for turn in range(12):
        device.run_us(500_000 + 1237 * turn)
        device.ask("pause")
        assert device.moves_in(300_000) == 0
        assert device.step_edges > before
        before = device.step_edges
        device.ask("resume")
    device.run_us(SHORT_US)
    assert (device.state, device.step_edges) == ("complete", SHORT_STEPS)


@pytest.mark.requirement("DEL-04")
@pytest.mark.parametrize("times, apart_us", [(5, 0), (20, 0), (40, 30_000)])
def test_pause_and_resume_at_once_never_bursts(device, times, apart_us):
    """Nor is the supervisor kept from its look for so long that the watchdog bites."""
    device.infuse(SHORT)
    for _ in range(times):
        device.ask("pause")
        device.run_us(apart_us)
        device.ask("resume")
        device.run_us(apart_us)
    edges, now = device.step_edges, device.status()
    took_ms = now.number("t") - device.last_event("started").number("t")
    most_ms = took_ms - times * apart_us // 1000  # it stood still so long at least
    assert (now["state"], edges <= SHORT_STEPS * most_ms // 20_000) == ("infusing", True)
    device.run_us(SHORT_US)
    assert (device.state, device.step_edges) == ("complete", SHORT_STEPS)


@pytest.mark.requirement("DOSE-12", "PROG-02")
def test_wrong_and_stale_plan(device):
    device.refused("start plan=00000000", "no-plan")
    stale = device.program(SHORT)["plan"]
    plan = device.program(TINY)["plan"]
    assert stale != plan
    for wrong in (stale, "00000000", plan.lower(), plan[:-1], plan + "0"):
        reply = device.refused("start plan=" + wrong, "wrong-plan", "plan")
        assert reply["accepts"] == plan
    assert device.moves_in(1_000_000) == 0
    assert device.state == "ready"


@pytest.mark.requirement("DOSE-04")
def test_same_prescription_same_hash(device):
    plan = device.program(SHORT)["plan"]
    other = device.program(
        SHORT.replace("70kg", "70000g").replace("0.005mg/kg", "5mcg/kg").replace("20s", "20.0s")
    )
    assert other["plan"] == plan
    assert other["weight"] == "70kg"


@pytest.mark.requirement("COM-06", "DOSE-13", "PROG-02")
@pytest.mark.parametrize(
    "state, verbs",
    [
        ("idle", ["pause", "resume", "ack"]),
        ("ready", ["pause", "resume", "ack"]),
        ("infusing", ["program", "start", "resume", "ack"]),
        ("paused", ["program", "start", "pause", "ack"]),
        ("complete", ["start", "pause", "resume"]),
        ("halted", ["start", "pause", "resume", "ack"]),
        ("stopped", ["program", "start", "pause", "resume"]),
    ],
)
def test_not_now(device, state, verbs):
    plan = bring(device, state)
    texts = {"program": "program " + TINY, "start": "start plan=" + plan}
    for verb in verbs:
        reply = device.refused(texts.get(verb, verb), "not-now")
        assert reply["state"] == state
        assert state not in reply["accepts"].split(",")
    assert device.state == state


def bring(device, state: str) -> str:
    """Bring a fresh pump into ``state``; returns the hash of the plan it then has."""
    if state == "idle":
        return "none"
    plan = device.program(TINY if state == "complete" else SHORT)["plan"]
    if state == "ready":
        return plan
    device.ask("start plan=" + plan)
    device.run_us(200_000)
    if state == "paused":
        device.ask("pause")
    elif state == "complete":
        device.run_us(TINY_US)
    elif state == "halted":
        device.ask("stop")
    elif state == "stopped":
        device.press()
        device.run_us(10_000)
    assert device.state == state
    return plan


@pytest.mark.requirement("COM-03")
def test_repeated_id_acts_once(device):
    plan = device.program(SHORT)["plan"]
    tag = device.send("start plan=" + plan)
    first = device.reply_to(tag)
    again = device.repeat(first.tag, "start plan=" + plan)
    assert again.raw == first.raw
    paused = device.ask("pause")
    resumed = device.ask("resume")
    assert device.repeat(paused.tag, "pause").raw == paused.raw
    assert device.state == "infusing"
    assert device.repeat(resumed.tag, "resume").raw == resumed.raw
    assert device.names().count("started") == 1
    assert device.names().count("paused") == device.names().count("resumed") == 1


def test_repeated_id_with_other_text_acts(device):
    device.infuse(SHORT)
    tag = device.ask("pause").tag
    assert device.repeat(tag, "resume")["state"] == "infusing"


@pytest.mark.requirement("COM-03")
def test_only_the_last_four_ids_are_remembered(device):
    device.infuse(SHORT)
    tag = device.ask("pause").tag
    device.ask("resume")
    for _ in range(3):
        device.ask("heartbeat")  # read-only: takes no place in the memory
        device.ask("telemetry every=1s")
    assert device.repeat(tag, "pause")["state"] == "paused"
    assert device.names().count("paused") == 2


def test_refused_for_want_of_a_check_and_then_given_one(device):
    plan = device.program(TINY)["plan"]
    device.send_raw(b"55 start plan=%s\n" % plan.encode())
    assert device.reply_to("55")["code"] == "crc-required"
    assert device.repeat("55", "start plan=" + plan)["state"] == "infusing"


@pytest.mark.requirement("COM-03")
def test_repeated_refusal_is_repeated(device):
    refusal = device.refused("start plan=00000000", "no-plan")
    assert device.repeat(refusal.tag, "start plan=00000000").raw == refusal.raw


@pytest.mark.parametrize("seed", [1, 2])
def test_flood_of_garbage(device, seed):
    source = random.Random(seed)
    device.infuse(SHORT)
    for _ in range(60):
        device.send_raw(bytes(source.choice(GARBAGE) for _ in range(600)))
        device.run_us(source.randrange(1_000, 40_000))
    device.send_raw(b"\n")
    device.run_us(1_000_000)
    assert any(not reply.ok for reply in device.replies)
    device.run_us(SHORT_US)
    assert (device.state, device.step_edges) == ("complete", SHORT_STEPS)
    numbers = [event.number("boot") for event in device.events]
    assert set(numbers) == {1}
    assert "exception" not in device.names()


# Bytes of all kinds, those of the grammar more often.
GARBAGE = list(range(256)) + list(b'0123456789 =*"\n\r\nabcpausresmtkglLIDN?') * 8


def test_flood_of_requests(device):
    device.infuse(SHORT)
    device.ask("telemetry every=20ms")
    for _ in range(40):
        device.send_raw(b"status\n" * 60)
        device.run_us(50_000)
    device.run_us(SHORT_US)
    assert (device.state, device.step_edges) == ("complete", SHORT_STEPS)
    codes = {reply["code"] for reply in device.replies if not reply.ok}
    assert codes <= {"busy"}


@pytest.mark.parametrize(
    ("ordered", "said"),
    [
        ("rate=1200mL/h volume=0.5mL", {"rate": "1200.000mL/h", "volume": "0.500mL"}),
        ("rate=0.03375mL/h over=60s", {"rate": "0.03375mL/h", "over": "60s"}),
    ],
)
def test_the_answer_says_each_quantity_once_and_whole(device, ordered, said):
    syringe = "bd-60" if "volume" in ordered else "bd-1"
    plan = device.program(ordered + " syringe=" + syringe)
    assert {key: plan[key] for key in said} == said
