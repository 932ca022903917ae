"""The Markdown table of a campaign: faults injected by what became of the runs."""

from collections import Counter

COLUMNS = ("complete", "halted", "stopped", "alarm", "fault", "other")
HEAD = """# Fault campaign: results

Made by `make campaign`; do not edit. Commit `%(commit)s`, N=%(number)d, SEED=%(seed)d%(shard)s:
runs %(first)d to %(last)d, %(minutes).0f min on %(jobs)d processes.

**%(runs)d whole infusions, %(steps)d steps at the pin, %(injected)d faults that took place,
%(resets)d resets. Runs that broke an invariant: %(broken)d.** Any of them replays with
`make campaign REPLAY=<seed>`.

An *infusion* is the whole firmware on the simulated chip, its PIO programs included, from power-on
to the log fetched at the end. The invariants are in `oracle.py`, the faults in `faults.py`. A run
draws 0 to 3 faults; each row counts the runs in which that fault took place, whatever else did.
"""


def column(outcome) -> str:
    """Where a run is counted."""
    return outcome.state if outcome.state in COLUMNS else "other"


def row(name: str, outcomes: list) -> str:
    """One fault: how often, what became of it, causes by frequency."""
    counts = Counter(column(outcome) for outcome in outcomes)
    causes = Counter(o.cause for o in outcomes if o.cause != "none").most_common()
    cells = [name, str(len(outcomes))] + [str(counts[c] or "") for c in COLUMNS]
    cells.append(", ".join("%s %d" % cause for cause in causes))
    cells.append(str(sum(1 for outcome in outcomes if outcome.broken) or 0))
    return "| " + " | ".join(cells) + " |"


def table(names: list, outcomes: list) -> list:
    """Rows of all faults, of runs without one, and of all runs."""
    lines = [
        "| fault | runs | %s | causes | broken |" % " | ".join(COLUMNS),
        "|---|" + "---:|" * (len(COLUMNS) + 1) + "---|---:|",
    ]
    lines.append(row("none", [o for o in outcomes if not o.faults]))
    for name in names:
        lines.append(row(name, [o for o in outcomes if name in o.faults]))
    lines.append(row("**all runs**", outcomes))
    return lines


def violations(outcomes: list, most: int = 50) -> list:
    """The seeds of what broke an invariant, with the first thing that broke."""
    broken = [outcome for outcome in outcomes if outcome.broken]
    lines = ["- seed %d: %s" % (o.seed, o.broken[0].replace("|", "/")) for o in broken[:most]]
    if len(broken) > most:
        lines.append("- and %d more" % (len(broken) - most))
    return ["", "## Violations", ""] + lines if lines else []


def report(about: dict, names: list, outcomes: list) -> str:
    """The whole document."""
    about = dict(
        about,
        runs=len(outcomes),
        steps=sum(outcome.steps for outcome in outcomes),
        resets=sum(outcome.resets for outcome in outcomes),
        injected=sum(len(outcome.faults) for outcome in outcomes),
        broken=sum(1 for outcome in outcomes if outcome.broken),
    )
    kinds = Counter(outcome.kind for outcome in outcomes)
    uneven = sum(1 for outcome in outcomes if outcome.uneven)
    lines = table(names, outcomes) + [
        "",
        "Therapies: %s. Uneven CPU in %d runs."
        % (", ".join("%s %d" % kind for kind in kinds.most_common()), uneven),
    ]
    return HEAD % about + "\n" + "\n".join(lines + violations(outcomes)) + "\n"
