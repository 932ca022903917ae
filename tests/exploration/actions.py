"""Everything that can be done to the pump, and everything that can happen to it: one table.

An action is a name, a condition under which it has a meaning, and a function of the world. Names
are what paths are made of, so that a path printed by the search can be replayed.
"""

import math

from tests.exploration.oracle import Dose

SHORT = "rate=60mL/h over=10s syringe=bd-10"
PLAN = "program " + SHORT
WITH_KVO = PLAN + " kvo=1mL/h"
FAST = "program rate=1200mL/h over=4s syringe=bd-60"  # too fast for a write to flash meanwhile
FULL = "program rate=1200mL/h volume=9.999mL syringe=bd-10 kvo=1mL/h"  # leaves 3 s of KVO
LONG = "program rate=60mL/h over=6min syringe=bd-10"  # long enough for near-end
PRIME = "prime volume=0.05mL rate=60mL/h syringe=bd-10 connected=no"
BOLUS = "bolus volume=0.05mL over=5s"
PHASE = "phase rate=60mL/h over=1s"
CHANGE = "change rate=36mL/h over=5s"
# syringe: inner diameter in um; a screw of 0.8 mm, 3200 microsteps a turn
DIAMETERS = {"bd-10": 14_430, "bd-60": 26_590}


def _steps(syringe, nl):
    per_step_nl = math.pi / 4 * (DIAMETERS[syringe] / 1000) ** 2 * 0.8 / 3200 * 1000
    return round(nl / per_step_nl)


ML_H = 1_000_000 / 3600  # nL/s
DOSES = {
    PLAN: Dose(_steps("bd-10", 600 * ML_H), _steps("bd-10", 60 * ML_H)),
    WITH_KVO: Dose(
        _steps("bd-10", 600 * ML_H), _steps("bd-10", 60 * ML_H), _steps("bd-10", 1_000_000)
    ),
    FAST: Dose(_steps("bd-60", 4800 * ML_H), _steps("bd-60", 1200 * ML_H), unkept=True),
    FULL: Dose(_steps("bd-10", 9_999_000), 0, _steps("bd-10", 1_000_000), unkept=True),
    LONG: Dose(_steps("bd-10", 21_600 * ML_H), _steps("bd-10", 60 * ML_H)),
    PRIME: Dose(_steps("bd-10", 50_000), _steps("bd-10", 60 * ML_H), unkept=True),
    PHASE: Dose(_steps("bd-10", 60 * ML_H), _steps("bd-10", 60 * ML_H)),
    CHANGE: Dose(_steps("bd-10", 180 * ML_H), _steps("bd-10", 36 * ML_H)),
    BOLUS: Dose(_steps("bd-10", 50_000), _steps("bd-10", 36 * ML_H)),
}
MS = 1_000
SECOND = 1_000_000
MINUTE = 60 * SECOND
# Made once for each class of worlds that they could tell apart, see World.coarse_key and
# World.outliving_key: they take long.
LONG_WAITS = ("2.5-min", "5-min", "11-min", "to-the-end")
RESETS = ("power-cut", "watchdog-reset", "asked-reset")


def _always(world):
    return True


def _sends(*texts, race=""):
    def act(world):
        world.hardware.link.race = race
        world.send(*texts)

    return act


def _starts(rest="", race="", driver_race=""):
    def act(world):
        world.hardware.link.race = race
        world.hardware.driver.race = driver_race
        world.send("start plan=%s%s" % (world.hash, rest))
        world.hardware.driver.race = world.hardware.link.race = ""

    return act


def _resumes(race="", driver_race=""):
    def act(world):
        world.hardware.link.race = race
        world.hardware.driver.race = driver_race
        world.send("resume")
        world.hardware.driver.race = world.hardware.link.race = ""

    return act


def _bolus_starts(world):
    world.send("start plan=%s" % world.bolus_hash)


def _change_starts(world):
    world.send("start plan=%s" % world.change_hash)


def _waits(us):
    return lambda world: world.run(us)


def _due(world):
    world.turn(None)
    world.turn(0)


def _to_the_end(world):
    world.run(12 * SECOND)


def _talks(world):
    """Keep the lease until the plan has gone over into KVO."""
    while world.oracle.state != "kvo":
        world.send("heartbeat")
        world.run(200 * MS)


def _press(world):
    world.hardware.stop.press()
    world.turn(0)


def _release(world):
    world.hardware.stop.release()
    world.turn(0)


def _bounce(world):
    world.hardware.stop.bounce()
    world.turn(0)


def _forced_step(world):
    world.force_step()
    world.turn(0)


def _hang(us):
    """The CPU does nothing for so long; the queue runs out by itself."""

    def act(world):
        world.pass_time(us)
        world.turn(0)

    return act


def _resets(cause):
    return lambda world: world.reset(cause)


def _raises_once(part):
    def act(world):
        getattr(world.hardware, part).broken = True
        world.turn(0)
        if not world.crashed:
            getattr(world.hardware, part).broken = False
            world.turn(0)

    return act


def _breaks(fault):
    def act(world):
        world.set_fault(fault)
        world.turn(0)

    return act


def _heals(fault):
    def act(world):
        world.clear_fault(fault)
        world.turn(0)

    return act


def _up(world):
    return not world.crashed


def _open(world):
    return world.hardware.stop.open


def _closed(world):
    return not world.hardware.stop.open


def _moves(world):
    return world.oracle.licence == "moving"


def _rests(world):
    return world.oracle.licence != "moving"


def _silenced(world):
    return _rests(world) and _up(world) and world.silenced()


def _ready(world):
    return world.oracle.state == "ready"


# name: (condition, function)
REQUESTS = {
    "program": (_up, _sends(PLAN)),
    "program-kvo": (_up, _sends(WITH_KVO)),
    "program-fast": (_up, _sends(FAST)),
    "prime": (_up, _sends(PRIME)),
    "start": (_up, _starts()),
    "start-tenfold": (_up, _starts(" tenfold=yes")),
    "start-wrong": (_up, _sends("start plan=00000000")),
    "start-lease-stop": (_up, _starts(" lease=1s on-loss=stop")),
    "start-lease-finish": (_up, _starts(" lease=1s on-loss=finish")),
    "start-as-pressed": (_up, _starts(race="press")),
    "start-as-bounced": (_up, _starts(race="bounce")),
    "start-bounce-before-enable": (_up, _starts(driver_race="before")),
    "start-bounce-after-enable": (_up, _starts(driver_race="after")),
    "start-and-stop": (_up, lambda world: world.send("start plan=" + world.hash, "stop")),
    "bolus": (_up, _sends(BOLUS)),
    "start-bolus": (lambda world: _up(world) and world.bolus_hash, _bolus_starts),
    "phase": (_up, _sends(PHASE)),
    "change": (_up, _sends(CHANGE)),
    "start-change": (lambda world: _up(world) and world.change_hash, _change_starts),
    "pause": (_up, _sends("pause")),
    "resume": (_up, _sends("resume")),
    "resume-as-pressed": (_up, _resumes(race="press")),
    "resume-bounce-after-enable": (_up, _resumes(driver_race="after")),
    "stop": (_up, _sends("stop")),
    "stop-and-resume": (_up, _sends("stop", "resume")),
    "clear": (_up, _sends("clear")),
    "ack": (_up, _sends("ack")),
    "ack-as-pressed": (_up, _sends("ack", race="press")),
    "ack-as-bounced": (_up, _sends("ack", race="bounce")),
    "ack-end": (_up, _sends("ack alarm=end-of-infusion")),
    "silence": (_up, _sends("silence")),
    "heartbeat": (_up, _sends("heartbeat")),
    "status": (_up, _sends("status")),
    "maintenance": (_up, _sends("maintenance")),
}
FAULTS = (
    "travel", "force-high", "force-open", "force-short", "supply-low", "supply-critical", "flash",
    "stuck", "lossy", "blown", "link", "counter", "force", "mute-control", "mute-journal",
    "mute-session", "mute-supervisor",
)  # fmt: skip
HAPPENINGS = {
    "due": (_always, _due),
    "60-ms": (_always, _waits(60 * MS)),
    "0.2-s": (_always, _waits(200 * MS)),
    "1.2-s": (_always, _waits(1200 * MS)),
    "to-the-end": (_moves, _to_the_end),
    "2.5-min": (_silenced, _waits(150 * SECOND)),
    "5-min": (_ready, _waits(5 * MINUTE + 2 * SECOND)),
    "11-min": (_rests, _waits(11 * MINUTE)),
    "press": (_closed, _press),
    "release": (_open, _release),
    "bounce": (_closed, _bounce),
    "forced-step": (_always, _forced_step),
    "hang-1.95-s": (_always, _hang(1950 * MS)),
    "hang-3-s": (_always, _hang(3 * SECOND)),
    "link-raises-once": (_up, _raises_once("link")),
    "counter-raises-once": (_up, _raises_once("counter")),
    "force-raises-once": (_up, _raises_once("force")),
    "power-cut": (_always, _resets("power-on")),
    "watchdog-reset": (_always, _resets("watchdog")),
    "asked-reset": (_always, _resets("reset")),
}
for _fault in FAULTS:
    HAPPENINGS[_fault] = (
        lambda world, fault=_fault: _up(world) and world.may_break(fault),
        _breaks(_fault),
    )
    HAPPENINGS[_fault + "-heals"] = (
        lambda world, fault=_fault: fault in world.faults,
        _heals(_fault),
    )
ACTIONS = {**REQUESTS, **HAPPENINGS}
# only on the way to a place where a search begins
PREPARATIONS = {
    "program-long": (_up, _sends(LONG)),
    "program-full": (_up, _sends(FULL)),
    "talk-to-the-end": (_up, _talks),
    "5.5-min": (_always, _waits(330 * SECOND)),
}
