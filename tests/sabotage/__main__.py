"""``make sabotage``: take out every control in turn and see that some test goes red.

    python -m tests.sabotage [-j WORKERS] [PART OF A NAME ...]

Exit code 0: every patch was noticed. Takes about five minutes on two cores.
"""

import argparse
import os
import queue
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

from tests.sabotage.patched_tree import PASSED, Tree, missing_tests, read_patches


def chosen(parts) -> list:
    """The patches whose name holds one of ``parts``; all without any."""
    return [p for p in read_patches() if not parts or any(part in p.name for part in parts)]


def named_tests(patches) -> list:
    """Every test that some patch names, once each."""
    return sorted({test for patch in patches for test in patch.tests})


def judged(patches, trees):
    """Yield (patch, outcome) as they come; each tree has one patch at a time."""
    free = queue.SimpleQueue()
    for tree in trees:
        free.put(tree)

    def judge(patch):
        tree = free.get()
        try:
            return patch, tree.judge(patch)
        finally:
            free.put(tree)

    with ThreadPoolExecutor(len(trees)) as pool:
        for done in as_completed([pool.submit(judge, patch) for patch in patches]):
            yield done.result()


def main(arguments) -> int:
    """Judge, print progress and table; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.sabotage")
    parser.add_argument("-j", type=int, default=os.cpu_count() or 1, help="patches at a time")
    parser.add_argument("part", nargs="*", help="only patches whose name holds one of these")
    options = parser.parse_args(arguments)
    patches = chosen(options.part)
    missing = missing_tests(named_tests(patches))
    if not patches or missing:
        print("no such patch" if not patches else "no such test: " + ", ".join(missing))
        return 2
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="sabotage-") as folder:
        trees = [Tree(Path(folder) / str(number)) for number in range(options.j)]
        sound = trees[0].run(named_tests(patches), stop_at_first=False)
        if sound.code != PASSED:
            print(sound.tail)
            print("\nThese tests must pass before anything is taken out.")
            return 2
        print("%d tests pass with everything in place" % len(named_tests(patches)), flush=True)
        table = []
        for patch, outcome in judged(patches, trees):
            table.append((patch, outcome))
            place = "%3d/%d" % (len(table), len(patches))
            print(place, "%5.1f s" % outcome.seconds, outcome.word, patch.name, flush=True)
    return summed_up(sorted(table, key=lambda row: patches.index(row[0])), begun)


def summed_up(table, begun) -> int:
    """Print the table; 0 if all were noticed."""
    print("\n| control taken out | proves | what went red |\n|---|---|---|")
    for patch, outcome in table:
        red = outcome.red if outcome.word == "noticed" else "**%s**" % outcome.word.upper()
        print("| %s | %s | %s |" % (patch.name, " ".join(patch.proves), red))
    bad = [(patch, outcome) for patch, outcome in table if outcome.word != "noticed"]
    for patch, outcome in bad:
        print("\n== %s (%s)\n%s" % (patch.name, outcome.word, outcome.tail))
    noticed = len(table) - len(bad)
    seconds = time.monotonic() - begun
    print("\n%d of %d taken out and noticed, in %d s" % (noticed, len(table), seconds))
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
