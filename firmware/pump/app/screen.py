"""The small display: state, rate, volume, and what wants attention or how long it will take.

It shows what telemetry says, once a second, and writes one row at a time, only while motion
outlasts that. A display that does not answer is tried again after a while and stops nothing.
"""

from micropython import const

_LOOK_US = const(1_000_000)
_AGAIN_US = const(10_000_000)
_OUTLAST_US = const(60_000)  # telemetry's texts 14 ms, a row 10 ms, a collection 20 ms
_ROWS = const(4)


class Screen:
    """Keeps ``display`` (a ``hal.Display``) up to date; ``report`` as for telemetry."""

    def __init__(self, display, controller, report) -> None:
        self._display = display
        self._controller = controller
        self._report = report
        self._wanted = [""] * _ROWS
        self._shown = [None] * _ROWS
        self._look_us = 0

    def due_us(self, now_us: int) -> int:
        """When ``poll`` has something to do."""
        return self._look_us if self._wanted == self._shown else now_us

    def poll(self, now_us: int) -> None:
        """Look once a second, write one row that has changed."""
        if now_us < self._look_us and self._wanted == self._shown:
            return
        self._controller.top_up(_OUTLAST_US)
        if self._controller.outlasts_us(now_us) < _OUTLAST_US:
            self._wanted = list(self._shown)  # too fast for it: tried again in a second
            self._look_us = now_us + _LOOK_US
            return
        if now_us >= self._look_us:
            self._look_us = now_us + _LOOK_US
            self._wanted = rows(dict(self._report.telemetry(now_us)))
        for row in range(_ROWS):
            if self._wanted[row] != self._shown[row]:
                self._write(row, now_us)
                return

    def _write(self, row: int, now_us: int) -> None:
        try:
            self._display.show(row, self._wanted[row])
            self._shown[row] = self._wanted[row]
        except OSError:
            self._shown = [None] * _ROWS
            self._wanted = list(self._shown)
            self._look_us = now_us + _AGAIN_US


def rows(told: dict) -> list:
    """Four texts from the pairs of a telemetry line."""
    volume = told.get("delivered") or told.get("primed") or ""
    why = (told.get("cause") or told.get("alarm") or "").upper()
    below = why or _minutes(told.get("remaining", ""))
    return [told["state"].upper(), _spaced(told["rate"]), _spaced(volume), below]


def _spaced(quantity: str) -> str:
    """A space before the unit, as people read it."""
    at = 0
    while at < len(quantity) and quantity[at] in "0123456789.":
        at += 1
    return quantity[:at] + " " + quantity[at:] if quantity else ""


def _minutes(seconds: str) -> str:
    """ "2156.873s" as "35:56 min"."""
    whole = seconds.partition(".")[0]
    if not whole.isdigit() or not int(whole):
        return ""
    return "%d:%02d min" % (int(whole) // 60, int(whole) % 60)
