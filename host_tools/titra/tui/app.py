"""The full-screen monitor: one pump, or several at a glance.

It shows what the fleet's links tell, four times a second; how often the pumps report makes no
difference to the cost of drawing. Keys are acted upon by the links' own threads.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import time
from collections.abc import Callable
from typing import ClassVar

from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, Horizontal
from textual.widgets import ContentSwitcher, Footer

from titra.link import SteeredLink
from titra.pump_state import UNFINISHED, PumpState
from titra.tui import words
from titra.tui.dialogs import HelpScreen, QuitScreen
from titra.tui.driver import acting_first
from titra.tui.plots import rate_plot, volume_plot
from titra.tui.widgets import (
    AlarmList,
    Banner,
    Card,
    EventList,
    Figures,
    ProgressLine,
    Shown,
    age,
    ends,
)
from titra.watcher import Fleet

TICK_S = 0.25
PLOT_EVERY_S = 1.0
WIDE = 120  # columns for three cards beside each other
NARROW = 70  # columns for one
STOP_KEYS = ("space", "s")
STOP_ALL_KEYS = ("S", "upper_s")


class MonitorApp(App[None]):
    """The screen. ``fleet`` is started and closed by the caller."""

    CSS_PATH = "monitor.tcss"
    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space,s", "stop", "STOP", priority=True, key_display="space"),
        Binding("S", "stop_all", "STOP ALL", priority=True),
        Binding("m", "order('silence')", "Silence"),
        Binding("a", "order('ack')", "Acknowledge"),
        Binding("o,escape", "overview", "All pumps", key_display="o"),
        Binding("enter", "detail", "Look", show=False),
        Binding("right,down,tab", "choose(1)", "Next", show=False),
        Binding("left,up,shift+tab", "choose(-1)", "Previous", show=False),
        *(Binding(str(n), f"pick({n - 1})", f"Pump {n}", show=False) for n in range(1, 10)),
        Binding("pageup", "scroll_events(-1)", "Older events", show=False),
        Binding("pagedown", "scroll_events(1)", "Newer events", show=False),
        Binding("question_mark,f1", "help", "Help", key_display="?"),
        Binding("q,ctrl+c", "leave", "Quit", key_display="q"),
    ]

    def __init__(
        self, fleet: Fleet[SteeredLink], clock: Callable[[], float] = time.monotonic
    ) -> None:
        actions = dict.fromkeys(STOP_KEYS, self.stop_selected)
        actions |= dict.fromkeys(STOP_ALL_KEYS, self.stop_all)
        super().__init__(driver_class=acting_first(self.get_driver_class(), actions))
        self._fleet = fleet
        self._clock = clock
        self._selected = 0
        self._plotted: tuple[object, float] = (None, 0.0)
        self._rung: dict[int, frozenset[str]] = {}
        self._stopped_s: dict[int, float] = {}
        self._top, self._notice = Shown(id="top"), Shown(id="notice")
        self._cards = [Card(index) for index in range(len(fleet.pumps))]
        self._parts = (Banner(), AlarmList(), ProgressLine(), Figures())
        self._plots = (rate_plot(), volume_plot())
        self._events = EventList()
        self._overview = Container(*self._cards, id="overview")
        plots = Horizontal(*self._plots, id="plots")
        detail = Container(*self._parts, plots, self._events, id="detail")
        first = "overview" if self._many else "detail"
        self._switcher = ContentSwitcher(self._overview, detail, initial=first)

    # ---- layout -------------------------------------------------------------------------------

    def compose(self) -> ComposeResult:
        """Top line, overview or detail, notice, keys."""
        yield self._top
        yield self._switcher
        yield self._notice
        yield Footer(show_command_palette=False, compact=True)

    def on_mount(self) -> None:
        """Begin to draw."""
        for name_ in ("SIGTERM", "SIGHUP"):
            with contextlib.suppress(ValueError, RuntimeError, NotImplementedError):
                number = getattr(signal, name_)
                asyncio.get_running_loop().add_signal_handler(number, self.exit)
        self.set_interval(TICK_S, self.tick)
        self.call_after_refresh(self.tick)

    def on_resize(self) -> None:
        """Fit the cards to the width."""
        self._overview.set_class(self.size.width < NARROW, "one")
        self._overview.set_class(self.size.width >= WIDE, "three")
        self.call_after_refresh(self.tick)

    # ---- drawing ------------------------------------------------------------------------------

    def tick(self) -> None:
        """Take the news and draw what has changed."""
        self._fleet.drain()
        now_s = self._clock()
        if self._switcher.current == "overview":
            for card in self._cards:
                state = self._fleet.pumps[card.index].state
                card.show(state, now_s, card.index == self._selected)
        else:
            self._draw_detail(now_s)
        self._draw_top(now_s)
        self._draw_notice(now_s)
        self._ring(now_s)

    def _draw_detail(self, now_s: float) -> None:
        state = self._state
        for part in self._parts:
            part.show(state, now_s)
        self._events.show(self._selected, state)
        old = state.freshness(now_s) != "live"
        drawn = (self._selected, state.history.newest, old, self.size)
        if drawn != self._plotted[0] and now_s - self._plotted[1] >= PLOT_EVERY_S:
            self._plotted = (drawn, now_s)
            for plot in self._plots:
                plot.show(state.history, old)

    def _draw_top(self, now_s: float) -> None:
        state = self._state
        count = len(self._fleet.pumps)
        where = f"{self._selected + 1}/{count} " if self._many else ""
        who = state.identity
        model = f"  {who.model} {who.serial[-6:]}" if who else ""
        more = words.missing(state) or (f"fw {who.firmware}" if who else "")
        left = f" titra  {where}{state.port}{model}  {more}"
        right = f"data {age(state, now_s)} "
        self._top.put(ends(left, right, self.size.width))

    def _draw_notice(self, now_s: float) -> None:
        widget = self._notice
        lines = []
        for index, pump in enumerate(self._fleet.pumps):
            said = words.notice(pump.state, now_s)
            if said and (self._many or index == self._selected):
                head = f" {index + 1} " if self._many else " "
                lines.append((said.bad, head + said.text))
        lines.sort(key=lambda line: not line[0])
        widget.set_class(bool(lines), "shown")
        widget.set_class(bool(lines) and lines[0][0], "bad")
        widget.put(words.as_text(lines))

    def _ring(self, now_s: float) -> None:
        """Ring once for each alarm that is new."""
        for index, pump in enumerate(self._fleet.pumps):
            if pump.state.freshness(now_s) != "live":
                continue
            causes = frozenset(pump.state.alarms)
            if causes - self._rung.get(index, causes):
                self.bell()
            self._rung[index] = causes

    @property
    def _many(self) -> bool:
        return len(self._fleet.pumps) > 1

    @property
    def _state(self) -> PumpState:
        return self._fleet.pumps[self._selected].state

    # ---- orders -------------------------------------------------------------------------------

    def stop_selected(self) -> None:
        """Stop the pump shown or selected. May be called from any thread."""
        self._stop(self._selected)

    def stop_all(self) -> None:
        """Stop every pump. May be called from any thread."""
        for index in range(len(self._fleet.pumps)):
            self._stop(index)

    def _stop(self, index: int) -> None:
        """The key reaches us twice, from its reader and from the screen's loop: repeats of it
        within a tick are one."""
        now_s = self._clock()
        if now_s - self._stopped_s.get(index, -1.0) > TICK_S:
            self._stopped_s[index] = now_s
            self._fleet.pumps[index].link.stop()

    def action_stop(self) -> None:
        """Stop, and show that."""
        self.stop_selected()
        self.tick()

    def action_stop_all(self) -> None:
        """Stop all, and show that."""
        self.stop_all()
        self.tick()

    def action_order(self, verb: str) -> None:
        """Silence or acknowledge."""
        self._fleet.pumps[self._selected].link.order(verb)

    # ---- moving about -------------------------------------------------------------------------

    def action_choose(self, by: int) -> None:
        """The next or the previous pump."""
        self.action_pick((self._selected + by) % len(self._fleet.pumps))

    def action_pick(self, index: int) -> None:
        """Pump ``index``, where there is one."""
        if index < len(self._fleet.pumps):
            self._selected = index
            self._plotted = (None, 0.0)
            self._cards[index].scroll_visible(animate=False)
            self.tick()

    def action_detail(self) -> None:
        """Look at the pump selected."""
        self._switch("detail")

    def action_overview(self) -> None:
        """Look at all pumps."""
        if self._many:
            self._switch("overview")

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Hide the keys for several pumps where there is one."""
        del parameters
        return self._many or action not in ("overview", "stop_all")

    def _switch(self, to: str) -> None:
        self._switcher.current = to
        self._plotted = (None, 0.0)
        self.call_after_refresh(self.tick)

    def action_scroll_events(self, by: int) -> None:
        """Older or newer events."""
        events = self._events
        (events.scroll_page_down if by > 0 else events.scroll_page_up)(animate=False)

    def action_help(self) -> None:
        """Show the keys."""
        self.push_screen(HelpScreen())

    def action_leave(self) -> None:
        """Quit, after a question when something moves or is out of sight."""
        now_s = self._clock()
        states = [pump.state for pump in self._fleet.pumps]
        live = [state.freshness(now_s) == "live" for state in states]
        if all(live) and not any(state.state in UNFINISHED for state in states):
            self.exit()
            return
        self.push_screen(QuitScreen(states, now_s), lambda yes: self.exit() if yes else None)
