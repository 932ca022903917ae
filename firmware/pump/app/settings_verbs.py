"""The verbs `settings` and `set`; as in ``commands`` a handler takes (session, fields, now_us)."""

from pump.core import states
from pump.core.refusal import Refusal
from pump.core.settings import TABLE, range_of


def show_settings(session, fields: dict, now_us: int) -> list:
    """All values, or one with its range and default."""
    settings = session.settings
    if "name" not in fields:
        pairs = [("number", str(settings.number))]
        return pairs + [(row[0], settings.values[row[0]]) for row in TABLE]
    name = fields["name"]
    for row in TABLE:
        if row[0] == name:
            return [(name, settings.values[name]), ("range", range_of(name))]
    known = ",".join([row[0] for row in TABLE])
    raise Refusal("bad-value", "name", name, accepts=known)


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
