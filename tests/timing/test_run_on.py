"""The CPU stops dead: how far does the motor go on?

``Bench.freeze`` holds the firmware at an instant of the test's choice, in the midst of whatever it
does, with interrupts off, while PIO goes on. What is then in the queue and in progress must run
out within the bound that lease.py promises: (depth + 1) leases of motion, one step at low rates.
"""

import random
from fractions import Fraction

import pytest

from pump.core.lease import RUN_ON_NL, RUN_ON_US
from tests.device.therapies import step_nl
from tests.timing.frozen import RATES, freeze_after, judge
from tests.timing.run_on_table import bound_steps

SEED = 1809
FREEZES = 25


@pytest.mark.requirement("DEL-17")
@pytest.mark.parametrize("syringe, bore, rate", RATES)
def test_frozen_at_any_instant(syringe, bore, rate):
    nl_per_h = int(float(rate) * 10**6)
    chosen = random.Random(SEED + nl_per_h)
    three_steps_us = int(3 * step_nl(bore) * 3600 * 10**6 / nl_per_h)
    most = 0
    for _ in range(FREEZES):
        after_us = chosen.randrange(1, max(2_000_000, three_steps_us))
        pump, before = freeze_after(syringe, rate, after_us)
        most = max(most, judge(pump, before, step_nl(bore), nl_per_h))
        pump.close()
    # The bound is not idle. (At the highest rates the residue keeps words well below MAX_COUNT.)
    bound = bound_steps(Fraction(nl_per_h, 3600), step_nl(bore))
    assert most >= max(1, min(bound, 600) // 2)


@pytest.mark.requirement("DEL-17")
@pytest.mark.parametrize("rate", ["0.1", "1200"])
def test_frozen_in_the_start(rate):
    """While the request is read, the queue filled, the fuse armed, the generator started."""
    for command_us in (2_000, 5_000, 8_000, 9_000, 9_500, 10_000, 10_500, 11_000, 12_000):
        pump, before = freeze_after("bd-60", rate, 0, command_us)
        judge(pump, before, step_nl("26.59"), int(float(rate) * 10**6))
        pump.close()


def test_at_the_lowest_rates_it_is_one_step():
    assert bound_steps(Fraction(100_000, 3600), step_nl("26.59")) == 1
    assert bound_steps(Fraction(10_000, 3600), step_nl("4.699")) == 2


@pytest.mark.requirement("STOP-04")
def test_a_frozen_cpu_is_silent_and_deaf():
    pump, _ = freeze_after("bd-60", "52.5", 300_000)
    pump.send("status")
    pump.world.at(pump.world.now, pump.bench.press)
    assert pump.run_us(1_000_000) == b""
    assert pump.level(pump.board.ENABLE) == 0, "no handler runs; PIO alone has stopped it"
    assert pump.level(pump.board.ALLOW) == 0
    pump.close()


@pytest.mark.requirement("PWR-03")
def test_only_the_watchdog_ends_the_freeze():
    pump, _ = freeze_after("bd-60", "52.5", 300_000)
    assert pump.run_us(1_000_000) == b"", "nobody feeds it, and nobody speaks"
    said = pump.run_us(3_000_000)
    assert b"name=boot reset=watchdog" in said and b"state=stopped" in said
    assert pump.level(pump.board.ENABLE) == 1 and pump.level(pump.board.ALLOW) == 0
    pump.close()


def test_this_test_can_fail(monkeypatch):
    """With leases forty times as long the bound breaks."""
    from boards.sim.loader import IsolatingLoader

    load = IsolatingLoader._load

    def longer(self, name):
        module = load(self, name)
        if name == "pump.core.lease":
            module.RUN_ON_NL, module.RUN_ON_US = 40 * RUN_ON_NL, 40 * RUN_ON_US
        return module

    monkeypatch.setattr(IsolatingLoader, "_load", longer)
    pump, before = freeze_after("bd-60", "1200", 700_000)
    with pytest.raises(AssertionError):
        judge(pump, before, step_nl("26.59"), 1_200_000_000)
    pump.close()
