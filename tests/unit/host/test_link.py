"""Links kept up: what they tell over reconnects, what they send, how a stop gets through."""

from __future__ import annotations

import threading
import time

import pytest

from pump.core import dose
from pump.core.mechanics import Mechanics
from titra.link import Link, SteeredLink
from titra.pump_state import Answered, Down, Losses, News, Remark, StopNews, Told, Up
from titra.watcher import Fleet

from .commands import BENCH
from .conftest import QUICK
from .fake_pump import US, FakePump

READ_ONLY = {"*IDN?", "info", "status", "log"}


class Teller:
    """What a link has told, and turns of it."""

    def __init__(self, kind: type[Link], pump: FakePump) -> None:
        self.news: list[News] = []
        self.pump = pump
        self.link = kind("fake", lambda: pump, self.news.append, None, QUICK, pump.clock)

    def turns(self, count: int) -> None:
        for _ in range(count):
            self.link.turn()
            self.pump.now_us += 1000  # a link that waits for its retry reads nothing

    def events(self) -> list[tuple[int, int]]:
        reports = [news.report for news in self.news if isinstance(news, Told)]
        return [(r.boot, r.seq) for r in reports if r.raw.startswith("!")]

    def kinds(self) -> list[type]:
        return [type(news) for news in self.news]

    def stops(self) -> list[str]:
        return [news.phase for news in self.news if isinstance(news, StopNews)]


@pytest.fixture
def listener(pump: FakePump) -> Teller:
    return Teller(Link, pump)


@pytest.fixture
def steered(pump: FakePump) -> Teller:
    return Teller(SteeredLink, pump)


def verbs(pump: FakePump) -> set[str]:
    words = [
        line.split("*")[0].split(" ") if line != "*IDN?" else [line] for line in pump.received
    ]
    return {word[1] if len(word) > 1 else word[0] for word in words}


def break_link(told: Teller) -> None:
    told.pump.dead_at_us = told.pump.now_us
    told.turns(2)
    assert told.kinds()[-1] is Down


def mend_link(told: Teller) -> None:
    told.pump.dead_at_us = None
    told.pump.now_us += 2 * US
    told.turns(5)


def test_a_connect_tells_who_what_and_the_latest_events(pump: FakePump, steered: Teller) -> None:
    for _ in range(30):
        pump.event("paused")
    steered.turns(3)
    assert steered.kinds()[:2] == [Up, Answered]
    assert steered.events() == [(7, seq) for seq in range(11, 31)]


@pytest.mark.requirement("HOST-16")
def test_a_listener_begins_with_what_is_new_or_after_a_mark(pump: FakePump) -> None:
    for _ in range(9):
        pump.event("paused")
    for mark, expected in ((None, []), ((7, 5), [(7, 6), (7, 7), (7, 8), (7, 9)])):
        teller = Teller(Link, pump)
        teller.link.resume_after = lambda serial, mark=mark: mark
        teller.turns(3)
        assert teller.events() == expected


@pytest.mark.requirement("LOG-03")
def test_events_of_a_lost_link_come_once_and_in_order(pump: FakePump, listener: Teller) -> None:
    pump.event("started")
    listener.turns(3)
    break_link(listener)
    pump.mute = lambda line: " event " in line
    for _ in range(9):
        pump.event("paused")
    pump.mute = lambda line: False
    mend_link(listener)
    pump.event("complete")
    listener.turns(2)
    assert listener.events() == [(7, seq) for seq in range(2, 12)]


def test_another_pump_at_the_same_port_is_taken_as_another(
    pump: FakePump, listener: Teller
) -> None:
    listener.turns(2)
    break_link(listener)
    pump.garble = lambda data: data.replace(b"fake,0001", b"fake,0002")
    mend_link(listener)
    pump.now_us += 2 * US
    listener.turns(3)
    ups = [news for news in listener.news if isinstance(news, Up)]
    assert [up.identity.serial for up in ups] == ["0001", "0002"]


@pytest.mark.requirement("HOST-12")
def test_a_listener_sends_only_what_reads(pump: FakePump, listener: Teller) -> None:
    pump.plan, pump.state, pump.lease = dose.plan(dict(BENCH), Mechanics()), "infusing", "10s"
    pump.heard_us = pump.started_us = pump.now_us
    listener.turns(20)
    break_link(listener)
    mend_link(listener)
    pump.event("paused")
    listener.turns(20)
    assert verbs(pump) == READ_ONLY


def test_a_listener_does_not_keep_a_lease_alive(pump: FakePump, listener: Teller) -> None:
    pump.plan, pump.state, pump.lease = dose.plan(dict(BENCH), Mechanics()), "infusing", "10s"
    pump.started_us, pump.every_us = pump.now_us, US
    listener.turns(3)
    before = len(pump.received)
    until = pump.now_us + 11 * US
    while pump.now_us < until:
        listener.turns(1)
    assert pump.state == "stopped" and pump.cause == "host-lost"
    sent = [line for line in pump.received[before:] if "status" not in line]
    assert sent == []  # only after an event is the status asked


def test_a_steered_link_keeps_the_lease(pump: FakePump, steered: Teller) -> None:
    pump.plan, pump.state, pump.lease = dose.plan(dict(BENCH), Mechanics()), "infusing", "10s"
    pump.started_us = pump.heard_us = pump.now_us
    until = pump.now_us + 60 * US
    while pump.now_us < until:
        steered.turns(1)
    assert pump.state == "infusing" and pump.max_silence_us <= 2.6 * US


@pytest.mark.requirement("HOST-06")
def test_stop_is_sent_and_acknowledged(pump: FakePump, steered: Teller) -> None:
    pump.plan, pump.state = dose.plan(dict(BENCH), Mechanics()), "infusing"
    pump.started_us = pump.now_us
    steered.turns(2)
    assert isinstance(steered.link, SteeredLink)
    steered.link.stop()
    steered.turns(1)
    assert steered.stops() == ["asked", "acknowledged"] and pump.state == "halted"


@pytest.mark.requirement("HOST-06")
def test_stop_goes_out_while_the_link_waits_for_an_answer(
    pump: FakePump, steered: Teller, monkeypatch: pytest.MonkeyPatch
) -> None:
    steered.turns(2)
    link = steered.link
    assert isinstance(link, SteeredLink)
    shouted = threading.Event()

    def before_read() -> None:
        if any("status" in line for line in pump.received[-1:]):
            link.stop()
            pump.before_read = lambda: None
            until = time.monotonic() + 5
            while not any(" stop*" in line for line in pump.received):
                assert time.monotonic() < until, "no stop was sent in the middle of a request"
            shouted.set()

    pump.before_read = before_read
    link._status_due_s = 0.0
    steered.turns(2)
    assert shouted.is_set() and steered.stops()[-1] == "acknowledged"


@pytest.mark.requirement("HOST-06")
def test_a_stop_without_a_link_is_said_loudly_and_sent_when_it_is_back(
    pump: FakePump, steered: Teller
) -> None:
    pump.plan, pump.state = dose.plan(dict(BENCH), Mechanics()), "infusing"
    pump.started_us = pump.now_us
    steered.turns(2)
    break_link(steered)
    assert isinstance(steered.link, SteeredLink)
    steered.link.stop()
    pump.now_us += 2 * US
    steered.turns(2)
    assert steered.stops()[-1] == "unheard" and pump.state == "infusing"
    mend_link(steered)
    assert steered.stops()[-1] == "acknowledged" and pump.state == "halted"


def test_half_a_line_where_one_begins_to_listen_is_not_missing(
    pump: FakePump, listener: Teller
) -> None:
    pump._out += b"ta=0mL/h steps=0*1234\n"
    listener.turns(5)
    assert Losses not in listener.kinds()
    pump._out += b"~1 t=5ms boot=7 state=idle*0000\n"
    listener.turns(1)
    losses = [news for news in listener.news if isinstance(news, Losses)]
    assert [(each.events, each.bad_lines) for each in losses] == [(0, 1)]


def test_an_order_without_a_link_is_dropped(pump: FakePump, steered: Teller) -> None:
    steered.turns(2)
    break_link(steered)
    assert isinstance(steered.link, SteeredLink)
    steered.link.order("ack")
    mend_link(steered)
    assert "ack" not in verbs(pump)
    remarks = [news for news in steered.news if isinstance(news, Remark)]
    assert [remark.ok for remark in remarks] == [False]


def test_a_refusal_is_told_and_the_link_stays(pump: FakePump, steered: Teller) -> None:
    steered.turns(2)
    assert isinstance(steered.link, SteeredLink)
    steered.link.order("nonsense")
    steered.turns(2)
    remarks = [news for news in steered.news if isinstance(news, Remark)]
    assert not remarks[0].ok and "unknown-verb" in remarks[0].text
    assert Down not in steered.kinds()


@pytest.mark.parametrize("kind", [Link, SteeredLink])
def test_a_port_that_stays_silent_is_lost(kind: type[Link], pump: FakePump) -> None:
    told = Teller(kind, pump)
    told.turns(2)
    pump.deaf = True
    until = pump.now_us + 70 * US
    while pump.now_us < until and told.kinds()[-1] is not Down:
        told.turns(1)
    assert told.kinds()[-1] is Down


def test_a_bug_in_one_link_shows_and_does_not_end_the_watch() -> None:
    class Broken(Link):
        def turn(self) -> None:
            raise ZeroDivisionError

    fleet = Fleet(["x"], lambda name, tell: Broken(name, lambda: FakePump(), tell))
    fleet.start()
    until = time.monotonic() + 5
    told: list[News] = []
    while not told and time.monotonic() < until:
        told = [news for _, news in fleet.drain()]
    fleet.close()
    assert isinstance(told[0], Down) and told[0].code == "internal"
