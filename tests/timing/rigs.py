"""A pump's PIO programs with a stop button and a fuse, and no CPU: helpers of tests and bench."""

from tests.unit.pio_programs import PumpRig, expand

SYNCHRONISER = 2
MACHINE = 3
ALLOW_MOST = 8
PULSE = 258
PASSES_AT = 7
AFTER = 3 * 400
WARM_UP = 700  # the second step is made, a third is on its way
DEPTH = 8
WORD_MOST = 9 * (2 * 60 + 266) + 100  # cycles of the longest word that ``feed`` is given


def word(count: int, passes: int) -> int:
    return count | passes << PASSES_AT


def interval(passes: int) -> int:
    return 2 * passes + 266


def stopped(words: list, stop: int, shortcut: bool = True, start: int = 0) -> PumpRig:
    """A rig that works through ``words`` from ``start`` on and whose loop opens at ``stop``."""
    rig = PumpRig(1000, shortcut)
    if start:
        rig.generator.enable(False)
    for each in words:
        rig.generator.put(each)
    for cycle, act in sorted([(stop, "stop"), (start, "start")]):
        rig.pio.run(cycle)
        if act == "start":
            rig.generator.enable(True)
        else:
            rig.pads.drive(rig.STOP, 1)
    return rig


def edges_of(rig: PumpRig, pin: int, level: int) -> list:
    return [t for t, which, to in expand(rig.edges) if (which, to) == (pin, level)]


def rises(rig: PumpRig) -> list:
    return edges_of(rig, rig.STEP, 1)


def judge(rig: PumpRig, stop: int, after: int = AFTER) -> int:
    """Watch the rig stop; then close the loop, feed it, and see it stand. Returns the latest
    rising edge, in cycles after the stop (or a negative number)."""
    rig.pio.run(stop + after)
    rig.pads.drive(rig.STOP, 0)
    while len(rig.generator.tx) < 8:
        rig.generator.put(word(3, 0))
    rig.pio.run(stop + 2 * after)
    rises = edges_of(rig, rig.STEP, 1)
    falls = edges_of(rig, rig.STEP, 0)
    latest = max(rises, default=0) - stop
    assert latest <= SYNCHRONISER + MACHINE, (stop, latest)
    assert [b - a for a, b in zip(rises, falls, strict=True)] == [PULSE] * len(rises)
    drops = edges_of(rig, rig.ALLOW, 0)
    assert rig.pads.level(rig.ALLOW) == 0
    assert len(drops) == 1 and drops[0] - stop <= ALLOW_MOST, (stop, drops)
    assert rig.count() == len(rises)
    return latest


def feed(rig: PumpRig, words: list) -> int:
    """Put the words as room allows; returns the steps taken by the queue. A blown fuse holds the
    generator: then the queue stays full and what is left is not taken."""
    fed = 0
    for (count, passes), pause in words:
        rig.pio.run(rig.pio.now + pause)
        if len(rig.generator.tx) == DEPTH:
            rig.pio.run(rig.pio.now + WORD_MOST)
        if len(rig.generator.tx) == DEPTH:
            break
        rig.generator.put(count | passes << 7)
        fed += count
    rig.pio.run(rig.pio.now + (DEPTH + 1) * WORD_MOST)
    return fed
