"""Prescriptions of several phases, changes and their limits over the serial port; the edges are
counted at the pin."""

from fractions import Fraction

import pytest

from .therapies import TAIL_US, step_nl

BD10 = "14.43"
COMMON = "syringe=bd-10 weight=70kg concentration=1mg/mL"


def steps(volume_ml):
    return int(Fraction(volume_ml) * 10**6 / step_nl(BD10) + Fraction(1, 2))


def programmed(device, *requests):
    """The answer to the last of several requests that make up a plan."""
    for request in requests:
        answer = device.ask(request)
    return answer


def finish(device, seconds):
    device.run_us(int(seconds * 10**6) + TAIL_US)
    return device.ask("status")


@pytest.mark.requirement("DOSE-17", "DEL-01")
@pytest.mark.requirement("DOSE-15")
def test_escalation_with_a_pause_between(device):
    """0.5 mcg/kg in 4 s, nothing for 3 s, 0.75 mcg/kg in 4 s, and a taper to nothing."""
    plan = programmed(
        device,
        f"program {COMMON} dose=0.5mcg/kg over=4s",
        "phase pause=3s",
        "phase dose=0.75mcg/kg over=4s",
        "phase rate=36mL/h to=0mL/h over=5s",
    )
    assert (plan["phases"], plan["volume"], plan["duration"]) == ("4", "0.1125mL", "16.000s")
    assert int(plan["steps"]) == steps("0.1125")
    before = device.step_edges
    device.ask("start plan=" + plan["plan"])
    seen, first = [], None
    for seconds in (2, 4, 3, 4):
        device.run_us(seconds * 10**6)
        status = device.ask("status")
        first = first or status
        seen.append((status["phase"], status["rate"], device.step_edges - before))
    assert [phase for phase, _, _ in seen] == ["1/4", "2/4", "3/4", "4/4"]
    assert [rate for _, rate, _ in seen] == ["31.500mL/h", "0mL/h", "47.250mL/h", "19.800mL/h"]
    took_ms = first.number("t") - device.last_event("started").number("t")
    assert abs(first.number("steps") - steps("0.0175") * took_ms / 2000) <= 8
    assert seen[1][2] == steps("0.035")
    assert finish(device, 3)["state"] == "complete"
    assert device.step_edges - before == int(plan["steps"]) == int(device.ask("status")["steps"])


@pytest.mark.requirement("DOSE-17", "DEL-01", "DEL-05")
def test_a_change_applies_when_confirmed_and_the_total_stays(device):
    plan = device.ask("program syringe=bd-10 rate=30mL/h over=10s")
    before = device.step_edges
    device.ask("start plan=" + plan["plan"])
    device.run_us(4_000_000)
    offer = device.ask("change rate=60mL/h")
    assert (offer["rate"], offer["phases"], offer["steps"]) == ("60.000mL/h", "2", plan["steps"])
    assert device.ask("status")["rate"] == "30.000mL/h"
    device.refused("start plan=00000000", "wrong-plan", "plan")
    assert device.ask("start plan=" + offer["plan"])["state"] == "infusing"
    status = device.ask("status")
    assert (status["rate"], status["plan"], status["phase"]) == (
        "60.000mL/h",
        offer["plan"],
        "2/2",
    )
    assert finish(device, 3.2)["state"] == "complete"
    assert device.step_edges - before == int(plan["steps"])


@pytest.mark.requirement("COM-02")
def test_the_start_of_a_bolus_or_a_change_tells_the_lease_that_holds(device):
    plan = device.ask("program syringe=bd-10 rate=30mL/h over=30s")
    device.ask("start plan=%s lease=20s on-loss=finish" % plan["plan"])
    device.run_us(1_000_000)
    for offer in ("change rate=40mL/h", "bolus volume=0.01mL over=2s"):
        answer = device.ask("start plan=" + device.ask(offer)["plan"])
        assert (answer["lease"], answer["on-loss"]) == ("20s", "finish")
    assert device.ask("status")["lease"] == "20s"


@pytest.mark.requirement("DOSE-07")
@pytest.mark.requirement("DOSE-08")
def test_a_soft_limit_wants_a_reason_which_is_shown_and_logged(device):
    request = f"program {COMMON} dose=1mcg/kg over=1s"
    device.ask(request)
    over = f"program {COMMON} dose=1.2mcg/kg over=1s"
    device.refused(over, "soft-limit", "rate")
    device.refused(request + " override=because", "needless", "override")
    plan = device.ask(over + ' override="bench test"')
    assert plan["override"] == "rate"
    device.ask("start plan=" + plan["plan"])
    assert device.ask("status")["override"] == "rate"
    finish(device, 1)
    assert device.ask("status")["override"] == "rate"
    device.ask("clear")
    assert device.ask("status").get("override") == ""


@pytest.mark.requirement("DOSE-11")
def test_a_tenfold_rate_is_confirmed_apart(device):
    plan = device.ask("program syringe=bd-10 rate=30mL/h over=2s")
    device.ask("start plan=" + plan["plan"])
    finish(device, 2)
    plan = device.ask("program syringe=bd-10 rate=300mL/h over=2s")
    assert plan["tenfold"] == "30.000mL/h"
    before = device.step_edges
    device.refused("start plan=" + plan["plan"], "tenfold", "rate")
    device.run_us(1_000_000)
    assert device.step_edges == before
    device.ask("start plan=%s tenfold=yes" % plan["plan"])
    finish(device, 2)
    assert device.step_edges - before == int(plan["steps"])
    near = device.ask("program syringe=bd-10 rate=30.1mL/h over=2s")
    assert near.get("tenfold") == ""
    device.refused("start plan=%s tenfold=yes" % near["plan"], "needless", "tenfold")


@pytest.mark.requirement("DOSE-21")
def test_boluses_are_locked_out_and_limited_by_the_hour(device):
    plan = device.ask("program syringe=bd-10 rate=6mL/h over=10min lockout=1min hourly=0.03mL")
    device.ask("start plan=" + plan["plan"])
    device.run_us(1_000_000)
    bolus = device.ask("bolus volume=0.02mL over=2s")
    device.ask("start plan=" + bolus["plan"])
    device.run_us(2_200_000)
    device.refused("bolus volume=0.01mL over=2s", "lockout", "bolus")
    device.run_us(61_000_000)
    device.refused("bolus volume=0.0101mL over=2s", "hourly-limit", "volume")
    assert device.ask("bolus volume=0.01mL over=2s")["volume"] == "0.010mL"
