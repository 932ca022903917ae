"""What the screen says, as text; pure. Every tone has a word and a mark, colour is extra."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from rich.text import Text

from pump.core import alarms as alarm_table
from titra import quantities
from titra.alarm_texts import TEXTS
from titra.protocol import Event
from titra.pump_state import UNFINISHED, Freshness, PumpState

NONE = "–"
MARKS = {
    "run": "▶",
    "hold": "‖",
    "rest": "○",
    "ready": "●",
    "done": "✓",
    "alarm": "■",
    "lost": "╳",
}
TONES = {
    "infusing": "run",
    "bolus": "run",
    "priming": "run",
    "kvo": "run",
    "paused": "hold",
    "halted": "hold",
    "ready": "ready",
    "complete": "done",
    "stopped": "alarm",
    "alarm": "alarm",
    "fault": "alarm",
}
QUIET_EVENT_FIELDS = ("t", "boot", "name")
NOTICE_S = 8.0


@dataclass(frozen=True)
class Face:
    """The large word of a pump, and its tone: a key of MARKS."""

    word: str
    tone: str

    @property
    def mark(self) -> str:
        """The sign that goes with the tone."""
        return MARKS[self.tone]


def face(state: PumpState, now_s: float) -> Face:
    """What to write large. Only live data names a state."""
    fresh = state.freshness(now_s)
    if fresh == "live":
        return Face(state.state.upper() or "UNKNOWN", TONES.get(state.state, "rest"))
    words: dict[Freshness, str] = {"never": "NO LINK", "lost": "LINK LOST", "stale": "NO DATA"}
    if fresh == "never" and not state.why_down:
        return Face("CONNECTING", "rest")
    return Face(words[fresh], "lost")


def age(seconds: float | None) -> str:
    """How old the data are."""
    if seconds is None:
        return "never heard"
    if seconds < 10:
        return f"{seconds:.1f} s"
    return duration(int(seconds) * quantities.US_PER_S)


def duration(us: int | None) -> str:
    """Whole seconds, as 12 s, 1:02 min or 1:02:03 h."""
    if us is None:
        return NONE
    whole = max(0, us) // quantities.US_PER_S
    return f"{whole} s" if whole < 60 else quantities.show_time(whole * quantities.US_PER_S)


def countdown(state: PumpState) -> str:
    """The time left as the pump has told it: m:ss or h:mm:ss; '' when it has not."""
    us = quantities.time_us(state.word.get("remaining"))
    if us is None or state.state not in UNFINISHED:
        return ""
    minutes, seconds = divmod(us // quantities.US_PER_S, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes}:{seconds:02d}"


def quantity(text: str | None, places: int = 3) -> str:
    """A quantity of the wire with a space before its unit."""
    try:
        number, unit = quantities.split(text or "")
    except ValueError:
        return text or NONE
    return f"{quantities.decimal(number, places)} {unit}"


def subtitle(state: PumpState, now_s: float) -> str:
    """The line under the large word."""
    fresh = state.freshness(now_s)
    if fresh == "live":
        return _said(state)
    if fresh == "never":
        return state.why_down or f"looking for a pump on {state.port}"
    last = f"last heard {age(state.age_s(now_s))} ago, then {state.state or 'unknown'}"
    if state.cause:
        last += f" ({state.cause})"
    return f"{last}. {'Reconnecting' if fresh == 'lost' else 'Waiting'}; the pump acts by itself."


def _said(state: PumpState) -> str:
    parts = [f"cause: {state.cause}"] if state.cause else []
    if "phase" in state.word:
        parts.append(f"phase {state.word['phase']}")
    if state.state in UNFINISHED:
        left = quantities.time_us(state.word.get("remaining"))
        parts.append(f"{duration(left)} left" if left is not None else "time left not told")
        parts.append(_limits(state.word))
    if state.word.get("latched") == "yes":
        parts.append("latched: wants acknowledgement, a new plan and a new start")
    return ", ".join(part for part in parts if part) or "motor off"


def _limits(word: dict[str, str]) -> str:
    """Whose limits hold for this therapy, where the pump says so."""
    if "drug" in word:
        return "without the limits of a drug" if word["drug"] == "none" else f"drug {word['drug']}"
    return "no drug library" if word.get("library") == "none" else ""


@dataclass(frozen=True)
class AlarmLine:
    """One active alarm."""

    priority: str
    cause: str
    text: str


def alarm_lines(state: PumpState) -> list[AlarmLine]:
    """Active alarms, highest priority first, with a text for people."""
    lines = []
    for cause in state.alarms:
        known = cause in TEXTS
        priority = alarm_table.row_of(cause)[alarm_table.PRIORITY] if known else alarm_table.HIGH
        lines.append(AlarmLine(priority, cause, TEXTS.get(cause, cause)))
    return sorted(lines, key=lambda line: alarm_table.PRIORITIES.index(line.priority))


def override(state: PumpState) -> str:
    """What soft limits this therapy passes; '' for none."""
    fields = state.word.get("override")
    return f"beyond soft limits: {fields.replace(',', ', ')}" if fields else ""


def bar(share: float | None, width: int) -> str:
    """A progress bar of ``width`` columns in eighths."""
    if share is None:
        return "·" * width
    eighths = int(share * width * 8)
    full, part = divmod(eighths, 8)
    drawn = "█" * full + (" ▏▎▍▌▋▊▉"[part] if part else "")
    return drawn.ljust(width, "·")[:width]


def percent(state: PumpState) -> str:
    """Counted steps as a share of the plan; never 100 before the last step."""
    if not state.planned or state.steps is None:
        return NONE
    share = Fraction(1000 * state.steps, state.planned)
    return f"{int(share) / 10:.1f} %"


def figures(state: PumpState) -> list[tuple[str, str]]:
    """Label and value, in reading order; all of it the pump's own words."""
    word = state.word
    rate = quantity(word.get("rate"))
    if word.get("target") not in (None, word.get("rate")):
        rate = f"{rate.partition(' ')[0]} of {quantity(word.get('target'))}"
    counted = _count(state.steps) + (f" of {_count(state.planned)}" if state.planned else "")
    commanded = _count(quantities.whole(word.get("commanded")))
    if state.lag_steps is not None:
        commanded += f" ({state.lag_steps:+d} ahead)"
    return [
        ("volume", quantity(word.get("delivered"))),
        ("rate", rate),
        ("dose", quantity(word.get("dose"))),
        ("elapsed", duration(quantities.time_us(word.get("elapsed")))),
        ("counted", counted),
        ("commanded", commanded),
        ("stop loop", word.get("stop-loop", NONE)),
        ("lease", lease(state)),
    ]


def _count(number: int | None) -> str:
    """A number of steps, in groups of three."""
    return NONE if number is None else f"{number:,}".replace(",", " ")


def lease(state: PumpState) -> str:
    """The lease of the run, with what follows its end where the pump has said so."""
    given = state.word.get("lease", NONE)
    on_loss = state.word.get("on-loss") or state.on_loss
    return f"{given}, then {on_loss}" if on_loss and given not in (NONE, "off") else given


def event_words(event: Event) -> str:
    """An event on one line."""
    more = " ".join(f"{k}={v}" for k, v in event.fields.items() if k not in QUIET_EVENT_FIELDS)
    us = event.t_us
    at = NONE if us is None else quantities.decimal(Fraction(us, quantities.US_PER_S), 1)
    return f"{at:>9} s  {event.name}  {more}".rstrip()


def left_behind(state: PumpState, now_s: float) -> str:
    """What the pump does when this program ends."""
    fresh = state.freshness(now_s)
    if fresh == "never":
        return "was never heard"
    if fresh != "live":
        return f"is out of reach; it was {state.state} {age(state.age_s(now_s))} ago"
    if state.state not in UNFINISHED:
        return f"is {state.state or 'in an unknown state'}; nothing moves"
    given = state.word.get("lease", "off")
    if given == "off":
        return f"is {state.state} and goes on to the end of its plan; it has no lease"
    then = {"stop": "STOPS", "finish": "goes on to the end"}.get(
        state.word.get("on-loss") or state.on_loss, "stops, or finishes if so ordered at its start"
    )
    return f"is {state.state}; {given} without a host and it {then}"


@dataclass(frozen=True)
class Notice:
    """A remark at the foot of the screen."""

    text: str
    bad: bool = False


def notice(state: PumpState, now_s: float) -> Notice | None:
    """What became of the last order; a stop that nobody acknowledged stays until it is."""
    stop = state.stop
    if stop.phase == "unheard":
        return Notice(f"STOP NOT ACKNOWLEDGED: {stop.text}", bad=True)
    if stop.phase == "asked":
        return Notice("STOP sent, waiting for the pump's word", bad=True)
    remark = state.remark
    if remark and now_s - remark.at_s <= NOTICE_S and remark.at_s >= stop.at_s:
        return Notice(remark.text, not remark.ok)
    if stop.phase == "acknowledged" and now_s - stop.at_s <= NOTICE_S:
        return Notice(f"STOP acknowledged: {stop.text}")
    return None


def missing(state: PumpState) -> str:
    """What of the pump's reports is known to be missing; '' for nothing."""
    counts = (
        (state.losses.events, "events"),
        (state.losses.telemetry, "samples"),
        (state.losses.bad_lines, "bad lines"),
    )
    parts = [f"{what} {count}" for count, what in counts if count]
    return "missing: " + ", ".join(parts) if parts else ""


def as_text(lines: list[tuple[bool, str]]) -> Text:
    """Notices, one a line."""
    return Text("\n".join(text for _, text in lines), no_wrap=True, overflow="ellipsis")
