"""The client against a scripted pump: retries, refusals, gaps, silence, heartbeats."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from titra import protocol, wirelog
from titra.client import PumpClient, Timeouts
from titra.errors import LinkGone, NoAnswer, NotAPump, PumpRefused, PumpSilent, WrongSpeed
from titra.protocol import Event
from titra.replay import ReplayTransport
from titra.sequence import EventOrder

from .fake_pump import US, FakePump, sealed


def names(reports: list[protocol.Report]) -> list[str]:
    return [report.name for report in reports if isinstance(report, Event)]


def test_connect_reads_identity_and_info(pump: FakePump, client: PumpClient) -> None:
    assert client.connect().model == "fake"
    assert client.info["boot"] == "7"


def test_connect_ignores_what_was_under_way(pump: FakePump, client: PumpClient) -> None:
    pump._out += b"half a li" + b"ne\n" + sealed("~9 t=1ms boot=7 state=idle")
    client.connect()


@pytest.mark.requirement("HOST-02")
def test_silence_is_said_within_five_seconds(pump: FakePump) -> None:
    pump.deaf = True
    with pytest.raises(PumpSilent):
        PumpClient(pump).connect()
    assert pump.clock() < 5


@pytest.mark.requirement("HOST-02")
def test_default_timeouts_stay_below_five_seconds() -> None:
    t = Timeouts()
    assert t.drain_s + t.identify_s * t.identify_tries + 2 * t.request_s < 5


@pytest.mark.requirement("HOST-02")
def test_another_instrument_is_not_a_pump(pump: FakePump, client: PumpClient) -> None:
    pump.deaf = True
    pump.garble = lambda data: data
    pump.before_read = lambda: pump._out.extend(b"KEITHLEY INSTRUMENTS,2400,1,C30\r\nREADY ")
    with pytest.raises(NotAPump, match="KEITHLEY"):
        client.connect()


@pytest.mark.requirement("HOST-02")
@pytest.mark.parametrize("noise", [b"\x00\xf8\x80\n\xfe", b"\xe0\x9c\x00\xff\x80", b"\x00" * 9])
def test_noise_is_the_wrong_speed(pump: FakePump, client: PumpClient, noise: bytes) -> None:
    pump.deaf = True
    pump.before_read = lambda: pump._out.extend(noise)
    with pytest.raises(WrongSpeed):
        client.connect()


def test_a_pump_that_only_reports_is_called_silent(pump: FakePump, client: PumpClient) -> None:
    pump.deaf = True
    pump.before_read = lambda: pump._out.extend(sealed("~9 t=1ms boot=7 state=idle"))
    with pytest.raises(PumpSilent, match="reports"):
        client.connect()


def test_a_lost_answer_is_asked_for_once_more(pump: FakePump, client: PumpClient) -> None:
    lost = iter([True])
    pump.mute = lambda line: next(lost, False)
    client.request("status")
    assert len(pump.received) == 2 and pump.received[0] == pump.received[1]


def test_a_line_damaged_on_the_way_is_sent_again(pump: FakePump, client: PumpClient) -> None:
    damaged = iter([True])
    plain = pump._take

    def take(line: str) -> None:
        plain(line.replace("status", "stat8s") if next(damaged, False) else line)

    pump._take = take  # type: ignore[method-assign]
    assert client.request("status").fields["state"] == "idle"


def test_no_answer_at_all(pump: FakePump, client: PumpClient) -> None:
    pump.deaf = True
    with pytest.raises(NoAnswer, match="status"):
        client.request("status")


def test_a_refusal_keeps_its_fields(client: PumpClient) -> None:
    with pytest.raises(PumpRefused) as caught:
        client.request("start", plan="00000000")
    assert caught.value.code == "no-plan" and caught.value.details["state"] == "idle"
    assert caught.value.exit_code == 2


def test_what_cannot_be_sent_is_refused_here(pump: FakePump, client: PumpClient) -> None:
    with pytest.raises(PumpRefused):
        client.request("status", {"a": "b\nstop"})
    assert pump.received == []


def test_stop_repeats_until_it_is_acknowledged(pump: FakePump, client: PumpClient) -> None:
    lost = iter([True, True])
    pump.mute = lambda line: next(lost, False)
    assert client.stop().fields["state"] == "idle"
    stops = [line for line in pump.received if " stop*" in line]
    assert len(stops) == 3 and len(set(stops)) == 1


def test_stop_that_nobody_acknowledges(pump: FakePump, client: PumpClient) -> None:
    pump.deaf = True
    with pytest.raises(NoAnswer, match="stop button"):
        client.stop()
    assert pump.clock() < 1


def test_the_same_text_gets_a_new_id(pump: FakePump, client: PumpClient) -> None:
    client.request("status")
    client.request("status")
    assert len(set(pump.received)) == 2


@pytest.mark.requirement("LOG-03")
def test_a_gap_is_filled_from_the_log_in_order(pump: FakePump, client: PumpClient) -> None:
    client.connect()
    pump.event("programmed")
    assert names(client.poll(1)) == ["programmed"]
    pump.mute = lambda line: "name=started" in line or "name=paused" in line
    pump.event("started")
    pump.event("paused")
    pump.mute = lambda line: False
    pump.event("resumed")
    assert names(client.poll(1)) == ["started", "paused", "resumed"]
    assert client.events_lost == 0
    pump.event("complete")
    assert names(client.poll(1)) == ["complete"]


@pytest.mark.requirement("LOG-03")
def test_a_long_gap_is_fetched_page_by_page(pump: FakePump, client: PumpClient) -> None:
    pump.event("programmed")
    client.poll(1)
    pump.mute = lambda line: " event " in line
    for _ in range(10):
        pump.event("paused")
    pump.mute = lambda line: False
    pump.event("complete")
    assert names(client.poll(1)) == ["paused"] * 10 + ["complete"]
    assert client.events_lost == 0


@pytest.mark.requirement("LOG-03")
def test_a_damaged_last_event_is_fetched_though_none_follows(
    pump: FakePump, client: PumpClient
) -> None:
    client.connect()
    pump.event("programmed")
    client.poll(1)
    pump.garble = lambda data: data.replace(b"name=halted", b"name=h\xe0lted")
    pump.event("halted")
    assert names(client.poll(1)) == []
    pump.garble = lambda data: data
    heard = [name for _ in range(5) for name in names(client.poll(1))]
    assert heard == ["halted"] and client.bad_lines > 0
    asked = len(pump.received)
    client.poll(1)
    assert len(pump.received) == asked  # nothing is suspected any more


@pytest.mark.requirement("HOST-08")
def test_a_gap_that_the_log_cannot_fill_is_counted(pump: FakePump, client: PumpClient) -> None:
    pump.event("programmed")
    client.poll(1)
    pump.mute = lambda line: "name=started" in line
    pump.event("started")
    pump.log.clear()
    pump.mute = lambda line: False
    pump.event("complete")
    assert names(client.poll(1)) == ["complete"]
    assert client.events_lost == 1


def test_a_reboot_fetches_what_came_before_it(pump: FakePump, client: PumpClient) -> None:
    pump.event("programmed")
    client.poll(1)
    pump.mute = lambda line: "name=fault" in line
    pump.event("fault")
    pump.mute = lambda line: False
    pump.reboot()
    assert names(client.poll(1)) == ["fault", "boot"]


@pytest.mark.requirement("HOST-08")
def test_lost_telemetry_is_counted(pump: FakePump, client: PumpClient) -> None:
    for seq in (1, 2, 5):
        pump.say(f"~{seq} t={seq}ms boot=7 state=idle")
    client.poll(1)
    assert client.telemetry_lost == 2


@given(st.permutations(range(1, 9)), st.integers(1, 8))
def test_any_order_comes_out_sorted_and_once(order: list[int], repeat: int) -> None:
    keeper = EventOrder()
    keeper.feed(Event("", {"boot": "1"}, 0))
    out = []
    for seq in [*order, repeat]:
        out += keeper.feed(Event("", {"boot": "1"}, seq))
    assert [event.seq for event in out] == list(range(1, 9)) and not keeper.gap


def test_heartbeats_follow_pump_time(pump: FakePump, client: PumpClient) -> None:
    """In an accelerated simulation the pump's seconds pass faster than the host's."""
    client.lease_us = 10 * US
    pump.say("~1 t=1000ms boot=7 state=infusing")
    client.poll(0.01)
    client.request("status")
    before = len(pump.received)
    pump.say("~2 t=3600ms boot=7 state=infusing")
    client.poll(0.01)
    assert " heartbeat*" in pump.received[before]
    pump.say("~3 t=3700ms boot=7 state=infusing")
    client.poll(0.01)
    assert len(pump.received) == before + 1


def test_heartbeats_follow_the_transports_clock(pump: FakePump, client: PumpClient) -> None:
    client.lease_us = 10 * US
    client.request("status")
    until = pump.clock() + 60
    while pump.clock() < until:
        client.poll(1)
    assert pump.max_silence_us <= 2.6 * US


@pytest.mark.requirement("HOST-03")
def test_the_wire_log_is_complete_and_replays(pump: FakePump, tmp_path: Path) -> None:
    log = wirelog.WireLog(tmp_path / "deep" / "wire.jsonl", "fake")
    client = PumpClient(pump, log)
    pump.garble = lambda data: data + b"\xff\x00\n"
    client.connect()
    client.close()
    head = json.loads(log.path.read_text().splitlines()[0])
    assert head["port"] == "fake"
    rows = list(wirelog.records(log.path))
    assert {row.direction for row in rows} == {"tx", "rx"}
    sent = b"".join(row.data for row in rows if row.direction == "tx")
    assert b"*IDN?\n" in sent and b" info*" in sent
    again = PumpClient(ReplayTransport(log.path), passive=True)
    assert again.connect() == client.identity and again.info == client.info


def test_a_log_cut_short_by_a_crash_still_replays(tmp_path: Path) -> None:
    path = tmp_path / "wire.jsonl"
    at = "2026-01-02T03:04:05.000006+00:00"
    line = json.dumps({"at": at, "clock": 0, "dir": "rx", "data": "Titra,a,b,c\n"})
    path.write_text('{"titra": "0"}\n' + line + "\n" + line[:20])
    assert [record.data for record in wirelog.records(path)] == [b"Titra,a,b,c\n"]


def test_a_dead_link_is_typed(pump: FakePump, client: PumpClient) -> None:
    pump.dead_at_us = pump.now_us
    with pytest.raises(LinkGone):
        client.connect()
