"""``python -m tests.exploration --depth N [--faults M]``: the search, and what it has covered.

Exits with 1 when an invariant is broken; the path printed can be replayed:
``python -m tests.exploration --path program start press``.
"""

import argparse
import sys
import time

from pump.core import states
from tests.exploration.explore import PLACES, breaks, explore
from tests.exploration.reasons import reason

TELL_S = 5


class Progress:
    """A line to stderr now and then."""

    def __init__(self):
        self._told = time.monotonic()

    def __call__(self, found, level, left):
        if time.monotonic() - self._told >= TELL_S:
            self._told = time.monotonic()
            print(
                "%5.0f s  level %d, %d worlds left; %d worlds, %d transitions, %d broken"
                % (found.seconds, level, left, found.worlds, found.transitions, len(found.broken)),
                file=sys.stderr,
            )


def table(found, depth, faults):
    """The report as text."""
    every = [(state, event) for state in states.STATES for event in states.EVENTS]
    missed = [pair for pair in every if pair not in found.pairs]
    rows = [
        ("places to begin at", "%d" % len(PLACES)),
        ("depth from each", "%d, then stop, press and power cut" % depth),
        ("standing faults at once", "%d" % faults),
        ("abstract states", "%d (%s)" % (found.worlds, " + ".join(map(str, found.levels)))),
        ("transitions", "%d" % found.transitions),
        ("(pump state, action) tried", "%d" % len(found.tried)),
        ("(state, event) pairs", "%d of %d" % (len(found.pairs), len(every))),
        ("  unreachable, see below", "%d" % len([pair for pair in missed if reason(*pair)])),
        ("  not reached", "%d" % len([pair for pair in missed if not reason(*pair)])),
        ("invariants broken", "%d" % len(found.broken)),
        ("time", "%.1f s" % found.seconds),
    ]
    lines = ["%-28s %s" % row for row in rows] + [""]
    for text in sorted({reason(*pair) for pair in missed}):
        pairs = ["%s/%s" % pair for pair in missed if reason(*pair) == text]
        lines += ["%s: %s" % (text or "NOT REACHED", " ".join(pairs))]
    for broken in found.broken.values():
        lines += ["", broken.text]
    return "\n".join(lines)


def main(arguments):
    """Returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.exploration")
    parser.add_argument("--depth", type=int, default=2)
    parser.add_argument("--faults", type=int, default=2)
    parser.add_argument("--path", nargs="*", help="replay these actions instead")
    chosen = parser.parse_args(arguments)
    if chosen.path is not None:
        broken = breaks(chosen.path)
        print("breaks " + broken if broken else "holds")
        return 1 if broken else 0
    found = explore(chosen.depth, faults=chosen.faults, tell=Progress())
    print(table(found, chosen.depth, chosen.faults))
    return 1 if found.broken else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
