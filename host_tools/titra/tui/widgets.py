"""The parts of the screen. Each shows a PumpState and redraws only when its text has changed."""

from __future__ import annotations

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widget import Widget
from textual.widgets import RichLog, Static

from titra.protocol import Event
from titra.pump_state import PumpState
from titra.tui import words
from titra.tui.big import big

LABEL_WIDTH = 11
ALARM_STYLES = {"high": "bold white on #b3121d", "medium": "black on #c98a00", "low": "yellow"}
ALARM_MARKS = {"high": "!!!", "medium": "!!", "low": "!"}


class Shown(Static):
    """Text that is drawn anew only when it differs."""

    def __init__(self, classes: str = "", id: str | None = None) -> None:
        super().__init__("", classes=classes, id=id, markup=False)
        self._last: Text | None = None

    def put(self, text: Text) -> None:
        """Show ``text``."""
        if text != self._last:
            self._last = text
            self.update(text)


def set_tone(widget: Widget, tone: str) -> None:
    """Give ``widget`` the colours of ``tone``, a key of words.MARKS."""
    for name in words.MARKS:
        widget.set_class(name == tone, f"tone-{name}")


class Banner(Shown):
    """The state in large letters, and a line that says more."""

    def show(self, state: PumpState, now_s: float) -> None:
        """Bring up to date."""
        face = words.face(state, now_s)
        width = self.size.width
        rows = big(face.word, width - 4)
        lines = [f"{face.mark if row == 1 else ' '}  {line}" for row, line in enumerate(rows)]
        clock = big(words.countdown(state), width) if face.tone in ("run", "hold") else [""] * 3
        across = max(map(len, clock))
        if max(map(len, lines)) + 2 + across <= width:
            lines = [f"{a:<{width - across}}{b}" for a, b in zip(lines, clock)]
        text = Text("\n".join(lines) + "\n", no_wrap=True, overflow="ellipsis")
        text.append(words.subtitle(state, now_s))
        set_tone(self, face.tone)
        self.put(text)


class AlarmList(Shown):
    """Active alarms, one a line."""

    def show(self, state: PumpState, now_s: float) -> None:
        """Bring up to date."""
        live = state.freshness(now_s) == "live"
        lines = words.alarm_lines(state)
        text = Text(no_wrap=True, overflow="ellipsis")
        override = words.override(state)
        if override:
            text.append(" OVERRIDE ", ALARM_STYLES["medium"])
            text.append(f" {override}" + ("\n" if lines else ""), "bold")
        elif not lines:
            text.append("no alarm" if live else "no alarm when last heard", "dim")
        for number, line in enumerate(lines[:4]):
            text.append("\n" if number else "")
            mark = f" {ALARM_MARKS[line.priority]} {line.priority.upper()} "
            text.append(mark, ALARM_STYLES[line.priority])
            text.append(f" {line.text}", "bold")
            text.append(f"  ({line.cause})" + ("" if live else ", when last heard"))
        self.put(text)


class ProgressLine(Shown):
    """How far the plan has come, by counted steps."""

    def show(self, state: PumpState, now_s: float) -> None:
        """Bring up to date."""
        if state.share is None:
            self.put(Text("no plan", "dim"))
            return
        live = state.freshness(now_s) == "live"
        percent = words.percent(state) if live else f"({words.percent(state)})"
        width = self.size.width - 10
        style = "green" if live else "dim"
        self.put(Text.assemble((words.bar(state.share, width), style), f" {percent:>8}"))


class Figures(Shown):
    """Two columns of label and value."""

    def show(self, state: PumpState, now_s: float) -> None:
        """Bring up to date."""
        old = state.freshness(now_s) != "live"
        self.set_class(old, "old")
        column = max(20, self.size.width // 2)
        text = Text(no_wrap=True, overflow="ellipsis")
        for index, (label, value) in enumerate(words.figures(state)):
            text.append("\n" if index and index % 2 == 0 else "")
            text.append(f"{label:<{LABEL_WIDTH}}", "cyan")
            room = column - LABEL_WIDTH
            value = f"({value})" if old else value
            text.append(f"{value[: room - 1]:<{room}}", "bold")
        self.put(text)


class EventList(RichLog):
    """What happened, the newest at the bottom."""

    can_focus = False

    def __init__(self) -> None:
        super().__init__(wrap=False, markup=False, min_width=20)
        self._shown: tuple[int, Event | None] = (-1, None)

    def show(self, index: int, state: PumpState) -> None:
        """Write what is new of pump ``index``; all of it when that is another one."""
        newest = state.events[-1] if state.events else None
        if self._shown == (index, newest):
            return
        events = list(state.events)
        if self._shown[0] == index and self._shown[1] in events:
            events = events[events.index(self._shown[1]) + 1 :]
        else:
            self.clear()
        for event in events:
            bad = event.name in ("alarm", "stopped", "fault", "host-lost", "post-failed")
            self.write(Text(words.event_words(event), "bold red" if bad else "", no_wrap=True))
        self._shown = (index, newest)


class Card(Vertical):
    """One pump in the overview: who, its state in large letters, the figures that matter."""

    def __init__(self, index: int) -> None:
        super().__init__()
        self.index = index
        self._head, self._face, self._foot = Shown("head"), Shown("face"), Shown("foot")

    def compose(self) -> ComposeResult:
        """Three parts."""
        yield self._head
        yield self._face
        yield self._foot

    def show(self, state: PumpState, now_s: float, selected: bool) -> None:
        """Bring up to date."""
        self.set_class(selected, "selected")
        face = words.face(state, now_s)
        width = self._face.size.width
        mark = "▸" if selected else " "
        self._head.put(ends(f"{mark}{self.index + 1} {state.port}", age(state, now_s), width))
        rows = big(face.word, width - 2)
        lines = [f"{face.mark if row == 1 else ' '} {line}" for row, line in enumerate(rows)]
        set_tone(self._face, face.tone)
        self._face.put(Text("\n".join(lines), no_wrap=True))
        self._foot.put(_foot(state, now_s))


def age(state: PumpState, now_s: float) -> str:
    """How old the data are, marked when they are not live."""
    mark = "●" if state.freshness(now_s) == "live" else "╳"
    seconds = state.age_s(now_s)
    return f"never heard {mark}" if seconds is None else f"{words.age(seconds)} old {mark}"


def _foot(state: PumpState, now_s: float) -> Text:
    lines = words.alarm_lines(state)
    live = state.freshness(now_s) == "live"
    if not live:
        text = words.subtitle(state, now_s)
        return Text(text, "dim", no_wrap=True, overflow="ellipsis")
    if lines:
        mark = f"{ALARM_MARKS[lines[0].priority]} {lines[0].text}"
        return Text(mark, ALARM_STYLES[lines[0].priority], no_wrap=True, overflow="ellipsis")
    word = state.word
    parts = [words.quantity(word.get("delivered")), words.quantity(word.get("rate"))]
    if state.share is not None:
        parts.append(words.percent(state))
    if words.override(state):
        parts.append("OVERRIDE")
    return Text("  ".join(parts), no_wrap=True, overflow="ellipsis")


def ends(left: str, right: str, width: int) -> Text:
    """``left``, cut where need be, and ``right`` at the right edge."""
    room = max(1, width - len(right) - 1)
    return Text(f"{left[:room]:<{room}} {right}", no_wrap=True)
