"""Help, and what quitting leaves behind. The stop key works above both."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.screen import ModalScreen
from textual.widgets import Static

from titra.pump_state import PumpState
from titra.tui import words

HELP = """\
[b]space[/b] or [b]s[/b]   STOP the pump shown or selected, at once, without a question
[b]S[/b]            STOP ALL pumps
[b]m[/b]            silence the buzzer, 120 s at most
[b]a[/b]            acknowledge the alarms; never moves anything
[b]arrows, 1-9[/b]  choose a pump;  [b]enter[/b] look at it;  [b]o[/b] all pumps
[b]page keys[/b]    scroll the events
[b]q[/b]            quit; says what the pumps will do then

Large is what the pump says it does now. NO DATA and LINK LOST: nobody
here knows; the figures are the last known ones, their age is at the top.
The link is tried again for ever. [b]counted[/b] steps are measured at the STEP
pin, [b]commanded[/b] ones were ordered. While this screen runs it is the host
of the pumps and keeps their lease alive.
▶ moves  ‖ held  ○ off  ● ready  ✓ complete  ■ stopped by alarm  ╳ no data
[dim]any other key closes this[/dim]"""


class HelpScreen(ModalScreen[None]):
    """The keys and the words of the screen."""

    def compose(self) -> ComposeResult:
        """One text."""
        yield Static(HELP)

    def on_key(self) -> None:
        """Any key closes."""
        self.dismiss()


class QuitScreen(ModalScreen[bool]):
    """Quit or stay; True to quit."""

    BINDINGS = [
        ("q", "leave(True)", "Quit"),
        ("ctrl+c", "leave(True)", "Quit"),
        ("enter", "leave(True)", "Quit"),
        ("escape", "leave(False)", "Stay"),
        ("n", "leave(False)", "Stay"),
    ]

    def __init__(self, pumps: list[PumpState], now_s: float) -> None:
        super().__init__()
        self._pumps = pumps
        self._now_s = now_s

    def compose(self) -> ComposeResult:
        """One text."""
        lines = ["Quit? That stops nothing:", ""]
        for state in self._pumps:
            lines.append(f"{state.port} {words.left_behind(state, self._now_s)}")
        lines += ["", "q or enter: quit     esc: stay     space: STOP the pump selected"]
        yield Static("\n".join(lines), markup=False)

    def action_leave(self, yes: bool) -> None:
        """Close with the answer."""
        self.dismiss(yes)
