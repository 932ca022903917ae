"""The host of a campaign run: drives the therapy over the wire, repeats what is not answered, and
afterwards fetches all that the pump still knows."""

from dataclasses import dataclass

from tests.campaign.rig import Rig
from tests.campaign.sabotage import come_back, usb_is_well
from tests.campaign.therapy import Part, Therapy
from tests.campaign.windows import CHANGE
from tests.device.targets import Line, seal

SLICE_US = 10_000
ANSWER_US = 700_000
TRIES = 3
BOOT_US = 4_000_000
WATCHDOG_US = 2_000_000
REST_US = 1_500_000
DRAIN_US = 20_000_000  # a flood that is still in the host's queue
ENDED = ("complete", "halted", "stopped", "alarm", "fault")
LATCHED = ("stopped", "alarm", "fault")
MOVING = ("infusing", "bolus", "priming", "kvo")


@dataclass
class Asked:
    """A request: first sent at ``cycle`` in boot ``boot``; ``reply`` None when none came."""

    cycle: int
    boot: int
    text: str
    reply: Line | None = None
    kind: str = ""  # of a start: main, side (a bolus, a prime) or change
    steps: int = 0  # of the plan that a start confirms; of a change the pump tells
    part: Part | None = None  # of a change
    unanswered: int = 0  # tries

    @property
    def ok(self) -> bool:
        return self.reply is not None and self.reply.ok

    @property
    def may_be_granted(self) -> bool:
        """It was, or an answer was lost."""
        return self.ok or self.unanswered > 0


class Host:
    """``asked`` is all that was asked. The host knows only what the wire says."""

    def __init__(self, rig: Rig, therapy: Therapy) -> None:
        self.rig = rig
        self.therapy = therapy
        self.asked = []
        self.state = ""
        self.events = {}  # (boot, seq): Line, as they came by themselves
        self.fetched = {}  # (boot, seq): Line, from the log at the end
        self.final = None  # status at the end
        self.info = None
        self.quiet_us = 0  # since when no heartbeat was sent
        self._id = 0
        self._into_log = False
        self._beats = False

    # ---- the wire -----------------------------------------------------------------------------

    def run_us(self, us: int) -> list:
        """Let time pass, with heartbeats where a lease wants them."""
        lines = []
        while us > 0:
            part = min(us, SLICE_US)
            us -= part
            if self._beats:
                self.quiet_us += part
                if self.quiet_us >= self.therapy.lease_s * 300_000:
                    self.quiet_us = 0
                    self.rig.send(b"heartbeat\n")
            for _, _, line in self.rig.run_us(part):
                self._take(line)
                lines.append(line)
        return lines

    def _take(self, line: Line) -> None:
        if line.kind == "event":
            mark = (line.number("boot"), int(line.tag))
            (self.fetched if self._into_log else self.events).setdefault(mark, line)
        if line.get("state"):
            self.state = line["state"]

    def ask(self, text: str, kind: str = "", steps: int = 0, part: Part | None = None) -> Asked:
        """Ask until there is an answer, at most TRIES times."""
        now, boot = self.rig.world.now, len(self.rig.boots) - 1
        asked = Asked(now, boot, text, kind=kind, steps=steps, part=part)
        self.asked.append(asked)
        self._id += 1
        for _ in range(TRIES):
            self.rig.tell("host: %d %s" % (self._id, text))
            self.rig.send(seal("%d %s" % (self._id, text)))
            asked.reply = self._reply(str(self._id))
            if asked.reply and asked.reply.get("code") != "busy":
                break
            if asked.reply:
                self._id += 1
                self.run_us(50_000)
                continue
            asked.unanswered += 1
            if len(self.rig.boots) - 1 != asked.boot:
                break
        if asked.reply:
            self.rig.tell("pump: " + asked.reply.raw)
        return asked

    def _reply(self, tag: str):
        for _ in range(ANSWER_US // SLICE_US):
            for line in self.run_us(SLICE_US):
                if line.kind == "reply" and line.tag == tag:
                    return line
        return None

    def wait_for(self, states: tuple, us: int) -> bool:
        """Until the pump says that it is in one of ``states``."""
        while us > 0 and self.state not in states:
            self.run_us(SLICE_US)
            us -= SLICE_US
        return self.state in states

    # ---- the therapy --------------------------------------------------------------------------

    def boot(self) -> bool:
        """Wait for the first event."""
        for _ in range(BOOT_US // SLICE_US):
            if any(line.kind == "event" for line in self.run_us(SLICE_US)):
                self.run_us(SLICE_US)
                return True
        return False

    def deliver(self) -> None:
        """The whole therapy as far as the pump goes along."""
        therapy = self.therapy
        self.ask("telemetry every=%dms" % therapy.telemetry_ms)
        if therapy.kind == "prime" and not self._prime():
            return
        if not self._begin():
            return
        self._beats = bool(therapy.lease_s)
        begun = self.rig.world.now
        for us, what in therapy.actions:
            due = begun + us * 125
            while self.rig.world.now < due and self.state not in ENDED:
                self.run_us(min(SLICE_US, (due - self.rig.world.now) // 125 + 1))
            if self.state in ENDED or len(self.rig.resets):
                break
            self._act(what)
        self._wait_for_the_end(begun)
        self._beats = False

    def _prime(self) -> bool:
        side = self.therapy.side
        text = "prime %s syringe=%s connected=no" % (side.fields(), side.syringe)
        if not self._given(text, "side", side.steps):
            return False
        self.run_us(side.us)
        for _ in range(20):
            if self.ask("status").ok and self.state == "idle":
                return True
            if self.state in ENDED or self.rig.resets:
                return False
            self.run_us(100_000)
        return False

    def _begin(self) -> bool:
        """Program all phases, and start."""
        therapy = self.therapy
        texts = [therapy.program()] + ["phase " + part.words for part in therapy.phases]
        for text in texts:
            planned = self.ask(text)
            if not planned.ok or self.rig.resets:
                return False
        return self.ask(therapy.start(planned.reply["plan"]), "main", therapy.steps).ok

    def _given(self, text: str, kind: str, steps: int, part: Part | None = None) -> bool:
        """Have something offered, and start it."""
        offered = self.ask(text)
        if not offered.ok or self.rig.resets:
            return False
        return self.ask("start plan=" + offered.reply["plan"], kind, steps, part).ok

    def _act(self, what) -> None:
        if isinstance(what, Part):
            self._given("change " + what.words, CHANGE, 0, what)
        elif what == "bolus":
            side = self.therapy.side
            self._given("bolus " + side.fields(), "side", side.steps)
        else:
            self.ask(what)

    def _wait_for_the_end(self, begun: int) -> None:
        therapy = self.therapy
        whole_us = therapy.us + 2_500_000
        whole_us += sum(us if what == "resume" else -us for us, what in therapy.holds())
        left_us = whole_us - (self.rig.world.now - begun) // 125
        kvo = ("kvo",) if therapy.kvo_ml_h else ()
        if self.wait_for(ENDED + kvo, left_us) and self.state == "kvo":
            self.run_us(2_000_000)
            if self.state == "kvo":
                self.ask("stop")

    # ---- afterwards ---------------------------------------------------------------------------

    def settle(self, deadly: bool) -> None:
        """Until every fault has had its consequence; then the button is released and the host is
        back."""
        self.run_us(REST_US + (WATCHDOG_US + BOOT_US // 2 if deadly else 0))
        come_back(self.rig)
        self.rig.send(b"\n")
        for _ in range(DRAIN_US // 100_000):
            self.run_us(100_000)
            if not self.rig.usb.readable():
                break
        self.run_us(200_000)

    def enquire(self) -> None:
        """State, events and boot number, as a host that comes anew would ask."""
        final = self.ask("status")
        self.final = final.reply if final.ok else None
        info = self.ask("info")
        self.info = info.reply if info.ok else None
        self._into_log = True
        since = "0:0"
        for _ in range(200):
            known = len(self.fetched)
            asked = self.ask("log since=" + since)
            if not asked.ok:
                break
            self._wait_for_events(known + asked.reply.number("events"))
            if asked.reply["more"] != "yes" or not self.fetched:
                break
            since = "%d:%d" % max(self.fetched)
        self._into_log = False

    def _wait_for_events(self, number: int) -> None:
        for _ in range(ANSWER_US // SLICE_US):
            if len(self.fetched) >= number:
                return
            self.run_us(SLICE_US)

    def provoke(self) -> None:
        """What must not move a latched pump, button released or not."""
        if self.state not in LATCHED:
            return
        for asked in list(self.asked):
            if asked.text.startswith("start "):
                self.ask(asked.text + " lease=off" if "lease" not in asked.text else asked.text)
                break
        self.ask("resume")
        self.rig.bench.release()
        self.run_us(100_000)

    @property
    def well(self) -> bool:
        return usb_is_well(self.rig)
