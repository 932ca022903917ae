"""Every step of every word against its ideal instant, by an oracle that plays the words.

The oracle keeps time as the generator would (one step after another) and the ideal as a
fractions.Fraction of the definition: step k of a phase of N steps and T ticks that begins at S is
due at S + k T / N.
"""

from fractions import Fraction
from math import ceil, floor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pump.core.schedule import BOUND_TICKS, Planner
from pump.core.timeline import Timeline, to_ticks
from pump.core.verifier import Verifier

MIN_STEP = 60
MIN_WAIT = 40
CLOSEST = MIN_STEP + 2 * BOUND_TICKS + 1
TICK_NS = (16, 1)
HOUR_US = 3600 * 10**6
LEASE = 70 * 62_500  # 70 ms of 16 ns ticks


def ideals(phases):
    """The ideal instant of every step of the plan."""
    start, instants = Fraction(0), []
    for steps, duration in phases:
        length = Fraction(*duration)
        instants += [start + k * length / steps for k in range(1, steps + 1)]
        start += length
    return instants, start


def complete(verifier):
    """All steps, and all time but less than a shortest wait, have been checked."""
    rest = verifier.total_ticks - verifier.position_ticks
    return verifier.steps_checked == verifier.total_steps and 0 <= rest < verifier._min_wait


def words_of(planner, max_ticks, max_count):
    while planner.next_word(max_ticks, max_count):
        yield planner.count, planner.interval_ticks


def play(words, at=0):
    """The instants at which the generator steps, and where the words end."""
    instants = []
    for count, interval in words:
        for _ in range(count):
            at += interval
            instants.append(at)
        at += 0 if count else interval
    return instants, at


@st.composite
def phase(draw, most_steps=60):
    """(steps, duration): from the closest steps that a generator can make to one every 40000."""
    steps = draw(st.integers(0, most_steps))
    divisor = draw(st.integers(1, 1000))
    least = max(1, steps * CLOSEST) * divisor
    length = draw(st.integers(least, least + draw(st.sampled_from([10, 1000, 40_000])) * divisor))
    shared = Fraction(length, divisor)
    return steps, (shared.numerator, shared.denominator)


PHASES = st.lists(phase(), min_size=1, max_size=5)
LEASES = st.integers(MIN_STEP + MIN_WAIT, 20_000)
COUNTS = st.sampled_from([1, 2, 7, 1000])


@pytest.mark.requirement("DEL-02", "DEL-04")
@settings(max_examples=400)
@given(PHASES, LEASES, COUNTS)
def test_every_step_within_the_bound_and_the_total_exact(phases, max_ticks, max_count):
    planner = Planner(phases, MIN_STEP, MIN_WAIT)
    verifier = Verifier(phases, MIN_STEP, MIN_WAIT)
    words = []
    for count, interval in words_of(planner, max_ticks, max_count):
        assert interval >= (MIN_STEP if count else MIN_WAIT)
        assert count <= max_count
        assert interval * max(count, 1) <= max_ticks
        assert verifier.check(count, interval, max_ticks), verifier.reason
        words.append((count, interval))
        assert planner.position_ticks == verifier.position_ticks
        assert planner.steps_planned == verifier.steps_checked
    assert complete(verifier)
    made, end = play(words)
    wanted, total = ideals(phases)
    assert len(made) == len(wanted) == planner.steps_planned
    for at, ideal in zip(made, wanted, strict=True):
        assert abs(at - ideal) <= BOUND_TICKS
    if made:
        assert made[-1] == floor(wanted[-1])
    assert 0 <= floor(total) - end < MIN_WAIT
    assert planner.next_word(max_ticks, max_count) is False


@given(PHASES, LEASES, COUNTS)
def test_no_longer_word_would_do(phases, max_ticks, max_count):
    """Whenever steps go out, one step more at either interval breaks a bound. The first word of a
    phase is left out: there the planner may put one step exactly where it is due."""
    planner = Planner(phases, MIN_STEP, MIN_WAIT)
    wanted, _ = ideals(phases)
    ends = [sum(steps for steps, _ in phases[: i + 1]) for i in range(len(phases))]
    before, done = 0, 0
    for count, _ in words_of(planner, max_ticks, max_count):
        if count and done not in ends and done + 1 < len(wanted):
            first = next(end for end in ends if done < end)
            more = count + 1
            steps, duration = phases[ends.index(first)]
            mean = Fraction(*duration) / steps
            open_end = done + more <= first and done + more < len(wanted) and more <= max_count
            for interval in {floor(mean), floor(mean) + 1}:
                near = open_end and all(
                    abs(before + j * interval - wanted[done + j - 1]) <= BOUND_TICKS
                    for j in range(1, more + 1)
                )
                assert not (near and more * interval <= max_ticks)
        before, done = planner.position_ticks, planner.steps_planned


@pytest.mark.requirement("DEL-04")
@settings(max_examples=300)
@given(PHASES, LEASES, st.data())
def test_seek_goes_on_in_the_middle(phases, max_ticks, data):
    planner = Planner(phases, MIN_STEP, MIN_WAIT)
    verifier = Verifier(phases, MIN_STEP, MIN_WAIT)
    wanted, total = ideals(phases)
    step = data.draw(st.integers(0, len(wanted)))
    due = [0, *[floor(ideal) for ideal in wanted], floor(total)]
    latest = due[step + 1] - MIN_STEP if step < len(wanted) else due[-1]
    position = data.draw(st.integers(max(0, due[step] - BOUND_TICKS), due[step + 1] + 500))
    for _ in range(data.draw(st.integers(0, 3))):
        planner.next_word(max_ticks, 1000)
    planner.seek(step, position)
    assert planner.steps_planned == step
    assert planner.position_ticks == min(position, latest)
    verifier.seek(step, planner.position_ticks)
    start = planner.position_ticks
    words = list(words_of(planner, max_ticks, 1000))
    assert all(verifier.check(*word, max_ticks) for word in words), verifier.reason
    assert complete(verifier)
    made, _ = play(words, start)
    assert len(made) == len(wanted) - step
    for at, ideal in zip(made, wanted[step:], strict=True):
        assert abs(at - ideal) <= BOUND_TICKS


@given(PHASES, LEASES)
def test_seek_to_where_one_is_changes_nothing(phases, max_ticks):
    """Taking up the plan after any word gives the words that would have come anyway."""
    steady = Planner(phases, MIN_STEP, MIN_WAIT)
    moved = Planner(phases, MIN_STEP, MIN_WAIT)
    while steady.next_word(max_ticks, 9):
        assert moved.next_word(max_ticks, 9)
        assert (moved.count, moved.interval_ticks) == (steady.count, steady.interval_ticks)
        moved.seek(steady.steps_planned, steady.position_ticks)
    assert not moved.next_word(max_ticks, 9)


@given(PHASES, LEASES, LEASES, st.randoms(use_true_random=False))
def test_lease_may_change_between_words(phases, one, other, random):
    planner = Planner(phases, MIN_STEP, MIN_WAIT)
    verifier = Verifier(phases, MIN_STEP, MIN_WAIT)
    lease = one
    while planner.next_word(lease, 1000):
        assert verifier.check(planner.count, planner.interval_ticks, lease), verifier.reason
        lease = random.choice((one, other))
    assert complete(verifier)


@pytest.mark.requirement("DEL-02")
@pytest.mark.parametrize(
    ("name", "steps", "hours", "lease_ms", "words_at_most"),
    [
        ("1 mL/h in bd-60 for 72 h", 518_640, 72, 5_000, 60_000),
        ("450 g, 0.03375 mL/h in bd-1 for 24 h", 186_830, 24, 5_000, 25_000),
        ("0.01 mL/h in bd-60 for 96 h", 6_915, 96, 10_000, 42_000),
    ],
)
def test_long_plans_do_not_drift(name, steps, hours, lease_ms, words_at_most):
    duration = to_ticks((hours * HOUR_US, 1), TICK_NS)
    planner = Planner([(steps, duration)], MIN_STEP, MIN_WAIT)
    lease = lease_ms * 62_500
    words, done, position = 0, 0, 0
    for count, interval in words_of(planner, lease, 1 << 16):
        words += 1
        done += count
        position += interval * max(count, 1)
        if count:
            assert abs(position * steps - done * duration[0]) <= BOUND_TICKS * steps, name
    assert (done, position) == (steps, duration[0])
    assert words <= words_at_most


def test_fast_plan_for_a_minute():
    """1200 mL/h in a 10 mL syringe: 8.2 kHz, each step played."""
    duration = to_ticks((30 * 10**6, 1), TICK_NS)
    planner = Planner([(244_589, duration)], MIN_STEP, MIN_WAIT)
    made, end = play(words_of(planner, LEASE, 255))
    assert end == duration[0] == made[-1]
    assert all(
        abs(at * 244_589 - k * duration[0]) <= BOUND_TICKS * 244_589
        for k, at in enumerate(made, 1)
    )


def test_numbers_do_not_grow_with_the_longest_plan():
    """2^31 - 1 steps in 96 h: the residue stays below bound + 1 ticks in sub-ticks."""
    steps = 2**31 - 1
    planner = Planner([(steps, to_ticks((96 * HOUR_US, 1), TICK_NS))], MIN_STEP, MIN_WAIT)
    planner.seek(steps // 2, planner.timeline.due_ticks(steps // 2))
    for _ in range(200):
        assert planner.next_word(LEASE, 1 << 16)
        assert abs(planner._error) <= (BOUND_TICKS + 1) * planner._unit


def test_waits_then_one_step_when_steps_are_rarer_than_the_lease():
    planner = Planner([(2, (100_000, 1))], MIN_STEP, MIN_WAIT)
    words = list(words_of(planner, 20_000, 9))
    assert words == [(0, 20_000), (0, 20_000), (1, 10_000)] * 2
    planner = Planner([(1, (20_000, 1))], MIN_STEP, MIN_WAIT)
    assert list(words_of(planner, 20_000, 9)) == [(1, 20_000)]
    planner = Planner([(1, (20_030, 1))], MIN_STEP, MIN_WAIT)
    assert list(words_of(planner, 20_000, 9)) == [(0, 19_970), (1, 60)]


def test_phases_without_steps_are_waits():
    planner = Planner([(0, (500, 1)), (1, (200, 1)), (0, (1000, 3))], MIN_STEP, MIN_WAIT)
    assert list(words_of(planner, 400, 9)) == [(0, 400), (1, 300), (0, 333)]
    planner = Planner([(0, (500, 1))], MIN_STEP, MIN_WAIT)
    assert list(words_of(planner, 480, 9)) == [(0, 460), (0, 40)]


@given(PHASES, st.data())
def test_timeline_is_the_definition(phases, data):
    line = Timeline(phases)
    wanted, total = ideals(phases)
    assert line.total_steps == len(wanted)
    assert line.total_ticks == floor(total)
    assert [line.due_ticks(k) for k in range(len(wanted) + 1)] == [0, *map(floor, wanted)]
    ticks = data.draw(st.integers(0, ceil(total) + 5))
    assert line.steps_at(ticks) == sum(floor(ideal) <= ticks for ideal in wanted)
    with pytest.raises(IndexError):
        line.phase_of(len(wanted) + 1)


@given(st.integers(1, 10**15), st.integers(1, 10**6), st.sampled_from([(16, 1), (80, 1), (25, 2)]))
def test_to_ticks(n, d, tick_ns):
    ticks = Fraction(*to_ticks((n, d), tick_ns))
    assert ticks * Fraction(*tick_ns) == Fraction(n, d) * 1000


BAD_PLANS = (
    [],
    [(-1, (1000, 1))],
    [(0, (0, 1))],
    [(10, (CLOSEST * 10 - 1, 1))],
    [(10, (CLOSEST * 10, 1)), (1, (161, 2))],
)


@pytest.mark.parametrize("phases", BAD_PLANS)
def test_impossible_plans_are_programming_errors(phases):
    with pytest.raises(ValueError):
        Planner(phases, MIN_STEP, MIN_WAIT)


def test_a_position_late_under_a_short_lease_is_made_good_in_one_step():
    """Neither an even step nor the next slower one fits the lease; the step when due does."""
    planner = Planner([(10, (10_000, 1))], MIN_STEP, MIN_WAIT)
    planner.seek(1, 1007)
    assert planner.next_word(995, 1)
    assert (planner.count, planner.interval_ticks, planner.position_ticks) == (1, 993, 2000)


def test_the_least_a_generator_may_take():
    assert Planner([(10, (230, 1))], min_step=1, min_wait=1).next_word(100, 7)


def test_impossible_arguments():
    phases = [(10, (10_000, 1))]
    for bounds in ((0, 1, 1), (1, 0, 1), (1, 1, 0)):
        with pytest.raises(ValueError, match="bound"):
            Planner(phases, *bounds)
    planner = Planner(phases, MIN_STEP, MIN_WAIT)
    for max_ticks, max_count in ((MIN_STEP + MIN_WAIT - 1, 1), (1000, 0)):
        with pytest.raises(ValueError, match="lease"):
            planner.next_word(max_ticks, max_count)
    for step, position in ((-1, 0), (11, 10_000), (0, -1), (5, 4989)):
        with pytest.raises(ValueError, match="step"):
            planner.seek(step, position)


def verifier_at(step):
    verifier = Verifier([(10, (10_000, 1)), (10, (5000, 1)), (0, (300, 1))], MIN_STEP, MIN_WAIT)
    verifier.seek(step, step * 1000 if step <= 10 else 10_000 + (step - 10) * 500)
    return verifier


@pytest.mark.requirement("DEL-16")
@pytest.mark.parametrize(
    ("step", "word", "reason"),
    [
        (0, (1, 1000), ""),
        (0, (5, 1002), ""),
        (0, (5, 998), ""),
        (0, (5, 1003), "last step"),
        (0, (5, 997), "last step"),
        (0, (1, 1011), "first step"),
        (0, (1, 989), "first step"),
        (0, (0, 950), ""),
        (0, (0, 951), "late"),
        (0, (-1, 1000), "too short"),
        (0, (1, MIN_STEP - 1), "too short"),
        (0, (0, MIN_WAIT - 1), "too short"),
        (0, (11, 1000), "two phases"),
        (0, (21, 1000), "over plan"),
        (9, (2, 1000), "two phases"),
        (10, (10, 500), ""),
        (10, (10, 501), "end"),
        (10, (11, 500), "over plan"),
        (19, (1, 499), "end"),
        (20, (1, 100), "over plan"),
        (20, (0, 300), ""),
        (20, (0, 301), "over time"),
    ],
)
def test_verifier_says_what_is_wrong(step, word, reason):
    verifier = verifier_at(step)
    before = (verifier.steps_checked, verifier.position_ticks)
    assert verifier.check(*word, 30_000) is (reason == "")
    assert verifier.reason == reason
    after = (verifier.steps_checked, verifier.position_ticks)
    assert (after == before) is (reason != "")


def test_verifier_minds_the_lease_and_the_end():
    assert verifier_at(0).check(5, 1000, 5000)
    verifier = verifier_at(0)
    assert not verifier.check(5, 1000, 4999)
    assert verifier.reason == "over lease"
    assert not complete(verifier_at(19))
    assert not complete(verifier_at(20))
    verifier = verifier_at(20)
    assert verifier.check(0, 270, 5000)
    assert complete(verifier)


@pytest.mark.requirement("DEL-16")
@settings(max_examples=300)
@given(PHASES, LEASES, st.data())
def test_verifier_refuses_any_spoiled_word(phases, max_ticks, data):
    """Change one word by more than its slack: some check fails, or the plan ends short."""
    planner = Planner(phases, MIN_STEP, MIN_WAIT)
    words = list(words_of(planner, max_ticks, 1000))
    if not words:
        return
    at = data.draw(st.integers(0, len(words) - 1))
    count, interval = words[at]
    change = data.draw(st.sampled_from(["drop", "repeat", "late", "early", "more", "fewer"]))
    spoiled = {
        "drop": [],
        "repeat": [words[at]] * 2,
        "late": [(count, interval + 2 * BOUND_TICKS + 1 + MIN_STEP)],
        "early": [(count, interval - 2 * BOUND_TICKS - 1 - MIN_STEP)],
        "more": [(count + 1, interval)],
        "fewer": [(count - 1, interval)],
    }[change]
    verifier = Verifier(phases, MIN_STEP, MIN_WAIT)
    bad = words[:at] + spoiled + words[at + 1 :]
    passed = all(verifier.check(*word, 10**6) for word in bad) and complete(verifier)
    if passed:  # then the words still say the same: a wait moved within its neighbours' slack
        made, _ = play(bad)
        wanted, _ = ideals(phases)
        assert len(made) == len(wanted)
        assert all(abs(m - w) <= BOUND_TICKS for m, w in zip(made, wanted, strict=True))
