"""``make mutation``: cosmic-ray on the parts of the core where a changed sign harms most.

    python -m tests.sabotage.mutation [SAMPLE [SEED]]

SAMPLE mutants (60) of each module, drawn with SEED (1), in a copy of the repository. Prints each
that its unit tests do not notice, and the score. What was found is judged in tests/MUTATION.md.
"""

import random
import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.sabotage.patched_tree import Tree

TESTS = {
    "states": ("states",),
    "supervisor": ("supervisor", "mutants"),
    "dose": ("dose",),
    "schedule": ("schedule",),
}
CONFIG = """[cosmic-ray]
module-path = "firmware/pump/core/%s.py"
timeout = 90.0
excluded-modules = []
test-command = "env CI=1 %s -B -m pytest -x -q -p no:cacheprovider %s"
[cosmic-ray.distributor]
name = "local"
"""


def cosmic_ray(folder: Path, *words) -> None:
    """Run the tool in ``folder``."""
    tool = Path(sys.executable).parent / "cosmic-ray"
    subprocess.run([tool, *map(str, words)], cwd=folder, check=True, capture_output=True)


def drawn(session: Path, sample: int, seed: int) -> int:
    """Leave ``sample`` of the mutants in the session; returns how many there were."""
    with sqlite3.connect(session) as base:
        order = "module_path, operator_name, occurrence, job_id"
        rows = base.execute("select job_id from mutation_specs order by " + order).fetchall()
        random.Random(seed).shuffle(rows)
        for table in ("mutation_specs", "work_items"):
            base.executemany("delete from %s where job_id = ?" % table, rows[sample:])
    return len(rows)


def judged(module: str, folder: Path, sample: int, seed: int) -> tuple:
    """(mutants there are, mutants tried, diffs of those that survived)."""
    config, session = folder / (module + ".toml"), folder / (module + ".sqlite")
    tests = " ".join("tests/unit/test_%s.py" % name for name in TESTS[module])
    config.write_text(CONFIG % (module, sys.executable, tests))
    cosmic_ray(folder, "init", config, session)
    total = drawn(session, sample, seed)
    cosmic_ray(folder, "exec", config, session)
    with sqlite3.connect(session) as base:
        rows = base.execute("select test_outcome, diff from work_results").fetchall()
    return total, len(rows), [diff for outcome, diff in rows if "SURVIVED" in outcome]


def main(arguments) -> int:
    """Judge each module in turn."""
    sample, seed = (*map(int, arguments), *(60, 1)[len(arguments) :])
    with tempfile.TemporaryDirectory(prefix="mutation-") as folder:
        tree = Tree(Path(folder) / "tree")
        for module in TESTS:
            total, tried, survivors = judged(module, tree.folder, sample, seed)
            killed = tried - len(survivors)
            print("%s: %d of %d tried, of %d" % (module, killed, tried, total), flush=True)
            for diff in survivors:
                print("\n".join(line for line in diff.splitlines() if line[:1] in "+-@"))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
