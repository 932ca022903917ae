"""The full screen: what it shows in each state, what its keys do, that old data never look live.

Snapshots in ``snapshots`` hold the text of the screen; ``make snapshots`` writes them anew.
"""

from __future__ import annotations

from typing import Any

import pytest
from textual import events

from titra.pump_state import Losses, PumpState
from titra.tui import words
from titra.tui.big import big

from . import screens
from .screens import NOW_S, Rig, check

STATES = {
    "idle": screens.idle,
    "infusing": screens.infusing,
    "paused": screens.paused,
    "stopped": screens.stopped,
    "alarm": screens.alarm,
    "complete": screens.complete,
    "lost": screens.lost,
    "silent": screens.silent,
    "absent": screens.absent,
    "unheard": screens.unheard,
    "overridden": screens.overridden,
}
SEVERAL = (
    screens.infusing,
    screens.paused,
    screens.stopped,
    screens.alarm,
    screens.complete,
    screens.lost,
    screens.idle,
    screens.absent,
)


@pytest.mark.requirement("HOST-06")
@pytest.mark.parametrize("name", STATES)
def test_one_pump_at_80x24(name: str) -> None:
    check(name, Rig(STATES[name]).text())


@pytest.mark.requirement("HOST-06")
@pytest.mark.parametrize("name", ["infusing", "alarm"])
def test_one_pump_on_a_larger_screen(name: str) -> None:
    check(f"{name}-large", Rig(STATES[name]).text((132, 43)))


@pytest.mark.requirement("HOST-06")
@pytest.mark.parametrize("size", [(80, 24), (132, 43)])
def test_several_pumps(size: tuple[int, int]) -> None:
    check(f"several-{size[0]}", Rig(*SEVERAL).text(size, "right", "right"))


def test_two_pumps_then_one_of_them() -> None:
    rig = Rig(screens.infusing, screens.alarm)
    check("detail-of-two", rig.text((80, 24), "2", "enter"))


def test_help_and_quit_leave_the_large_word_in_sight() -> None:
    check("help", Rig(screens.infusing).text((80, 24), "question_mark"))
    check("quit", Rig(screens.infusing).text((80, 24), "q"))


# ---- old data ---------------------------------------------------------------------------------


@pytest.mark.requirement("HOST-06")
@pytest.mark.parametrize("feed", [screens.infusing, screens.paused, screens.alarm])
def test_a_state_is_large_only_while_it_is_fresh(feed: Any) -> None:
    state = PumpState("x")
    feed(state)
    word = state.state.upper()
    assert words.face(state, NOW_S).word == word
    seen = {words.face(state, NOW_S + late).word for late in (3.1, 10, 1000, 1e6)}
    assert seen == {"NO DATA"}
    assert "last heard" in words.subtitle(state, NOW_S + 10)


def test_a_pump_that_reports_seldom_is_given_its_interval() -> None:
    state = PumpState("x")
    screens.up(state, NOW_S - 60)
    screens.sample(state, NOW_S - 20, 1000, 100)
    screens.sample(state, NOW_S - 10, 11000, 1150)
    assert state.freshness(NOW_S) == "live"
    assert state.freshness(NOW_S + 16) == "stale"


def test_an_old_event_out_of_the_log_does_not_change_the_state() -> None:
    state = PumpState("x")
    screens.infusing(state)
    screens.event(state, 4, 500, "stopped", NOW_S, state="stopped", cause="disconnect")
    assert state.state == "infusing" and state.events[-1].name == "stopped"


def test_what_was_said_before_a_reset_is_forgotten() -> None:
    state = PumpState("x")
    screens.alarm(state)
    fields = {"t": "214ms", "boot": "4", "state": "idle"}
    state.take(screens.Told(NOW_S, screens.Telemetry("", fields, 1)))
    assert state.alarms == () and state.planned is None and state.state == "idle"


def test_what_a_sample_no_longer_says_is_forgotten() -> None:
    state = PumpState("x")
    screens.stopped(state)
    fields = {"t": "963000ms", "boot": "3", "state": "idle", "steps": "0", "rate": "0mL/h"}
    state.take(screens.Told(NOW_S, screens.Telemetry("", fields, 99)))
    assert state.planned is None and state.lag_steps is None and state.cause == ""
    assert state.word["stop-loop"] == "open"  # that is the status's to say


def test_what_is_missing_is_said() -> None:
    state = PumpState("x")
    screens.infusing(state)
    assert words.missing(state) == ""
    state.take(Losses(NOW_S, 3, 0, 1))
    assert words.missing(state) == "missing: events 3, bad lines 1"


# ---- keys -------------------------------------------------------------------------------------


@pytest.mark.requirement("HOST-06")
@pytest.mark.parametrize("key", ["space", "s"])
@pytest.mark.parametrize("before", [(), ("q",), ("question_mark",)])
def test_one_key_stops_also_above_a_dialog(key: str, before: tuple[str, ...]) -> None:
    rig = Rig(screens.infusing)
    rig.text((80, 24), *before, key)
    assert rig.links[0].orders == ["stop"]


@pytest.mark.requirement("HOST-06")
def test_the_stop_key_reaches_the_selected_pump_and_the_other_one_all() -> None:
    for key, expected in (("space", [[], ["stop"], []]), ("S", [["stop"]] * 3)):
        rig = Rig(screens.infusing, screens.infusing, screens.infusing)
        rig.text((80, 24), "2", key)
        assert [link.orders for link in rig.links] == expected


@pytest.mark.requirement("HOST-06")
def test_stop_does_not_wait_for_a_busy_screen() -> None:
    """The thread that reads the keyboard acts before the screen's loop has seen the key."""
    rig = Rig(screens.infusing, screens.infusing)
    driver = object.__new__(rig.app.driver_class)
    driver._app, driver._loop, driver.cursor_origin = rig.app, None, None
    driver.send_message = lambda message: None
    driver._down_buttons = []
    for key in ("space", "S"):
        driver.process_message(events.Key(key, key))
        rig.now_s += 1
    assert [link.orders for link in rig.links] == [["stop", "stop"], ["stop"]]


@pytest.mark.parametrize(("key", "verb"), [("m", "silence"), ("a", "ack")])
def test_silence_and_acknowledge(key: str, verb: str) -> None:
    rig = Rig(screens.alarm)
    rig.text((80, 24), key)
    assert rig.links[0].orders == [verb]


@pytest.mark.requirement("HOST-01")
def test_quit_says_what_it_leaves_behind_and_stops_nothing() -> None:
    rig = Rig(screens.infusing)
    assert "is infusing; 10s without a host and it stops" in rig.text((80, 24), "q")
    rig = Rig(screens.infusing)
    rig.text((80, 24), "q", "q")
    assert rig.app.return_code == 0 and rig.links[0].orders == []


def test_quit_asks_nothing_when_nothing_moves() -> None:
    rig = Rig(screens.idle)
    rig.text((80, 24), "q")
    assert rig.app._exit


def test_escape_stays() -> None:
    rig = Rig(screens.infusing)
    rig.text((80, 24), "q", "escape")
    assert not rig.app._exit


# ---- words ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"lease": "off"}, "goes on to the end of its plan"),
        ({"lease": "10s"}, "10s without a host and it stops, or finishes"),
        ({"lease": "10s", "on-loss": "stop"}, "10s without a host and it STOPS"),
        ({"lease": "10s", "on-loss": "finish"}, "10s without a host and it goes on to the end"),
        ({"state": "idle"}, "nothing moves"),
    ],
)
def test_what_quitting_leaves(more: dict[str, str], expected: str) -> None:
    state = PumpState("x")
    screens.infusing(state)
    state.word.update(more)
    assert expected in words.left_behind(state, NOW_S)


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"drug": "ketamine-depression"}, "drug ketamine-depression"),
        ({"drug": "none", "library": "bench:3:1C2D3E4F"}, "without the limits of a drug"),
        ({"library": "none"}, "no drug library"),
    ],
)
def test_whose_limits_hold_is_said(more: dict[str, str], expected: str) -> None:
    state = PumpState("x")
    screens.infusing(state)
    state.word.update(more)
    assert words.subtitle(state, NOW_S).endswith(f"left, {expected}")


def test_percent_is_never_whole_before_the_last_step() -> None:
    state = PumpState("x")
    state.word = {"steps": str(screens.PLANNED - 1), "planned": str(screens.PLANNED)}
    assert words.percent(state) == "99.9 %"


@pytest.mark.parametrize("word", [*words.TONES, "post", "idle", "link lost", "no data", "no link"])
def test_every_state_has_large_letters_that_fit(word: str) -> None:
    rows = big(word, 74)
    assert len(rows) == 3 and max(map(len, rows)) <= 74 and all(row.strip() for row in rows)


def test_what_does_not_fit_is_written_small() -> None:
    assert big("connecting", 20) == ["", "CONNECTING", ""]


def test_every_state_of_the_pump_has_a_tone() -> None:
    from pump.core import states

    resting = {"post", "idle"}
    assert set(words.TONES) | resting == set(states.STATES)
