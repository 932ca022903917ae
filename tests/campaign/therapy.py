"""What a campaign run is to infuse: drawn from a seed, steps worked out by arithmetic of its own.

A therapy is a whole infusion of some seconds, plain or with a pause, a bolus, a KVO, a prime,
further phases, changes of rate or the host's stop. Bores and screw are those of the reference
bench.
"""

from dataclasses import dataclass, field
from fractions import Fraction
from random import Random

from tests.device.therapies import step_nl

BORES = {"bd-60": "26.59", "bd-10": "14.43", "bd-1": "4.699"}
# syringe, least and most mL/h; the first row of each is slow, the last needs ramps or is nearly so
RATES = (
    ("bd-60", 1, 20),
    ("bd-60", 20, 199),
    ("bd-60", 200, 1200),
    ("bd-10", 1, 20),
    ("bd-10", 20, 199),
    ("bd-10", 700, 1200),
    ("bd-1", 1, 20),
    ("bd-1", 20, 75),
)
FAST_ML_H = 200
FAST_HZ = 700  # firmware/TIMING.md: some 770, at 40 steps a word
KINDS = ("plain", "pause", "bolus", "kvo", "prime", "halt", "phases", "change")
KIND_WEIGHTS = (40, 12, 11, 7, 7, 7, 6, 10)
MIN_ML = Fraction(1, 1000)
SLOWEST_US = 30_000_000
START_STOP_HZ = 5000


@dataclass
class Phase:
    """A volume at a rate."""

    syringe: str
    volume_ml: Fraction
    rate_ml_h: Fraction

    @property
    def per_step_nl(self) -> Fraction:
        return step_nl(BORES[self.syringe])

    @property
    def steps(self) -> int:
        return int(self.volume_ml * 10**6 / self.per_step_nl + Fraction(1, 2))

    @property
    def nl_per_s(self) -> Fraction:
        return self.rate_ml_h * 10**6 / 3600

    @property
    def hz(self) -> Fraction:
        return self.nl_per_s / self.per_step_nl

    @property
    def us(self) -> int:
        return int(self.volume_ml / self.rate_ml_h * 3600 * 10**6)

    def fields(self) -> str:
        """As a request says it."""
        return "volume=%smL rate=%smL/h" % (decimal(self.volume_ml), decimal(self.rate_ml_h))


@dataclass
class Part:
    """A further phase, or a change: as a request says it, with its fastest rate."""

    words: str
    volume_ml: Fraction | None  # None: what is left of the volume
    rate_ml_h: Fraction
    us: int


@dataclass
class Therapy:
    """``actions``: (us after the start, what) in order, ``what`` a Part where it is a change."""

    kind: str
    main: Phase
    side: Phase | None = None  # the bolus or the prime
    phases: list = field(default_factory=list)  # Parts after the first
    kvo_ml_h: Fraction | None = None
    actions: list = field(default_factory=list)
    lease_s: int = 0
    on_loss: str = "stop"
    telemetry_ms: int = 1000

    @property
    def changes(self) -> list:
        """The changes among the actions."""
        return [what for _, what in self.actions if isinstance(what, Part)]

    @property
    def steps(self) -> int:
        """Of the prescription as programmed."""
        whole = self.main.volume_ml + sum(part.volume_ml for part in self.phases)
        return Phase(self.main.syringe, whole, self.main.rate_ml_h).steps

    @property
    def us(self) -> int:
        """How long motion may take; of changes the longest."""
        parts = self.phases + self.changes
        return self.main.us + (self.side.us if self.side else 0) + sum(part.us for part in parts)

    @property
    def speeds(self) -> list:
        """A Phase at each rate there may be."""
        rates = [part.rate_ml_h for part in self.phases + self.changes]
        others = [Phase(self.main.syringe, Fraction(1), rate) for rate in rates]
        return [self.main, *([self.side] if self.side else []), *others]

    @property
    def fast(self) -> bool:
        """Too fast at some time for the journal to be written meanwhile."""
        return any(one.rate_ml_h > FAST_ML_H or one.hz > FAST_HZ for one in self.speeds)

    @property
    def hurried(self) -> bool:
        """The queue may last less than 550 ms."""
        return any(one.rate_ml_h > 140 or one.hz > 550 for one in self.speeds)

    @property
    def plain(self) -> bool:
        """Every step has its instant: no ramp, no pause."""
        return self.kind in ("plain", "prime", "kvo") and self.main.hz <= START_STOP_HZ

    def holds(self) -> list:
        """The pauses and resumptions among the actions."""
        return [action for action in self.actions if action[1] in ("pause", "resume")]

    def program(self) -> str:
        text = "program %s syringe=%s" % (self.main.fields(), self.main.syringe)
        return text + (" kvo=%smL/h" % decimal(self.kvo_ml_h) if self.kvo_ml_h else "")

    def start(self, plan: str) -> str:
        text = "start plan=" + plan
        return text + (
            " lease=%ds on-loss=%s" % (self.lease_s, self.on_loss) if self.lease_s else ""
        )

    def __str__(self) -> str:
        words = [self.kind, self.main.syringe, self.main.fields(), "%d steps" % self.main.steps]
        if self.side:
            words.append("with %s (%d steps)" % (self.side.fields(), self.side.steps))
        if self.kvo_ml_h:
            words.append("kvo %smL/h" % decimal(self.kvo_ml_h))
        if self.lease_s:
            words.append("lease %ds %s" % (self.lease_s, self.on_loss))
        words += ["then " + part.words for part in self.phases]
        for us, what in self.actions:
            name = "change " + what.words if isinstance(what, Part) else what
            words.append("%s at %.3fs" % (name, us / 1e6))
        return " ".join(words)


def decimal(value: Fraction) -> str:
    """At most four decimals, no trailing zeros."""
    return ("%.4f" % value).rstrip("0").rstrip(".")


def draw(rng: Random) -> Therapy:
    """A therapy of 2 to 30 s, most of them short."""
    syringe, least, most = rng.choice(RATES)
    rate = Fraction(rng.randint(least * 10, most * 10), 10)
    longest_s = 6 if rate > FAST_ML_H or syringe == "bd-1" and rate > 5 else 14
    seconds = rng.uniform(2, longest_s) if rng.random() < 0.93 else rng.uniform(10, 30)
    volume = max(MIN_ML, Fraction(int(rate * Fraction(seconds) / 3600 * 10**4), 10**4))
    kind = rng.choices(KINDS, KIND_WEIGHTS)[0]
    therapy = Therapy(kind, Phase(syringe, volume, rate))
    if therapy.main.us > SLOWEST_US:
        return draw(rng)
    {"phases": _phases, "change": _changes}.get(kind, _more)(rng, therapy)
    therapy.telemetry_ms = rng.choice((20, 100, 200, 500, 1000, 1000, 1000, 2000, 5000))
    if rng.random() < 0.3:
        therapy.lease_s = rng.randint(1, 3)
        therapy.on_loss = rng.choice(("stop", "finish"))
    return therapy


def _more(rng: Random, therapy: Therapy) -> None:
    main = therapy.main
    at = sorted(rng.uniform(0.05, 0.9) * main.us for _ in range(2))
    if therapy.kind == "pause":
        long_us = int(rng.choice((0.02, 0.2, 1.0)) * 1e6)
        therapy.actions = [(int(at[0]), "pause"), (int(at[0]) + long_us, "resume")]
        if rng.random() < 0.3:
            more = int(at[1]) + long_us
            therapy.actions += [(more, "pause"), (more + long_us, "resume")]
    elif therapy.kind == "halt":
        therapy.actions = [(int(at[0]), "stop")]
    elif therapy.kind == "bolus":
        if main.hz > 300 or main.rate_ml_h > 150 or main.us < 3_000_000:
            therapy.kind = "plain"
            return
        rate = Fraction(rng.randint(20, 150))
        volume = Fraction(int(rate * Fraction(rng.uniform(1.1, 3)) / 3600 * 10**4), 10**4)
        therapy.side = Phase(main.syringe, max(MIN_ML, volume), rate)
        if therapy.side.hz > 4000 or therapy.side.us > 6_000_000:
            therapy.side, therapy.kind = None, "plain"
            return
        therapy.actions = [(int(at[0] * 0.7), "bolus")]
        if rng.random() < 0.3:
            therapy.actions += [(int(at[0] * 0.7) + therapy.side.us // 2, "pause")]
            therapy.actions += [(int(at[0] * 0.7) + therapy.side.us // 2 + 300_000, "resume")]
    elif therapy.kind == "kvo":
        slow = min(main.rate_ml_h, Fraction(1))
        therapy.kvo_ml_h = Fraction(max(1, int(slow * rng.randint(2, 10))), 10)
        if therapy.kvo_ml_h > slow:
            therapy.kvo_ml_h, therapy.kind = None, "plain"
    elif therapy.kind == "prime":
        rate = Fraction(rng.randint(30, 70))
        volume = Fraction(int(rate * Fraction(rng.uniform(1.1, 2)) / 3600 * 10**4), 10**4)
        therapy.side = Phase(main.syringe, max(MIN_ML, volume), rate)


def _other_rate(rng: Random, rate: Fraction, most: int) -> Fraction:
    """Less than tenfold, not less than a tenth, and within what the syringe is drawn for."""
    factor = Fraction(rng.choice((rng.randint(3, 9), rng.randint(11, 60))), 10)
    return max(Fraction(1), min(Fraction(most), Fraction(int(rate * factor * 10), 10)))


def _given(rng: Random, rate: Fraction, to: Fraction | None = None) -> Part:
    """A rate, or a ramp, for one to four seconds."""
    ms = rng.randint(1000, 4000)
    ends = (rate, rate if to is None else to)
    words = "rate=%smL/h over=%dms" % (decimal(rate), ms)
    if to is not None:
        words += " to=%smL/h" % decimal(to)
    return Part(words, sum(ends) / 2 * ms / 3_600_000, max(ends), ms * 1000)


def _most(main: Phase) -> int:
    """The fastest rate drawn for the syringe and speed of ``main``."""
    rows = [row for row in RATES if row[0] == main.syringe and main.rate_ml_h <= row[2]]
    return rows[0][2]


def _phases(rng: Random, therapy: Therapy) -> None:
    main = therapy.main
    if main.us < 1_000_000:
        therapy.kind = "plain"
        return
    most = _most(main)
    for _ in range(rng.randint(1, 3)):
        rate = _other_rate(rng, main.rate_ml_h, most)
        what = rng.choice(("rate", "rate", "ramp", "pause"))
        if what == "pause":
            ms = rng.randint(1000, 2000)
            therapy.phases.append(Part("pause=%dms" % ms, Fraction(0), Fraction(0), ms * 1000))
        elif what == "ramp":
            to = rng.choice((Fraction(0), _other_rate(rng, main.rate_ml_h, most)))
            therapy.phases.append(_given(rng, rate, to))
        else:
            therapy.phases.append(_given(rng, rate))


def _changes(rng: Random, therapy: Therapy) -> None:
    """One or two, the first perhaps in a pause."""
    main = therapy.main
    if main.us < 3_000_000:
        therapy.kind = "plain"
        return
    at = int(rng.uniform(0.05, 0.6) * main.us)
    left = main.volume_ml * (main.us - at) / main.us
    rate = main.rate_ml_h
    paused = rng.random() < 0.3
    if paused:
        therapy.actions.append((at - 50_000, "pause"))
    for _ in range(rng.choice((1, 1, 2))):
        rate = _other_rate(rng, rate, _most(main))
        long_us = int(left / rate * 3600 * 10**6)
        if rng.random() < 0.6 and 2_000_000 < long_us < 15_000_000:
            part = Part("rate=%smL/h" % decimal(rate), None, rate, long_us)
        else:
            part = _given(rng, rate)
            left = part.volume_ml
        therapy.actions.append((at, part))
        if paused:
            therapy.actions.append((at + 700_000, "resume"))
            at, paused = at + 700_000, False
        at += rng.randint(900_000, 1_500_000)
