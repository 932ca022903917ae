"""The timing claims of firmware/TIMING.md on an emulated RP2040 that runs real MicroPython: stop,
run-on, fuse, even steps, and 5 kHz under load. ``tests/timing`` proves the same on simulated
silicon, more widely; here it is seen at the pins of a chip that knows nothing of that simulation.

The rig has no input synchroniser; its two cycles are added to each bound where a claim holds it.
"""

import re
from fractions import Fraction
from itertools import pairwise
from math import floor

import pytest

from pump.core.lease import RUN_ON_NL, RUN_ON_US
from tests.device.therapies import step_nl
from tests.emulator import chip
from tests.timing.run_on_table import bound_steps

STEP, ENABLE, ALLOW = 2, 4, 5
CYCLE_NS = 8
TICK_NS = 16
BOUND_NS = 160
PULSE = 258
STOP_CYCLES = 3  # and two of the synchroniser
ALLOW_CYCLES = 6  # and two
DEPTH = 8
FAST = ("bd-10", "14.43", "735", "0.0247")  # 4994 steps/s for 121 ms
FROZEN = [("bd-60", "26.59", "1200", "0.1"), ("bd-10", "14.43", "700", "0.06")]
INSTANTS_MS = [-1.5, 3.1, 8.3, 21.7, 37.03, 48.9]


def program(syringe: str, rate: str, volume: str) -> str:
    return f"volume={volume}mL rate={rate}mL/h syringe={syringe}"


@pytest.fixture(scope="module")
def motion(tmp_path_factory) -> list:
    """One boot of the firmware: the fast plan under load, and the plans with the CPU frozen."""
    if reason := chip.missing():
        pytest.skip(reason)
    folder = tmp_path_factory.mktemp("motion") / "files"
    chip.make_files(folder, chip.SHORT_PLANS, chip.COLLECTING_LOOP)
    cases = [program(FAST[0], FAST[2], FAST[3])]
    halts = ",".join(map(str, INSTANTS_MS))
    cases += [f"{program(name, rate, volume)};{halts}" for name, _, rate, volume in FROZEN]
    return chip.run("timing_runs.py", folder, "motion", *cases)


@pytest.fixture
def files(tmp_path):
    """Makes the device's files, if there is a chip to run them on."""
    if reason := chip.missing():
        pytest.skip(reason)
    return lambda *how: chip.make_files(tmp_path / "files", *how)


def judge_stop(edges: list) -> int:
    """A stop at cycle 0, the loop closed again later and the queue refilled: hardware stopped in
    time, for good, with whole pulses. Returns the cycle of the last rising edge."""
    rises = [t for t, pin, level in edges if pin == STEP and level]
    falls = [t for t, pin, level in edges if pin == STEP and not level]
    drops = [t for t, pin, level in edges if pin == ALLOW and not level]
    latest = max(rises, default=-1)
    assert latest <= STOP_CYCLES, edges
    assert len(drops) == 1 and 0 < drops[0] <= ALLOW_CYCLES, edges
    assert all(fall - rise == PULSE for rise, fall in zip(rises, falls[-len(rises) :])), edges
    assert len(falls) - len(rises) in (0, 1), "a pulse begun before the watch ends in it"
    assert max(falls, default=0) <= latest + PULSE or not rises, edges
    return latest


def judge_sweep(sweep: list) -> None:
    """All stops of a sweep are good, and some came too late to prevent an edge: so it was swept
    over the one place where an edge can still follow."""
    assert max([judge_stop(edges) for edges in sweep]) > 0


@pytest.mark.parametrize("cpu", ["alive", "frozen"])
def test_stop_at_every_cycle_of_a_step(files, cpu) -> None:
    sweep = chip.run("timing_runs.py", files(chip.FAST_BOARD, ""), "stop-full", cpu)
    assert len(sweep) == 280
    judge_sweep(sweep)


def test_stop_at_every_cycle_of_waits_and_starvation(files) -> None:
    seen = chip.run("timing_runs.py", files(chip.FAST_BOARD, ""), "stop-waits")
    judge_sweep(seen["edges"])
    starved = [edges for edges in seen["edges"][-50:]]
    assert not any([pin == STEP for edges in starved for t, pin, _ in edges if t > 0])


def test_stop_at_every_cycle_around_the_start(files) -> None:
    seen = chip.run("timing_runs.py", files(chip.FAST_BOARD, ""), "stop-before-start")
    judge_sweep(seen["edges"])
    made = [sum([pin == STEP and level for _, pin, level in run]) for run in seen["edges"]]
    assert set(made[: seen["first"] - STOP_CYCLES]) == {0}
    assert made[-1] == 1


def test_fuse_lets_exactly_the_lesser_of_fed_and_allowed_pass(files) -> None:
    for loads, rises, counted, allow in chip.run(
        "timing_runs.py", files(chip.FAST_BOARD, ""), "fuse"
    ):
        made = queued = 0
        for allowed, fed in loads:  # what a blown fuse held back is still queued
            passed = min(queued + fed, allowed)
            made += passed
            queued += fed - passed
        assert rises == counted == made, loads
        assert allow == (1 if passed < allowed else 0), loads


def test_steps_of_a_constant_rate_are_even_to_the_cycle(files) -> None:
    """5 kHz exactly, 256 steps in 8 words, while the CPU collects garbage."""
    rises = chip.run("timing_runs.py", files(chip.FAST_BOARD, ""), "even")
    assert len(rises) == 256
    assert {b - a for a, b in pairwise(rises)} == {12500 * TICK_NS}


@pytest.mark.xdist_group("chip-motion")
def test_5_khz_under_load(motion) -> None:
    """Telemetry at 20 ms, requests, collections: no starvation, every step within one quantum of
    its ideal instant, and intervals that differ by no more than the tick they are planned in."""
    seen = motion[0]
    rises, steps = seen["rises"], seen["steps"]
    assert f"cause=none state=complete steps={steps} " in seen["ended"]
    assert len(rises) == steps
    duration_ns = Fraction(FAST[3]) / Fraction(FAST[2]) * 3600 * 10**9
    interval_ns = duration_ns / steps
    assert 199_000 < interval_ns < 201_000
    origin = rises[-1] - floor(duration_ns / TICK_NS) * TICK_NS
    errors = [t - origin - k * interval_ns for k, t in enumerate(rises, 1)]
    assert max(map(abs, errors)) <= BOUND_NS
    whole = floor(interval_ns / TICK_NS) * TICK_NS
    assert {b - a for a, b in pairwise(rises[:-1])} <= {whole, whole + TICK_NS}
    assert re.search(r"^~\d+ .*state=infusing", seen["text"], re.M), "telemetry"
    assert re.search(r"^\d+ ok .*state=infusing", seen["text"], re.M), "an answer"


@pytest.mark.xdist_group("chip-motion")
def test_stop_amid_5_khz_under_load(motion) -> None:
    """60 stops, at both edges of the pulse and all over the gap."""
    stops = motion[0]["stops"]
    assert len(stops) == 60
    judge_sweep(stops)
    opened = [[t for t, pin, level in run if pin == ENABLE and level] for run in stops]
    assert all(opened), "the CPU, alive, takes the driver's current away as well"


@pytest.mark.xdist_group("chip-motion")
@pytest.mark.parametrize("which", [0, 1])
def test_frozen_cpu(motion, which) -> None:
    """Halted while the motion starts and while it runs: what is queued runs out within nine words
    of lease, and the steps after the halt are no more than fit into that."""
    rows = motion[1 + which]
    _, bore, rate, _ = FROZEN[which]
    nl_per_s = Fraction(rate) * 10**6 / 3600
    bound = bound_steps(nl_per_s, step_nl(bore))
    window_ns = min(RUN_ON_NL / nl_per_s * 10**9, RUN_ON_US * 1000)
    assert [row[0] for row in rows] == INSTANTS_MS
    for _, _, after, last_ns in rows:
        assert after <= bound
        assert after * step_nl(bore) <= RUN_ON_NL
        assert last_ns <= window_ns
    assert rows[0][1:3] == [0, 0], "not started"
    assert max([row[2] for row in rows]) > bound // 4, "the bound is not idle"
