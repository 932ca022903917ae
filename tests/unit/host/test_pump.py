"""``Pump``, the client behind a thread, pumpst a fake pump whose time flies."""

from __future__ import annotations

import threading
from collections.abc import Callable
from fractions import Fraction

import pytest

from titra.errors import LinkGone, NoAnswer, OtherPump, PumpRefused
from titra.protocol import Event
from titra.pump import LinkChange, News, Pump

from .commands import BENCH, STEPS
from .conftest import QUICK
from .fake_pump import FakePump


class Patient(Pump):
    """Does not mind silence: the fake pump's time flies, so that every pause is a long one."""

    retry_s = 0.0
    silence_s = float("inf")


def opened(pump: FakePump, **options: object) -> Pump:
    return Patient(lambda: pump, timeouts=QUICK, **options)  # type: ignore[arg-type]


def soon(pump: FakePump, action: Callable[[], None]) -> None:
    """Have the thread that reads do ``action`` once, before its next read."""

    def once() -> None:
        pump.before_read = lambda: None
        action()

    pump.before_read = once


def until(news: Callable[[], list[News]], *wanted: str) -> list[News]:
    """Take until events of these names have come."""
    seen: list[News] = []
    while not set(wanted) <= {item.name for item in seen if isinstance(item, Event)}:
        got = news()
        assert got, f"{wanted} did not come: {seen}"
        seen += got
    return seen


def test_ten_lines_of_an_infusion(pump: FakePump) -> None:
    with opened(pump) as mine:
        mine.telemetry("10000ms")
        plan = mine.program(BENCH)
        assert plan.steps == STEPS and plan.hash == mine.status().fields.get("plan", plan.hash)
        mine.start(plan)
        end = mine.wait(timeout_s=60)
        assert (end.state, end.steps) == ("complete", STEPS)
        assert end.delivered_nl == Fraction("35000041.678")
    assert pump.closed and not any(" stop" in line for line in pump.received)
    assert "host-lost" not in str(pump.log)  # the lease was kept alive by the thread


@pytest.mark.requirement("HOST-01")
def test_leaving_the_block_stops_what_it_started(pump: FakePump) -> None:
    with opened(pump) as mine:
        mine.start(mine.program({**BENCH, "over": "24h"}))
    assert (pump.state, pump.cause) == ("halted", "command")


@pytest.mark.requirement("HOST-01")
def test_an_exception_stops_it_too(pump: FakePump) -> None:
    with pytest.raises(ZeroDivisionError), opened(pump) as mine:
        mine.start(mine.program({**BENCH, "over": "24h"}))
        raise ZeroDivisionError
    assert (pump.state, pump.cause) == ("halted", "command")


def test_it_leaves_alone_what_it_did_not_start(pump: FakePump) -> None:
    with opened(pump) as mine:
        pump.state = "paused"
        assert mine.status().state == "paused"
    assert pump.state == "paused" and not any(" stop" in line for line in pump.received)


def test_leave_running_leaves_it_running(pump: FakePump) -> None:
    with opened(pump, leave_running=True) as mine:
        mine.start(mine.program({**BENCH, "over": "24h"}), lease=None)
    assert pump.state == "infusing"


def test_refusals_and_silence_reach_the_caller_with_their_type(pump: FakePump) -> None:
    with opened(pump) as mine:
        with pytest.raises(PumpRefused) as refused:
            mine.request("nonsense")
        assert refused.value.code == "unknown-verb"
        pump.mute = lambda line: " ok " in line
        with pytest.raises(NoAnswer):
            mine.request("status")
        pump.mute = lambda line: False
        assert mine.status().state == "idle"


def test_a_stop_does_not_wait_for_another_thread(pump: FakePump) -> None:
    with opened(pump) as mine:
        mine.start(mine.program({**BENCH, "over": "24h"}))
        held, stopping = threading.Event(), threading.Event()

        def hold() -> None:
            if threading.current_thread().name == "titra-reader" and not held.is_set():
                held.set()
                stopping.wait(10)

        pump.before_read = hold
        assert held.wait(10)
        stopper = threading.Thread(target=mine.stop)
        stopper.start()
        while pump.state == "infusing":  # the reader stands still all the while
            pass
        stopping.set()
        stopper.join(10)
        assert pump.state == "halted"


@pytest.mark.requirement("LOG-03")
def test_a_lost_link_comes_back_with_every_event(pump: FakePump) -> None:
    with opened(pump) as mine:
        soon(pump, lambda: pump.event("programmed"))
        until(lambda: mine.take(10), "programmed")

        def cut() -> None:
            pump.mute = lambda line: " event " in line
            for name in ("started", "paused", "resumed", "stopped", "acked"):
                pump.event(name)
            pump.mute = lambda line: False
            pump.dead_at_us = pump.now_us
            soon(pump, lambda: setattr(pump, "dead_at_us", None))

        soon(pump, cut)
        news = until(lambda: mine.take(10), "acked")
        changes = [item.up for item in news if isinstance(item, LinkChange)]
        names = [item.name for item in news if isinstance(item, Event)]
        assert names == ["started", "paused", "resumed", "stopped", "acked"]
        assert changes[0] is False and mine.client.events_lost == 0
        assert [event.name for event in mine.log()] == ["programmed", *names]


def test_another_pump_on_the_port_is_not_taken_for_this_one(pump: FakePump) -> None:
    with opened(pump) as mine:
        pump.garble = lambda data: data.replace(b"fake,0001", b"fake,0002")
        with pytest.raises(OtherPump):
            mine.client.reconnect(pump)


def test_while_the_link_is_down_requests_say_so(pump: FakePump) -> None:
    mine = opened(pump)
    mine.retry_s = 3600
    pump.dead_at_us = 0
    while mine.link_up:
        mine.take(0.01)
    with pytest.raises(LinkGone, match="trying to reach it again"):
        mine.status()
    with pytest.raises(LinkGone):
        mine.stop()
    mine.close()


def test_a_listener_gets_all_and_may_ask(pump: FakePump) -> None:
    heard: list[str] = []
    done = threading.Event()
    box: list[Pump] = []
    ready = threading.Event()

    def listener(item: News) -> None:
        ready.wait(10)
        if isinstance(item, Event):
            heard.append(item.name)
            heard.append(box[0].status().state)
            if item.name == "paused":
                done.set()
            raise ValueError("a slip of the user's")

    with opened(pump, listener=listener) as mine:
        box.append(mine)
        ready.set()
        soon(pump, lambda: (pump.event("programmed"), pump.event("paused"))[0])
        assert done.wait(10)
    assert heard == ["programmed", "idle", "paused", "idle"]


def test_silence_is_a_lost_link(pump: FakePump) -> None:
    """A pump whose firmware hangs leaves the port open."""
    with Pump(lambda: pump, timeouts=QUICK) as mine:
        pump.deaf = True
        while mine.link_up:
            mine.take(0.01)
        pump.deaf = False
        while not mine.link_up:
            mine.take(0.01)
        assert mine.status().state == "idle"


def test_waiting_has_an_end(pump: FakePump) -> None:
    with opened(pump) as mine, pytest.raises(TimeoutError, match="idle, not complete"):
        mine.wait("complete", timeout_s=0.01)
