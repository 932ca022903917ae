"""What calls for a person: when each alarm comes and goes, and what buzzer and lights show."""

import pytest
from controller_bench import PRIME, bench_beside, bench_in
from fake_hal import fit

from pump.app.attention import _IDLE_ALERT_US, _IDLE_CLEAR_US, _PAUSE_ALERT_US, Attention
from pump.core import annunciator, states
from pump.core.refusal import Refusal

S = 1_000_000
MIN = 60 * S
# 10 min at 12 mL/h: 2 mL, of which 1 mL is a half; 10 min at 60 mL/h: 10 mL
SMALL = {"rate": "12mL/h", "over": "10min", "syringe": "bd-60"}
LARGE = {"rate": "120mL/h", "over": "10min", "syringe": "bd-60"}
BRIEF = {"rate": "60mL/h", "over": "299s", "syringe": "bd-60"}


class Attended:
    """A bench whose person is called for."""

    def __init__(self, bench):
        self.bench = bench
        self.hal = fit(bench.hal)
        self.controller = bench.controller
        self.attention = Attention(self.hal, bench.controller)
        self.attention.poll(self.hal.clock.us)

    def run(self, us):
        end = self.hal.clock.us + us
        while True:
            now = self.hal.clock.us
            due = min(self.controller.due_us(), self.attention.due_us(now))
            self.hal.go_to(min(max(due, now), end))
            self.controller.poll(self.hal.clock.us)
            self.attention.poll(self.hal.clock.us)
            if due >= end:
                return

    def active(self):
        return self.controller.alarms.active()

    def begin(self, fields):
        self.controller.program(fields)
        self.bench.start()


def attended(state):
    return Attended(bench_in(state))


# ---- a program that waits -----------------------------------------------------------------------


@pytest.mark.requirement("PROG-01")
def test_a_program_is_called_to_mind_after_5_min_and_forgotten_after_10():
    assert (_IDLE_ALERT_US, _IDLE_CLEAR_US) == (5 * MIN, 10 * MIN)
    pump = attended(states.READY)
    plan = pump.controller.run.hash
    pump.run(5 * MIN - S)
    assert pump.active() == []
    pump.run(2 * S)
    assert pump.active() == ["program-idle"]
    assert pump.bench.events[-1] == (
        "alarm",
        {"cause": "program-idle", "state": "ready", "priority": "low"},
    )
    pump.run(5 * MIN - 3 * S)
    assert pump.controller.state == states.READY
    pump.run(3 * S)
    assert (pump.controller.state, pump.controller.plan) == (states.IDLE, None)
    assert pump.bench.names()[-1] == "cleared"
    pump.run(2 * S)
    assert pump.active() == []
    with pytest.raises(Refusal) as caught:
        pump.controller.start(plan, 0, "stop")
    assert caught.value.code == "no-plan"
    assert pump.bench.names().count("alarm") == 1


@pytest.mark.requirement("PROG-01")
def test_a_prime_that_waits_is_forgotten_too():
    pump = attended(states.IDLE)
    pump.controller.prime(PRIME)
    pump.run(10 * MIN + 2 * S)
    assert (pump.controller.state, pump.controller.run) == (states.IDLE, None)


@pytest.mark.requirement("PROG-01")
def test_another_program_waits_its_own_time():
    pump = attended(states.READY)
    pump.run(9 * MIN)
    pump.controller.program(SMALL)
    pump.run(2 * S)
    assert pump.active() == []
    pump.run(4 * MIN)
    assert pump.controller.state == states.READY and pump.active() == []
    pump.run(6 * MIN)
    assert pump.controller.state == states.IDLE


def test_the_reminder_goes_with_the_start():
    pump = attended(states.READY)
    pump.run(6 * MIN)
    assert pump.active() == ["program-idle"]
    pump.bench.start()
    pump.run(S)
    assert (pump.controller.state, pump.active()) == (states.INFUSING, [])


# ---- a pause ------------------------------------------------------------------------------------


@pytest.mark.requirement("PROG-04")
def test_a_long_pause_reminds_and_ends_with_it():
    assert _PAUSE_ALERT_US == 10 * MIN
    pump = attended(states.READY)
    pump.bench.start()
    pump.run(2 * S)
    pump.controller.pause()
    pump.run(10 * MIN - S)
    assert pump.active() == []
    pump.run(2 * S)
    assert pump.active() == ["pause-long"]
    pump.run(60 * MIN)
    assert (pump.controller.state, pump.active()) == (states.PAUSED, ["pause-long"])
    assert pump.bench.names().count("alarm") == 1
    pump.controller.resume()
    pump.run(S)
    assert (pump.controller.state, pump.active()) == (states.INFUSING, [])
    pump.controller.pause()
    pump.run(9 * MIN)
    assert pump.active() == []  # each pause counts for itself


# ---- the end ------------------------------------------------------------------------------------


@pytest.mark.requirement("DEL-13")
@pytest.mark.parametrize("fields,before_us", [(LARGE, 30 * S), (SMALL, 60 * S)])
def test_the_end_comes_announced(fields, before_us):
    """Below 1 mL; of a small plan, below a tenth."""
    pump = attended(states.IDLE)
    pump.begin(fields)
    pump.run(10 * MIN - before_us - 2 * S)
    assert pump.active() == []
    pump.run(4 * S)
    assert pump.active() == ["near-end"]
    pump.run(before_us)
    assert pump.controller.state == states.COMPLETE
    assert pump.active() == ["end-of-infusion"]
    assert pump.hal.indicators.shown[1] == "yellow"


@pytest.mark.requirement("DEL-13")
def test_what_lasts_less_than_five_minutes_is_not_announced():
    pump = attended(states.IDLE)
    pump.begin(BRIEF)
    pump.run(300 * S)
    assert pump.controller.state == states.COMPLETE
    alarms = [pairs["cause"] for name, pairs in pump.bench.events if name == "alarm"]
    assert "near-end" not in alarms and pump.active() == ["end-of-infusion"]


@pytest.mark.requirement("DEL-14")
def test_kvo_is_shown_as_long_as_it_lasts():
    pump = Attended(bench_beside(states.KVO))
    pump.run(2 * S)
    assert "kvo" in pump.active()
    pump.controller.stop()
    pump.run(2 * S)
    assert pump.controller.state == states.COMPLETE and "kvo" not in pump.active()


# ---- supply and silence -------------------------------------------------------------------------


@pytest.mark.requirement("PWR-06", "ALM-04")
def test_a_low_supply_is_told_silenced_and_ends():
    pump = attended(states.INFUSING)
    pump.controller.stop()
    pump.hal.supply.mv = 4_400
    pump.run(2 * S)
    assert pump.active() == ["supply-low"] and pump.controller.state == states.HALTED
    pump.controller.silence()
    pump.run(119 * S)
    silent = [sound for us, sound, _, _ in pump.hal.indicators.history if us > 4 * S]
    assert not any(silent)
    lit = [on for us, _, colour, on in pump.hal.indicators.history if us > 4 * S and on]
    assert len(lit) > 50  # the light goes on
    pump.run(3 * S)
    assert any(sound for us, sound, _, _ in pump.hal.indicators.history if us > 120 * S)
    pump.hal.supply.mv = 4_500
    pump.run(3 * S)
    assert pump.active() == [] and pump.hal.indicators.shown == (False, "off", False)


@pytest.mark.requirement("ALM-04")
def test_a_new_alarm_breaks_the_silence():
    pump = attended(states.INFUSING)
    pump.hal.supply.mv = 4_400
    pump.run(S)
    pump.controller.silence()
    pump.run(S)
    assert not pump.hal.indicators.shown[0]
    pump.hal.force.mn = 60_000
    pump.run(S)
    assert pump.controller.state == states.ALARM
    assert pump.active() == ["occlusion", "supply-low"]
    at = pump.hal.clock.us
    assert any(sound for us, sound, _, _ in pump.hal.indicators.history if us > at - S)


@pytest.mark.requirement("ALM-04")
def test_there_is_no_silence_without_an_alarm():
    pump = attended(states.IDLE)
    with pytest.raises(Refusal) as caught:
        pump.controller.silence()
    assert (caught.value.code, caught.value.accepts) == ("not-now", "alarm")


# ---- what is heard and seen ---------------------------------------------------------------------


def sounds(pump, since):
    """(begin, end) of each pulse of the buzzer."""
    pulses, begun = [], None
    for us, sound, _, _ in pump.hal.indicators.history:
        if us < since:
            continue
        if sound and begun is None:
            begun = us
        elif not sound and begun is not None:
            pulses.append((begun, us))
            begun = None
    return pulses


@pytest.mark.requirement("ALM-02", "ALM-03", "ALM-06")
@pytest.mark.parametrize(
    "cause,pulses,pulse_us,rest_us,colour",
    [
        ("under-delivery", 10, 150_000, 3 * S, "red"),
        ("supply-low", 3, 200_000, 6 * S, "yellow"),
        ("near-end", 2, 200_000, 20 * S, "yellow"),
    ],
)
def test_each_priority_as_the_indicators_show_it(cause, pulses, pulse_us, rest_us, colour):
    pump = attended(states.IDLE)
    since = pump.hal.clock.us
    pump.controller.alarms.raise_(cause, since)
    pump.controller.guard.supply_low = lambda: cause == "supply-low"
    pump.attention._near_end = lambda: cause == "near-end"
    pump.attention.poll(since)
    pump.run(45 * S)
    heard = sounds(pump, since)
    assert all(end - begin == pulse_us for begin, end in heard)
    gaps = [b[0] - a[1] for a, b in zip(heard, heard[1:])]
    assert [at for at, gap in enumerate(gaps) if gap == rest_us][0] == pulses - 1
    assert all(gap == rest_us or gap < S for gap in gaps)
    colours = {c for us, _, c, on in pump.hal.indicators.history if on and us >= since}
    assert colours == {colour}


@pytest.mark.requirement("ALM-03")
def test_the_light_follows_the_highest_priority():
    pump = attended(states.INFUSING)
    pump.controller.warn("log-failure")
    pump.run(S)
    assert pump.hal.indicators.shown[1] == annunciator.YELLOW
    pump.hal.force.mn = 60_000
    pump.run(S)
    assert pump.hal.indicators.shown[1] == annunciator.RED
    pump.controller.acknowledge("")
    pump.run(S)
    assert pump.hal.indicators.shown == (False, "off", False)


def test_a_pump_without_indicators_is_called_once_a_second():
    bench = bench_in(states.IDLE)
    attention = Attention(bench.hal, bench.controller)
    attention.poll(0)
    bench.controller.warn("under-delivery")
    assert attention.due_us(0) == S
