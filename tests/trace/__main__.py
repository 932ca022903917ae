"""``python -m tests.trace RECORD``: judges a test run, writes tests/TRACE.md and build/trace.html.

Exits with 1, and says each reason, when a requirement of now is not proved or the table, the marks
or the run are at fault.
"""

import sys
from pathlib import Path

from tests.trace import judge, report
from tests.trace.sources import TESTS, read_hazards, read_record, read_requirements


def main(record_path, document=TESTS / "TRACE.md", page=TESTS.parent / "build/trace.html"):
    """Returns the exit status."""
    if not record_path.exists():
        print("trace: the test run has left no record", file=sys.stderr)
        return 1
    requirements, record = read_requirements(), read_record(record_path)
    hazards = read_hazards()
    lines = judge.trace(requirements, record)
    problems = judge.problems(requirements, record)
    document.write_text(report.markdown(lines, hazards, problems))
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text(report.page(lines, hazards, problems))
    for text in problems:
        print("trace: " + text, file=sys.stderr)
    proved = len(report.proved_ids(lines))
    print("trace: %d of %d requirements proved, %s" % (proved, len(lines), document.name))
    return 1 if problems else 0


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python -m tests.trace RECORD")
    sys.exit(main(Path(sys.argv[1])))
