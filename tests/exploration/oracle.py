"""Judges what a witness sees: pins, driver, motor shaft, watchdog, and the lines on the wire.

It never asks the controller. From the answers and events it keeps a licence, which is the only
thing that lets the motor turn:

    ''        none: driver off, generator still, fuse closed
    'moving'  by an accepted start (of a plan programmed since the last stop, hash quoted, loop
              closed, no other precondition broken) or resume (out of a pause)
    'held'    by a pause: the driver may hold the motor, nothing turns it

States, causes and periods are written down here apart from the firmware's tables.
"""

MOVING = ("infusing", "bolus", "priming", "kvo")
LATCHED = ("stopped", "alarm", "fault")
DELIBERATE = ("disconnect", "stop-open", "host-lost", "lock-out")
SECOND = 1_000_000
RELEASE_US = 50_000
LOCK_US = 600_000_000
JOURNAL_US = 1_300_000  # PWR-05 says 1.1 s of flow; a word may have been under way


class Violation(BaseException):
    """An invariant is broken. ``rule`` names it. No handler in the firmware can stop that."""

    def __init__(self, rule, text):
        super().__init__("%s: %s" % (rule, text))
        self.rule = rule


def need(holds, rule, text):
    """Violation unless ``holds``."""
    if not holds:
        raise Violation(rule, text)


class Dose:
    """What a request may turn the motor by: ``steps``; after it, as KVO, ``kvo_per_hour``.
    ``per_second``: its rate. ``unkept``: no journal while it runs, for it is too fast for that or
    not a dose (a prime)."""

    def __init__(self, steps, per_second, kvo_per_hour=0, unkept=False):
        self.steps = steps
        self.per_second = per_second
        self.kvo_per_hour = kvo_per_hour
        self.unkept = unkept


class Oracle:
    """``doses``: request as sent -> Dose, worked out apart from the firmware."""

    def __init__(self, hardware, doses):
        self.doses = doses
        self.cut = None
        self.boot(hardware, False)

    def boot(self, hardware, surely_latched, lost_track=False):
        """A new boot has begun; ``surely_latched``: it must come up so. ``lost_track``: more than
        a journal's bound may be missing from what it tells."""
        if getattr(self, "licence", ""):
            made = self.turned - self.base[0]
            least = made - self.dose.per_second * JOURNAL_US // SECOND
            self.cut = None if lost_track or self.dose.unkept or self.forced else (least, made)
        self.due_latched = surely_latched
        self.recalled = True  # what is told is of the boot before
        self.known = False  # nothing was said in this boot yet
        self.news = 0  # events
        self.state = ""
        self.licence = ""
        self.latched = False
        self.locked = False
        self.stops = []  # (cause, start, when)
        self.starts = 0
        self.plan = ""  # what a start may quote; '' once it is used up
        self.offer = self.changed = ""
        self.asked = []  # requests without an answer yet, oldest first
        self.dose = Dose(0, 0)
        self.allowed = 0
        self.kvo_us = None
        self.lease_us = None
        self.heard_us = 0
        self.told = 0  # steps last told
        self.turned = hardware.generator.turned
        self.base = (hardware.generator.turned, hardware.counter.count)
        self.forced = 0  # steps forced on the pin since the base
        self.stray_us = None  # since when a step at rest wants an alarm
        self.presses = hardware.stop.presses
        self.press_turns = 0
        self.bad_us = {}  # broken precondition: since when
        self.fed_us = None

    # ---- from the bench -----------------------------------------------------------------------

    def ask(self, text, now_us, hardware):
        """A request goes to the pump."""
        what = (self.licence, hardware.driver.on, self.state)
        self.asked.append((text, what, (self.news, hardware.stop.presses)))
        self.heard_us = now_us

    def force_step(self, now_us, allowed_to_move):
        """A step is forced on the pin."""
        self.forced += 1
        self.allowed += 1
        if allowed_to_move:
            self.turned += 1
        if self.licence != "moving" and not self.latched and self.stray_us is None:
            self.stray_us = now_us

    # ---- after each turn ----------------------------------------------------------------------

    def check_shaft(self, hardware):
        """Steps since last asked need a licence."""
        made = hardware.generator.turned - self.turned
        need(made >= 0, "moves", "the shaft went back")
        need(made == 0 or self.licence == "moving", "moves",
             "%d steps with licence %r, state %s" % (made, self.licence, self.state))  # fmt: skip
        self.turned = hardware.generator.turned

    def turn(self, hardware, lines, tasks_us):
        """The loop has made a pass and said ``lines``; no time has gone by since. ``tasks_us``:
        when each task was last seen at work."""
        now_us = hardware.clock.us
        self.check_shaft(hardware)
        if hardware.stop.presses != self.presses:
            self.press_turns += 1
        for line in lines:
            self._hear(line, hardware)
        self._judge_rest(hardware)
        self._judge_loop(hardware)
        self._judge_dose(hardware)
        self._judge_preconditions(hardware)
        self._judge_feeding(hardware, tasks_us)
        if self.stray_us is not None:
            if self.latched:
                self.stray_us = None
            else:
                need(now_us - self.stray_us <= SECOND, "runaway", "a step at rest goes unnoticed")

    def crashed(self, hardware):
        """The firmware has gone away, after making the board safe."""
        self.check_shaft(hardware)
        need(hardware.still(), "off-after-crash", "motor not off")
        self._end(hardware)

    def _judge_rest(self, hardware):
        if self.licence == "":
            need(hardware.still(), "off", "motor not off with state %s" % self.state)
        elif self.licence == "held":
            need(hardware.holding(), "held", "motor not held while paused")
        if self.state:
            need((self.state in MOVING) == (self.licence == "moving"), "state",
                 "state %s with licence %r" % (self.state, self.licence))  # fmt: skip
            need((self.state in LATCHED) == self.latched, "latched",
                 "state %s though latched is %s" % (self.state, self.latched))  # fmt: skip

    def _judge_loop(self, hardware):
        if self.press_turns > 1:
            need(self.latched, "loop", "loop was open, and the pump is not latched")
            self.presses = hardware.stop.presses
            self.press_turns = 0
        if hardware.stop.open:
            need(hardware.still(), "loop", "loop open and the motor not off")

    def _judge_dose(self, hardware):
        made = hardware.generator.turned - self.base[0]
        allowed = self.allowed + self._kvo_due(hardware)
        need(made <= allowed, "plan", "%d steps, planned %d" % (made, allowed))

    def _kvo_due(self, hardware):
        if self.kvo_us is None:
            return 0
        lasted_us = hardware.clock.us - self.kvo_us
        return 1 + lasted_us * self.dose.kvo_per_hour // (3600 * SECOND)

    def _judge_preconditions(self, hardware):
        now_us = hardware.clock.us
        for name in broken(hardware):
            self.bad_us.setdefault(name, now_us)
        for name in list(self.bad_us):
            if name not in broken(hardware):
                del self.bad_us[name]
            elif self.licence == "moving":
                need(now_us - self.bad_us[name] <= SECOND, "precondition",
                     "%s, and the motor goes on" % name)  # fmt: skip
        if self.lease_us is not None and self.licence:
            need(now_us - self.heard_us <= self.lease_us + SECOND // 10, "lease",
                 "the host is silent for too long")  # fmt: skip

    def _judge_feeding(self, hardware, tasks_us):
        fed_us = hardware.watchdog.fed_us
        if self.fed_us is not None and fed_us is not None and fed_us > self.fed_us:
            for task in sorted(tasks_us):
                need(tasks_us[task] > self.fed_us, "fed", "fed without " + task)
        self.fed_us = fed_us

    # ---- the wire -----------------------------------------------------------------------------

    def _hear(self, line, hardware):
        words = line.split("*")[0].split(" ")
        fields = dict(word.split("=", 1) for word in words if "=" in word)
        if words[0] == "-":
            text, before, unrest = self.asked.pop(0)
            if words[1] == "ok":
                self._granted(text, fields, hardware)
            elif unrest == (self.news, hardware.stop.presses):  # nothing else has happened
                after = (self.licence, hardware.driver.on, fields["state"])
                need(after == before, "refused",
                     "%s was refused, yet %s became %s" % (text, before, after))  # fmt: skip
        measured = "steps" in fields and ("delivered" in fields or "primed" in fields)
        if words[0][0] == "!":  # tells of what was, the others of what is
            if measured:
                self._steps(int(fields["steps"]), hardware)
            self._happened(fields, hardware)
        if "state" in fields and (words[0] != "-" or words[1] != "err"):
            self._state(fields["state"], hardware)
        if measured and words[0][0] != "!":
            self._steps(int(fields["steps"]), hardware)

    def _state(self, state, hardware):
        if state == "idle" != self.state:
            self._new_therapy(hardware)
        self.state = state
        if not self.known:
            self.known = True
            self.latched = state in LATCHED
            need(self.latched or not self.due_latched, "reset", "came up " + state)

    def _steps(self, steps, hardware):
        if self.recalled:
            least, most = self.cut or (0, steps)
            need(least <= steps <= most, "recall", "%d told, %d..%d made" % (steps, least, most))
            return
        need(steps >= self.told, "falls", "%d steps told after %d" % (steps, self.told))
        self.told = steps
        counted = hardware.counter.count - self.base[1]
        if not self.forced:
            need(steps == counted, "told", "%d steps told, %d counted" % (steps, counted))

    def _granted(self, text, fields, hardware):
        verb, *rest = text.split(" ")
        state = fields.get("state", "")
        if verb in ("program", "prime"):
            need(not self.latched and not self.licence, "plan", "programmed in " + self.state)
            self._new_therapy(hardware)
            self.plan = fields["plan"]
            self.dose = self.doses[text]
        elif verb == "phase":
            need(self.plan and not self.licence, "plan", "a phase added in " + self.state)
            self.plan = fields["plan"]
            more = self.doses[text]
            dose = self.dose
            self.dose = Dose(
                dose.steps + more.steps + 1, dose.per_second, dose.kvo_per_hour, dose.unkept
            )
        elif verb == "change":
            need(self.licence in ("moving", "held"), "plan", "change offered in " + self.state)
            self.changed, self.offer = fields["plan"], ""
            self.change = self.doses[text]
        elif verb == "bolus":
            need(self.licence == "moving", "plan", "bolus offered in " + self.state)
            self.offer, self.changed = fields["plan"], ""
            self.offered = self.doses[text]
        elif verb == "start":
            self._started(fields["plan"], state, rest, hardware)
        elif verb == "pause":
            self._hold()
        elif verb == "resume":
            if state in MOVING:  # else something came between, and has been told
                need(self.licence == "held", "fresh", "resumed out of " + self.state)
                self._need_preconditions(hardware)
                self._go(hardware)
                self.changed = ""
        elif verb in ("stop", "clear"):
            need(hardware.still(), "stop", "answered %s before the motor was off" % verb)
            self._end(hardware)
            if state == "idle":  # forgotten before the answer
                self._state(state, hardware)
        elif verb == "ack" and self.latched and state not in LATCHED:
            self._acknowledged(hardware)

    def _changed(self, state, hardware):
        """What was made stays, and the segment offered is all that may follow."""
        need(self.licence in ("moving", "held"), "fresh", "changed in " + self.state)
        need((state in MOVING) == (self.licence == "moving"), "fresh", "changed into " + state)
        if self.licence == "moving":
            self._need_preconditions(hardware)
            self._go(hardware)
        made = hardware.generator.turned - self.base[0]
        self.allowed = made + self.change.steps + 1
        self.changed = self.offer = ""

    def _started(self, plan, state, rest, hardware):
        if self.changed and plan == self.changed and state in (*MOVING, "paused"):
            self._changed(state, hardware)
            return
        if state not in MOVING:  # something came between, and has been told
            need(state in LATCHED, "fresh", "started into " + state)
            return
        bolus = self.licence == "moving" and plan == self.offer
        if not bolus:
            need(not self.latched, "fresh", "started while latched")
            need(plan == self.plan and plan, "fresh", "started without a fresh plan")
            need(self.licence == "", "fresh", "started in " + self.state)
        self._need_preconditions(hardware)
        self._go(hardware)
        if bolus:
            self.allowed += self.offered.steps
            self.offer = ""
            return
        self.plan = ""
        self.base = (hardware.generator.turned, hardware.counter.count)
        self.forced = 0
        self.allowed = self.dose.steps
        self.lease_us = None
        for word in rest:
            if word.startswith("lease=") and "on-loss=stop" in rest:
                self.lease_us = int(word[6:-1]) * SECOND

    def _need_preconditions(self, hardware):
        need(not hardware.stop.open, "loop", "started with the loop open")
        need(self.presses == hardware.stop.presses, "loop", "started after the loop was open")
        need(not broken(hardware), "precondition", "started with " + ",".join(broken(hardware)))
        need(not self.locked, "lock-out", "started though locked out")

    def _acknowledged(self, hardware):
        stop = hardware.stop
        closed = not stop.open and hardware.clock.us - stop.open_us >= RELEASE_US
        need(closed, "ack", "acknowledged with the loop open or restless")
        need(not self.locked, "lock-out", "acknowledged though locked out")
        self.latched = False
        self.presses, self.press_turns = stop.presses, 0
        self._end(hardware)
        self._new_therapy(hardware)

    def _happened(self, fields, hardware):
        self.news += 1
        name = fields["name"]
        if name in ("stopped", "fault") or (name == "alarm" and fields.get("state") == "alarm"):
            if not self.latched:
                self._count(fields["cause"], hardware.clock.us)
            self.latched = True
            self.known = True
            self._end(hardware)
        elif name in ("halted", "complete", "primed"):
            self._end(hardware)
        elif name == "paused":
            self._hold()
        elif name == "kvo":
            self.kvo_us = hardware.clock.us
            self.offer = self.changed = ""
        elif name == "cleared":
            self._end(hardware)

    def _go(self, hardware):
        self.licence = "moving"
        self.starts += 1

    def _hold(self):
        self.licence = "held"
        self.offer = self.changed = ""

    def _end(self, hardware):
        self.allowed += self._kvo_due(hardware)
        self.licence = ""
        self.plan = self.offer = self.changed = ""
        self.kvo_us = self.lease_us = None

    def _new_therapy(self, hardware):
        self.told = self.forced = self.allowed = 0
        self.recalled = False
        self.cut = None
        self.base = (hardware.generator.turned, hardware.counter.count)

    def _count(self, cause, now_us):
        """ALM-07: the third stop of one cause in ten minutes, each after a start of its own."""
        if cause in DELIBERATE or (cause, self.starts) in [stop[:2] for stop in self.stops]:
            return
        if self.starts:
            self.stops.append((cause, self.starts, now_us))
        recent = [s for s in self.stops if s[0] == cause and now_us - s[2] <= LOCK_US]
        self.locked = self.locked or len(recent) >= 3


def broken(hardware):
    """Preconditions of motion that do not hold (PROG-02), by the sensors' own ends."""
    found = ["open-loop"] if hardware.stop.open else []
    found += ["end-of-travel"] if hardware.travel.end else []
    found += [] if -2_000 <= hardware.force.mn <= 40_000 else ["force"]
    found += ["supply"] if hardware.supply.mv < 4_000 else []
    return found
