"""What mutation testing found missing (tests/MUTATION.md): each test here kills a mutant that all
others let live."""

import pytest

from pump.core.supervisor import _UNDER, LOOK_US, CheckIns, Seen, Supervisor, Watch

S = 1_000_000


def seen(at_us=0, count=0, commanded=0, **readings):
    """A look that takes no time."""
    look = Seen()
    look.before_us = look.after_us = at_us
    look.count, look.commanded = count, commanded
    for name, value in readings.items():
        setattr(look, name, value)
    return look


@pytest.mark.requirement("DEL-10", "PWR-06")
@pytest.mark.parametrize(
    ("readings", "cause"),
    [
        ({"force_mn": 160_000}, "force-sensor"),
        ({"force_mn": 50_000}, "occlusion"),
        ({"supply_mv": 3_000}, "supply-critical"),
    ],
)
def test_the_first_two_looks_of_all_count_as_any_others(readings, cause):
    supervisor = Supervisor(Watch(), 0)
    supervisor.begin((0, 0), 0, 0, 0, [(1_000, (1_000 * S, 1))])
    assert supervisor.look(seen(1, **readings)) == ""
    assert supervisor.look(seen(2, **readings)) == cause


@pytest.mark.requirement("DEL-10", "PWR-06")
def test_the_limits_of_a_board_that_gives_none():
    watch = Watch()
    assert (watch.force_least_mn, watch.force_stop_mn) == (-2_000, 40_000)
    assert watch.force_most_mn == 150_000
    assert (watch.supply_warn_mv, watch.supply_stop_mv) == (4_500, 4_000)


@pytest.mark.requirement("PWR-03")
def test_a_task_long_silent_is_missing():
    checks = CheckIns(("control", "session"), 5)
    checks.alive("control", 2_000)
    assert checks.missing(1_000) == "session"
    checks.alive("session", 1_001)
    assert checks.missing(1_000) == ""


@pytest.mark.requirement("DEL-08")
def test_a_slow_plan_is_judged_over_whole_windows_long_after_boot():
    """2 steps a second of which one in four is lost: seen within the minute, a day after boot."""
    begun = 86_400 * S
    supervisor = Supervisor(Watch(), 0)
    supervisor.begin((begun, begun), 0, 0, 0, [(10_000, (5_000 * S, 1))])
    for at in range(LOOK_US, 60 * S, LOOK_US):
        due = at * 2 // S
        made = due - due // 4
        if supervisor.look(seen(begun + at, made, 10_000)) == _UNDER:
            return
    raise AssertionError("not seen")
