"""The pump's real firmware in a fake world: what the search takes apart and compares.

``key`` is the abstract state by which the search knows a world again. Folded in it, that is not
told apart: time itself, but for what is listed; how far a plan is, but for none, begun, past the
half, all, and that only while it can go on; volumes; the texts of events and telemetry; the boot
number; the phase of light and buzzer; when within a lease, a silence or the lock-out's ten minutes
it is; the depth of the step queue but for empty.
"""

from pump.app.pump import Pump
from pump.core.frame import seal
from pump.core.journal import newest
from tests.exploration.actions import ACTIONS, DOSES, PREPARATIONS
from tests.exploration.hardware import Bite, Hardware
from tests.exploration.oracle import Oracle, need
from tests.unit.fake_hal import BOARD

OVER = ("complete", "halted", "stopped", "alarm", "fault")  # nothing can be taken up again
RECENT_US = 50_000
MOST_TURNS = 100_000
TURN_US = 2_000  # what a pass of a loop takes that does not sleep
HEALED_BY_RESET = ("stuck", "lossy", "link", "counter", "mute-control", "mute-journal",
                   "mute-session", "mute-supervisor")  # fmt: skip
# Two faults of one part cannot stand at once.
FORCE_MN = {"force-high": 60_000, "force-open": -5_000, "force-short": 400_000}
SUPPLY_MV = {"supply-low": 4_300, "supply-critical": 3_500}
PART_OF = {**dict.fromkeys(FORCE_MN, "force"), **dict.fromkeys(SUPPLY_MV, "supply")}


class Mute:
    """Keeps tasks from checking in with ``alive``."""

    def __init__(self, alive):
        self.alive = alive
        self.since_us = {}  # task: since when

    def __call__(self, task, now_us):
        if task not in self.since_us:
            self.alive(task, now_us)


class World:
    """A pump, its hardware, its host and a witness.

    most_faults       that may stand at once
    hash, bolus_hash, change_hash  what a start would quote, as last answered by the pump
    crashed           '' or why no firmware runs (main.py has made the board safe)
    """

    def __init__(self, most_faults=2):
        self.most_faults = most_faults
        self.hardware = Hardware()
        self.oracle = Oracle(self.hardware, DOSES)
        self.faults = set()
        self.hash = self.bolus_hash = self.change_hash = "00000000"
        self._boot()

    # ---- what actions are made of -------------------------------------------------------------

    def act(self, name):
        """Carry out an action by its name. Violation: an invariant is broken."""
        (ACTIONS.get(name) or PREPARATIONS[name])[1](self)

    def may(self, name):
        """Tell whether the action has a meaning now."""
        return bool(ACTIONS[name][0](self))

    def send(self, *texts):
        """Requests in one go; the loop turns until they are read. No time goes by."""
        hardware = self.hardware
        lines = [seal(text) for text in texts]
        assert len(lines) == 1 or len(b"".join(lines)) <= 64  # what a stop outruns
        for line, text in zip(lines, texts, strict=True):
            hardware.link.incoming += line
            self.oracle.ask(text, hardware.clock.us, hardware)
        for _ in range(8):
            self.turn(0)
            if not hardware.link.incoming or self.hardware is not hardware:
                break
        self.turn(0)

    def run(self, us):
        """Let time go by."""
        until_us = self.hardware.clock.us + us
        for _ in range(MOST_TURNS):
            left_us = until_us - self.hardware.clock.us
            hardware = self.hardware
            before_us = hardware.clock.us
            self.turn(left_us)
            if left_us <= 0 or self.hardware is not hardware:
                return
            if hardware.clock.us == before_us:
                self.pass_time(TURN_US)
                if self.hardware is not hardware:
                    return
        raise AssertionError("the loop never sleeps")

    def turn(self, us):
        """One pass of the loop and its sleep, for ``us`` at most (None: till it is due)."""
        hardware = self.hardware
        if self.crashed:
            self.pass_time(us or 0)
            return
        hardware.until_us = None if us is None else hardware.clock.us + us
        try:
            self.pump.turn()
            while hardware.talking and not self.pump.session.leaving:
                self.pump.turn()
        except Bite:
            self.reset("watchdog")
            return
        except Exception as error:
            self._crash(repr(error))
            return
        if self.pump.session.leaving:
            self.pump.run()  # the farewell
            self._crash("maintenance")

    def pass_time(self, us):
        """Time goes by without the CPU."""
        self.oracle.hung = self.oracle.hung or us > TURN_US
        try:
            self.hardware.go_to(self.hardware.clock.us + us)
        except Bite:
            self.reset("watchdog")

    def force_step(self):
        """A step at the pin that nobody ordered."""
        self.hardware.force_step()
        self.oracle.force_step(self.hardware.clock.us, self.hardware.driver.on)

    def reset(self, cause):
        """The chip begins anew; what its memory held is gone."""
        oracle = self.oracle
        oracle.check_shaft(self.hardware)
        latched = bool(oracle.licence) or cause != "power-on" or self.hardware.stop.open
        self.faults -= set(HEALED_BY_RESET)
        self.hardware = Hardware(self.hardware, cause)
        oracle.boot(self.hardware, latched, oracle.hung or "flash" in self.faults)
        self._boot()

    def may_break(self, fault):
        """Tell whether one more fault may stand."""
        parts = {PART_OF.get(each, each) for each in self.faults}
        return len(self.faults) < self.most_faults and PART_OF.get(fault, fault) not in parts

    def set_fault(self, fault):
        """Break a part for good."""
        self.faults.add(fault)
        self._apply(fault, True)

    def clear_fault(self, fault):
        """Mend it."""
        self.faults.discard(fault)
        self._apply(fault, False)

    # ---- inside -------------------------------------------------------------------------------

    def _apply(self, fault, on):
        hardware = self.hardware
        if fault == "travel":
            hardware.travel.end = on
        elif fault in FORCE_MN:
            hardware.force.mn = FORCE_MN[fault] if on else 5_000
        elif fault in SUPPLY_MV:
            hardware.supply.mv = SUPPLY_MV[fault] if on else 5_000
        elif fault == "flash":
            hardware.store.full = on
        elif fault in ("stuck", "lossy"):
            hardware.generator.catch_up()
            setattr(hardware.generator, fault, on)
        elif fault == "blown":
            hardware.fuse.blown = on
            if on:
                hardware.fuse.disarm()
        elif fault.startswith("mute-"):
            since_us = self.mute.since_us
            since_us.pop(fault[5:], None)
            if on:
                since_us[fault[5:]] = hardware.clock.us
        else:
            getattr(hardware, fault).broken = on

    def _boot(self):
        self.crashed = ""
        self.oracle.hung = False
        hardware = self.hardware
        turned = hardware.generator.turned
        hardware.generator.stuck = False
        try:
            self.pump = Pump(hardware, BOARD)
        except Exception as error:
            self._crash("at boot: " + repr(error))
            return
        finally:
            assert hardware.generator.turned == turned
        guard = self.pump.controller.guard
        self.mute = guard.alive = Mute(guard.alive)
        hardware.witness = self._witness
        self.turn(0)
        self.send("telemetry every=60s")

    def _something_raises(self):
        hardware = self.hardware
        return hardware.store.full or any(
            part.broken for part in (hardware.link, hardware.counter, hardware.force)
        )

    def _crash(self, why):
        self.crashed = why
        hardware = self.hardware
        need(why == "maintenance" or self._something_raises(), "exception", why)
        if why == "maintenance":
            self._witness()
        self.pump = None
        self.mute = None
        hardware.witness = None
        hardware.driver.enable(False)  # main.py: make_safe
        hardware.generator.halt()
        hardware.fuse.disarm()
        self.oracle.crashed(hardware)

    def _witness(self):
        hardware = self.hardware
        lines = hardware.link.sent.decode().splitlines()
        hardware.link.sent = b""
        for line in lines:
            if " name=exception " in line:
                need(self._something_raises(), "exception", line)
            if line.startswith("- ok plan="):
                quoted = line[10:18]
                asked = self.oracle.asked[0]
                if asked[0].startswith("bolus"):
                    self.bolus_hash = quoted
                elif asked[0].startswith("change"):
                    self.change_hash = quoted
                elif not asked[0].startswith("start"):
                    self.hash = quoted
        seen_us = {
            "control": hardware.stop.asked_us,
            "session": hardware.link.read_us,
            "supervisor": hardware.supply.read_us,
        }
        for task, since_us in self.mute.since_us.items():
            seen_us[task] = min(since_us, seen_us.get(task, since_us))
        self.oracle.turn(hardware, lines, seen_us)

    # ---- the abstract state -------------------------------------------------------------------

    def key(self):
        """The abstract state; see the docstring of the module."""
        counter = self.hardware.counter
        counter.broken, was = False, counter.broken
        try:
            return self._outside() + (self._inside() if self.pump else (self.crashed,))
        finally:
            counter.broken = was

    def coarse_key(self):
        """What a long wait can tell apart."""
        stop = self.hardware.stop
        if not self.pump:
            return (self.crashed, bool(self.faults), stop.open)
        controller = self.pump.controller
        return (
            controller.state,
            frozenset(controller.alarms.active()),
            controller.alarms.locked,
            controller.side.hash if controller.side else controller.kvo is not None,
            controller.offer is not None,
            (controller.lease_us > 0, controller.on_loss),
            len(self.faults),
            stop.open,
        )

    def outliving_key(self):
        """What a reset can tell apart: what is in flash, on the board and around it."""
        journal = [
            entry and (entry.state, entry.steps > 0, entry.steps >= entry.of)
            for entry in (
                newest([self.hardware.store.records.get("journal-%d" % n, b"")])[1] for n in (0, 1)
            )
        ]
        return (
            tuple(journal),
            frozenset(self.faults),
            self.hardware.stop.open,
            (self.oracle.licence, self.oracle.latched, self.oracle.hung),
            self.crashed,
        )

    def state(self):
        """The pump's state, for the statistics."""
        return self.pump.controller.state if self.pump else "no firmware"

    def silenced(self):
        """The buzzer is muted."""
        return self.pump.controller.alarms.silenced(self.hardware.clock.us)

    def _outside(self):
        hardware = self.hardware
        oracle = self.oracle
        now_us = hardware.clock.us
        fed_us = hardware.watchdog.fed_us
        return (
            frozenset(self.faults),
            (hardware.stop.open, hardware.stop._latched),
            now_us - hardware.stop.open_us < RECENT_US,
            (hardware.driver.on, hardware.generator.running, hardware.fuse.allows()),
            (bool(hardware.generator._words), hardware.generator._starved),
            None if fed_us is None else (now_us - fed_us) // 1_000_000,
            (
                oracle.licence,
                oracle.latched,
                oracle.locked,
                bool(oracle.plan),
                bool(oracle.offer),
                bool(oracle.changed),
            ),
            (oracle.forced > 0, oracle.stray_us is not None, oracle.cut is not None),
            len(oracle.stops),
            frozenset(oracle.bad_us),
        )

    def _inside(self):
        controller = self.pump.controller
        alarms = controller.alarms
        now_us = self.hardware.clock.us
        supervisor = controller.guard._supervisor
        counted = []
        for cause, (start, *times) in sorted(alarms._counted.items()):
            counted.append((cause, start == alarms._starts, len(times)))
        silence_us = controller.silence_due_us()
        return (
            (controller.state, controller.cause),
            (tuple(alarms.active()), alarms.first, alarms.locked, alarms.silenced(now_us)),
            tuple(counted),
            _run_key(controller.run, controller.state not in OVER),
            _run_key(controller.side, True),
            controller.kvo is not None,
            (controller.lease_us > 0, controller.on_loss, controller._host_lost),
            silence_us is not None and silence_us <= now_us,
            now_us - controller._stirred_us < RECENT_US,
            (supervisor._moving, supervisor._forced > 0, supervisor._odd > 0, supervisor._low > 0),
            supervisor._moving or supervisor._rest == self.hardware.counter.count % 2**32,
            (self.pump.keeper._entry.state, self.pump.keeper._noted),
        )


def _run_key(run, matters):
    if run is None or not matters:
        return run and run.kind
    made = run.motion.measured()
    total = run.plan.total_steps
    progress = (made > 0) + (made * 2 > total) + (made >= total)
    return run.kind, run.hash, progress, run.motion.running, run.motion._exhausted


def replay(path, most_faults=2):
    """A world in which the actions of ``path`` have happened since power-on."""
    world = World(most_faults)
    for name in path:
        world.act(name)
    return world
