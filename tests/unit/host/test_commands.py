"""Commands that steer and attend, against the firmware itself in this process."""

from __future__ import annotations

import pytest

from titra.cli import common

from .commands import run, run_json
from .fake_pump import FakePump
from .virtual_bench import VirtualBench


def state() -> str:
    return str(run_json("status")[1]["state"])


def test_pause_and_resume(bench: VirtualBench) -> None:
    bench.infuse()
    assert "paused: the pump is paused" in run("pause").stdout and state() == "paused"
    assert run_json("pause")[1]["error"]["code"] == "not-now"
    assert run_json("resume")[1]["state"] == "infusing" and state() == "infusing"


@pytest.mark.requirement("HOST-14")
def test_a_bolus_is_shown_and_wants_a_yes(bench: VirtualBench) -> None:
    bench.infuse("lease=600s")
    asked = run("bolus", "--volume", "0.1mL", "--over", "10s")
    assert asked.exit_code == 2 and "0.100 mL" in asked.stdout and "--yes" in asked.stderr
    assert state() == "infusing"
    given = run("bolus", "--volume", "0.1mL", "--over", "10s", "--yes")
    assert given.exit_code == 0 and "the pump is bolus" in given.stdout
    assert "lease of 600s" in given.stderr
    assert state() == "bolus"


def test_a_change_goes_on_at_the_new_rate(bench: VirtualBench) -> None:
    bench.infuse()
    offered = run("change", "--rate", "30mL/h")
    assert offered.exit_code == 2 and "30.000 mL/h" in offered.stdout
    assert run_json("status")[1]["rate"] == "105.000mL/h"
    assert run_json("change", "--rate", "30mL/h", "--yes")[0] == 0
    assert run_json("status")[1]["rate"] == "30.000mL/h"


class Changing(FakePump):
    """Offers a change at ten times the rate, and wants that to be meant."""

    def _do_change(self, fields: dict[str, str]) -> str:
        self.asked = fields
        return "plan=0000CAFE state=infusing rate=300.000mL/h tenfold=30.000mL/h"

    def _do_start(self, fields: dict[str, str]) -> str:
        self.started = fields
        return "state=infusing plan=0000CAFE"


@pytest.mark.requirement("HOST-14")
def test_a_tenfold_change_wants_more_than_a_yes(monkeypatch: pytest.MonkeyPatch) -> None:
    pump = Changing()
    monkeypatch.setattr(common, "open_transport", lambda *args: pump)
    args = ("change", "--rate", "300mL/h", "--port", "x", "--yes")
    refused = run(*args)
    assert refused.exit_code == 2 and "300.000 mL/h" in refused.stdout
    assert pump.asked == {"rate": "300mL/h"} and not hasattr(pump, "started")
    assert run(*args, "--tenfold").exit_code == 0
    assert pump.started == {"plan": "0000CAFE", "tenfold": "yes"}


def test_a_prime_is_followed_to_its_end(bench: VirtualBench) -> None:
    args = ("prime", "--volume", "0.05mL", "--syringe", "bd-60")
    exit_code, said = run_json(*args, "--yes")
    assert exit_code == 2 and "--disconnected" in said["error"]["message"]
    assert run_json(*args, "--disconnected")[1]["error"]["code"] == "not-confirmed"
    done = run(*args, "--disconnected", "--yes")
    assert done.exit_code == 0 and "primed" in done.stdout and "steps 360" in done.stdout
    assert bench.pump.step_edges == 360


def test_a_prime_that_the_button_ends(bench: VirtualBench) -> None:
    bench.inner.at_motion_us(2_000_000, bench.inner.press)
    args = ("prime", "--volume", "0.5mL", "--syringe", "bd-60", "--disconnected", "--yes")
    exit_code, said = run_json(*args)
    assert exit_code == 6 and said["cause"] == "disconnect"


def test_ack_and_silence(bench: VirtualBench) -> None:
    bench.infuse()
    bench.press()
    assert state() == "stopped"
    assert run_json("ack")[1]["error"]["code"] == "stop-open"
    bench.release()
    assert "acknowledged: the pump is idle" in run("ack").stdout and state() == "idle"
    assert run_json("silence")[1]["error"]["code"] == "not-now"


def test_settings(bench: VirtualBench) -> None:
    assert run_json("set", "pump-label=bench-7", "supply-warn=4.7V")[0] == 0
    assert run_json("settings")[1]["pump-label"] == "bench-7"
    assert run_json("settings", "supply-warn")[1] == {"supply-warn": "4.7V", "range": "1V..60V"}
    exit_code, said = run_json("set", "supply-warn=99V")
    assert (exit_code, said["error"]["code"]) == (2, "out-of-range")
    assert run_json("set", "nonsense")[1]["error"]["code"] == "usage"
