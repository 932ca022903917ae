"""The verbs: one table of what each needs, and the functions that carry them out.

A handler takes (session, fields, now_us) and returns the pairs of its answer, or raises Refusal.
Nothing that came over the wire is evaluated or used as a format.
"""

from micropython import const

from pump.app.controller import ON_LOSS, STOP
from pump.app.event_ring import NONE
from pump.app.library import commit_library, load_entry, show_library
from pump.app.runs import INFUSION
from pump.app.settings import change_settings, show_settings
from pump.core import states
from pump.core.dose import PHASE
from pump.core.frame import MAX_LINE, Request
from pump.core.limits import describe, enter, limited, name_of, range_text, rate_range
from pump.core.order import fields_of
from pump.core.quantity import exact, format, parse, show
from pump.core.ratio import ZERO, floor, make
from pump.core.refusal import Refusal
from pump.core.syringe import find
from pump.core.units import canonical_unit

PROTOCOL = 1
_TELEMETRY_LEAST_US = const(20_000)
_TELEMETRY_MOST_US = const(60_000_000)
_LEASE_LEAST_US = const(1_000_000)
_LEASE_MOST_US = const(600_000_000)
_LOG_BATCH = const(4)
# `limits` without a field lists these; one line cannot hold them all.
_COMMON_LIMITS = const(("weight", "dose", "concentration", "volume", "rate", "over"))


def _info(session, fields: dict, now_us: int) -> list:
    return [
        ("name", "titra"),
        ("model", session.board.MODEL),
        ("serial", session.hal.serial_number()),
        ("firmware", session.version),
        ("protocol", str(PROTOCOL)),
        ("boot", str(session.log.boot)),
        ("reset", session.hal.reset_cause()),
        ("mode", session.board.MODE),
        ("tick", "%d/%dns" % session.hal.generator.tick_ns),
        ("library", session.library.label()),
        ("capabilities", ",".join(session.hal.capabilities)),
    ]


def _status(session, fields: dict, now_us: int) -> list:
    return session.report.status(now_us)


def _limits(session, fields: dict, now_us: int) -> list:
    if "syringe" in fields:
        return _syringe_limits(session, find(fields["syringe"]))
    wanted = fields.get("field")
    pairs = []
    if wanted is None:
        for field in _COMMON_LIMITS:
            session.controller.top_up()  # the slowest request there is
            pairs += _ranges(describe(field)[:1])
    elif wanted != "bolus":
        known = limited()
        if wanted not in known:
            known = ",".join(known + ["bolus"])
            raise Refusal("bad-value", "field", wanted, accepts=known)
        pairs = _ranges(describe(wanted))
    session.controller.top_up()
    board = session.board
    if wanted in (None, "bolus"):
        pairs += [("lockout", board.BOLUS_LOCKOUT), ("hourly", board.BOLUS_HOURLY)]
    pairs += _bounds("hard-", board.HARD_LIMITS, wanted)
    return pairs + _bounds("soft-", board.SOFT_LIMITS, wanted)


def _ranges(rows: list) -> list:
    """Pairs of what ``describe`` tells."""
    return [(name, least + ".." + most) for name, least, most in rows]


def _bounds(prefix: str, rows: tuple, wanted: str | None) -> list:
    """Limits of ``rows`` on the field ``wanted``, or all, named by what their unit says."""
    pairs = []
    for field, least, most in rows:
        if wanted in (None, field):
            name = name_of(field, enter(field, most or least).dimension)
            pairs.append((prefix + name, least + ".." + most))
    return pairs


def _syringe_limits(session, syringe) -> list:
    mechanics = session.board.MECHANICS
    per_step = mechanics.volume_per_step_nl(syringe.diameter_um())
    session.controller.top_up()  # half of the slowest request there is
    slow, fast = rate_range(per_step, mechanics.max_hz, mechanics.slowest_step_s)
    session.controller.top_up()
    return [
        ("syringe", syringe.id),
        ("capacity", exact((syringe.volume_nl, 1), "mL", "volume")),
        ("diameter", syringe.diameter),
        ("step", format(per_step, "nL", "volume", 6)),
        ("rate", range_text(slow, fast, "mL/h")),
    ]


def _ordering(verb: str, kept: str):
    """The handler of a verb that plans: the controller's method of that name, and where the run
    is that it made."""

    def handler(session, fields: dict, now_us: int) -> list:
        getattr(session.controller, verb)(fields)
        return _described(session, getattr(session.controller, kept))

    return handler


def _acting(verb: str, answer):
    """The handler of a verb that the controller carries out without asking for anything."""

    def handler(session, fields: dict, now_us: int) -> list:
        getattr(session.controller, verb)()
        return answer(session)

    return handler


def _state(session) -> list:
    return [("state", session.controller.state)]


def _where(session) -> list:
    return _state(session) + session.controller.delivered()


def _stopped(session) -> list:
    return _where(session) + [("cause", session.controller.cause)]


def _described(session, run) -> list:
    """What a person checks before quoting the hash."""
    plan = run.plan
    pairs = [("plan", run.hash), ("state", session.controller.state)]
    if run.kind == INFUSION:
        pairs.append(session.library.said(session.controller.bounds))
    if plan.total_dose_ng:
        pairs.append(("total", show(plan.total_dose_ng, "mg", "mass")))
    pairs.append(("volume", show(plan.total_volume_nl, "mL", "volume")))
    rate = (plan.phases[-1].rates() or (ZERO,))[0]
    pairs.append(("rate", show(rate, "mL/h", "rate")))
    pairs += _warnings(session, run)
    if len(plan.phases) > 1:
        pairs.append(("phases", str(len(plan.phases))))
    pairs.append(("duration", show(plan.total_duration_us, "s", "time")))
    ramps_us = run.motion.total_us() - floor(plan.total_duration_us)
    if ramps_us > 0:
        pairs.append(("ramps", show(make(ramps_us), "s", "time")))
    pairs.append(("steps", str(plan.total_steps)))
    pairs.append(("step", format(plan.volume_per_step_nl, "nL", "volume", 6)))
    return pairs + _echo(plan, [key for key, _ in pairs])


def _warnings(session, run) -> list:
    """What wants a second look: a rate far from the last one, soft limits passed."""
    pairs = []
    last = ""
    if run.kind == INFUSION:
        last = session.controller.tenfold_of(run.plan.rate_nl_per_s)
    if last:
        pairs.append(("tenfold", last))
    if run.plan.overridden:
        pairs.append(("override", fields_of(run.plan.overridden)))
    return pairs


def _echo(plan, said: list) -> list:
    """The prescription as understood, in canonical units: what holds for all phases and the last
    of them, without what is already ``said``."""
    setting = plan.setting
    pairs = [("syringe", plan.syringe.id)]
    for item in [setting.fill, setting.weight, setting.concentration] + plan.phases[-1].entered:
        if item is None:
            continue
        field = item.field if item.field not in said else name_of(item.field, item.dimension)
        if field not in said:
            text = exact(item.value, canonical_unit(item.dimension), item.dimension)
            pairs.append((field, text))
    return pairs


def _start(session, fields: dict, now_us: int) -> list:
    if "plan" not in fields:
        raise Refusal("missing-field", "plan")
    lease_us = 0
    if fields.get("lease", "off") != "off":
        lease_us = _time(fields, "lease", _LEASE_LEAST_US, _LEASE_MOST_US)
    on_loss = fields.get("on-loss", STOP)
    if on_loss not in ON_LOSS:
        raise Refusal("bad-value", "on-loss", on_loss, accepts=",".join(ON_LOSS))
    tenfold = fields.get("tenfold")
    if tenfold not in (None, "yes"):
        raise Refusal("bad-value", "tenfold", tenfold, accepts="yes")
    controller = session.controller
    controller.start(fields["plan"], lease_us, on_loss, tenfold is not None)
    lease_us = controller.lease_us  # of a bolus or a change that of the infusion
    return [
        ("state", controller.state),
        ("plan", fields["plan"]),
        ("lease", exact((lease_us, 1), "s", "time") if lease_us else "off"),
        ("on-loss", controller.on_loss),
    ]


def _ack(session, fields: dict, now_us: int) -> list:
    session.controller.acknowledge(fields.get("alarm", ""))
    return _state(session)


def _telemetry(session, fields: dict, now_us: int) -> list:
    if "every" not in fields:
        raise Refusal("missing-field", "every")
    every_us = _time(fields, "every", _TELEMETRY_LEAST_US, _TELEMETRY_MOST_US)
    session.set_telemetry(every_us, now_us)
    return [("every", exact((every_us, 1), "ms", "time"))]


def _heartbeat(session, fields: dict, now_us: int) -> list:
    return [("t", "%dms" % (now_us // 1000))] + _state(session)


def _maintenance(session, fields: dict, now_us: int) -> list:
    session.controller.allow(states.MAINTENANCE)
    session.leaving = True
    return _state(session)


def _log(session, fields: dict, now_us: int) -> list:
    log = session.log
    mark = _since(fields["since"]) if "since" in fields else NONE
    room = session.outbox.room() - MAX_LINE
    lines, more = log.page(mark, _LOG_BATCH, room, session.controller.top_up)
    session.send_after = lines
    return [
        ("events", str(len(lines))),
        ("oldest", "%d:%d" % log.oldest()),
        ("newest", "%d:%d" % (log.boot, log.newest)),
        ("more", "yes" if more else "no"),
    ]


def _help(session, fields: dict, now_us: int) -> list:
    if "verb" not in fields:
        return [("verbs", ",".join([row[0] for row in VERBS]))]
    row = row_of(fields["verb"])
    return [("verb", row[0]), ("check", "yes" if row[2] else "no"), ("usage", row[4])]


PHASE_FIELDS = ",".join(PHASE) + ",override"
# verb, handler, needs a check in safe mode, fields it takes (None: any), usage
VERBS = (
    ("*IDN?", None, False, "", "*IDN?"),
    ("info", _info, False, "", "info"),
    ("status", _status, False, "", "status"),
    ("limits", _limits, False, "field,syringe", "limits [field=dose] [syringe=bd-60]"),
    (
        "program",
        _ordering("program", "run"),
        True,
        None,
        "program weight=70kg dose=0.5mg/kg over=40min concentration=1mg/mL syringe=bd-60",
    ),
    ("phase", _ordering("phase", "run"), True, PHASE_FIELDS, "phase dose=0.75mg/kg over=45min"),
    (
        "start",
        _start,
        True,
        "plan,lease,on-loss,tenfold",
        "start plan=<hash> [lease=10s] [on-loss=stop|finish] [tenfold=yes]",
    ),
    (
        "prime",
        _ordering("prime", "run"),
        True,
        None,
        "prime volume=0.5mL rate=60mL/h syringe=bd-60 connected=no",
    ),
    (
        "bolus",
        _ordering("bolus", "side"),
        True,
        "dose,volume,rate,over,override",
        "bolus volume=0.2mL over=30s",
    ),
    ("change", _ordering("change", "offer"), True, PHASE_FIELDS, "change rate=30mL/h"),
    ("clear", _acting("clear", _state), True, "", "clear"),
    ("pause", _acting("pause", _where), False, "", "pause"),
    ("resume", _acting("resume", _where), True, "", "resume"),
    ("stop", _acting("stop", _stopped), False, "", "stop"),
    ("ack", _ack, True, "alarm", "ack [alarm=<cause>]"),
    ("silence", _acting("silence", _state), True, "", "silence"),
    ("telemetry", _telemetry, True, "every", "telemetry every=200ms"),
    ("heartbeat", _heartbeat, False, "", "heartbeat"),
    ("log", _log, False, "since", "log [since=<boot>:<seq>]"),
    ("settings", show_settings, False, "name", "settings [name=telemetry-interval]"),
    ("set", change_settings, True, None, "set telemetry-interval=500ms"),
    ("library", show_library, False, "n", "library [n=1]"),
    ("library-load", load_entry, True, None, "library-load n=1 id=... drug=... route=iv ..."),
    (
        "library-commit",
        commit_library,
        True,
        "name,version,entries,crc",
        "library-commit name=mine version=1 entries=5 crc=<CRC-32>",
    ),
    ("help", _help, False, "verb", "help [verb=program]"),
    ("maintenance", _maintenance, True, "", "maintenance"),
)
# What may set the motor going; refused in a batch of input that also holds a stop.
MOTION_VERBS = ("start", "resume")


def row_of(verb: str) -> tuple:
    """The row of ``verb`` in VERBS, or Refusal unknown-verb."""
    for row in VERBS:
        if row[0] == verb:
            return row
    raise Refusal("unknown-verb", "verb", verb, accepts="help")


def admit(request: Request, mode: str) -> tuple:
    """The row of a request that may be carried out: known verb, check present, fields known."""
    row = row_of(request.verb)
    if row[2] and mode == "safe" and not request.checked:
        raise Refusal("crc-required", "verb", request.verb)
    if row[3] is not None:
        for field in sorted(request.fields):
            if field not in row[3].split(","):
                raise Refusal("unknown-field", field, accepts=row[3] or "no-fields")
    return row


def _time(fields: dict, field: str, least_us: int, most_us: int) -> int:
    value = parse(field, fields[field], "time")
    if value[0] < least_us * value[1] or value[0] > most_us * value[1]:
        limit = exact((least_us, 1), "ms", "time") + ".." + exact((most_us, 1), "ms", "time")
        raise Refusal("out-of-range", field, fields[field], limit)
    if value[1] != 1:
        raise Refusal("bad-value", field, fields[field], accepts="whole-us")
    return value[0]


def _since(text: str) -> tuple:
    """(boot, sequence number) after which to begin."""
    head, colon, tail = text.partition(":")
    if not colon or not head.isdigit() or not tail.isdigit() or len(text) > 20:
        raise Refusal("bad-value", "since", text, accepts="boot:seq")
    return int(head), int(tail)
