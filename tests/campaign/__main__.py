"""``make campaign N=... SEED=... [SHARD=i/n] [REPLAY=seed]``: see tests/campaign/campaign.py.

Run k of a campaign has seed SEED + k. Exit code 1: an invariant was broken.
"""

import argparse
import multiprocessing
import subprocess
import sys
import time
import traceback
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

from tests.campaign import faults
from tests.campaign.campaign import Outcome, run, story
from tests.campaign.table import report

RESULTS = Path(__file__).with_name("RESULTS.md")
FULL = 10_000  # only a run of so many is written down by itself
EVERY = 500


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="campaign", description=__doc__)
    parser.add_argument("-n", type=int, default=300, help="number of runs")
    parser.add_argument("--seed", type=int, default=1, help="seed of the first run")
    parser.add_argument("--shard", default="1/1", help="i/n: the i-th of n parts")
    parser.add_argument("--jobs", type=int, default=multiprocessing.cpu_count())
    parser.add_argument("--replay", type=int, help="tell the story of one run")
    parser.add_argument("--out", type=Path, help="write the table here")
    return parser.parse_args()


def part_of(seed: int, number: int, shard: str) -> range:
    """The seeds of a shard."""
    part, _, parts = shard.partition("/")
    if not 1 <= int(part) <= int(parts):
        raise SystemExit("SHARD=i/n with 1 <= i <= n")
    begin = seed + number * (int(part) - 1) // int(parts)
    return range(begin, seed + number * int(part) // int(parts))


def safely(seed: int) -> Outcome:
    """A run that raises has broken an invariant as well."""
    try:
        return run(seed)
    except Exception:
        what = traceback.format_exc().strip().splitlines()
        broken = ["%s (%s)" % (what[-1], what[-3].strip())]
        return Outcome(seed, "raised", "none", (), (), "?", False, 0, 0, broken)


def collect(seeds: range, jobs: int, console: Console, keep) -> list:
    """All outcomes, in order of their seeds; violations are told as they come. ``keep(outcomes)``
    is called now and then, so that a campaign cut short leaves its table."""
    columns = ("{task.description}", BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    outcomes = []
    broken = 0
    with multiprocessing.Pool(jobs) as pool, Progress(*columns, console=console) as progress:
        task = progress.add_task("infusions", total=len(seeds))
        for outcome in pool.imap_unordered(safely, seeds, chunksize=8):
            outcomes.append(outcome)
            if outcome.broken:
                broken += 1
                console.print(tell(outcome), markup=False, highlight=False, soft_wrap=True)
            progress.update(task, advance=1, description="%d broken" % broken)
            if len(outcomes) % EVERY == 0:
                keep(outcomes)
                if not console.is_terminal:
                    console.print("%d of %d, %d broken" % (len(outcomes), len(seeds), broken))
    return sorted(outcomes, key=lambda outcome: outcome.seed)


def tell(outcome: Outcome) -> str:
    """A violation and how to look at it."""
    lines = ["seed %d, ends %s:" % (outcome.seed, outcome.label())]
    lines += ["  " + what for what in outcome.broken]
    return "\n".join(lines + ["  make campaign REPLAY=%d" % outcome.seed])


def commit() -> str:
    """The commit of the working tree; with a + if it has changes."""
    found = subprocess.run(
        ["git", "describe", "--always", "--dirty=+"], capture_output=True, text=True, check=False
    )
    return found.stdout.strip() or "unknown"


def main() -> int:
    given = arguments()
    console = Console(stderr=False)
    if given.replay is not None:
        console.print(story(given.replay), markup=False, highlight=False, soft_wrap=True)
        return 0
    seeds = part_of(given.seed, given.n, given.shard)
    begun = time.monotonic()
    out = given.out or (RESULTS if len(seeds) >= FULL else None)
    names = [kind.name for kind in faults.KINDS]
    about = {
        "commit": commit(),
        "number": given.n,
        "seed": given.seed,
        "shard": "" if given.shard == "1/1" else ", SHARD=" + given.shard,
        "first": seeds[0],
        "last": seeds[-1],
        "jobs": given.jobs,
    }

    def keep(outcomes: list) -> str:
        text = report(dict(about, minutes=(time.monotonic() - begun) / 60), names, outcomes)
        if out:
            out.write_text(text)
        return text

    outcomes = collect(seeds, given.jobs, console, keep)
    console.print(keep(outcomes), markup=False, highlight=False, soft_wrap=True)
    return 1 if any(outcome.broken for outcome in outcomes) else 0


if __name__ == "__main__":
    sys.exit(main())
