"""Writes the journal: what was delivered must survive a power cut, and no write may be felt.

A write to flash holds up the CPU, interrupts off, for STALL_US at worst. Meanwhile the step
generator lives on its queue, so nothing is written unless the queue outlasts that; a plan too fast
for it is written down before it starts and when it has ended.
"""

from micropython import const

from pump.core import states
from pump.core.journal import SLOTS, Entry, newest, pack

STALL_US = 400_000  # the worst sector erase there is, and its programming
_EVERY_US = const(1_000_000)
_EARLY_US = const(240_000)  # a loop that is awake anyway writes so much before it is due
_RETRY_US = const(100_000)
# What waits for the host goes first, for so long: a full outbox takes 160 ms.
_YIELD_US = const(200_000)
_SLOT = const("journal-%d")
# A plan that was ready may have started just before the cut, unwritten.
RUNNING = states.MOVING + states.LATCHED + (states.READY, states.PAUSED)


class Keeper:
    """The journal of one pump.

    boot     number of this boot, from 1; ``least_boot`` is what the event log knows of it
    last     the entry found at power-on, or None
    failing  the last write has failed
    """

    def __init__(self, clock, store, hot, least_boot: int) -> None:
        self._clock = clock
        self._store = store
        self._hot = hot
        self._number, self.last = newest([store.load(_SLOT % slot) for slot in range(SLOTS)])
        self._warm()
        last = self.last or Entry(0, "none", "idle", 0, 0, 0)
        self.boot = max(last.boot + 1, least_boot)
        self.failing = False
        self._due_us = 0
        self._noted = False
        self._yielded = False
        self._save(Entry(self.boot, last.plan, last.state, last.steps, last.of, last.step_fl))

    def interrupted(self) -> bool:
        """True when the run before this boot had not come to an end."""
        return self.last is not None and self.last.state in RUNNING

    def note(self) -> None:
        """The run began, ended or paused: write it down as soon as may be."""
        self._noted = True
        self._due_us = 0

    def due_us(self, moving: bool) -> int | None:
        """When ``poll`` has something to write, or None."""
        return self._due_us if moving or self._noted else None

    def poll(self, now_us: int, controller, talking: bool) -> None:
        """Write what is due, if motion outlasts it; what the pump is ``talking`` goes first."""
        due_us = self.due_us(controller.moving())
        if due_us is None or now_us + (0 if self._noted else _EARLY_US) < due_us:
            return
        if talking and self._noted and not self._yielded:
            self._yielded = True
            self._due_us = now_us + _YIELD_US
            return
        entry = controller.entry(self.boot, self._entry)
        if self._hot:
            self._hot.save(self.boot, entry.steps)
        controller.top_up(STALL_US * 2)
        if controller.outlasts_us(self._clock.now_us(), STALL_US) < STALL_US:
            self._due_us = now_us + _RETRY_US
            return
        self._save(entry)
        self._due_us = now_us + _EVERY_US
        self._noted = False
        self._yielded = False

    def write_down(self, controller) -> bool:
        """Write now what has been noted; nothing may move. False when flash does not take it."""
        if self._noted:
            entry = controller.entry(self.boot, self._entry)
            if self._hot:
                self._hot.save(self.boot, entry.steps)  # first: they must not outdo the record
            self._save(entry)
            self._noted = self.failing
        return not self.failing

    def _warm(self) -> None:
        """The scratch registers know the steps of the last run better, if they outlived it."""
        if self._hot and self.last:
            self.last.steps = max(self.last.steps, self._hot.load(self.last.boot))

    def _save(self, entry: Entry) -> None:
        self._entry = entry
        self._number += 1
        try:
            self._store.save(_SLOT % (self._number % SLOTS), pack(self._number, entry))
            self.failing = False
        except OSError:
            self.failing = True
