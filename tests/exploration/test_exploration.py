"""The search finds nothing in the firmware, reaches what can be reached, and finds what is broken
on purpose. Deeper by hand: ``make explore DEPTH=3``."""

from unittest.mock import MagicMock

import pytest

from pump.app import controller as controller_module
from pump.app.commands import VERBS
from pump.app.controller import Controller
from pump.app.guard import Guard
from pump.app.keeper import Keeper
from pump.app.motion import Motion
from pump.app.therapy import Therapy
from pump.core import states
from pump.core.alarms import Alarms
from pump.core.supervisor import Supervisor
from tests.exploration import explore as explore_module
from tests.exploration.__main__ import main, table
from tests.exploration.actions import REQUESTS
from tests.exploration.copies import freeze, thaw
from tests.exploration.explore import PLACES, Found, breaks, explore
from tests.exploration.oracle import Violation
from tests.exploration.reasons import reason
from tests.exploration.world import World
from tests.unit.fake_hal import BOARD

pytestmark = pytest.mark.xdist_group("exploration")
DEPTH = 1


@pytest.fixture(scope="module")
def found():
    return explore(DEPTH)


@pytest.mark.requirement(
    "STOP-06", "STOP-07", "STOP-11", "STOP-15", "PROG-02", "PROG-03", "PROG-06", "ALM-05",
    "ALM-07", "ALM-08", "PWR-03", "PWR-08", "COM-02",
)  # fmt: skip
def test_nothing_breaks_an_invariant(found):
    assert not found.broken, "\n".join(broken.text for broken in found.broken.values())


# They begin and end nothing: a library, settings and what is said are no state of the motor.
UNEXPLORED = {
    "*IDN?", "info", "limits", "telemetry", "log", "settings", "set", "library", "library-load",
    "library-commit", "help",
}  # fmt: skip


def test_every_verb_that_begins_or_ends_something_is_an_action():
    world = MagicMock(hash="", bolus_hash="", change_hash="")
    for _, act in REQUESTS.values():
        act(world)
    sent = {text.split(" ")[0] for call in world.send.call_args_list for text in call.args}
    assert not sent & UNEXPLORED
    assert sent | UNEXPLORED == {row[0] for row in VERBS}


def test_the_search_is_wide(found):
    assert found.worlds > 500 and found.transitions > 3000
    assert {state for state, _ in found.tried} == {*states.STATES, "no firmware"} - {states.POST}


def test_a_pair_of_the_table_is_reached_or_there_is_a_reason(found):
    every = {(state, event) for state in states.STATES for event in states.EVENTS}
    assert not [pair for pair in every - found.pairs if not reason(*pair)]
    assert not [pair for pair in found.pairs if reason(*pair)]


def test_it_finds_the_same_again():
    places = {name: PLACES[name] for name in ("ready", "bolus")}
    first, second = explore(1, places), explore(1, places)
    assert (first.levels, first.transitions) == (second.levels, second.transitions)
    assert first.pairs == second.pairs


def test_only_the_first_of_a_rule_is_shrunk(monkeypatch):
    """All of them would take hours where much is broken."""
    monkeypatch.setattr(explore_module, "shrink", lambda path, rule: path[-1:])
    found = Found()
    for rule, path in (("off", "ab"), ("off", "ac"), ("lease", "ac"), ("off", "ab")):
        found.note(Violation(rule, ""), tuple(path))
    paths = [(broken.rule, "".join(broken.path)) for broken in found.broken.values()]
    assert paths == [("off", "b"), ("off", "ac"), ("lease", "c")]


def test_copies_are_apart():
    world = World()
    world.act("program")
    frozen = freeze(world)
    one, other = thaw(frozen), thaw(frozen)
    assert one.key() == other.key() == world.key()
    one.act("start")
    assert one.key() != other.key() == world.key()


# ---- the firmware broken on purpose -------------------------------------------------------------


def ack_keeps_the_motor_on(patch):
    acknowledge = Controller.acknowledge

    def broken(self, alarm):
        acknowledge(self, alarm)
        self._hal.driver.enable(True)

    patch.setattr(Controller, "acknowledge", broken)


def silence_goes_on(patch):
    silence = Controller.silence

    def broken(self):
        silence(self)
        self.run.motion.begin()

    patch.setattr(Controller, "silence", broken)


def row(patch, state, event, after):
    """Change one entry of the state table."""
    rows = list(states._ROWS)
    at, place = states.STATES.index(state), states.EVENTS.index(event)
    letter = states._LETTERS[states.STATES.index(after)] if after in states.STATES else after
    rows[at] = rows[at][:place] + letter + rows[at][place + 1 :]
    patch.setattr(states, "_ROWS", tuple(rows))


def start_looks_at_nothing(patch):
    patch.setattr(Guard, "unmet", lambda self: "")


def feeding_ignores_tasks(patch):
    patch.setattr(Guard, "feed", lambda self, now_us: self._hal.watchdog.feed())


def plan_is_given_twice(patch):
    end = Controller._end

    def broken(self, run):
        if run.kind != "infusion":
            return end(self, run)
        self._hold()
        run.motion = Motion(self._hal, run.plan, BOARD.MECHANICS)
        run.motion.begin()
        self.guard.begin(run.motion)

    patch.setattr(Controller, "_end", broken)


def steps_are_forgotten_in_a_pause(patch):
    steps = Therapy.steps
    patch.setattr(Therapy, "steps", lambda self: 0 if self.state == "paused" else steps(self))


def stop_lets_the_driver_on(patch):
    patch.setattr(Controller, "_motor_off", Controller._hold)


def nothing_is_latched(patch):
    def broken(self, event, cause):
        self._motor_off()
        self._enter("stop")

    patch.setattr(Controller, "_latch", broken)


# name: (what is done, places to begin at, depth, rules that may be the first to break)
SABOTAGE = {
    "ack keeps the motor on": (ack_keeps_the_motor_on, "stopped, loop closed", 1, "off"),
    "silence goes on": (silence_goes_on, "stopped, loop closed", 1, "off"),
    "stop leaves latched": (
        lambda patch: row(patch, "stopped", "stop", "idle"), "stopped, loop closed", 1, "latched",
    ),
    "program while latched": (
        lambda patch: row(patch, "alarm", "program", "ready"), "alarm", 1, "plan",
    ),
    "halted starts again": (
        lambda patch: row(patch, "halted", "start", "infusing"), "halted", 1, "fresh",
    ),
    "start looks at nothing": (start_looks_at_nothing, "ready, occluded", 1, "precondition"),
    "release is not awaited": (
        lambda patch: patch.setattr(controller_module, "RELEASE_US", 0),
        "stopped, loop just closed", 1, "ack",
    ),
    "feeding ignores tasks": (feeding_ignores_tasks, "power-on", 2, "fed"),
    "force is not looked at": (
        lambda patch: patch.setattr(Supervisor, "_surroundings", lambda self, seen: ""),
        "infusing", 2, "precondition",
    ),
    "lock-out does not count": (
        lambda patch: patch.setattr(Alarms, "_count", lambda self, cause, now_us: None),
        "two stops of one cause", 2, "lock-out",
    ),
    "reset is not noticed": (
        lambda patch: patch.setattr(Keeper, "interrupted", lambda self: False),
        "infusing", 1, "reset",
    ),
    "host is not missed": (
        lambda patch: patch.setattr(Controller, "_lose_host", lambda self: None),
        "infusing, leased", 1, "lease",
    ),
    "plan is given twice": (plan_is_given_twice, "infusing", 1, "plan"),
    "steps fall in a pause": (steps_are_forgotten_in_a_pause, "infusing", 1, "falls told"),
    "stop lets the driver on": (stop_lets_the_driver_on, "infusing", 1, "off"),
    "nothing is latched": (nothing_is_latched, "infusing", 1, "latched loop state"),
}  # fmt: skip


@pytest.mark.parametrize("name", SABOTAGE)
def test_it_finds(name, monkeypatch):
    break_it, place, depth, rules = SABOTAGE[name]
    path = PLACES[place][1]
    sound = explore(depth, {place: PLACES[place]}, faults=1)
    known = {broken.path for broken in sound.broken.values()}
    break_it(monkeypatch)
    found = explore(depth, {place: (None, path)}, faults=1)
    new = [broken for broken in found.broken.values() if broken.path not in known]
    assert any(broken.rule in rules.split() for broken in new), [b.text for b in new]
    for broken in new:
        assert breaks(broken.path) == broken.rule  # the printed path shows it again
    monkeypatch.undo()
    assert all(breaks(broken.path) == "" for broken in new)


def test_the_report_tells_what_was_covered(found, capsys):
    text = table(found, DEPTH, 2)
    assert "transitions                  %d" % found.transitions in text
    assert "the self-test is over before the loop begins: post/program" in text
    assert main(["--path", "program", "start", "press"]) == 0
    assert capsys.readouterr().out == "holds\n"
