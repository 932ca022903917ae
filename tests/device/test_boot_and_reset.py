"""From power to ready, a fast whole job, and a CPU that dies: what an emulated chip and a board
are asked beyond the rest of the suite, and every other target too."""

import pytest

from .therapies import steps_of

READY_MS = 2000
# 252 117 steps in 40 min are 105 a second; this makes 6115 in 1.2 s.
FAST = "volume=0.25mL rate=735mL/h syringe=bd-10"
FAST_STEPS = steps_of("0.25", "14.43")
FAST_US = 1_500_000
SLOW = "rate=52.5mL/h over=40min syringe=bd-60"
RUN_ON_STEPS = 180  # TIMING.md, When the CPU dies
JOURNAL_STEPS = 116  # 1.1 s of flow
BITE_US = 2_600_000  # the watchdog's two seconds, and the lease before it
BOOT_US = 3_000_000


@pytest.mark.requirement("PWR-01")
def test_ready_within_two_seconds_of_power(device):
    (boot,) = [event for event in device.events if event["name"] == "boot"]
    assert boot["reset"] == "power-on"
    assert boot.number("t") <= READY_MS
    assert device.state == "idle"


@pytest.mark.requirement("DEL-01")
def test_a_fast_job_ends_at_the_exact_step(device):
    plan = device.infuse(FAST)
    assert plan.number("steps") == FAST_STEPS
    device.run_us(FAST_US)
    assert device.last_event("complete").number("steps") == FAST_STEPS == device.step_edges
    assert device.moves_in(500_000) == 0
    assert "exception" not in device.names()


@pytest.mark.requirement("PWR-03", "STOP-15", "STOP-16", "DEL-17")
def test_a_cpu_that_dies_ends_in_a_stopped_pump(device):
    device.infuse(SLOW)
    device.run_us(1_200_000)
    before = device.step_edges
    device.freeze()
    device.run_us(BITE_US)
    assert device.step_edges - before <= RUN_ON_STEPS
    edges = device.step_edges
    device.run_us(BOOT_US)
    assert device.last_event("boot")["reset"] == "watchdog"
    status = device.status()
    assert (status["state"], status["cause"]) == ("stopped", "reset")
    assert before - JOURNAL_STEPS <= status.number("steps") <= edges
    assert device.moves_in(1_000_000) == 0
    device.ask("ack")
    assert device.state == "idle"
