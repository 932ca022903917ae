"""The guard reads the inputs in time, the controller acts on what it finds, the watchdog is fed
only while every task is alive."""

import pytest
from controller_bench import bench_in
from fake_hal import BOARD, SHORT, FakeHal, fit

from pump.app.guard import IDLE_LOOK_US, TASKS
from pump.app.pump import Pump
from pump.core import states
from pump.core.alarms import PRIORITY, row_of
from pump.core.refusal import Refusal
from pump.core.supervisor import LOOK_US

S = 1_000_000
WHILE = {states.INFUSING: 2 * S, states.BOLUS: S, states.PRIMING: 500_000, states.KVO: S}


def fitted(state):
    bench = bench_in(state)
    fit(bench.hal)
    bench.run(LOOK_US)
    assert bench.controller.state == state
    return bench


def at_end(parts):
    parts.travel.end = True


def blocked(parts):
    parts.force.mn = 40_001


def sensor_open(parts):
    parts.force.mn = -20_000


def sensor_short(parts):
    parts.force.mn = 180_000


def supply_gone(parts):
    parts.supply.mv = 3_999


def driver_reset(parts):
    parts.driver.says = "reset"


TROUBLES = [
    (at_end, "limit-switch", "travel"),
    (blocked, "occlusion", "force"),
    (sensor_open, "force-sensor", "force-sensor"),
    (sensor_short, "force-sensor", "force-sensor"),
    (supply_gone, "supply-critical", "supply"),
    (driver_reset, "driver", "driver"),
]
each_trouble = pytest.mark.parametrize("trouble,cause,unmet", TROUBLES)


@pytest.mark.requirement("PROG-03", "DEL-10", "DEL-13", "PWR-06", "ALM-05")
@pytest.mark.parametrize("state", states.MOVING)
@each_trouble
def test_each_precondition_must_go_on_to_hold(state, trouble, cause, unmet):
    bench = fitted(state)
    trouble(bench.hal)
    bench.run(S)
    controller = bench.controller
    assert (controller.state, controller.cause) == (states.ALARM, cause)
    assert bench.still() and bench.events[-1] == ("alarm", bench.events[-1][1])
    assert bench.events[-1][1]["cause"] == cause
    steps = controller.steps()
    fit(bench.hal)  # all is well again: that alone starts nothing
    bench.run(20 * S)
    assert (controller.state, controller.steps()) == (states.ALARM, steps)
    controller.acknowledge("")
    bench.run(20 * S)
    assert controller.state == states.IDLE and bench.still()


@pytest.mark.requirement("PROG-02", "PROG-03")
@pytest.mark.parametrize("state", [states.READY, states.PAUSED])
@each_trouble
def test_no_motion_begins_without_each(state, trouble, cause, unmet):
    bench = fitted(state)
    trouble(bench.hal)
    with pytest.raises(Refusal) as caught:
        bench.start() if state == states.READY else bench.controller.resume()
    assert (caught.value.code, caught.value.field, caught.value.given) == (
        "unsafe",
        "because",
        unmet,
    )
    assert bench.controller.state == state and not bench.hal.generator.running
    fit(bench.hal)
    bench.start() if state == states.READY else bench.controller.resume()
    assert bench.controller.state == states.INFUSING


@pytest.mark.requirement("PROG-02")
def test_no_start_with_an_alarm_that_wants_an_acknowledgement():
    bench = fitted(states.READY)
    bench.controller.warn("log-failure")
    with pytest.raises(Refusal) as caught:
        bench.start()
    assert (caught.value.code, caught.value.given) == ("unsafe", "log-failure")
    bench.controller.acknowledge("log-failure")
    bench.start()
    assert bench.controller.state == states.INFUSING


@pytest.mark.requirement("PWR-08")
@pytest.mark.parametrize("state", [s for s in states.STATES if s not in states.MOVING])
def test_a_step_at_rest_is_a_fault_in_every_state(state):
    bench = bench_in(state)
    bench.run(IDLE_LOOK_US)
    assert bench.controller.state == state
    bench.hal.counter.count += 1
    bench.run(IDLE_LOOK_US)
    assert bench.controller.state == states.FAULT and bench.still()
    assert bench.controller.alarms.is_active("runaway")
    if state not in states.LATCHED:
        assert bench.controller.cause == "runaway"


@pytest.mark.requirement("PWR-08")
def test_a_runaway_that_is_acknowledged_and_goes_on_comes_back():
    bench = bench_in(states.IDLE)
    for _ in range(2):
        bench.hal.counter.count += 1
        bench.run(IDLE_LOOK_US)
        assert bench.controller.state == states.FAULT
        bench.run(S)
        bench.controller.acknowledge("")
    bench.run(IDLE_LOOK_US)
    assert bench.controller.state == states.IDLE  # it stands still now


@pytest.mark.requirement("DEL-07", "DEL-20")
def test_steps_of_their_own_in_motion_are_over_delivery():
    """More than the words give, less than the generator was given: only time tells."""
    bench = fitted(states.INFUSING)
    bench.hal.counter.count += 20
    bench.run(LOOK_US)
    assert (bench.controller.state, bench.controller.cause) == (states.ALARM, "over-delivery")
    assert bench.still()


@pytest.mark.requirement("DEL-06", "DEL-20")
def test_more_than_was_given_is_a_miscount():
    bench = fitted(states.INFUSING)
    bench.hal.counter.count += bench.controller.motion.commanded()
    bench.run(LOOK_US)
    assert (bench.controller.state, bench.controller.cause) == (states.FAULT, "miscount")
    assert bench.still()


@pytest.mark.requirement("DEL-08", "DEL-20")
def test_steps_that_do_not_come_are_told_and_stop_nothing():
    bench = fitted(states.INFUSING)
    bench.hal.counter.count -= 300
    bench.run(LOOK_US)
    controller = bench.controller
    assert controller.state == states.INFUSING and controller.alarms.active() == ["under-delivery"]
    told = {"cause": "under-delivery", "state": "infusing", "priority": "high"}
    assert bench.events[-1] == ("alarm", told)
    bench.run(S)
    assert bench.names().count("alarm") == 1  # told once
    bench.hal.force.mn = 60_000
    bench.run(3 * LOOK_US)
    assert (controller.state, controller.cause) == (states.ALARM, "occlusion")


@pytest.mark.requirement("DEL-10")
def test_a_single_odd_reading_and_a_pause_are_no_occlusion():
    """The count at the pause is judged; the force was, and is not judged twice."""
    bench = fitted(states.INFUSING)
    bench.hal.force.mn = 60_000
    bench.run(LOOK_US)
    bench.controller.pause()
    assert bench.controller.state == states.PAUSED
    assert bench.controller.alarms.active() == []


@pytest.mark.requirement("DEL-10", "DEL-13", "DRV-01", "PROG-03")
@pytest.mark.parametrize("trouble,cause", [(trouble, cause) for trouble, cause, _ in TROUBLES])
@pytest.mark.parametrize("apart_us", [5_000, 60_000, 300_000])
def test_starts_that_follow_each_other_closely_keep_it_from_no_look(apart_us, trouble, cause):
    """Whatever is wrong is found within the second, though no motion lasts from look to look."""
    bench = fitted(states.INFUSING)
    controller = bench.controller
    trouble(bench.hal)
    since_us = bench.hal.clock.us
    controller.guard.unmet = lambda: ""  # or no start would be granted
    while controller.state in (states.INFUSING, states.PAUSED):
        controller.pause()
        bench.run(apart_us)
        if controller.state == states.PAUSED:
            controller.resume()
            bench.run(apart_us)
        assert bench.hal.clock.us - since_us <= S + 2 * apart_us
    assert controller.cause == cause and bench.still()


@pytest.mark.requirement("DEL-06", "DEL-07")
@pytest.mark.parametrize("extra,state,cause", [
    (20, states.ALARM, "over-delivery"),
    (5_000, states.FAULT, "miscount"),
])  # fmt: skip
def test_what_is_wrong_at_a_pause_is_not_forgotten(extra, state, cause):
    bench = fitted(states.INFUSING)
    bench.hal.counter.count += extra
    bench.controller.pause()
    assert (bench.controller.state, bench.controller.cause) == (state, cause)
    assert bench.names()[-2:] == ["paused", bench.events[-1][0]] and bench.still()


@pytest.mark.requirement("DEL-20")
def test_a_healthy_life_fires_nothing():
    for state in (states.COMPLETE, states.KVO):
        bench = fitted(state)
        bench.run(60 * S)
        assert bench.controller.cause == "none"
        assert not [e for e in bench.names() if e in ("alarm", "fault", "stopped")]


# ---- the lock-out -------------------------------------------------------------------------------


def occluded_run(bench):
    bench.controller.program(SHORT)
    bench.start()
    bench.hal.force.mn = 60_000
    bench.run(S)
    bench.hal.force.mn = 0


@pytest.mark.requirement("ALM-07")
def test_the_third_occlusion_in_ten_minutes_locks_for_good():
    bench = fitted(states.IDLE)
    controller = bench.controller
    for _ in range(2):
        occluded_run(bench)
        assert controller.alarms.active() == ["occlusion"]
        controller.acknowledge("")
    occluded_run(bench)
    assert controller.alarms.active() == ["occlusion", "lock-out"]
    bench.run(3600 * S)
    for alarm in ("", "occlusion"):
        with pytest.raises(Refusal) as caught:
            controller.acknowledge(alarm)
        assert caught.value.code == "locked-out"
    with pytest.raises(Refusal):
        controller.program(SHORT)
    assert bench.still()


@pytest.mark.requirement("ALM-07")
def test_three_occlusions_in_more_than_ten_minutes_do_not():
    bench = fitted(states.IDLE)
    for _ in range(4):
        occluded_run(bench)
        assert bench.controller.alarms.active() == ["occlusion"]
        bench.run(300 * S)
        bench.controller.acknowledge("")
    assert bench.controller.state == states.IDLE


# ---- alarms of several kinds --------------------------------------------------------------------


@pytest.mark.requirement("ALM-06", "ALM-08")
def test_all_are_listed_the_highest_first_and_putting_them_out_moves_nothing():
    bench = fitted(states.READY)
    controller = bench.controller
    for cause in ("near-end", "log-failure", "supply-low", "under-delivery"):
        controller.warn(cause)
    assert controller.alarms.active() == [
        "under-delivery", "log-failure", "supply-low", "near-end"
    ]  # fmt: skip
    assert controller.alarms.highest() == row_of("under-delivery")[PRIORITY] == "high"
    before = bench.hal.counter.count
    for act in (controller.silence, lambda: controller.acknowledge("log-failure"),
                lambda: controller.acknowledge("")):  # fmt: skip
        act()
        assert controller.state == states.READY and bench.still()
    assert controller.alarms.active() == ["supply-low", "near-end"]
    bench.run(60 * S)
    assert bench.hal.counter.count == before


@pytest.mark.requirement("ALM-08")
@pytest.mark.parametrize("state", states.STATES)
def test_neither_silence_nor_ack_ever_starts_the_motor(state):
    bench = bench_in(state)
    moving = state in states.MOVING
    for cause in ("", "near-end", "under-delivery"):
        if cause:
            bench.controller.warn(cause)
        for act in (bench.controller.silence, lambda: bench.controller.acknowledge("")):
            try:
                act()
            except Refusal as refusal:
                assert refusal.code in ("not-now", "stop-open", "locked-out")
            assert moving or bench.still() or state == states.PAUSED
            assert moving or not bench.hal.generator.running


# ---- the watchdog -------------------------------------------------------------------------------


class Watched:
    """A whole pump with a watchdog."""

    def __init__(self):
        self.hal = fit(FakeHal())
        self.pump = Pump(self.hal, BOARD)
        self.fed = self.hal.watchdog.fed

    def run(self, us):
        until = self.hal.clock.us + us
        while self.hal.clock.us < until:
            self.pump.turn()
            self.hal.go_to(self.hal.clock.us + 1_000)  # what the turn takes


@pytest.mark.requirement("PWR-03")
def test_a_healthy_pump_feeds_often_enough():
    watched = Watched()
    watched.run(60 * S)
    assert len(watched.fed) > 50
    assert max(b - a for a, b in zip(watched.fed, watched.fed[1:])) <= S


@pytest.mark.requirement("PWR-03")
@pytest.mark.parametrize("task", TASKS)
def test_a_task_that_does_not_check_in_ends_the_feeding(task):
    watched = Watched()
    watched.run(5 * S)
    guard = watched.pump.controller.guard
    alive = guard.alive
    guard.alive = lambda who, now_us: None if who == task else alive(who, now_us)
    since = watched.hal.clock.us
    watched.run(10 * S)
    assert watched.fed[-1] <= since + S
    guard.alive = alive
    watched.run(S)
    assert watched.hal.clock.us - watched.fed[-1] <= S  # the chip would be long reset


@pytest.mark.requirement("PWR-03")
@pytest.mark.parametrize("part", ["controller.poll", "session.receive", "keeper.poll"])
def test_a_part_that_only_raises_is_not_alive(part):
    watched = Watched()
    watched.run(5 * S)

    def boom(*_):
        raise RuntimeError("on purpose")

    owner, name = part.split(".")
    setattr(getattr(watched.pump, owner), name, boom)
    since = watched.hal.clock.us
    watched.run(10 * S)
    assert watched.fed[-1] <= since + S
    assert watched.pump.controller.state == states.FAULT


@pytest.mark.requirement("PWR-03")
def test_maintenance_releases_the_watchdog():
    watched = Watched()
    watched.run(S)
    watched.pump.session.leaving = True
    watched.pump.run()
    assert watched.hal.watchdog.released
