"""What core and app rely on, asked of every port: the whole, clock, driver, step generator.

Written against ``pump/hal.py`` alone; ``asking`` says how a port takes part.
"""

from fractions import Fraction
from inspect import signature

import pytest

from pump import hal as contract
from tests.contract.asking import (
    MS,
    PULSE_LEAST_NS,
    US,
    S,
    allow,
    as_due,
    border_ns,
    fast,
    gaps,
    run_words,
    ticks_ns,
    timed,
)

# ---- the whole ----------------------------------------------------------------------------------


def test_version_and_capabilities(hal):
    known = {contract.HARD_STOP, contract.LEASE, contract.FUSE, contract.COUNTER}
    known.add(contract.FLOW_CONTROL)
    assert hal.version == contract.HAL_VERSION
    assert set(hal.capabilities) <= known
    generator = hal.generator
    assert generator.depth >= 1 and generator.max_count >= 1
    assert 0 < generator.min_step_ticks < generator.max_ticks
    assert 0 < generator.min_wait_ticks < generator.max_ticks
    assert int(hal.serial_number(), 16) >= 0
    assert hal.reset_cause() == "power-on"


KINDS = {
    "clock": contract.Clock,
    "generator": contract.StepGenerator,
    "fuse": contract.DoseFuse,
    "counter": contract.StepCounter,
    "stop": contract.StopInput,
    "driver": contract.Driver,
    "link": contract.SerialLink,
    "store": contract.Store,
    "watchdog": contract.Watchdog,
    "hot": contract.Hot,
    "indicators": contract.Indicators,
    "travel": contract.Travel,
    "force": contract.Force,
    "supply": contract.Supply,
    "display": contract.Display,
}


def test_every_method_of_the_contract_is_filled_in(hal):
    """Ports derive from nothing, so that the contract need not be on the device."""
    lacking = []
    parts = {"": (contract.Hal, hal)}
    parts |= {name: (kind, getattr(hal, name)) for name, kind in KINDS.items()}
    for name, (kind, part) in parts.items():
        for method, asked in vars(kind).items():
            if part is not None and not method.startswith("_"):
                found = getattr(part, method, "lacking")
                if callable(asked) and list(signature(asked).parameters)[1:] != list(
                    signature(found).parameters
                ):
                    found = "lacking"
                if found == "lacking":
                    lacking.append((name, method))
    assert lacking == []


# ---- clock --------------------------------------------------------------------------------------


@pytest.mark.requirement("PWR-07")
def test_clock_counts_microseconds_across_the_wrap_of_the_chips_ticks(jig, hal):
    """Read every 7 minutes, for three wraps of 2^30 us."""
    start_us, start_ns = hal.clock.now_us(), jig.now_ns()
    last_us = start_us
    for _ in range(8):
        jig.run_ns(7 * 60 * S + 12_345)
        now_us = hal.clock.now_us()
        assert now_us > last_us
        last_us = now_us
        assert abs((now_us - start_us) - (jig.now_ns() - start_ns) // US) <= 50
    assert last_us - start_us > 3 * 2**30


def test_clock_never_goes_back(hal):
    reads = [hal.clock.now_us() for _ in range(300)]
    assert reads == sorted(reads)


# ---- driver -------------------------------------------------------------------------------------


def test_driver_is_off_after_boot_and_obeys(jig, hal):
    assert not jig.driver_is_on()
    hal.driver.enable(True)
    assert jig.driver_is_on()
    hal.driver.enable(False)
    assert not jig.driver_is_on()


def test_nothing_moves_after_boot(jig, hal):
    jig.run_ns(2 * S)
    assert jig.rises_ns() == [] and jig.step_level() == 0
    assert not hal.fuse.allows()
    if hal.counter:
        assert hal.counter.steps() == 0


# ---- step generator -----------------------------------------------------------------------------


@pytest.mark.requirement("DEL-02")
@pytest.mark.parametrize("more", [0, 1, 777, 12_345])
def test_interval_is_exact_inside_and_across_words(jig, hal, more):
    ticks = hal.generator.min_step_ticks + more
    most = min(5, hal.generator.max_count)
    rises = run_words(jig, [(most, ticks), (1, ticks), (2, ticks), (1, ticks)])
    assert gaps(rises) == [ticks_ns(hal, ticks)] * (most + 3)


def test_each_interval_is_that_of_its_own_word(jig, hal):
    base = hal.generator.min_step_ticks
    words = [(1, base + 50), (1, base), (1, base + 1), (2, base + 9), (1, base + 5000)]
    rises = run_words(jig, words)
    wanted = [base, base + 1, base + 9, base + 9, base + 5000]
    assert gaps(rises) == [ticks_ns(hal, ticks) for ticks in wanted]


@pytest.mark.requirement("DEL-02")
@pytest.mark.parametrize("more", [0, 1, 500, 99_000])
def test_a_wait_word_adds_exactly_its_time(jig, hal, more):
    step, wait = fast(hal), hal.generator.min_wait_ticks + more
    words = [(1, step), (0, wait), (0, wait), (1, step), (1, step)]
    rises = run_words(jig, words, int(2 * ticks_ns(hal, wait)) + 10 * MS)
    assert gaps(rises) == [ticks_ns(hal, step + 2 * wait), ticks_ns(hal, step)]


def test_the_longest_interval_and_count(jig, hal):
    generator = hal.generator
    step = fast(hal)
    rises = run_words(jig, [(generator.max_count, step)], 2 * generator.max_count * 125 * US)
    assert len(rises) == generator.max_count
    assert as_due(hal, rises, [step] * (generator.max_count - 1))
    longest = ticks_ns(hal, generator.max_ticks)
    rises = run_words(
        jig, [(1, step), (0, generator.max_ticks), (1, generator.max_ticks)], int(2.1 * longest)
    )
    assert as_due(hal, rises, [2 * generator.max_ticks])


def test_the_origin_is_the_call_of_run(jig, hal):
    """The first step of a word comes one interval after ``run``, give or take the call."""
    ticks = hal.generator.min_step_ticks + 1_000_000
    hal.generator.arm()
    allow(hal)
    hal.generator.put(1, ticks)
    before = jig.now_ns()
    hal.generator.run()
    after = jig.now_ns()
    jig.run_ns(int(ticks_ns(hal, ticks)) + 10 * MS)
    (rise,) = jig.rises_ns()
    assert before <= rise - ticks_ns(hal, ticks) <= after + US + border_ns(hal)


def test_pulses_are_long_enough(jig, hal):
    rises = run_words(jig, [(min(9, hal.generator.max_count), hal.generator.min_step_ticks)])
    widths = [fall - rise for rise, fall in zip(rises, jig.falls_ns(), strict=True)]
    assert min(widths) >= PULSE_LEAST_NS


def test_room_counts_down_and_a_full_queue_raises(jig, hal):
    generator = hal.generator
    generator.arm()
    for queued in range(generator.depth):
        assert generator.room() == generator.depth - queued
        generator.put(1, fast(hal))
    assert generator.room() == 0
    with pytest.raises(OverflowError):
        timed(jig, lambda: generator.put(1, fast(hal)))
    assert generator.room() == 0
    allow(hal)
    generator.run()
    jig.run_ns(50 * MS)
    assert generator.room() == generator.depth
    assert len(jig.rises_ns()) == generator.depth, "the refused word is not made"


def test_put_does_not_block_on_a_generator_stopped_by_the_loop(jig, hal):
    generator = hal.generator
    generator.arm()
    allow(hal)
    generator.put(1, fast(hal))
    generator.run()
    jig.press()
    jig.run_ns(MS)
    with pytest.raises(OverflowError):
        for _ in range(2 * generator.depth + 2):
            timed(jig, lambda: generator.put(1, fast(hal)))
    timed(jig, generator.starved)
    timed(jig, generator.halt)
    assert generator.room() == generator.depth


def test_put_does_not_block_on_a_generator_that_the_fuse_holds(jig, hal):
    hal.generator.arm()
    hal.fuse.arm(2)
    hal.generator.put(5, fast(hal))
    hal.generator.run()
    jig.run_ns(5 * MS)
    with pytest.raises(OverflowError):
        for _ in range(2 * hal.generator.depth + 2):
            timed(jig, lambda: hal.generator.put(1, fast(hal)))
    assert len(jig.rises_ns()) == 2


@pytest.mark.requirement("DEL-04")
@pytest.mark.parametrize("end", ["arm", "halt"])
@pytest.mark.parametrize("after_us", [0, 100, 1_111])
def test_nothing_stale_is_made_after_a_restart(jig, hal, end, after_us):
    generator = hal.generator
    generator.arm()
    allow(hal)
    while generator.room():
        generator.put(min(9, generator.max_count), fast(hal))
    generator.run()
    jig.run_ns(after_us * US + 200 * US)
    getattr(generator, end)()
    assert generator.room() == generator.depth and jig.step_level() == 0
    made = len(jig.rises_ns())
    jig.run_ns(20 * MS)
    assert len(jig.rises_ns()) == made
    assert len(run_words(jig, [])) == 0
    assert len(run_words(jig, [(2, fast(hal))])) == 2


@pytest.mark.requirement("DEL-06")
def test_halt_completes_a_pulse_in_progress(jig, hal):
    """At 60 instants over a step: every pulse is whole and every pulse is counted."""
    ticks = hal.generator.min_step_ticks
    span = int(ticks_ns(hal, ticks))
    for k in range(60):
        hal.generator.arm()
        allow(hal)
        hal.generator.put(min(100, hal.generator.max_count), ticks)
        hal.generator.run()
        jig.run_ns(5 * span + span * k // 60)
        hal.generator.halt()
        jig.run_ns(50 * US)
        assert jig.step_level() == 0
    widths = [fall - rise for rise, fall in zip(jig.rises_ns(), jig.falls_ns(), strict=True)]
    assert min(widths) >= PULSE_LEAST_NS
    if hal.counter:
        assert hal.counter.steps() == len(widths)


@pytest.mark.requirement("DEL-18")
def test_starved_tells_a_queue_run_dry_and_nothing_else(jig, hal):
    generator = hal.generator
    generator.arm()
    jig.run_ns(MS)
    allow(hal)
    generator.put(1, fast(hal))
    generator.put(0, int(10 * MS / Fraction(*generator.tick_ns)))
    generator.run()
    jig.run_ns(5 * MS)
    assert not generator.starved()
    jig.run_ns(10 * MS)
    assert generator.starved()
    generator.put(1, fast(hal))
    jig.run_ns(MS)
    assert generator.starved(), "it has been so since run"
    assert len(run_words(jig, [(1, fast(hal)), (0, generator.max_ticks)], MS)) == 1
    assert not generator.starved()
