"""The stop input against every cycle of a step: what the silicon does without the CPU.

The rig is the firmware's three PIO programs and nothing else: there is no CPU in it that could
help. The claim, for a stop edge at cycle s (TIMING.md has the sums):

    no rising STEP edge after   s + 2 (input synchroniser) + 3 (state machine cycles)
    ALLOW low by                s + 2 + 6
    a pulse in progress         is completed: 258 cycles, as all are
    latched                     the loop closes again, words come: nothing moves
"""

import pytest

from tests.timing.drive import Driven
from tests.timing.rigs import (
    AFTER,
    MACHINE,
    PULSE,
    SYNCHRONISER,
    WARM_UP,
    edges_of,
    interval,
    judge,
    stopped,
    word,
)
from tests.unit.pio_programs import PumpRig, expand


@pytest.mark.requirement("STOP-01", "STOP-02")
@pytest.mark.parametrize("passes", [0, 1, 7, 40])
def test_every_cycle_of_a_step_with_the_queue_full(passes):
    """The sweep meets every phase of pulse and gap, and the bound is met, not just kept."""
    latest = [
        judge(stopped([word(3, passes)] * 8, stop), stop)
        for stop in range(WARM_UP, WARM_UP + interval(passes))
    ]
    # An edge may come after the stop only where the last look at the input has just been taken.
    # The loop looks at it every second cycle, so of the last cycles before an edge only some do.
    late = [cycles for cycles in latest if cycles > 0]
    assert 0 < len(late) <= SYNCHRONISER + MACHINE
    assert SYNCHRONISER + MACHINE - 1 <= max(late) <= SYNCHRONISER + MACHINE


@pytest.mark.parametrize("passes", [0, 7])
def test_the_short_cut_of_the_simulation_changes_nothing(passes):
    for stop in range(WARM_UP, WARM_UP + interval(passes), 5):
        rigs = [stopped([word(3, passes)] * 8, stop, shortcut) for shortcut in (False, True)]
        assert judge(rigs[0], stop) == judge(rigs[1], stop)
        assert expand(rigs[0].edges) == expand(rigs[1].edges)


@pytest.mark.requirement("STOP-01", "STOP-02")
def test_every_cycle_across_words_and_waits():
    """One step a word, waits between: the fetch, the rest loop and the hand-over are all swept."""
    words = [word(1, 2), word(0, 9), word(1, 0), word(0, 0)] * 2
    for stop in range(300, 300 + 2 * interval(2) + 50):
        judge(stopped(words, stop), stop)


@pytest.mark.requirement("STOP-01", "STOP-02")
def test_every_cycle_around_starvation():
    """The queue runs dry in mid-sweep: after the last pulse, in ``pull``, and then words come."""
    words = [word(2, 3)]
    starved_from = 2 * interval(3) + PULSE
    for stop in range(starved_from - 300, starved_from + 100):
        judge(stopped(words, stop), stop)


@pytest.mark.requirement("STOP-01", "STOP-05")
@pytest.mark.parametrize("open_cycles", [4, AFTER])
def test_the_generator_alone_stops_too(open_cycles):
    """ALLOW held high by the bench, so no fuse helps: an opening of 4 cycles in either of the
    wait loops, at any cycle, is a stop for good."""
    words = [word(1, 50), word(0, 300), word(1, 50)]
    first = 4 + 2 + 2 * 50  # about where the first step rises
    rest = first + PULSE + 10
    for stop in [*range(20, first - 10), *range(rest, rest + 590), *range(rest + 612, rest + 690)]:
        rig = PumpRig(None, True)
        for each in words:
            rig.generator.put(each)
        rig.pio.run(stop)
        rig.pads.drive(rig.STOP, 1)
        rig.pio.run(stop + open_cycles)
        rig.pads.drive(rig.STOP, 0)
        rig.pio.run(stop + 2 * AFTER)
        rises = edges_of(rig, rig.STEP, 1)
        assert max(rises, default=0) <= stop + SYNCHRONISER + MACHINE, stop
        assert len(rises) == (stop > first), stop


@pytest.mark.requirement("STOP-01", "STOP-02")
def test_before_start():
    """The loop opens before the generator is started, at any offset from it, queue full."""
    start = 400
    for stop in range(start - 120, start + 300):
        rig = stopped([word(3, 0)] * 8, stop, start=start)
        judge(rig, stop)
        if stop < start:
            assert rig.count() == 0


@pytest.mark.requirement("STOP-01")
def test_before_the_fuse_is_armed():
    """ALLOW never rises while the loop is open, and the generator waits for it."""
    rig = PumpRig(50, True)
    rig.pads.drive(rig.STOP, 1)
    for _ in range(8):
        rig.generator.put(word(3, 0))
    rig.pio.run(5000)
    rig.pads.drive(rig.STOP, 0)
    rig.pio.run(10_000)
    assert rig.edges == [] and rig.count() == 0


@pytest.mark.requirement("STOP-01", "STOP-02")
@pytest.mark.parametrize("passes", [5_000, 59_375, 300_000])
def test_sampled_offsets_of_longer_steps(passes):
    """Around both edges of the pulse and spread over the gap: 12 kHz (5 000 passes) to 200 Hz."""
    rise = 2 * interval(passes) + 7  # close to the second rising edge
    spread = [rise + interval(passes) * k // 23 for k in range(1, 23)]
    for stop in [
        *range(rise - 12, rise + 12),
        *range(rise + PULSE - 6, rise + PULSE + 6),
        *spread,
    ]:
        judge(stopped([word(9, passes)] * 8, stop), stop, 2 * interval(passes))


@pytest.mark.requirement("STOP-01", "STOP-02", "STOP-04")
@pytest.mark.parametrize("after_us", [0, 3, 211, 5_003, 33_333, 900_001])
@pytest.mark.parametrize("rate", ["52.5mL/h", "1200mL/h"])
def test_with_the_cpu_frozen(rate, after_us):
    """The firmware hangs in mid-infusion; ``after_us`` later the loop opens."""
    pump = Driven()
    pump.ask(pump.program("rate=%s volume=9mL syringe=bd-60" % rate))
    pump.run_us(500_000)
    pump.bench.freeze()
    pressed = pump.world.now + 125 * after_us + 77
    pump.world.at(pressed, pump.bench.press)
    pump.run_us(3_000_000)
    assert pump.level(pump.board.ALLOW) == 0 == pump.level(pump.board.STEP)
    assert pump.last_rise() <= pressed + SYNCHRONISER + MACHINE
    edges = pump.bench.step_edges
    assert edges > 0
    pump.world.at(pump.world.now, pump.bench.release)
    pump.run_us(3_000_000)
    assert pump.bench.step_edges == edges
    pump.close()


def test_this_test_can_fail():
    """A generator that is not stopped, a late fuse and a broken pulse are all seen."""
    rig = stopped([word(3, 7)] * 8, WARM_UP)
    rig.edges.append((rig.STEP, 1, WARM_UP + 6, 0, 1))
    with pytest.raises(AssertionError):
        judge(rig, WARM_UP)
    rig = PumpRig(None, True)  # no fuse: ALLOW stays high
    rig.pads.drive(rig.STOP, 1)
    with pytest.raises(AssertionError):
        judge(rig, 0)
    rig = stopped([word(3, 7)] * 8, WARM_UP)
    rig.edges.append((rig.STEP, 0, WARM_UP - 100, 0, 1))
    with pytest.raises((AssertionError, ValueError)):
        judge(rig, WARM_UP)
