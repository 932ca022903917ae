"""The state table is whole and holds its promises."""

import re
from pathlib import Path

import pytest
import state_document

from pump.core import states

PROTOCOL = Path(__file__).resolve().parents[2] / "firmware/PROTOCOL.md"
STAYS = (states.REFUSED, states.IGNORED)
PAIRS = [(state, event) for state in states.STATES for event in states.EVENTS]


def after(state, event):
    """The state the pump is in after ``event``."""
    followed = states.follow(state, event)
    return state if followed in STAYS else followed


@pytest.mark.requirement("PROG-05")
@pytest.mark.parametrize(("state", "event"), PAIRS)
def test_every_pair_is_defined(state, event):
    assert states.follow(state, event) in states.STATES + STAYS


@pytest.mark.requirement("PROG-05")
def test_table_has_no_other_rows_or_columns():
    assert len(states._ROWS) == len(states._LETTERS) == len(states.STATES)
    assert {len(row) for row in states._ROWS} == {len(states.EVENTS)}
    assert len(set(states.STATES)) == len(states.STATES)
    assert len(set(states.EVENTS)) == len(states.EVENTS)


@pytest.mark.parametrize("state", states.STATES)
@pytest.mark.parametrize(
    "event", [states.STOP, states.DISCONNECT, states.FAIL, states.PAUSE, states.END]
)
def test_nothing_moves_after_a_stop(state, event):
    moves = after(state, event) in states.MOVING
    refused = event == states.PAUSE and state in states.MOVING
    goes_on = (state, event) == (states.BOLUS, states.END)  # with the infusion it interrupted
    assert not moves or refused or goes_on
    if event in (states.STOP, states.DISCONNECT, states.FAIL):
        assert states.follow(state, event) not in STAYS and not moves


def test_host_loss_ends_motion():
    for state in states.STATES:
        assert after(state, states.HOST_LOST) not in states.MOVING


def test_only_start_and_resume_begin_motion():
    begins = {
        (state, event)
        for state, event in PAIRS
        if state not in states.MOVING and after(state, event) in states.MOVING
    }
    assert begins == {
        (states.READY, states.START),
        (states.READY, states.START_PRIME),
        (states.PAUSED, states.RESUME),
    }


@pytest.mark.requirement("ALM-05", "STOP-06")
def test_latched_states_are_left_by_ack_alone():
    for state in states.LATCHED:
        for event in states.EVENTS:
            left = after(state, event) not in states.LATCHED
            assert left == (event == states.ACK), (state, event)
        assert after(state, states.ACK) == states.IDLE


@pytest.mark.requirement("ALM-05")
def test_a_fault_is_not_turned_into_less():
    for event in states.EVENTS:
        if event != states.ACK:
            assert after(states.FAULT, event) == states.FAULT


def test_every_state_is_reached():
    reached = {states.POST}
    for _ in states.STATES:
        reached |= {after(state, event) for state in reached for event in states.EVENTS}
    assert reached == set(states.STATES)


@pytest.mark.requirement("PROG-05")
def test_unknown_pairs_raise():
    with pytest.raises(ValueError):
        states.follow("asleep", states.STOP)
    with pytest.raises(ValueError):
        states.follow(states.IDLE, "wake")


def test_accepting_lists_the_states():
    assert states.accepting(states.START) == "ready"
    assert states.accepting(states.PROGRAM) == "idle,ready,complete,halted"
    assert states.accepting(states.ACK) == "stopped,alarm,fault"
    assert states.accepting(states.STOP) == ",".join(states.STATES)


@pytest.mark.requirement("COM-12")
def test_protocol_document_lists_the_same_states():
    section = PROTOCOL.read_text().split("\n## States\n")[1].split("\n## ")[0]
    rows = re.findall(r"^\| `([a-z]+)` \| ([a-z, ]+) \|", section, re.M)
    assert tuple(name for name, _ in rows) == states.STATES
    assert tuple(name for name, motor in rows if motor == "moving") == states.MOVING
    assert tuple(name for name, motor in rows if "latched" in motor) == states.LATCHED


@pytest.mark.requirement("PROG-05")
def test_the_document_is_made_from_the_table():
    assert state_document.DOCUMENT.read_text() == state_document.document()
