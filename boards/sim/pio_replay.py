"""Repeats patterns of all state machines together instead of executing them.

At each rising edge that PIO makes, and each time a machine takes a word from its FIFO, the state
of all machines is looked up (``pio_record``). A known state whose record fits is followed without
executing anything; a chain of records that comes back to its first node becomes a loop and is
repeated as often as counters and time allow, and all from one word of a FIFO to the next becomes
one record, a stretch. Anything unknown is executed and recorded, unless it
involved IRQ flags, pushes, a stall on a FIFO, or an act of the CPU. Where a run ends inside a
record, the machines' attributes stay behind at its beginning ("flying") until someone asks.
A forced instruction that only copies X of a waiting machine to the CPU does not end the flight.
"""

from boards.sim.pio_data import M32
from boards.sim.pio_record import Node, Record, make_chain, make_loop

FAR = 1 << 61

_MAX_NODES = 400
_MAX_RECORDS = 24  # per node
_MAX_TRAIL = 16  # a pattern that repeats only after more parts than this is not looked for
_MAX_STRETCHES = 8  # per node, the latest


class Replay:
    """The pattern memory of one PioSystem."""

    def __init__(self, system) -> None:
        self._system = system
        self.flying = None  # the record under way, from the node _from since cycle _since
        self._from = None
        self._since = 0
        self._shown = 0  # pin states of it that were shown
        self._nodes = {}
        self._trail = []  # (node, record) followed lately
        self._stretch = None  # what was followed since the last word: (record, times)
        self._word_node = None  # where that began
        self._at_node = None  # and where it has come to
        self._origin = None  # node from which execution is being recorded
        self._start = 0
        self._first = []  # (machine, x, y) there
        self._pin_states = []
        self._edges = []
        self._changes = 0
        self._words = []
        self._conditions = (None, -1, -1)

    # ---- told by the engine -------------------------------------------------------------------

    def spoil(self) -> None:
        """What is being recorded cannot be repeated blindly."""
        self._origin = None

    def note_pop(self, sm) -> None:
        """``sm`` took a word into its OSR in the cycle just executed."""
        if self._origin is not None:
            self._words.append((sm, sm.osr))

    def note_pins(self, t: int, changed: int, levels: int) -> None:
        """Pin registers changed at ``t``; ``changed`` are the pads whose level did."""
        if self._origin is None:
            return
        offset = t - self._start
        self._pin_states.append((offset, self._pins()))
        self._changes |= changed
        pin = 0
        while changed:
            if changed & 1:
                self._edges.append((offset, pin, levels >> pin & 1))
            changed >>= 1
            pin += 1

    def interrupt(self, forget: bool) -> None:
        """The CPU or the bench acts; ``forget`` if what was learnt is void."""
        self.settle()
        self._origin = None
        if self._trail:
            self._trail = []
        self._at_node = None
        if forget and self._nodes:
            self._nodes = {}

    # ---- looking up and following ---------------------------------------------------------------

    def anchor(self, t: int, until: int) -> int:
        """All machines are at ``t``: finish the record, then follow known ones as far as they go.
        Returns the cycle at which execution goes on."""
        for sm in self._system.machines:
            if sm.slow or (sm.autopull and sm.osr_n >= sm.pull_th):
                self._origin = None
                return t
        key = self._key(t)
        node = self._nodes.get(key)
        if node is None:
            if len(self._nodes) >= _MAX_NODES:
                self._nodes = {}
                self._trail = []
            node = self._nodes[key] = Node(key)
        if self._origin is not None:
            self._learn(node, t)
        return self._follow(node, t, until, False)

    def fly(self, until: int) -> bool:
        """Go on with the record under way. True if nothing need be executed up to ``until``."""
        record = self.flying
        if self._must_see(record):
            self.settle()
            return False
        self._show_pins(until)
        end = self._since + record.span
        if until < end:
            return True
        self.flying = None
        self._system.calm_to = 0
        record.advance(1)
        self._at_node = None  # the same stretch would come in other parts each time
        self._remember(self._from, record, 1)
        self._system.now = self._follow(record.target, end, until, True)
        return self.flying is not None

    def _follow(self, node, t: int, until: int, moved: bool) -> int:
        """Follow records from ``node``. The machines' attributes are those of the node only if
        ``moved`` is False."""
        pads = self._system.pads
        while True:
            times = 0
            for record in node.records:
                most = 1
                if record.parts:
                    most = (until - t) // record.span
                    if not most:
                        continue
                times = record.times()
                if times:
                    if times > most:
                        times = most
                    break
            blocked = times and self._must_see(record)
            if blocked or not times:
                if moved:
                    self._enter(node, t)
                self._begin(None if blocked else node, t)
                return t
            end = t + times * record.span
            if end > until:
                self._take_off(node, record, t, until)
                return until
            record.report(pads, t, times)
            record.advance(times)
            self._remember(node, record, times)
            node = record.target
            t = end
            moved = True

    def _must_see(self, record) -> bool:
        """Would a run have to stop inside ``record``?"""
        system = self._system
        if record.changes & system.wake_pins:
            return True
        if not record.words:
            return False
        if system.wake_fifo:
            return True
        for block in system.blocks:
            if block.irq_enable & 0xF0:
                return True
        return False

    def _remember(self, node, record, times: int) -> None:
        """Note that ``record`` was followed from ``node``; close a loop or a stretch if that ends
        one."""
        target = record.target
        if record.words:
            if self._at_node is node and not record.parts:
                self._close_stretch(record)
            self._trail = []
            self._stretch = []
            self._at_node = self._word_node = target
            return
        if self._at_node is node:
            self._stretch.append((record, times))
            self._at_node = target
        if record.parts:
            return
        trail = self._trail
        if trail and trail[-1][1].target is not node:
            trail = self._trail = []  # a loop is a chain without gaps
        trail.append((node, record))
        if len(trail) > _MAX_TRAIL:
            trail.pop(0)
        for index in range(len(trail) - 1, -1, -1):
            if trail[index][0] is target:
                self._close([(part, 1) for _, part in trail[index:]], target)
                return

    def _close(self, parts: list, node) -> None:
        for known in node.records:
            if known.parts == parts:
                return
        loop = make_loop(parts)
        if loop is not None:
            node.records.insert(node.stretches, loop)
            del node.records[_MAX_RECORDS:]

    def _close_stretch(self, record) -> None:
        """From the last word to the one that ``record`` takes; tried before all else there."""
        parts = self._stretch
        parts.append((record, 1))
        node = self._word_node
        if [known for known in node.records if known.parts == parts]:
            return
        stretch = make_chain(parts)
        if stretch is None:
            return
        if node.stretches == _MAX_STRETCHES:
            del node.records[_MAX_STRETCHES - 1]
        else:
            node.stretches += 1
        node.records.insert(0, stretch)

    # ---- in the middle of a record ------------------------------------------------------------

    def _take_off(self, node, record, t: int, until: int) -> None:
        self.flying = record
        self._from = node
        self._since = t
        self._shown = 0
        self._set_pins(node.pins, t)
        self._show_pins(until)

    def _show_pins(self, until: int) -> None:
        """Let the pads see what the record under way does up to ``until``."""
        states = self.flying.pin_states
        while self._shown < len(states):
            offset, pins = states[self._shown]
            t = self._since + offset
            if t > until:
                self._system.keep_calm(t)
                return
            self._shown += 1
            for block, (out, oe) in zip(self._system.blocks, pins):
                block.out = out
                block.oe = oe
                if out != block.shown_out or oe != block.shown_oe:
                    block.show(t)
        self._system.keep_calm(self._since + self.flying.span)

    def settle(self) -> None:
        """Work out where the machines are in the middle of a record, by executing it up to now."""
        if self.flying is None:
            return
        self.flying = None
        self._origin = None
        system = self._system
        system.calm_to = 0
        self._enter(self._from, self._since)
        system.pads.quiet = True
        system.run_ahead(self._since, system.now, False)
        system.pads.quiet = False
        for sm in system.machines:
            if sm.aside_at == system.now and sm.cycle(sm.n) == system.now:
                sm.n += 1

    def x_waiting(self, sm):
        """X of ``sm`` now, amid the record under way, if ``sm`` is waiting for a pin that is not
        about to change; else None, and the record may be at an end. As the record says all that
        happens to pins, the same holds up to its next change and in every repetition."""
        record = self.flying
        system = self._system
        offset = system.now - self._since
        key = (sm, self._shown)
        known = record.waits.get(key)
        if known is not None and known[0] <= offset:
            return (sm.x + known[1]) & M32
        before = [machine.save() for machine in system.machines]
        calm_to = system.calm_to
        x = sm.x
        self.settle()
        if system.fill_inputs(system.now) <= FAR or not sm.waits_for_pin():
            return None
        record.waits[key] = (offset, sm.x - x)
        x = sm.x
        for machine, saved in zip(system.machines, before):
            machine.restore(saved)
        self.flying = record
        system.calm_to = calm_to
        return x

    def _enter(self, node, t: int) -> None:
        """Make the machines' attributes, pins and synchronisers those of ``node`` at ``t``."""
        system = self._system
        for sm, state in zip(system.machines, node.states):
            sm.set_fixed_state(state, t)
        self._set_pins(node.pins, t)
        others = system.pads.inputs & ~system.relevant
        system.history = [(t + ago, levels | others) for ago, levels in node.history]

    def _set_pins(self, pins: tuple, t: int) -> None:
        system = self._system
        system.pads.quiet = True
        for block, (out, oe) in zip(system.blocks, pins):
            block.out = out
            block.oe = oe
            if out != block.shown_out or oe != block.shown_oe:
                block.show(t)
        system.pads.quiet = False

    # ---- recording ----------------------------------------------------------------------------

    def _pins(self) -> tuple:
        return tuple([(block.out, block.oe) for block in self._system.blocks])

    def _key(self, t: int) -> tuple:
        system = self._system
        system.fill_inputs(t)
        relevant = system.relevant
        history = []
        for when, levels in system.history:
            levels &= relevant
            if not history:
                history.append((-1000, levels))
            elif levels != history[-1][1]:
                history.append((when - t, levels))
        states = tuple([sm.fixed_state(t) for sm in system.machines])
        flags = tuple([block.irq for block in system.blocks])
        pads = system.pads
        if self._conditions[1:] != (pads.version, relevant):
            self._conditions = (pads.conditions(relevant), pads.version, relevant)
        return states, self._pins(), tuple(history), flags, self._conditions[0], relevant

    def _begin(self, node, t: int) -> None:
        self._origin = node
        if node is None:
            return
        self._start = t
        self._first = []
        for sm in self._system.machines:
            sm.use = sm.used = sm.bad = sm.dx = sm.dy = 0
            self._first.append((sm, sm.x, sm.y))
        self._pin_states = []
        self._edges = []
        self._changes = 0
        self._words = []

    def _learn(self, target, t: int) -> None:
        """Make a record of what was executed since ``_begin``."""
        record = Record(t - self._start, target)
        for sm, x, y in self._first:
            if sm.bad:
                return
            use = sm.use | sm.used
            if use & 1:
                record.exact_x.append((sm, x))
                if sm.x != x:
                    record.result_x.append((sm, sm.x))
            elif sm.dx:
                record.less_x.append((sm, sm.dx))
            if use & 2:
                record.exact_y.append((sm, y))
                if sm.y != y:
                    record.result_y.append((sm, sm.y))
            elif sm.dy:
                record.less_y.append((sm, sm.dy))
        record.words = self._words
        record.pin_states = self._pin_states
        record.edges = self._edges
        record.changes = self._changes
        records = self._origin.records
        place = 0
        while place < len(records) and records[place].parts:
            place += 1
        records.insert(place, record)
        del records[_MAX_RECORDS:]
        self._remember(self._origin, record, 1)
