"""One plan in motion, on hardware that may misbehave, in virtual time."""

import pytest
from fake_hal import BOARD, SHORT, FakeHal
from hypothesis import given, settings
from hypothesis import strategies as st

from pump.app.motion import Motion, MotionError
from pump.core.dose import plan as make_plan
from pump.core.lease import RUN_ON_US

PLAN = make_plan(SHORT, BOARD.MECHANICS)


def moving(fields=None):
    """A HAL and a motion that has begun."""
    hal = FakeHal()
    plan = make_plan(fields, BOARD.MECHANICS) if fields else PLAN
    motion = Motion(hal, plan, BOARD.MECHANICS)
    motion.begin()
    return hal, motion


def run(hal, motion, until_us=10**12):
    """Poll when due. True when the plan has ended."""
    while motion.due_us() <= until_us:
        hal.go_to(motion.due_us())
        if motion.poll(hal.clock.us):
            return True
    hal.go_to(until_us)
    return False


def test_nothing_moves_before_begin():
    hal = FakeHal()
    motion = Motion(hal, PLAN, BOARD.MECHANICS)
    hal.go_to(10**9)
    assert not hal.generator.running and not hal.driver.on and not hal.fuse.allows()
    assert (motion.measured(), motion.commanded(), motion.running) == (0, 0, False)


@pytest.mark.requirement("DEL-01", "DEL-03")
def test_a_plan_runs_to_its_exact_step_and_time():
    hal, motion = moving()
    assert run(hal, motion)
    assert motion.measured() == motion.commanded() == PLAN.total_steps
    assert 10_000_000 <= hal.clock.us <= 10_000_100
    assert motion.elapsed_us(hal.clock.us) == 10_000_000


def test_an_instant_before_the_start_has_no_time_in_motion():
    """A turn of the loop that starts the motor goes on with the time at which it began."""
    hal, motion = moving()
    assert motion.elapsed_us(motion.begun_us[0] - 28_000) == 0
    assert motion.elapsed_us(motion.begun_us[1] + 28_000) == 28_000


@pytest.mark.requirement("DEL-05")
def test_the_fuse_is_armed_with_the_plan():
    hal, motion = moving()
    assert hal.fuse.left == PLAN.total_steps
    hal.go_to(3_000_000)
    assert hal.fuse.left == PLAN.total_steps - motion.measured() > 0
    motion.halt()
    assert not hal.fuse.allows() and not hal.generator.running


@pytest.mark.requirement("DEL-06")
@pytest.mark.parametrize("apart", [-1, 1, 100])
def test_a_miscount_is_an_error(apart):
    hal, motion = moving()
    run(hal, motion, 5_000_000)
    hal.counter.offset = apart
    with pytest.raises(MotionError, match="miscount"):
        run(hal, motion)


@pytest.mark.requirement("DEL-06")
def test_a_generator_that_makes_no_steps_is_a_miscount():
    """Its queue stays full, so it never starves; it must not seem to infuse for ever."""
    hal, motion = moving()
    run(hal, motion, 1_000_000)
    hal.generator.stuck = True
    with pytest.raises(MotionError, match="miscount"):
        for _ in range(5000):
            hal.go_to(max(hal.clock.us + 1000, motion.due_us()))
            motion.poll(hal.clock.us)
    assert hal.clock.us < 1_000_000 + RUN_ON_US + 10_000


@pytest.mark.requirement("DEL-18")
def test_a_late_cpu_is_starvation():
    hal, motion = moving()
    hal.go_to(hal.clock.us + 3_000_000)
    with pytest.raises(MotionError, match="starved"):
        motion.poll(hal.clock.us)


def test_a_late_filling_is_starvation_too():
    """Not even one that plans to the end, after which an empty queue is right."""
    hal, motion = moving({"rate": "60mL/h", "over": "3s", "syringe": "bd-10"})
    hal.go_to(hal.clock.us + 1_900_000)
    with pytest.raises(MotionError, match="starved"):
        motion.top_up()


@pytest.mark.requirement("DEL-17")
def test_queued_motion_runs_out_by_itself():
    """A CPU that dies right after filling leaves at most RUN_ON_US and its volume."""
    hal, motion = moving()
    run(hal, motion, 1_000_000)
    before = motion.measured()
    hal.go_to(10**9)
    after = motion.measured()
    assert PLAN.delivered_nl(after - before)[0] <= 25_000 * PLAN.delivered_nl(1)[1]
    assert RUN_ON_US < 2_000_000
    hal.go_to(2 * 10**9)
    assert motion.measured() == after


@pytest.mark.requirement("DEL-16")
def test_a_word_the_verifier_refuses_is_never_queued(monkeypatch):
    hal, motion = moving()
    run(hal, motion, 1_000_000)
    put = []
    monkeypatch.setattr(hal.generator, "put", lambda *word: put.append(word))
    monkeypatch.setattr(motion._verifier, "check", lambda *word: False)
    with pytest.raises(MotionError, match="internal"):
        run(hal, motion)
    assert put == []


@pytest.mark.requirement("DEL-16")
def test_a_planner_gone_wrong_is_caught_by_the_verifier(monkeypatch):
    """No stub: a word one tick too long for its steps does not pass."""
    hal, motion = moving()
    run(hal, motion, 1_000_000)
    planner = motion._planner
    honest = planner.next_word

    def lying(max_ticks, max_count):
        more = honest(max_ticks, max_count)
        planner.interval_ticks += 1
        return more

    monkeypatch.setattr(planner, "next_word", lying)
    with pytest.raises(MotionError, match="internal"):
        run(hal, motion)


def test_a_refusal_in_the_first_words_leaves_nothing_armed(monkeypatch):
    hal = FakeHal()
    motion = Motion(hal, PLAN, BOARD.MECHANICS)
    monkeypatch.setattr(motion._verifier, "check", lambda *word: False)
    with pytest.raises(MotionError):
        motion.begin()
    motion.halt()
    assert not hal.fuse.allows() and not hal.generator.running
    assert motion.measured() == 0


@pytest.mark.requirement("DEL-04", "STOP-13")
@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(1, 4_000_000), max_size=6), st.integers(0, 10**8))
def test_pauses_change_neither_steps_nor_time_in_motion(stretches, rest_us):
    hal, motion = moving()
    in_motion = 0
    for stretch in stretches:
        begun = hal.clock.us
        ended = run(hal, motion, begun + stretch)
        in_motion += hal.clock.us - begun
        if ended:
            break
        motion.halt()
        held = motion.measured()
        assert not hal.generator.running and not hal.fuse.allows()
        hal.go_to(hal.clock.us + rest_us)
        assert motion.measured() == held == motion.commanded()
        motion.begin()
    else:
        begun = hal.clock.us
        assert run(hal, motion)
        in_motion += hal.clock.us - begun
    assert motion.measured() == PLAN.total_steps
    # each resumption may lose less than a shortest interval and some settling
    assert 10_000_000 - 100 <= in_motion <= 10_000_000 + 100 * (len(stretches) + 1)


@pytest.mark.requirement("PWR-07")
def test_the_count_survives_the_wrap_of_the_counter():
    hal = FakeHal()
    hal.counter.count = 2**32 - 3
    motion = Motion(hal, PLAN, BOARD.MECHANICS)
    motion.begin()
    assert run(hal, motion)
    assert motion.measured() == PLAN.total_steps


def test_a_plan_too_fast_for_the_generator_is_refused_at_once():
    hal = FakeHal()
    hal.generator.min_step_ticks = 10**6
    with pytest.raises(ValueError):
        Motion(hal, PLAN, BOARD.MECHANICS)


FAST = {"rate": "1200mL/h", "over": "2s", "syringe": "bd-10"}


@pytest.mark.requirement("DEL-04")
@pytest.mark.parametrize("at_us", [100, 5_000, 61_000, 400_000, 1_900_000])
def test_a_pause_amid_a_fast_phase_keeps_its_place(at_us):
    hal, motion = moving(FAST)
    run(hal, motion, at_us)
    motion.halt()
    done = motion.measured()
    hal.go_to(hal.clock.us + 1_000_000)
    motion.begin()
    assert run(hal, motion)
    assert motion.measured() == make_plan(FAST, BOARD.MECHANICS).total_steps > done
