"""The picture that a link makes of the firmware itself, on simulated silicon in virtual time."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from titra.client import PumpClient
from titra.link import SteeredLink
from titra.pump_state import PumpState
from titra.simulator import InProcessPump
from titra.tui import words

THERAPY = {
    "weight": "70kg",
    "dose": "0.5mg/kg",
    "over": "40min",
    "concentration": "1mg/mL",
    "syringe": "bd-60",
}


class Watch:
    """A steered link on a virtual pump, and its picture."""

    def __init__(self) -> None:
        self.pump = InProcessPump()
        self.bench = self.pump._lockstep.bench
        transport = self.pump.transport
        self.state = PumpState("sim")
        self.clock = transport.clock
        self.link = SteeredLink("sim", lambda: transport, self.state.take, clock=self.clock)
        PumpClient(transport).request("info")  # past the self-test

    def run(self, seconds: float) -> None:
        until_s = self.clock() + seconds
        while self.clock() < until_s:
            self.link.turn()

    def start(self) -> None:
        client = self.link.client
        assert client
        plan = client.request("program", THERAPY).fields["plan"]
        client.request("start", plan=plan, lease="10s")

    @property
    def face(self) -> str:
        return words.face(self.state, self.clock()).word


@pytest.fixture
def watch() -> Iterator[Watch]:
    made = Watch()
    made.run(1)
    made.start()
    made.run(30)
    yield made
    made.link.close()


@pytest.mark.requirement("HOST-06")
def test_an_infusion_as_the_pump_counts_it(watch: Watch) -> None:
    assert watch.face == "INFUSING" and words.lease(watch.state) == "10s"
    figures = dict(words.figures(watch.state))
    assert figures["stop loop"] == "closed" and figures["rate"] == "52.500 mL/h"
    counted, edges = watch.state.steps or 0, watch.pump.step_edges
    assert 0 <= edges - counted <= 120  # what came since the last sample, a second ago at most
    assert [point.volume_ml for point in watch.state.history.points][-1] > 0.4


@pytest.mark.requirement("HOST-06")
def test_the_stop_key_ends_the_steps(watch: Watch) -> None:
    watch.link.stop()
    watch.run(0.3)
    edges = watch.pump.step_edges
    watch.run(10)
    assert watch.pump.step_edges == edges == watch.state.steps
    assert watch.face == "HALTED" and watch.state.stop.phase == "acknowledged"


@pytest.mark.requirement("HOST-06")
def test_the_stop_button_and_what_comes_after_it(watch: Watch) -> None:
    watch.bench.press()
    watch.run(3)
    assert watch.face == "STOPPED" and watch.state.word["stop-loop"] == "open"
    assert [line.cause for line in words.alarm_lines(watch.state)] == ["disconnect"]
    watch.link.order("ack")
    watch.run(1)
    assert watch.state.remark and not watch.state.remark.ok
    watch.bench.release()
    watch.run(1)
    watch.link.order("ack")
    watch.run(3)
    assert watch.face == "IDLE" and watch.state.alarms == () and watch.state.planned is None


@pytest.mark.requirement("HOST-06")
def test_a_monitor_that_has_gone_leaves_the_pump_to_its_lease(watch: Watch) -> None:
    transport = watch.pump.transport
    until_s = transport.clock() + 12
    while transport.clock() < until_s:
        transport.read(1.0)  # nobody writes any more
    watch.run(1)
    assert watch.face == "STOPPED" and watch.state.cause == "host-lost"
