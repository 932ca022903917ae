"""Judges a campaign run by its pins and its wire: every invariant that is broken becomes a line.

What the firmware's variables say is not looked at. Cycles are those of the simulated bench; an
event's instant is its ``t`` on the clock of its boot.
"""

from fractions import Fraction

from tests.campaign.confirmed import Confirmed
from tests.campaign.host import MOVING
from tests.campaign.rig import ENDLESS
from tests.campaign.windows import closes, in_order
from tests.timing.run_on_table import bound_steps

CYCLES_PER_MS = 125_000
CYCLES_PER_S = 125_000_000
SAID_CYCLES = 4 * CYCLES_PER_MS  # an event is recorded when the motor is off already
JOURNAL_S = Fraction(11, 10)  # PWR-05
WATCHDOG_CYCLES = 2_000 * CYCLES_PER_MS
INSTANT_CYCLES = 45  # two errors of ten ticks each, and the origin
STRAY_STEPS = 9 * 127  # a queue of words that nobody ordered, while a KVO's fuse is armed
BOOT_CYCLES = 500 * CYCLES_PER_MS


class Oracle:
    """``broken`` lists what does not hold; ``outcome`` is (state, cause) at the end."""

    def __init__(self, rig, host, therapy, faults: list) -> None:
        self.rig = rig
        self.host = host
        self.therapy = therapy
        self.faults = faults
        self.took = [fault for fault in faults if fault.done]
        self.edges = rig.edges()
        self.broken = []
        self.events = {**host.fetched, **host.events}
        self.boot_numbers = {}  # of the pump: index of the bench
        self.outcome = ("silent", "none")
        self.windows = []
        # Steps that the step counter did not see, or saw twice. After a pause the pump gives
        # them once more or not at all: it has no other count.
        self._lied = sum(max(0, fault.unseen) for fault in self.took)
        self._doubled = sum(max(0, -fault.unseen) for fault in self.took)

    def judge(self) -> list:
        self._number_boots()
        self._outcome()
        if self.dead_in_boot():
            self.outcome = ("dead", "frozen-in-boot")
            self.windows = self._make_windows()
            self._inside_windows()
            self._frozen()
            return self.broken
        if self.mute():
            self.outcome = ("mute", "internal")
            self._at_rest()
            self._dose()
            return self.broken
        self.windows = self._make_windows()
        self._wire()
        self._log()
        self._inside_windows()
        self._dose()
        self.need(not self.rig.reverse, "DIRECTION went to reverse")
        self._fits()
        self._resets()
        self._frozen()
        self._completed()
        self._claims()
        return self.broken

    def need(self, holds: bool, what: str) -> None:
        if not holds:
            self.broken.append(what)

    def numbered(self) -> bool:
        """A flash that takes nothing does not take the boot number either."""
        return not (self.named("flash full") and self.rig.resets)

    def took_place(self, trait: str) -> bool:
        return any(getattr(fault.kind, trait) for fault in self.took)

    def named(self, *names: str) -> bool:
        return any(fault.kind.name in names for fault in self.took)

    def dead_in_boot(self) -> bool:
        """Frozen before the loop fed the watchdog for the first time, which begins it."""
        for fault in self.took:
            if fault.kind.name == "CPU freeze" and self.host.final is None:
                at = fault.done[0]
                boot = max(cycle for cycle in self.rig.boots if cycle <= at)
                return at - boot < BOOT_CYCLES and not any(c >= at for c, _ in self.rig.resets)
        return False

    def mute(self) -> bool:
        """What sends the answers raises for ever: the pump can only be seen, not heard."""
        endless = [fault for fault in self.took if "for ever" in fault.note]
        ways = ("outbox.send", "hal.link.write")
        return self.host.final is None and any(f.note.startswith(ways) for f in endless)

    def _at_rest(self) -> None:
        """What the pins tell of a pump that says nothing: no current, no step after it went."""
        at, level = self.rig.currents[-1]
        self.need(level == 1, "mute, and the driver is enabled")
        self.need(not self.edges.between(at + CYCLES_PER_MS, ENDLESS), "mute, and it steps")

    # ---- what was said ------------------------------------------------------------------------

    def _number_boots(self) -> None:
        for _, index, line in self.rig.lines:
            # the head line of a telemetry or an event that came by itself names its boot
            if line.kind == "telemetry" or line.kind == "event" and line["name"] == "boot":
                number = line.number("boot")
                if number not in self.boot_numbers:
                    self.boot_numbers[number] = index
        numbers = sorted(self.boot_numbers)
        for first, second in zip(numbers, numbers[1:]):
            self.need(
                self.boot_numbers[first] <= self.boot_numbers[second], "boot numbers do not rise"
            )

    def cycle_of(self, mark: tuple, line) -> int:
        """When an event was recorded; its millisecond's beginning."""
        boot = self.rig.boots[self.boot_numbers[mark[0]]]
        return boot + line.number("t") * CYCLES_PER_MS

    def _outcome(self) -> None:
        final = self.host.final
        excused = self.dead_in_boot() or self.mute()
        self.need(final is not None or excused, "no answer to status at the end")
        if final is not None:
            self.outcome = (final["state"], final["cause"])

    def _wire(self) -> None:
        for cycle, raw in self.rig.bad[:3]:
            self.need(False, "bad line on the wire at %.6f s: %r" % (cycle / 125e6, raw))
        for mistake in self.rig.mistakes:
            self.need(False, "mistake of the campaign: " + mistake)
        tags = {}
        for _, _, line in self.rig.lines if self.numbered() else ():
            if line.kind == "telemetry":
                boot, number = line.number("boot"), int(line.tag)
                self.need(number > tags.get(boot, 0), "telemetry number repeats: " + line.raw)
                tags[boot] = number

    def _log(self) -> None:
        """Every event in the log, in order, without gaps; the end of a boot that was cut may be
        missing."""
        fetched = sorted(self.host.fetched)
        self.need(bool(fetched), "the log is empty")
        said = {}
        for boot, number in fetched:
            self.need(
                number == said.get(boot, 0) + 1, "gap in the log before %d:%d" % (boot, number)
            )
            said[boot] = number
        last = max(said, default=0)
        for mark, line in self.host.events.items():
            kept = self.host.fetched.get(mark)
            if kept is None:
                cut = mark[0] < last and mark[1] > said.get(mark[0], 0)
                cut = cut or self.named("flash full", "exception")
                self.need(cut, "lost from the log: " + line.raw)
            else:
                self.need(
                    kept.raw == line.raw or not self.numbered(),
                    "the log says otherwise: " + kept.raw,
                )
        if self.host.info:
            self.need(
                self.host.info.number("boot") == last, "boot number of info is not the log's"
            )

    # ---- when may it move? --------------------------------------------------------------------

    def _make_windows(self) -> list:
        told = sorted(item for item in self.events.items() if item[0][0] in self.boot_numbers)
        ends = [self.cycle_of(mark, line) + SAID_CYCLES for mark, line in told if closes(line)]
        return in_order(self.rig, self.host.asked, sorted(ends))

    def _inside_windows(self) -> None:
        """No step outside them."""
        covered = 0
        reach = 0
        for begin, end in sorted(self.windows):
            begin = max(begin, reach)
            if end > begin:
                covered += self.edges.between(begin, end)
                reach = end
        stray = self.edges.total() - covered
        if stray and not self.named("clock drift"):  # the instants of its events are wrong
            self.need(False, "%d steps while none was in order, %s" % (stray, self._first_stray()))

    def _first_stray(self) -> str:
        at = -1
        while True:
            at = self.edges.next_after(at)
            if at is None:
                return ""
            inside = [end for begin, end in self.windows if begin < at <= end]
            if not inside:
                return "the first at %.9f s" % (at / 125e6)
            at = max(inside)

    # ---- how much? ----------------------------------------------------------------------------

    def _dose(self) -> None:
        """At no time more steps than the plan in force by then confirms (the KVO by its rate)."""
        self.confirmed = Confirmed(self)
        ceilings = self.confirmed.ceilings
        for index, (_, allowed, _) in enumerate(ceilings):
            upto = ceilings[index + 1][0].cycle if index + 1 < len(ceilings) else ENDLESS
            made = self.edges.until(upto) - self.kvo_edges(upto)
            self.need(made <= allowed + self._lied, "%d steps, %d confirmed" % (made, allowed))

    def kvo_edges(self, upto: int) -> int:
        """Steps of the KVO, judged by its rate."""
        for mark, line in self.events.items():
            if line["name"] == "kvo" and mark[0] in self.boot_numbers:
                begin = self.cycle_of(mark, line) + CYCLES_PER_MS  # its first step comes later
                made = self.edges.between(begin, upto)
                rate = self.therapy.kvo_ml_h * 10**6 / 3600 / self.therapy.main.per_step_nl
                span = Fraction(max(0, min(upto, self.rig.world.now) - begin), CYCLES_PER_S)
                extra = STRAY_STEPS if self.took_place("words") else 0
                self.need(
                    made <= rate * span + 1 + extra, "%d steps of KVO in %.3f s" % (made, span)
                )
                return made
        return 0

    def _claims(self) -> None:
        """What the pump says was made is what was made (LOG-06, STOP-13)."""
        lied = self.took_place("counts") or self.named("exception")
        if self.host.final is None or lied or self.rig.resets or self.therapy.kind == "prime":
            return
        if self.outcome[0] in MOVING:
            return
        told, made = self.host.final.number("steps"), self.edges.total()
        self.need(told == made, "%d steps told, %d made" % (told, made))

    # ---- is the outcome one that fits? --------------------------------------------------------

    def _fits(self) -> None:
        state, cause = self.outcome
        fitting = {"none"}
        for fault in self.took:
            fitting.update(fault.kind.causes)
        if self.therapy.kind == "halt":
            fitting.add("command")
        if self._was_kvo():
            fitting.add("command")
        if not self._late() and not self._short_queue():
            fitting.discard("starved")
        if not self.therapy.lease_s or self.therapy.on_loss == "finish":
            fitting.discard("host-lost")
        elif any(ask.text == "resume" and not ask.ok for ask in self.host.asked):
            fitting.add("host-lost")  # it gave up in the pause
        if self.rig.resets:
            fitting.add("reset")
        self.need(cause in fitting, "ends %s with cause %s, no fault for it" % (state, cause))
        if state in ("stopped", "alarm", "fault"):
            self.need(cause != "none", state + " without a cause")
        elif state not in ("complete", "halted"):
            # the host could not say what it wanted, or the pump refused for a reason
            self.need(bool(self.took), "ends in state " + state)

    def _short_queue(self) -> bool:
        """The queue does not outlast what holds the CPU up: a long pause; 500 ms in a write when
        the cable has just been pulled (POLLOUT lies, and nothing else tells)."""
        pulled = self.named("host vanishes") and self.therapy.hurried
        return pulled or self.therapy.fast and self.took_place("stalls")

    def _late(self) -> bool:
        return self.took_place("words") or self.named("clock drift")

    def _was_kvo(self) -> bool:
        return any(line["name"] == "kvo" for line in self.events.values())

    # ---- resets -------------------------------------------------------------------------------

    def _resets(self) -> None:
        """Stopped, and delivered known to within the bound."""
        if not self.rig.resets or self.host.final is None:
            return
        state, cause = self.outcome
        interrupted = self._interrupted()
        if interrupted or any(cause == "watchdog" for _, cause in self.rig.resets[-1:]):
            self.need(state in ("stopped", "fault", "alarm"), "after a reset: " + state)
        if interrupted and state == "stopped" and cause == "reset" and len(self.rig.resets) == 1:
            self._loss()

    def _interrupted(self) -> bool:
        """A reset ended a run: there was motion, not all of it, and no stop had been asked for."""
        ends = [cycle for cycle, _ in self.rig.resets]
        begun = any(w[1] in ends and self.edges.between(*w) for w in self.windows)
        asked = [ask for ask in self.host.asked if ask.cycle < ends[0]]
        stopped = any(ask.text == "stop" for ask in asked)
        whole = self.edges.until(ends[0]) >= self.confirmed.until(ends[0])
        return begun and not stopped and not (whole and self.therapy.kvo_ml_h is None)

    def _loss(self) -> None:
        if self.therapy.kind == "prime" or self.took_place("counts"):
            return
        cycle, cause = self.rig.resets[0]
        true = self.edges.until(cycle)
        known = self.host.final.number("steps")
        loss = true - known
        self.need(known <= true, "%d steps told after the reset, %d made" % (known, true))
        self.need(
            loss <= self._loss_bound(cause),
            "%d of %d steps not known after the reset (%s), bound %d"
            % (loss, true, cause, self._loss_bound(cause)),
        )

    def _loss_bound(self, cause: str) -> int:
        hz = max(one.hz for one in self.therapy.speeds)
        if cause == "watchdog":
            late_s = Fraction(2 if self.named("exception", "flash stalls of 400 ms") else 0)
            return self.run_on() + int(hz * (JOURNAL_S + late_s)) + 1
        if self.therapy.fast or self.named("exception", "flash full"):
            return self.confirmed.whole
        late_s = Fraction(4, 10) if self.named("flash stalls of 400 ms", "gc pauses") else 0
        run_on = self.run_on() if self.named("CPU freeze") else 0
        return run_on + int(hz * (JOURNAL_S + late_s)) + 1

    def run_on(self) -> int:
        """Steps that a dead CPU may leave."""
        speeds = [one for one in self.therapy.speeds if one.rate_ml_h]
        return max(bound_steps(one.nl_per_s, one.per_step_nl) for one in speeds)

    def _frozen(self) -> None:
        """Run-on within the bound, then the watchdog."""
        for fault in self.took:
            if fault.kind.name != "CPU freeze":
                continue
            at = fault.done[0]
            later = [cycle for cycle, _ in self.rig.resets if cycle >= at]
            if self.dead_in_boot():
                self.need(not self.edges.between(at, ENDLESS), "steps of a CPU frozen in boot")
                continue
            self.need(bool(later), "a frozen CPU, and no reset")
            if not later:
                continue
            self.need(later[0] - at <= WATCHDOG_CYCLES + CYCLES_PER_MS, "the watchdog came late")
            made = self.edges.between(at, later[0])
            if not self.took_place("words"):
                self.need(made <= self.run_on(), "run-on of %d, bound %d" % (made, self.run_on()))

    # ---- to the end ---------------------------------------------------------------------------

    def _completed(self) -> None:
        """A run that says it is complete, or that nothing disturbed, has made every step at its
        instant."""
        complete = self.outcome[0] == "complete"
        refused = any(ask.kind and not ask.ok for ask in self.host.asked)
        undisturbed = not self.took or self._harmless() and not refused
        if self.therapy.kind == "halt":
            if undisturbed:
                self.need(self.outcome[0] in ("halted", "complete"), "not halted")
            return
        if undisturbed:
            self.need(complete, "nothing that stops, but it ends " + " ".join(self.outcome))
        if not complete:
            return
        made = self.edges.total() - self.kvo_edges(ENDLESS)
        wanted = self.confirmed.whole
        dropped = self.therapy.kind == "bolus" and bool(self.therapy.holds())
        unsure = any(ask.may_be_granted and not ask.ok and ask.kind for ask in self.host.asked)
        if not dropped and not unsure:
            exact = wanted - self._doubled <= made <= wanted + self._lied
            self.need(exact, "complete with %d steps of %d" % (made, wanted))
        if self.therapy.plain and not self.took_place("words"):
            self._instants()
        if self.therapy.kind == "change" and not self.took_place("words") and not unsure:
            self.confirmed.judge_rate()

    def _harmless(self) -> bool:
        """Faults that must not show."""
        harmful = {"internal", "starved", "host-lost"}
        for fault in self.took:
            causes = set(fault.kind.causes)
            if not self.therapy.lease_s or self.therapy.on_loss == "finish":
                causes.discard("host-lost")
            if not self._short_queue():
                causes.discard("starved")
            if causes or fault.kind.host or harmful & causes:
                return False
        return True

    def _instants(self) -> None:
        """Every step where k T / N says (DEL-02)."""
        main = self.therapy.main
        before = self.therapy.side.steps if self.therapy.kind == "prime" else 0
        interval = main.volume_ml / main.rate_ml_h * 3600 * CYCLES_PER_S / main.steps
        worst = self.edges.worst(interval, before, main.steps)
        self.need(worst <= INSTANT_CYCLES, "a step %d cycles from its instant" % worst)
