"""What differs on an RP2350: its clock until it is set, and where the watchdog's registers are."""

import pytest

from boards.sim.chips import Rp2350
from tests.device.targets import Device
from titra.targets import make_target

THERAPY = "weight=70kg dose=0.005mg/kg over=20s concentration=1mg/mL syringe=bd-60"


@pytest.fixture(params=["sim", "unix"])
def device(request):
    target = make_target(request.param, "rpi_pico2")
    yield Device(target)
    target.close()


@pytest.mark.requirement("HW-06")
def test_a_whole_infusion_to_the_step_and_in_time(device):
    assert device.ask("info")["model"] == "rpi_pico2"
    plan = device.infuse(THERAPY)
    device.run_us(20_050_000)
    status = device.status()
    assert status["state"] == "complete" and status["elapsed"] == "20.000s"
    assert device.step_edges == plan.number("steps")


@pytest.mark.requirement("HW-06")
def test_the_button_stops_and_latches(device):
    device.infuse(THERAPY)
    device.run_us(5_000_000)
    device.press()
    edges = device.step_edges
    device.run_us(2_000_000)
    assert device.step_edges == edges and device.state == "stopped"


@pytest.mark.requirement("HW-06", "PWR-03", "PWR-05")
def test_a_frozen_cpu_is_reset_by_the_watchdog_and_knows_what_was_delivered():
    target = make_target("sim", "rpi_pico2")
    device = Device(target)
    bench = target._lockstep.bench
    assert isinstance(bench.chip, Rp2350)
    device.infuse(THERAPY)
    device.run_us(10_600_000)  # between two lines of telemetry
    bench.freeze()
    device.run_us(6_000_000)
    assert bench.boots == 1
    status = device.status()
    assert (status["state"], status["cause"]) == ("stopped", "reset")
    unknown = device.step_edges - status.number("steps")
    assert 0 <= unknown <= 126 * 29 // 10, "1.8 s of run-on and 1.1 s of the journal"
    target.close()


def test_the_clock_is_set_before_it_is_counted_in():
    """Were it not, the tick would be taken for that of 150 MHz."""
    target = make_target("sim", "rpi_pico2")
    device = Device(target)
    device.status()
    assert target._lockstep.bench.pump().hal.generator.tick_ns == (16, 1)
    target.close()
