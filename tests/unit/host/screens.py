"""The monitor's screen without pumps: states fed by hand, its text as a terminal would show it."""

from __future__ import annotations

import asyncio
import io
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from rich.console import Console

from titra.protocol import Event, Identity, Telemetry
from titra.pump_state import Answered, Down, News, PumpState, StopNews, Told, Up
from titra.tui.app import MonitorApp
from titra.watcher import Fleet

SNAPSHOTS = Path(__file__).parent / "snapshots"
NOW_S = 1000.0
PLANNED = 252_117
SETTLED = 3  # equal pictures in a row
STEP_ML = 35.0 / PLANNED
Feed = Callable[[PumpState], None]


class FakeLink:
    """Notes what it is told to do."""

    def __init__(self, name: str, tell: Callable[[News], None]) -> None:
        self.name = name
        self.tell = tell
        self.orders: list[str] = []

    def stop(self) -> None:
        self.orders.append("stop")

    def order(self, verb: str) -> None:
        self.orders.append(verb)


class Rig:
    """An app over fed states; ``links`` are what its keys reach."""

    def __init__(self, *feeds: Feed, now_s: float = NOW_S) -> None:
        self.now_s = now_s
        names = [f"/dev/ttyACM{index}" for index in range(len(feeds))]
        self.fleet = Fleet(names, FakeLink)  # type: ignore[arg-type]
        self.links: list[Any] = [pump.link for pump in self.fleet.pumps]
        for pump, feed in zip(self.fleet.pumps, feeds):
            feed(pump.state)
        self.app = MonitorApp(self.fleet, clock=lambda: self.now_s)

    def run(self, size: tuple[int, int], script: Callable[[Any], Awaitable[Any]]) -> Any:
        """Run ``script`` with a pilot on a screen of ``size`` columns and rows."""

        async def go() -> Any:
            async with self.app.run_test(size=size) as pilot:
                await self.settle(pilot)
                return await script(pilot)

        return asyncio.run(go())

    async def settle(self, pilot: Any) -> None:
        """Draw until nothing changes any more."""
        seen: list[str] = []
        while len(seen) < SETTLED or len(set(seen[-SETTLED:])) > 1:
            self.app.tick()
            await pilot.pause()
            seen.append(screen_text(self.app) if self.app.is_running else "")

    def text(self, size: tuple[int, int] = (80, 24), *keys: str) -> str:
        """The screen as text, after ``keys``."""

        async def script(pilot: Any) -> str:
            await pilot.press(*keys)
            await self.settle(pilot)
            return screen_text(self.app)

        return str(self.run(size, script))


def screen_text(app: MonitorApp) -> str:
    """What the terminal shows, without colours and trailing blanks."""
    width, height = app.size
    console = Console(
        width=width, height=height, file=io.StringIO(), force_terminal=True, record=True
    )
    update = app.screen._compositor.render_update(full=True, screen_stack=app._background_screens)
    console.print(update)
    return "\n".join(line.rstrip() for line in console.export_text().splitlines()) + "\n"


def check(name: str, text: str) -> None:
    """Compare with the snapshot; with TITRA_SNAPSHOTS=write (``make snapshots``) write it."""
    path = SNAPSHOTS / f"{name}.txt"
    if os.environ.get("TITRA_SNAPSHOTS") == "write":
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert path.exists(), f"no snapshot {path.name}: look at it with `make snapshots`"
    assert text.splitlines() == path.read_text(encoding="utf-8").splitlines()


# ---- what pumps say ---------------------------------------------------------------------------


def up(state: PumpState, at_s: float = NOW_S - 60, serial: str = "e661640843000001") -> None:
    """A pump has been found, and says that it is idle."""
    who = Identity("", {}, "Titra", "rpi_pico", serial, "0.1.0")
    state.take(Up(at_s, who, {"boot": "3", "serial": serial}))
    state.take(
        Answered(at_s, {"state": "idle", "alarms": "none", "stop-loop": "closed", "lease": "off"})
    )
    event(state, 1, 214, "boot", at_s, reset="power-on", firmware="0.1.0")


def event(state: PumpState, seq: int, t_ms: int, name: str, at_s: float, /, **more: str) -> None:
    """An event of boot 3."""
    fields = {"t": f"{t_ms}ms", "boot": "3", "name": name}
    fields |= {key.replace("_", "-"): value for key, value in more.items()}
    state.take(Told(at_s, Event("", fields, seq)))


def sample(state: PumpState, at_s: float, t_ms: int, steps: int, /, **more: str) -> None:
    """A telemetry line of boot 3."""
    volume = f"{steps * STEP_ML:.3f}"
    fields = {
        "t": f"{t_ms}ms",
        "boot": "3",
        "state": "infusing",
        "rate": "52.500mL/h",
        "target": "52.500mL/h",
        "steps": str(steps),
        "delivered": f"{volume}mL",
        "dose": f"{volume}mg",
        "planned": str(PLANNED),
        "remaining": f"{2400 - t_ms // 1000}.000s",
        "elapsed": f"{t_ms // 1000}.000s",
        "commanded": str(steps + 153),
    }
    fields |= {key.replace("_", "-"): value for key, value in more.items()}
    state.take(Told(at_s, Telemetry("", fields, t_ms)))


def infusing(state: PumpState) -> None:
    """16 minutes into the reference infusion, with a lease; the last sample 0.2 s old."""
    up(state)
    event(state, 2, 900, "programmed", NOW_S - 59, plan="D61625C6", steps=str(PLANNED))
    event(state, 3, 1000, "started", NOW_S - 59, plan="D61625C6")
    for second in range(0, 961, 20):
        sample(state, NOW_S - 0.2 - (960 - second) / 20, 1000 * second + 1000, second * 105)
    state.take(Answered(NOW_S - 0.2, {"lease": "10s", "stop-loop": "closed", "alarms": "none"}))


def paused(state: PumpState) -> None:
    """Paused at minute 16."""
    infusing(state)
    event(state, 4, 961500, "paused", NOW_S - 0.1, state="paused")
    sample(state, NOW_S - 0.1, 962000, 100_850, state="paused", rate="0mL/h", commanded="100850")


def stopped(state: PumpState) -> None:
    """The stop button was pressed."""
    infusing(state)
    words = {"state": "stopped", "cause": "disconnect"}
    event(state, 4, 961500, "stopped", NOW_S - 0.1, **words)
    event(state, 5, 961500, "alarm", NOW_S - 0.1, **words)
    sample(state, NOW_S - 0.1, 962000, 100_850, rate="0mL/h", commanded="100850", **words)
    status = {"alarms": "disconnect", "stop-loop": "open", "latched": "yes"}
    state.take(Answered(NOW_S - 0.1, status))


def alarm(state: PumpState) -> None:
    """An occlusion, and a supply that is low as well."""
    infusing(state)
    words = {"state": "alarm", "cause": "occlusion"}
    event(state, 4, 961500, "alarm", NOW_S - 0.1, **words)
    sample(state, NOW_S - 0.1, 962000, 100_850, rate="0mL/h", commanded="100853", **words)
    state.take(Answered(NOW_S - 0.1, {"alarms": "supply-low,occlusion", "latched": "yes"}))


def lost(state: PumpState) -> None:
    """The cable was pulled 75 s ago."""
    infusing(state)
    state.heard_s = NOW_S - 75
    state.take(Down(NOW_S - 74, "connection-lost", "the link on /dev/ttyACM0 is gone"))


def silent(state: PumpState) -> None:
    """The port is open and nothing comes any more."""
    infusing(state)
    state.heard_s = NOW_S - 4


def absent(state: PumpState) -> None:
    """There never was a pump."""
    why = f"{state.port}: there is no such port; is the pump plugged in?"
    state.take(Down(NOW_S - 1, "port-absent", why))


def idle(state: PumpState) -> None:
    """Powered on a moment ago."""
    up(state, NOW_S - 0.5)


def complete(state: PumpState) -> None:
    """Every step counted; the alarm of the end."""
    infusing(state)
    event(state, 4, 2401000, "complete", NOW_S - 0.1, state="complete", cause="end-of-infusion")
    words = {"remaining": "0.000s", "elapsed": "2400.000s", "alarm": "end-of-infusion"}
    done = str(PLANNED)
    sample(state, NOW_S, 2402000, PLANNED, state="complete", rate="0mL/h", commanded=done, **words)
    state.take(Answered(NOW_S, {"alarms": "end-of-infusion", "state": "complete"}))


def overridden(state: PumpState) -> None:
    """The second of five phases, beyond soft limits."""
    infusing(state)
    words = {"phase": "2/5", "override": "dose-rate,total"}
    sample(state, NOW_S - 0.1, 962000, 100_900, **words)


def unheard(state: PumpState) -> None:
    """A stop that nobody acknowledged."""
    infusing(state)
    text = "/dev/ttyACM0: the pump did not acknowledge `stop`; press its stop button"
    state.take(StopNews(NOW_S - 30, "unheard", text))
