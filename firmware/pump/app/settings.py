"""The settings of one pump: read at power-on, changed all at once or not at all; and their verbs.

The two slots are written in turn, so that the last good values survive a cut or a failed write.
"""

from micropython import const

from pump.core import settings as core
from pump.core import states
from pump.core.refusal import Refusal

_SLOT = const("settings-%d")


class Settings:
    """Named values in ``store``. ``own`` are the board's defaults (name -> text).

    values   name -> text in canonical form
    number   how often they have been written; 0 for defaults
    reasons  why slots were not believed at power-on: crc, version or value
    """

    def __init__(self, store, own: dict | None = None) -> None:
        self._store = store
        base = core.defaults(own)
        slots = [store.load(_SLOT % slot) for slot in range(core.SLOTS)]
        self.number, found, self.reasons = core.newest(slots, base)
        self.values = found or base

    def lost(self) -> bool:
        """True when there were settings and none of them could be used: these are defaults."""
        return not self.number and bool(self.reasons)

    def get(self, name: str) -> int:
        """The amount in base units (us, mN, mV)."""
        return core.amount(name, self.values[name])

    def change(self, wanted: dict) -> dict:
        """Check and store ``wanted`` (name -> text); returns it in canonical form. Refusal:
        nothing has changed."""
        changed = {name: core.checked(name, wanted[name]) for name in sorted(wanted)}
        values = dict(self.values)
        values.update(changed)
        core.check_together(values)
        self._save(core.pack(self.number + 1, values))
        self.number += 1
        self.values = values
        return changed

    def repair(self) -> None:
        """Store the present values anew, so that the next boot finds whole ones."""
        try:
            self.change({})
        except Refusal:
            pass  # then the next boot tells it again

    def _save(self, data: bytes) -> None:
        name = _SLOT % ((self.number + 1) % core.SLOTS)
        try:
            self._store.save(name, data)
        except OSError:
            raise Refusal("store-failed", "settings")
        if self._store.load(name) != data:
            raise Refusal("store-failed", "settings")


def board_defaults(board) -> dict:
    """The defaults that a board file gives by its WATCH (``core.supervisor``), if it has one."""
    watch = getattr(board, "WATCH", None)
    if watch is None:
        return {}
    return {
        "occlusion-force": "%dmN" % watch.force_stop_mn,
        "supply-warn": "%dmV" % watch.supply_warn_mv,
        "supply-stop": "%dmV" % watch.supply_stop_mv,
    }


# ---- verbs: handlers as in ``commands`` ---------------------------------------------------------


def show_settings(session, fields: dict, now_us: int) -> list:
    """All values, or one with its range and default."""
    settings = session.settings
    if "name" not in fields:
        pairs = [("number", str(settings.number))]
        return pairs + [(known, settings.values[known]) for known in core.NAMES]
    name = fields["name"]
    if name not in core.NAMES:
        raise Refusal("bad-value", "name", name, accepts=",".join(core.NAMES))
    return [(name, settings.values[name]), ("range", core.range_of(name))]


def change_settings(session, fields: dict, now_us: int) -> list:
    """`set key=value ...`: all of them or none, where nothing can move (a write to flash)."""
    session.controller.allow(states.MAINTENANCE)
    if not fields:
        raise Refusal("missing-field", "name", accepts="settings")
    changed = session.settings.change(fields)
    session.controller.guard.set_limits()
    if "telemetry-interval" in changed:
        session.set_telemetry(session.settings.get("telemetry-interval"), now_us)
    pairs = [("number", str(session.settings.number))]
    pairs += [(name, changed[name]) for name in sorted(changed)]
    session.record("settings", pairs)
    return pairs
