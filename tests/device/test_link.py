"""Host lease, telemetry, the event log, and lines that come late, long or in pieces."""

import pytest

from .therapies import (
    BRIEF,
    BRIEF_STEPS,
    BRIEF_US,
    SHORT,
    SHORT_STEPS,
    SHORT_US,
    TAIL_US,
    TINY,
    TINY_STEPS,
    TINY_US,
)

AFTER_US = 4_000_000
STALL_MS = 50  # a sector erase of the simulated flash


@pytest.mark.requirement("COM-02", "LOG-05")
def test_lost_host_stops(device):
    started = device.infuse(SHORT, "lease=2s")
    assert device.status()["lease"] == "2s"
    device.run_us(1_900_000)
    assert "host-lost" not in device.names()
    device.run_us(200_000)
    assert device.names()[-2:] == ["host-lost", "stopped"]
    edges = device.step_edges
    assert device.last_event("stopped")["cause"] == "host-lost"
    assert device.last_event("host-lost")["on-loss"] == "stop"
    assert device.moves_in(AFTER_US) == 0
    status = device.status()
    assert (status["state"], status["cause"], status["latched"]) == ("stopped", "host-lost", "yes")
    assert status.number("steps") == edges
    device.refused("start plan=" + started["plan"], "not-now")
    assert device.ask("ack")["state"] == "idle"


@pytest.mark.requirement("COM-02")
def test_lease_ends_on_time(device):
    device.infuse(SHORT, "lease=3500ms on-loss=stop")
    sent_ms = device.last_event("started").number("t")
    device.run_us(4_000_000)
    held_ms = device.last_event("host-lost").number("t") - sent_ms
    assert -20 - device.answer_ms < held_ms - 3_500 < 20  # from when the request was heard


@pytest.mark.requirement("COM-02")
def test_lost_host_finishes(device):
    device.infuse(BRIEF, "lease=1s on-loss=finish")
    device.run_us(BRIEF_US + TAIL_US)
    assert device.names()[-3:] == ["started", "host-lost", "complete"]
    assert device.last_event("host-lost")["on-loss"] == "finish"
    assert (device.state, device.step_edges) == ("complete", BRIEF_STEPS)


def test_lost_host_is_told_again_after_it_came_back(device):
    device.infuse(SHORT, "lease=1s on-loss=finish")
    device.run_us(1_500_000)
    device.ask("heartbeat")
    device.run_us(1_500_000)
    assert device.names().count("host-lost") == 2


@pytest.mark.parametrize("verb", ["heartbeat", "status", "*IDN?"])
def test_a_valid_line_renews_the_lease(device, verb):
    device.infuse(BRIEF, "lease=1s")
    for _ in range(3):
        device.send(verb, check=False)
        device.run_us(900_000)
    assert "host-lost" not in device.names()
    assert (device.state, device.step_edges) == ("complete", BRIEF_STEPS)


@pytest.mark.requirement("COM-02")
@pytest.mark.parametrize(
    "junk", [b"x\n", b"status*0000\n", b"\n", b"\xff\n", b"1 nope\n", b"1 st"]
)
def test_junk_does_not_renew_the_lease(device, junk):
    device.infuse(SHORT, "lease=1s")
    for _ in range(4):
        device.run_us(300_000)
        device.send_raw(junk)
    device.run_us(100_000)
    assert device.names()[-1] == "stopped"


def test_lease_runs_in_a_pause_too(device):
    device.infuse(SHORT, "lease=1s")
    device.ask("pause")
    device.run_us(1_100_000)
    assert device.names()[-2:] == ["host-lost", "stopped"]


def test_no_lease(device):
    device.infuse(TINY, "lease=off")
    device.run_us(TINY_US + TAIL_US)
    assert device.names()[-1] == "complete"


# ---- telemetry and events -------------------------------------------------------------------


def judge_grid(times, every_ms):
    """A write to flash may hold a sample up; the others stay on their grid."""
    phases = [at % every_ms for at in times]
    grid = max(phases, key=phases.count)
    late = [at for at in times if not -5 <= (at - grid + 5) % every_ms - 5 <= 5]
    assert len(late) <= 6
    missed = 6_000 // every_ms - len(times)
    assert -1 <= missed <= 1 + 6 * (STALL_MS // every_ms + 1)


@pytest.mark.requirement("LOG-04", "LOG-08")
@pytest.mark.parametrize("every_ms", [20, 35, 200, 1_500])
def test_telemetry_interval(device, every_ms):
    device.infuse(SHORT)
    device.run_us(20_000)
    reply = device.ask("telemetry every=%dms" % every_ms)
    assert reply["every"] == "%dms" % every_ms
    count = len(device.telemetry)
    device.run_us(6_000_000)
    samples = device.telemetry[count:]
    times = [sample.number("t") for sample in samples]
    gaps = [b - a for a, b in zip(times, times[1:], strict=False)]
    assert max(gaps) <= every_ms + STALL_MS + 2 * device.answer_ms
    if every_ms < device.answer_ms:  # as often as it can
        assert len(samples) >= 6_000 // (2 * device.answer_ms)
    else:
        judge_grid(times, every_ms)
    tags = [int(sample.tag) for sample in device.telemetry]
    assert tags == sorted(set(tags)) and tags[-1] - len(tags) <= 3  # samples may be left out
    steps = [sample.number("steps") for sample in samples]
    assert steps == sorted(steps)
    assert samples[-1]["state"] == "infusing"
    device.run_us(SHORT_US)
    assert device.step_edges == SHORT_STEPS


def test_telemetry_seconds(device):
    assert device.ask("telemetry every=1s")["every"] == "1000ms"
    assert device.ask("telemetry every=1min")["every"] == "60000ms"


def fetch(device, since):
    """One ``log`` request: its reply and the event lines that follow it."""
    tag = device.send("log since=" + since if since else "log")
    device.run_us(200_000)
    reply = next(reply for reply in device.replies if reply.tag == tag)
    events = device.events[len(device.events) - int(reply["events"]) :]
    return reply, events if int(reply["events"]) else []


@pytest.mark.requirement("LOG-03", "LOG-08")
def test_log_gives_the_events_again(device):
    device.infuse(SHORT)
    for _ in range(4):
        device.ask("pause")
        device.ask("resume")
    device.ask("stop")
    device.run_us(100_000)
    raw = [event.raw for event in device.events]
    assert [int(event.tag) for event in device.events] == list(range(1, len(raw) + 1))
    found = []
    more = "yes"
    while more == "yes":
        reply, events = fetch(device, "1:%d" % len(found))
        assert (reply["oldest"], reply["newest"]) == ("1:1", "1:%d" % len(raw))
        assert 1 <= len(events) <= 4
        found += [event.raw for event in events]
        more = reply["more"]
    assert found == raw
    _, tail = fetch(device, "1:%d" % (len(raw) - 2))
    assert [event.raw for event in tail] == raw[-2:]


def test_log_without_since_begins_at_the_oldest(device):
    reply, events = fetch(device, "")
    assert [event["name"] for event in events] == ["boot"]
    assert reply["more"] == "no"


@pytest.mark.parametrize("since", ["1:1", "1:2", "1:4000000"])
def test_log_with_nothing_new(device, since):
    reply, _ = fetch(device, since)
    assert (reply["events"], reply["newest"], reply["more"]) == ("0", "1:1", "no")


def whole_log(device, since=""):
    """Every event after ``since`` as it came on the wire, page by page."""
    raw = []
    more = "yes"
    while more == "yes":
        reply, events = fetch(device, since)
        raw += [event.raw for event in events]
        since = "%s:%s" % (events[-1]["boot"], events[-1].tag) if events else since
        more = reply["more"]
    return raw


@pytest.mark.requirement("LOG-03")
def test_log_across_power_cuts(device):
    """What happened before a cut is told after it, in order, once, to the byte."""
    for _ in range(3):
        device.program(SHORT)
        device.program(TINY)
        device.ask("clear")
        device.run_us(1_000_000)
        device.power_cut()
        device.run_us(2_500_000)  # ready again
    raw = [event.raw for event in device.events]
    heads = [(event["boot"], event.tag) for event in device.events]
    assert heads[:5] == [("1", "1"), ("1", "2"), ("1", "3"), ("1", "4"), ("2", "1")]
    assert whole_log(device) == raw
    assert whole_log(device, "1:3") == raw[3:]
    assert whole_log(device, "1:4000000") == raw[4:]
    assert whole_log(device, "2:2") == raw[6:]
    assert whole_log(device, "9:1") == []
    reply, _ = fetch(device, "1:3")
    assert (reply["oldest"], reply["newest"]) == ("1:1", "4:1")


def test_log_beyond_what_ram_holds(device):
    for _ in range(70):
        device.program(TINY)
    device.run_us(1_000_000)
    raw = [event.raw for event in device.events]
    assert len(raw) == 71
    assert whole_log(device) == raw
    assert whole_log(device, "1:4") == raw[4:]


def test_log_is_told_while_the_motor_runs(device):
    """Reading flash is not felt by the steps."""
    for _ in range(70):
        device.program(TINY)
    device.infuse(SHORT)
    whole_log(device, "1:1")
    device.run_us(SHORT_US + TAIL_US)
    assert (device.state, device.step_edges) == ("complete", SHORT_STEPS)


def test_repeated_log_request_has_its_lines_again(device):
    device.repeat("5", "log")
    device.run_us(100_000)
    count = len(device.events)
    assert device.repeat("5", "log")["events"] == "1"
    device.run_us(100_000)
    assert len(device.events) == count + 1


# ---- lines in pieces ------------------------------------------------------------------------


@pytest.mark.requirement("COM-01")
def test_a_line_in_slow_pieces(device):
    for byte in b"17 heartbeat":
        device.send_raw(bytes([byte]))
        device.run_us(400_000)
    device.send_raw(b"\n")
    assert device.reply_to("17").ok


@pytest.mark.requirement("COM-01")
def test_a_partial_line_is_dropped(device):
    device.infuse(TINY)
    device.send_raw(b"17 pau")
    device.run_us(700_000)
    device.send_raw(b"se\n")
    reply = device.reply_to("-")
    assert (reply["code"], reply["given"]) == ("unknown-verb", "se")
    device.run_us(TINY_US)
    assert device.step_edges == TINY_STEPS
    assert "paused" not in device.names()


def test_the_longest_line(device):
    device.send_raw(b"17 status".ljust(240) + b"\n")
    assert device.reply_to("17").ok
    device.send_raw(b"18 status".ljust(239) + b"\r\n")
    assert device.reply_to("18").ok


@pytest.mark.requirement("COM-01")
@pytest.mark.parametrize("length", [3000, 241, 255, 600])
def test_an_over_long_line(device, length):
    device.infuse(TINY)
    device.send_raw(b"19 stop".ljust(length) + b"\n20 heartbeat\n")
    reply = device.reply_to("19")
    assert (reply["code"], reply["limit"]) == ("too-long", "240B")
    if not any(other.tag == "20" for other in device.replies):
        assert device.reply_to("20").ok
    device.run_us(TINY_US)
    assert (device.state, device.step_edges) == ("complete", TINY_STEPS)


def test_empty_lines_are_nothing(device):
    device.send_raw(b"\n\n\r\n  \n\n")
    device.run_us(300_000)
    assert device.ask("heartbeat")["state"] == "idle"


def test_identity_is_bare(device):
    device.send_raw(b"*IDN?\n")
    device.run_us(100_000)
    assert device.replies[-1].kind == "identity"
    assert device.replies[-1].raw.startswith("Titra,%s," % device.board)


def test_info(device):
    info = device.ask("info", check=False)
    assert (info["name"], info["protocol"], info["mode"]) == ("titra", "1", "safe")
    assert info["capabilities"]


def test_help_names_every_verb(device):
    verbs = device.ask("help")["verbs"].split(",")
    assert verbs[0] == "*IDN?"  # which no value can hold
    for verb in verbs[1:]:
        reply = device.ask("help verb=" + verb)
        assert reply["verb"] == verb
        assert reply["usage"].startswith(verb)
