"""The search: breadth first over the real firmware, every action in every abstract state.

It begins at several places at once (``PLACES``), each given by the ordinary way to it from
power-on, and goes ``depth`` actions on from each; a world that looks like one seen before (same
``World.key``) is not gone on from. After the last level each new world is still stopped, by the
verb and by the button, and cut off from power. Long waits and resets are made once for each class
of worlds that they could tell apart (``World.coarse_key``, ``World.outliving_key``). No chance is
involved: the same depth finds the same worlds.
"""

import gc
import time
from contextlib import contextmanager

from pump.core import states
from tests.exploration.actions import ACTIONS, LONG_WAITS, RESETS
from tests.exploration.copies import freeze, thaw
from tests.exploration.oracle import Violation
from tests.exploration.world import World, replay

RUN = ("program", "start", "1.2-s")
BOLUS = (*RUN, "bolus", "start-bolus", "1.2-s")
LEASED_BOLUS = ("program", "start-lease-stop", "bolus", "start-bolus", "0.2-s")
PRESSED = (*RUN, "press", "release", "60-ms")
STOPPED_BY_FAULT = (*RUN, "link-raises-once", "ack")
TWICE = STOPPED_BY_FAULT + STOPPED_BY_FAULT + RUN
# name: (pump state, path from power-on); None for a state that is not the point
PLACES = {
    "power-on": ("idle", ()),
    "ready": ("ready", ("program",)),
    "ready, occluded": ("ready", ("program", "force-high")),
    "infusing": ("infusing", RUN),
    "infusing, leased": ("infusing", ("program", "start-lease-stop", "0.2-s")),
    "infusing, may finish": ("infusing", ("program", "start-lease-finish", "0.2-s")),
    "infusing, KVO to come": ("infusing", ("program-kvo", "start", "1.2-s")),
    "infusing fast": ("infusing", ("program-fast", "0.2-s", "start", "0.2-s")),
    "infusing fast at once": ("infusing", ("program-fast", "start")),
    "paused": ("paused", (*RUN, "pause")),
    "bolus offered": ("infusing", (*RUN, "bolus")),
    "bolus": ("bolus", BOLUS),
    "bolus, leased": ("bolus", LEASED_BOLUS),
    "bolus dropped": ("infusing", (*BOLUS, "pause", "resume")),
    "ready to prime": ("ready", ("prime",)),
    "priming": ("priming", ("prime", "start", "0.2-s")),
    "priming, leased": ("priming", ("prime", "start-lease-stop", "0.2-s")),
    "kvo": ("kvo", ("program-kvo", "start", "to-the-end")),
    "kvo, leased": ("kvo", ("program-kvo", "start-lease-stop", "talk-to-the-end")),
    "kvo near its end": ("kvo", ("program-full", "0.2-s", "start", "talk-to-the-end")),
    "complete": ("complete", ("program", "start", "to-the-end")),
    "paused, leased": ("paused", ("program", "start-lease-stop", "0.2-s", "pause")),
    "complete, known": ("complete", ("program", "start", "to-the-end", "ack-end")),
    "halted": ("halted", (*RUN, "stop")),
    "near the end": ("infusing", ("program-long", "start", "5.5-min")),
    "stopped, loop open": ("stopped", (*RUN, "press")),
    "stopped, loop closed": ("stopped", PRESSED),
    "stopped, loop just closed": ("stopped", (*RUN, "press", "release")),
    "stopped, primed": ("stopped", ("prime", "start", "press", "release", "60-ms")),
    "alarm": ("alarm", (*RUN, "force-high", "1.2-s", "force-high-heals")),
    "alarm, primed": ("alarm", ("prime", "start", "force-high", "1.2-s", "force-high-heals")),
    "fault": ("fault", (*RUN, "link-raises-once")),
    "fault, primed": ("fault", ("prime", "start", "link-raises-once")),
    "reset found": ("stopped", (*RUN, "power-cut")),
    "two stops of one cause": ("infusing", TWICE),
    "locked out": ("fault", (*TWICE, "link-raises-once")),
    "a step at rest, then start": (None, ("program", "forced-step", "start")),
    "a step at rest, then resume": (None, (*RUN, "pause", "forced-step", "resume")),
    "maintenance": ("no firmware", ("maintenance",)),
}
for _name in ("power-on", "ready", "paused", "bolus", "priming", "kvo", "complete", "halted"):
    PLACES[_name + ", sensor open"] = (None, (*PLACES[_name][1], "force-open"))
LAST = ("stop", "press", "power-cut")


class Found:
    """What a search has seen.

    worlds       abstract states
    transitions  actions carried out
    levels       new abstract states by depth
    pairs        (state, event) pairs that the table in core.states was asked for
    tried        (pump state, action) pairs
    broken       (rule, last action): Broken, the first of each kind
    seconds      how long it took
    """

    def __init__(self):
        self.worlds = 0
        self.transitions = 0
        self.levels = []
        self.pairs = set()
        self.tried = set()
        self.broken = {}
        self.seconds = 0.0

    def note(self, violation, path):
        """An invariant is broken after ``path``."""
        if (violation.rule, path[-1]) not in self.broken:
            # A replay takes as long as the path: with much broken, shrinking all takes hours.
            if all(violation.rule != rule for rule, _ in self.broken):
                path = shrink(path, violation.rule)
            self.broken[violation.rule, path[-1]] = Broken(violation, path)


class Broken:
    """A violation with the path to it from power-on: the shortest on from its place; the first of
    each rule without what it can do without. ``replay`` the path to see it again."""

    def __init__(self, violation, path):
        self.rule = violation.rule
        self.path = path
        self.text = "%s\n  after: %s" % (violation, " ".join(self.path) or "power-on")


def explore(depth, places=PLACES, actions=ACTIONS, faults=2, tell=None):
    """Search; returns Found. ``faults``: how many may stand at once. Nothing is tried
    beyond a violation. ``tell(found, level, left)`` is
    called after each world."""
    found = Found()
    begun = time.monotonic()
    seen, folded = set(), set()
    with watched(found.pairs), rarely_tidied():
        level = _begin(found, places, seen, faults)
        for number in range(depth + 1):
            found.levels.append(len(level))
            last = number == depth
            following = []
            for index, (frozen, path) in enumerate(level):
                for name in _possible(found, frozen, LAST if last else actions, folded):
                    world = _step(found, frozen, path, name)
                    key = world.key() if world else None
                    if world and not last and key not in seen:
                        seen.add(key)
                        following.append((freeze(world), (*path, name)))
                found.seconds = time.monotonic() - begun
                found.worlds = len(seen)
                if tell:
                    tell(found, number, len(level) - index - 1)
            level = following
    return found


def _begin(found, places, seen, faults):
    level = []
    for name, (state, path) in places.items():
        try:
            world = replay(path, faults)
        except Violation as violation:
            found.note(violation, path)
            continue
        assert state in (None, world.state()), "%s is %s" % (name, world.state())
        key = world.key()
        if key not in seen:
            seen.add(key)
            level.append((freeze(world), path))
    return level


def _possible(found, frozen, names, folded):
    """The actions that have a meaning in a world and are not folded into those of another."""
    world = thaw(frozen)
    state = world.state()
    keys = dict.fromkeys(LONG_WAITS, world.coarse_key())
    keys.update(dict.fromkeys(RESETS, world.outliving_key()))
    possible = []
    for name in names:
        if (name, keys.get(name)) not in folded and world.may(name):
            possible.append(name)
            if name in keys:
                folded.add((name, keys[name]))
    found.tried.update((state, name) for name in possible)
    return possible


def _step(found, frozen, path, name):
    world = thaw(frozen)
    found.transitions += 1
    try:
        world.act(name)
    except Violation as violation:
        found.note(violation, (*path, name))
        return None
    return world


def shrink(path, rule):
    """The path without the actions that the violation of ``rule`` can do without."""
    path = list(path)
    index = 0
    while index < len(path):
        shorter = path[:index] + path[index + 1 :]
        if breaks(shorter) == rule:
            path = shorter
            index = 0
        else:
            index += 1
    return tuple(path)


def breaks(path):
    """The rule that a path breaks, or ''."""
    try:
        world = World()
        for name in path:
            if name in ACTIONS and not world.may(name):
                return ""
            world.act(name)
    except Violation as violation:
        return violation.rule
    return ""


@contextmanager
def rarely_tidied():
    """Let the interpreter look for garbage now and then only: half of the time goes into it."""
    before = gc.get_threshold()
    gc.set_threshold(200_000, 50, 100)
    try:
        yield
    finally:
        gc.set_threshold(*before)


@contextmanager
def watched(pairs):
    """Note the (state, event) pairs that the firmware asks the table for. What it lists for a
    refusal does not count."""
    follow, accepting = states.follow, states.accepting
    listing = []

    def noted(state, event):
        if not listing:
            pairs.add((state, event))
        return follow(state, event)

    def listed(event):
        listing.append(event)
        try:
            return accepting(event)
        finally:
            listing.pop()

    states.follow, states.accepting = noted, listed
    try:
        yield
    finally:
        states.follow, states.accepting = follow, accepting
