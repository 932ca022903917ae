"""The loop opens for a moment while a start is carried out: no step rises after that.

The dose fuse knows of openings from its arming on, the stop input's latch of those before; the
generator is set going after a look at the latch, so that no instant lies between the two.
"""

import pytest

from tests.faults.rig import motor_off
from tests.timing.drive import CYCLES_PER_US, Driven

FAST = "volume=0.5mL rate=1199mL/h syringe=bd-10"  # from 5 kHz on, 8.1 kHz after two stairs
OPEN_US = 1
HELD_UP_US = 3_000
LONG_US = 100_000


def started(verb: str) -> tuple:
    """A pump to which only the request with which motion begins must still be sent."""
    pump = Driven()
    request = pump.program(FAST)
    if verb == "resume":
        pump.ask(request)
        pump.ask("pause")
        request = "resume"
    pump.run_us(LONG_US)
    return pump, request


def opened_for_a_moment(pump: Driven, request: str, after_us: int) -> int:
    """Send ``request``, with the loop open for OPEN_US from ``after_us`` after motion begins to be
    set up, and a CPU that is held up once motion has begun; the cycle of the opening."""
    bench, world = pump.bench, pump.world
    controller = bench.pump().controller
    motion, guard = controller.run.motion, controller.guard
    begin, watch = motion.begin, guard.begin
    opened: list = []

    def begin_then_open() -> object:
        opened.append(world.now + after_us * CYCLES_PER_US)
        world.at(opened[0], bench.press)
        world.at(opened[0] + OPEN_US * CYCLES_PER_US, bench.release)
        return begin()

    def watch_late(*what: object) -> None:
        world.stall_us(HELD_UP_US)
        watch(*what)

    motion.begin, guard.begin = begin_then_open, watch_late
    pump.send(request)
    pump.run_us(LONG_US)
    return opened[0]


@pytest.mark.requirement("STOP-02", "STOP-05", "STOP-08")
@pytest.mark.parametrize("verb", ["start", "resume"])
@pytest.mark.parametrize("after_us", [0, 3, 10, 30, 60, 100, 200, 400, 1000])
def test_no_step_after_an_opening_within_the_start(verb: str, after_us: int) -> None:
    pump, request = started(verb)
    before = pump.bench.step_edges
    opened = opened_for_a_moment(pump, request, after_us)
    late = [cycle for cycle in pump.rises()[before:] if cycle > opened + 5]
    assert late == []
    assert motor_off(pump)
    assert pump.bench.pump().controller.state == "stopped"
    pump.close()
