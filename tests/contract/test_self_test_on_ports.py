"""The power-on self-test against every port: it passes, in time, and the motor gets no current."""

import pytest

from pump import hal as contract
from pump.app.library import Library
from pump.app.post import self_test
from pump.app.settings import Settings
from pump.core.mechanics import Mechanics
from tests.contract.asking import MS, need


class Board:
    """What the self-test asks of a board file."""

    MECHANICS = Mechanics()


@pytest.mark.requirement("PWR-01")
def test_a_port_passes_the_self_test(jig, hal):
    need(hal, contract.COUNTER)
    begun = jig.now_ns()
    found = self_test(hal, Board, Settings(hal.store), Library(hal.store))
    assert found.failures == []
    assert jig.now_ns() - begun <= 500 * MS
    assert not jig.driver_is_on()
    assert len(jig.rises_ns()) == Board.MECHANICS.steps_per_cycle
    jig.run_ns(100 * MS)
    assert len(jig.rises_ns()) == Board.MECHANICS.steps_per_cycle
    assert not hal.stop.opened()


def test_with_the_loop_open_a_port_makes_no_step(jig, hal):
    jig.press()
    jig.run_ns(MS)
    found = self_test(hal, Board, Settings(hal.store), Library(hal.store))
    assert found.failures == [] and ("steps", "untested") in found.notes
    assert jig.rises_ns() == []
