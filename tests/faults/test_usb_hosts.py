"""Hosts that are absent, do not read, or vanish in mid-sentence: the steps do not show it."""

import pytest

from tests.faults.rig import Prepared, motor_off, relative
from tests.timing.drive import Driven

THERAPY = "weight=70kg dose=0.0125mg/kg over=60s concentration=1mg/mL syringe=bd-60"
LENGTH_US = 62_000_000
EARLY_US = 2_000_000
DOWN_CYCLES = 3 * 125_000_000


def close(usb) -> None:
    usb.close_port()


def pull(usb) -> None:
    usb.pull_cable()


def absent(usb) -> None:
    usb.connected = False


def stop_reading(usb) -> None:
    usb.reading = False


def flap(usb) -> None:
    """Pulled and put back; nobody opens the port."""
    usb.pull_cable()
    usb._world.at(usb._world.now + DOWN_CYCLES, usb.plug_cable)


def run(trouble, seed: int) -> Driven:
    """A whole infusion with telemetry every 20 ms, ``trouble(usb)`` after two seconds."""
    pump = Driven(seed)
    pump.ask("telemetry every=20ms")
    pump.ask(pump.program(THERAPY))
    pump.run_us(EARLY_US)
    if trouble:
        assert pump.level(pump.board.ALLOW) == 1
        pump.world.at(pump.world.now + 123_456, lambda: trouble(pump.bench.usb))
        for _ in range(40):
            pump.run_us(1_000_000)
            assert (pump.level(pump.board.ALLOW), pump.level(pump.board.ENABLE)) == (1, 0)
    pump.run_us(LENGTH_US - EARLY_US)
    return pump


@pytest.fixture(scope="module")
def undisturbed() -> list:
    pump = run(None, 0)
    pump.close()
    assert b"name=complete" in pump.sent
    return relative(pump.rises())


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("trouble", [close, pull, absent, stop_reading, flap])
def test_the_steps_do_not_show_the_host(undisturbed, trouble, seed):
    pump = run(trouble, seed)
    assert relative(pump.rises()) == undisturbed, seed
    assert pump.bench.pump().controller.state == "complete", seed
    assert motor_off(pump)
    pump.bench.usb.reading = True
    pump.bench.usb.open_port()
    pump.run_us(3_000_000)  # longer than a back-off
    assert "state=complete" in pump.ask("status")
    pump.close()


def test_the_stop_button_works_while_a_write_waits_for_a_cable_that_is_gone(undisturbed):
    pump = Driven()
    pump.ask("telemetry every=20ms")
    pump.ask(pump.program(THERAPY))
    pump.run_us(EARLY_US)
    pump.bench.usb.pull_cable()
    pump.run_us(200_000)
    pressed = pump.world.now
    pump.bench.press()
    pump.run_us(EARLY_US)
    assert pump.last_rise() <= pressed + 10
    assert motor_off(pump)
    pump.close()


def test_a_pump_without_any_host_boots_and_is_there_later():
    pump = Prepared(lambda bench: setattr(bench.usb, "connected", False))
    pump.run_us(30_000_000)
    assert pump.sent == b""
    pump.bench.usb.open_port()
    assert "state=" in pump.ask("status")
    pump.close()
