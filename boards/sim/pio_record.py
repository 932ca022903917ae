"""What the PIO's pattern memory holds: nodes (states of all machines) and records (ways between).

A node is all state of the running machines, pins and synchronisers except X, Y, FIFO contents and
absolute time. A record says how the machines get from one node to the next: how long it takes,
which edges there are, and for every X and Y one of three things:

- untouched: nothing is asked of it;
- only decremented by taken ``jmp x--``/``y--``, d times: asks for a value of at least d, takes d;
- touched otherwise: asks for exactly the value it was recorded with, leaves the recorded result.

Words taken from a TX FIFO are asked for exactly too. Given these, machines and pins can only do
the same again, for everything else they depend on is part of the node.

A chain of records makes a record of its own: a *loop* where it ends as it begins, or a *stretch*
from one word of a FIFO to the next.
"""

_MANY = 1 << 40


class Node:
    """One state, and the records that lead away from it (best first)."""

    def __init__(self, key: tuple) -> None:
        self.states, self.pins, self.history = key[:3]
        self.records = []
        self.stretches = 0  # so many of them, at the front, are stretches


class Record:
    """One way from a node to ``target`` in ``span`` cycles."""

    def __init__(self, span: int, target) -> None:
        self.span = span
        self.target = target
        self.exact_x = []  # (machine, value)
        self.exact_y = []
        self.result_x = []  # (machine, value), where it is another one afterwards
        self.result_y = []
        self.less_x = []  # (machine, decrement)
        self.less_y = []
        self.words = []  # (machine, word taken from its TX FIFO); in the very last cycle
        self.pin_states = []  # (offset, per block (out, oe))
        self.edges = []  # (offset, pin, level)
        self.changes = 0  # pins that change at all
        self.parts = None  # of a chain: (record, how often in a row) one after the other
        self.most = 1  # how often in a row it can follow itself
        self.trains = None
        self.waits = {}  # (machine, pin states shown): (first offset of its waiting, X gained)

    def times(self) -> int:
        """How often in a row the machines' registers allow this."""
        times = self.most
        for sm, less in self.less_y:
            if sm.y < less * times:
                times = sm.y // less
                if not times:
                    return 0
        for sm, value in self.exact_y:
            if sm.y != value:
                return 0
        for sm, value in self.exact_x:
            if sm.x != value:
                return 0
        for sm, word in self.words:
            if not sm.tx or sm.tx[0] != word:
                return 0
        for sm, less in self.less_x:
            if sm.x < less * times:
                times = sm.x // less
        return times

    def advance(self, times: int) -> None:
        """Let X, Y and FIFOs be as after ``times`` rounds."""
        for sm, less in self.less_x:
            sm.x -= less * times
        for sm, less in self.less_y:
            sm.y -= less * times
        for sm, value in self.result_x:
            sm.x = value
        for sm, value in self.result_y:
            sm.y = value
        for sm, _ in self.words:
            sm.tx.pop(0)

    def report(self, pads, t: int, times: int) -> None:
        """Tell the pads' watchers of the edges of ``times`` rounds from cycle ``t`` on."""
        if not self.parts:
            for offset, pin, level in self.edges:
                pads.train(pin, level, t + offset, 0, 1)
            return
        if self.trains is None:
            self.trains = _trains(self.edges, self.span)
        for pin, level, offsets, gap in self.trains:
            if gap:
                pads.train(pin, level, t + offsets[0], gap, len(offsets) * times)
                continue
            for start in range(t, t + times * self.span, self.span):
                for offset in offsets:
                    pads.train(pin, level, start + offset, 0, 1)


def _trains(edges: list, span: int) -> list:
    """Edges sorted by (pin, level): (pin, level, offsets, even gap or 0)."""
    groups = {}
    for offset, pin, level in edges:
        groups.setdefault((pin, level), []).append(offset)
    trains = []
    for key in groups:
        offsets = groups[key]
        gap = span // len(offsets)
        for index, offset in enumerate(offsets):
            if span % len(offsets) or offset != offsets[0] + index * gap:
                gap = 0
                break
        trains.append((key[0], key[1], offsets, gap))
    return trains


def make_loop(parts: list):
    """A record for going round ``parts``, a chain of records that ends where it begins. None where
    words are taken or the registers do not come round as well."""
    loop = make_chain(parts)
    if loop is None or loop.words:
        return None
    loop.most = _MANY
    return loop


def make_chain(parts: list):
    """One record for the chain ``parts``; only the last takes words. None where a register whose
    value matters ends with another one."""
    chain = Record(sum([part.span * times for part, times in parts]), parts[-1][0].target)
    start = 0
    for part, times in parts:
        for _ in range(times):
            for offset, pin, level in part.edges:
                chain.edges.append((start + offset, pin, level))
            start += part.span
        chain.changes |= part.changes
    chain.parts = parts
    chain.words = parts[-1][0].words
    x = _passed([(part.exact_x, part.result_x, part.less_x, times) for part, times in parts])
    y = _passed([(part.exact_y, part.result_y, part.less_y, times) for part, times in parts])
    if x is None or y is None:
        return None
    chain.exact_x, chain.less_x = x
    chain.exact_y, chain.less_y = y
    return chain


def _passed(parts: list):
    """(exact, less) of a register along a chain, or None where a value differs after it."""
    asked = {}
    known = {}
    less = {}
    for exact, result, decrements, times in parts:
        for sm, value in exact:
            if sm in known:
                if known[sm] != value:
                    return None
            elif sm in less:
                return None
            else:
                asked[sm] = known[sm] = value
        for sm, value in result:
            known[sm] = value
        for sm, count in decrements:
            if sm not in known:
                less[sm] = less.get(sm, 0) + count * times
            elif known[sm] < count * times:
                return None
            else:
                known[sm] -= count * times
    for sm in asked:
        if known[sm] != asked[sm]:
            return None
    # a value known only through a result was asked for before it: all known ones are in asked
    return list(asked.items()), list(less.items())
