"""Alarms does what a naive model does that forgets nothing; Hypothesis writes the stories."""

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from pump.core import annunciator
from pump.core.alarms import (
    CAUSE,
    FOR_GOOD,
    LATCHED,
    LATCHING,
    PRIORITY,
    SELF,
    STOPS,
    TABLE,
    Alarms,
    row_of,
)
from pump.core.annunciator import HIGH, LOW, MEDIUM, NONE

ROWS = [row_of(cause) for line in TABLE for cause in line.split(" ")[3:]]
CAUSES = [row[CAUSE] for row in ROWS]
STOPPING = {row[CAUSE] for row in ROWS if row[STOPS]}
S = 1_000_000
MIN = 60 * S
# The requirements' figures (ALM-04, ALM-07), written down here apart from the module.
SILENCE = 120 * S
WINDOW = 10 * MIN


def where(column, value):
    return [row[CAUSE] for row in ROWS if row[column] == value]


class Model:
    """Keeps the whole history and works everything out of it afresh, in the plainest way."""

    def __init__(self):
        self.on = {}  # cause: when it was raised, in order
        self.news = []  # (when, cause) of every new alarm
        self.tops = [(0, NONE)]  # (when, highest priority) after everything that happened
        self.empties = []  # how many silences had been when no alarm was left
        self.silences = []  # (when, number of new alarms before it)
        self.starts = 0
        self.counted = []  # (cause, start, when)
        self.first = ""

    def raise_(self, cause, now):
        if cause in self.on:
            return False
        self.on[cause] = now
        self.news.append((now, cause))
        if cause in STOPPING:
            self.first = self.first or cause
            mine = [(start, at) for known, start, at in self.counted if known == cause]
            on_purpose = cause in ("disconnect", "stop-open", "host-lost")
            if not on_purpose and self.starts > max([start for start, _ in mine], default=0):
                self.counted.append((cause, self.starts, now))
                if len([at for _, at in mine if now - at <= WINDOW]) >= 2:
                    self.raise_("lock-out", now)
        self.note(now)
        return True

    def end(self, causes, now):
        for cause in causes:
            del self.on[cause]
        if causes and not STOPPING & set(self.on):
            self.first = ""
        if not self.on:
            self.empties.append(len(self.silences))
        self.note(now)

    def note(self, now):
        self.tops.append((now, self.highest()))

    def priority(self, cause):
        return next(row[PRIORITY] for row in ROWS if row[CAUSE] == cause)

    def active(self):
        by_time = list(self.on)
        return [c for p in (HIGH, MEDIUM, LOW) for c in by_time if self.priority(c) == p]

    def highest(self):
        return ([self.priority(cause) for cause in self.active()] or [NONE])[0]

    def silent(self, now):
        """The last silence is in force: young, no alarm came since, alarms at all times since."""
        if not self.silences:
            return False
        began, alarms_before = self.silences[-1]
        return (
            now - began < SILENCE
            and len(self.news) == alarms_before
            and len(self.silences) not in self.empties
        )

    def signal_since(self):
        """When the highest priority became what it is."""
        now_is = self.tops[-1][1]
        since = 0
        for before, after in zip(self.tops, self.tops[1:]):
            if after[1] != before[1]:
                since = after[0]
        return since if now_is != NONE else None

    def sound_since(self):
        """The same, or later: the end of the last silence, by time or by a new alarm."""
        since = self.signal_since()
        if self.silences and len(self.silences) not in self.empties:
            began, alarms_before = self.silences[-1]
            ends = [began + SILENCE] + [at for at, _ in self.news[alarms_before:]]
            since = max(since, min(ends))
        return since


class AgainstModel(RuleBasedStateMachine):
    steps = st.sampled_from([0, 1, S, MIN, SILENCE - 1, SILENCE, 5 * MIN - 1, 5 * MIN, WINDOW])
    # Few causes of each kind, so that stories form; now and then any other.
    causes = st.sampled_from(
        ["disconnect", "occlusion", "post", "under-delivery", "supply-low", "near-end", "kvo"]
    )

    @initialize(start=st.one_of(st.just(0), st.integers(0, 2**62)))
    def begin(self, start):
        self.now = start
        self.alarms = Alarms()
        self.model = Model()

    @rule(step=st.one_of(steps, st.integers(0, 2 * WINDOW)))
    def wait(self, step):
        self.now += step

    @rule(cause=st.one_of(causes, st.sampled_from(CAUSES)))
    def raise_(self, cause):
        assert self.alarms.raise_(cause, self.now) is self.model.raise_(cause, self.now)

    @rule(cause=st.one_of(causes, st.sampled_from(CAUSES)))
    def drop(self, cause):
        goes = cause in self.model.on and cause in where(LATCHING, SELF)
        assert self.alarms.drop(cause, self.now) is goes
        self.model.end([cause] if goes else [], self.now)

    @rule(cause=st.one_of(st.just(""), causes, st.sampled_from([*CAUSES, "none", "nonsense"])))
    def acknowledge(self, cause):
        latched = [c for c in self.model.active() if c in where(LATCHING, LATCHED)]
        goes = [c for c in latched if cause in ("", c)]
        starts = self.alarms._starts
        assert self.alarms.acknowledge(cause, self.now) == goes
        assert self.alarms._starts == starts
        self.model.end(goes, self.now)

    @rule()
    def start(self):
        self.alarms.started()
        self.model.starts += 1

    @rule(cause=causes)
    def cycle(self, cause):
        """A start, a stop, its acknowledgement: three of them make lock-out likely."""
        self.start()
        self.raise_(cause)
        self.acknowledge("")

    @rule()
    def silence(self):
        begins = bool(self.model.on) and not self.model.silent(self.now)
        assert self.alarms.silence(self.now) is begins
        if begins:
            self.model.silences.append((self.now, len(self.model.news)))

    @invariant()
    def lists_agree(self):
        on = self.model.active()
        assert self.alarms.active() == on
        assert [c for c in CAUSES if self.alarms.is_active(c)] == [c for c in CAUSES if c in on]
        assert self.alarms.highest() == self.model.highest()
        assert self.alarms.first == self.model.first
        assert self.alarms.locked is ("lock-out" in on)
        for_good = [c for c in on if c in where(LATCHING, FOR_GOOD)]
        latched = [c for c in on if c in where(LATCHING, LATCHED)]
        assert self.alarms.blocking() == ([*for_good, *latched] or [""])[0]

    @invariant()
    def signals_agree(self):
        now, model = self.now, self.model
        silent = model.silent(now)
        assert self.alarms.silenced(now) is silent
        if not model.on:
            assert not self.alarms.buzzer(now) and self.alarms.light(now) == ("off", False)
            return
        top = model.highest()
        sounds = not silent and annunciator.buzzer(top, now - model.sound_since())
        assert self.alarms.buzzer(now) is sounds
        assert self.alarms.light(now) == annunciator.light(top, now - model.signal_since())

    @invariant()
    def due_is_when_something_changes(self):
        due = self.alarms.due_us(self.now)
        assert (due is None) == (not self.model.on)
        if due is None:
            return
        assert due > self.now

        def shown(at):
            return self.alarms.buzzer(at), self.alarms.light(at)

        assert shown((self.now + due) // 2) == shown(due - 1) == shown(self.now)
        assert shown(due) != shown(self.now)


TestAgainstModel = AgainstModel.TestCase
