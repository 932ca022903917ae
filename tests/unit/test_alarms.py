"""The alarm table keeps its rules, and Alarms its promises, one by one, in plain figures."""

import re
from pathlib import Path

import pytest

from pump.core import alarms as module
from pump.core import annunciator, states
from pump.core.alarms import (
    CAUSE,
    DELIBERATE,
    FOR_GOOD,
    LATCHED,
    LATCHING,
    LOCK_OUT,
    PRIORITY,
    SELF,
    STOPS,
    TABLE,
    Alarms,
    row_of,
)
from pump.core.annunciator import HIGH, NONE, PRIORITIES
from titra.alarm_texts import TEXTS

FIRMWARE = Path(__file__).resolve().parents[2] / "firmware"
ROWS = [row_of(cause) for line in TABLE for cause in line.split(" ")[3:]]
CAUSES = [row[CAUSE] for row in ROWS]
S = 1_000_000
MIN = 60 * S
STOPPING = {
    *("disconnect", "stop-open", "reset", "post", "host-lost", "occlusion", "over-delivery"),
    *("runaway", "miscount", "starved", "internal", "limit-switch", "force-sensor"),
    *("supply-critical", "driver", "lock-out"),
}


def where(column, value):
    return [row[CAUSE] for row in ROWS if row[column] == value]


# ---- the table ------------------------------------------------------------------------------


def test_causes_are_words_for_the_wire_and_appear_once():
    assert len(set(CAUSES)) == len(CAUSES)
    assert not [cause for cause in CAUSES if not re.fullmatch("[a-z]+(-[a-z]+)*", cause)]
    assert NONE not in CAUSES


def test_texts_fit_a_display_and_a_line():
    texts = list(TEXTS.values())
    assert sorted(TEXTS) == sorted(CAUSES)
    assert len(set(texts)) == len(texts)
    assert not [text for text in texts if not re.fullmatch("[A-Z][A-Za-z, -]{3,43}", text)]


def test_every_row_is_made_of_known_words():
    assert {line.split(" ")[2] for line in TABLE} == {"stops", "-"}
    for row in ROWS:
        assert len(row) == 4
        assert row[PRIORITY] in PRIORITIES and row[LATCHING] in (SELF, LATCHED, FOR_GOOD)
        assert row[STOPS] is True or row[STOPS] is False


@pytest.mark.requirement("ALM-01")
def test_what_stops_is_what_must():
    assert set(where(STOPS, True)) == STOPPING


@pytest.mark.requirement("ALM-01")
def test_what_stops_stays():
    for row in ROWS:
        assert not (row[STOPS] and row[LATCHING] == SELF), row


def test_only_a_failed_self_test_and_lock_out_stay_for_good():
    assert where(LATCHING, FOR_GOOD) == ["post", LOCK_OUT]


def test_what_stops_a_run_is_high():
    assert set(where(STOPS, True)) - set(where(PRIORITY, HIGH)) == {"reset"}
    assert set(where(PRIORITY, HIGH)) - set(where(STOPS, True)) == {"under-delivery"}


def test_causes_of_the_state_table_are_alarms():
    assert {states.DISCONNECT, states.HOST_LOST} < set(CAUSES)


def test_row_of_finds_each_and_nothing_else():
    assert [module.row_of(cause)[CAUSE] for cause in CAUSES] == CAUSES
    for wrong in ("", "none", "disconnec", "DISCONNECT"):
        with pytest.raises(KeyError):
            module.row_of(wrong)


# ---- the promises ------------------------------------------------------------------------------


def raised(*causes, now=0):
    alarms = Alarms()
    for cause in causes:
        assert alarms.raise_(cause, now)
    return alarms


@pytest.mark.parametrize("start", [0, 2**30 - 1, 2**40])
def test_silence_ends_after_120_s_exactly(start):
    alarms = raised("occlusion", now=start)
    began = start + 7
    assert alarms.silence(began)
    assert alarms.silenced(began) and alarms.silenced(began + 120 * S - 1)
    assert not alarms.silenced(began + 120 * S)
    assert not alarms.buzzer(began + 120 * S - 1) and alarms.buzzer(began + 120 * S)


def test_silence_is_not_prolonged():
    alarms = raised("occlusion")
    assert alarms.silence(0)
    for second in range(1, 120):
        assert not alarms.silence(second * S)
    assert alarms.buzzer(120 * S)
    assert alarms.silence(120 * S + 1)
    assert not alarms.buzzer(120 * S + 1)


def test_silence_touches_the_buzzer_alone():
    loud, quiet = raised("occlusion", "supply-low"), raised("occlusion", "supply-low")
    quiet.silence(0)
    for at_ms in range(0, 120_000, 10):
        assert quiet.light(at_ms * 1000) == loud.light(at_ms * 1000)
    assert quiet.active() == loud.active() == ["occlusion", "supply-low"]
    assert (quiet.first, quiet.locked, quiet.blocking()) == ("occlusion", False, "occlusion")


@pytest.mark.parametrize("new", ["runaway", "supply-low", "near-end"])
def test_a_new_alarm_breaks_silence(new):
    alarms = raised("occlusion")
    alarms.silence(S)
    assert not alarms.raise_("occlusion", 2 * S) and alarms.silenced(2 * S)
    assert alarms.raise_(new, 3 * S)
    assert not alarms.silenced(3 * S) and alarms.buzzer(3 * S)


def test_nothing_is_silenced_in_advance():
    alarms = Alarms()
    assert not alarms.silence(0)
    alarms.raise_("occlusion", 1)
    assert alarms.buzzer(1)


def test_quiet_is_no_alarm_at_all_silenced_or_not():
    alarms = Alarms()
    assert alarms.quiet()
    alarms.raise_("near-end", 0)
    alarms.silence(0)
    assert not alarms.quiet()
    alarms.drop("near-end", 1)
    assert alarms.quiet()


def test_silence_does_not_outlive_its_alarms():
    alarms = raised("supply-low")
    alarms.silence(0)
    alarms.drop("supply-low", S)
    assert not alarms.silenced(S)


@pytest.mark.parametrize("cause", where(LATCHING, LATCHED))
def test_latched_stays_until_acknowledged(cause):
    alarms = raised(cause)
    assert not alarms.drop(cause, S) and alarms.active() == [cause] == [alarms.blocking()]
    assert alarms.acknowledge(cause, 2 * S) == [cause]
    assert alarms.active() == [] and alarms.blocking() == "" and alarms.first == ""


@pytest.mark.parametrize("cause", where(LATCHING, SELF))
def test_what_goes_by_itself_cannot_be_acknowledged(cause):
    alarms = raised(cause)
    assert alarms.acknowledge("", S) == alarms.acknowledge(cause, S) == []
    assert alarms.active() == [cause] and alarms.blocking() == ""
    assert alarms.drop(cause, 2 * S) and alarms.active() == []
    assert not alarms.drop(cause, 2 * S)


@pytest.mark.parametrize("cause", where(LATCHING, FOR_GOOD))
def test_what_stays_for_good_stays(cause):
    alarms = raised("disconnect", cause)
    assert alarms.acknowledge("", S) == ["disconnect"]
    assert alarms.acknowledge(cause, S) == [] and not alarms.drop(cause, S)
    assert alarms.active() == [cause] == [alarms.blocking()]
    assert alarms.first == "disconnect", "the first cause is kept while the pump is held"


def test_the_first_cause_is_kept_until_no_stop_is_left():
    alarms = raised("supply-low", "occlusion", "miscount")
    assert alarms.first == "occlusion"
    alarms.acknowledge("occlusion", S)
    assert alarms.first == "occlusion"
    alarms.acknowledge("miscount", S)
    assert alarms.first == "" and alarms.active() == ["supply-low"]


def test_an_acknowledged_alarm_whose_condition_lasts_comes_back():
    alarms = raised("force-sensor")
    alarms.acknowledge("", S)
    assert alarms.raise_("force-sensor", S) and alarms.blocking() == "force-sensor"


def test_highest_first_then_oldest():
    alarms = raised("near-end", "supply-low", "runaway", "kvo", "pause-long", "disconnect")
    assert alarms.active() == [
        *("runaway", "disconnect"),
        *("supply-low", "pause-long"),
        *("near-end", "kvo"),
    ]
    alarms.active().clear()
    assert alarms.highest() == HIGH and len(alarms.active()) == 6


def stops(cause, *times):
    """Alarms after a start and a stop by ``cause`` at each time, each but the last acknowledged
    at once."""
    alarms = Alarms()
    for at in times:
        alarms.acknowledge("", at)
        alarms.started()
        assert alarms.raise_(cause, at)
    return alarms


@pytest.mark.parametrize("cause", sorted(STOPPING - {"post", LOCK_OUT} - set(DELIBERATE)))
def test_the_third_stop_in_ten_minutes_locks(cause):
    assert not stops(cause, 0, 5 * MIN).locked
    alarms = stops(cause, 0, 5 * MIN, 10 * MIN)
    assert alarms.locked and sorted(alarms.active()) == sorted([cause, LOCK_OUT])
    assert alarms.first == cause
    assert alarms.acknowledge("", 11 * MIN) == [cause]
    assert alarms.locked and alarms.blocking() == LOCK_OUT
    assert not stops(cause, 0, 5 * MIN, 10 * MIN + 1).locked


@pytest.mark.parametrize("cause", DELIBERATE)
def test_what_is_done_on_purpose_does_not_lock(cause):
    assert not stops(cause, 0, MIN, 2 * MIN, 3 * MIN).locked


def test_the_window_slides():
    assert not stops("occlusion", 0, 9 * MIN, 10 * MIN + 1).locked
    assert stops("occlusion", 0, 9 * MIN, 10 * MIN + 1, 19 * MIN).locked
    assert not stops("occlusion", 0, 9 * MIN, 10 * MIN + 1, 19 * MIN + 1).locked


def test_stops_without_a_start_between_count_once():
    alarms = raised("disconnect")
    for at in range(1, 9):
        if at == 4:
            alarms.started()
        alarms.acknowledge("", at)
        assert alarms.raise_("disconnect", at)
    alarms.started()
    alarms.acknowledge("", 10)
    alarms.raise_("disconnect", 10)
    assert not alarms.locked, "two starts, two stops"


def test_different_causes_count_apart():
    alarms = Alarms()
    for at, cause in enumerate(["occlusion", "miscount"] * 2):
        alarms.acknowledge("", at)
        alarms.started()
        alarms.raise_(cause, at)
    assert not alarms.locked
    alarms.started()
    assert not alarms.raise_("miscount", 5)
    assert not alarms.locked, "it was on already: not another stop"
    assert alarms.raise_("occlusion", 6) and alarms.locked


def test_warnings_do_not_lock():
    alarms = Alarms()
    for at in range(9):
        alarms.started()
        alarms.raise_("supply-low", at)
        alarms.raise_("end-of-infusion", at)
        alarms.drop("supply-low", at)
        alarms.acknowledge("", at)
    assert not alarms.locked


def test_lock_out_may_be_raised_outright():
    assert raised(LOCK_OUT).locked


def test_a_misspelt_cause_is_a_mistake_except_from_the_wire():
    alarms = raised("occlusion")
    with pytest.raises(KeyError):
        alarms.raise_("oclusion", 0)
    assert not alarms.drop("oclusion", 0)
    assert alarms.acknowledge("oclusion", 0) == [] and alarms.active() == ["occlusion"]


def test_a_lower_signal_starts_with_a_whole_burst():
    """After a high alarm has been acknowledged at an odd moment the medium one starts afresh."""
    alarms = raised("supply-low", "occlusion")
    alarms.acknowledge("occlusion", 1_234_567)
    pulse = annunciator._MEDIUM_PULSE_US
    assert alarms.buzzer(1_234_567) and alarms.buzzer(1_234_567 + pulse - 1)
    assert not alarms.buzzer(1_234_567 + pulse)


def test_a_second_alarm_of_the_same_priority_does_not_cut_the_burst():
    one, two = raised("occlusion"), raised("occlusion")
    two.raise_("runaway", 1_234_567)
    for at in range(1_234_567, 12 * S, 1000):
        assert one.buzzer(at) == two.buzzer(at) and one.light(at) == two.light(at)


def test_nothing_in_the_alarm_core_can_start_the_motor():
    """It knows no motor, no state machine and no caller: nothing is imported but the signal
    table, nothing is called that was handed in, and what is returned are plain values."""
    source = (FIRMWARE / "pump/core/alarms.py").read_text()
    imported = re.findall(r"^ *(?:from|import) (\S+)", source, re.M)
    assert set(imported) == {"micropython", "pump.core", "pump.core.annunciator"}
    alarms = raised(*CAUSES)
    assert alarms.silence(0)
    held = [row[CAUSE] for row in ROWS if row[LATCHING] == FOR_GOOD]
    causes = alarms.acknowledge("", S)
    assert sorted(causes) == sorted(where(LATCHING, LATCHED))
    assert not set(causes) & set(states.EVENTS) - {states.DISCONNECT, states.HOST_LOST}
    assert alarms.blocking() in held and alarms._starts == 0


def test_due_is_the_next_change_of_sound_light_or_silence():
    alarms = Alarms()
    assert alarms.due_us(5) is None
    alarms.raise_("near-end", S)
    assert alarms.due_us(S) == S + annunciator._LOW_PULSE_US
    alarms.silence(2 * S)
    assert alarms.due_us(3 * S) == 122 * S, "its light is constant: the end of the silence"
    alarms.raise_("occlusion", 4 * S)
    assert alarms.due_us(4 * S) == 4 * S + annunciator._HIGH_PULSE_US
    alarms.silence(5 * S)
    assert alarms.due_us(5 * S) == 5 * S + annunciator._RED_ON_US
