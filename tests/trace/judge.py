"""Judges a test run against the requirements.

``trace`` puts the tests beside the requirements they name; ``problems`` lists what is wrong with
that. Both are pure. A requirement is proved when a test of it passed and none failed; a skipped
test proves nothing.
"""

from collections import Counter
from dataclasses import dataclass, field

STATUSES = ("now", "later")
PROVED = "proved"
OPEN = "no test"
SKIPPED = "only skipped"
FAILED = "failed"
LATER = "later"
TESTS_FAILED = 1  # pytest's exit status for it; 0 is all passed, others are no test run


@dataclass
class Line:
    """A requirement and, by test function, how many of its cases ended how."""

    requirement: object
    tests: dict = field(default_factory=dict)

    @property
    def outcomes(self):
        """All its cases counted by outcome."""
        return sum(self.tests.values(), Counter())

    @property
    def result(self):
        """One of the constants above."""
        if self.outcomes["failed"]:
            return FAILED
        if self.outcomes["passed"]:
            return PROVED
        if self.requirement.status == "later":
            return LATER
        return SKIPPED if self.tests else OPEN


def trace(requirements, record):
    """A Line for each requirement, in their order."""
    lines = {each.id: Line(each) for each in requirements}
    for name, (ids, outcome) in record.tests.items():
        for each in ids:
            if each in lines:
                function = name.split("[")[0]
                lines[each].tests.setdefault(function, Counter())[outcome] += 1
    return list(lines.values())


def problems(requirements, record):
    """What is wrong, one text each; empty when every requirement of now is proved."""
    found = _of_the_run(record) + _of_the_rows(requirements) + _of_the_marks(requirements, record)
    for line in trace(requirements, record):
        found += _of_a_line(line)
    return found


def _of_the_run(record):
    found = ["%s: cannot be collected" % name for name in record.errors]
    failed = any(outcome == "failed" for _, outcome in record.tests.values())
    if record.exit not in (0, TESTS_FAILED) or (record.exit == TESTS_FAILED and not failed):
        found.append("the test run ended with status %d" % record.exit)
    return found


def _of_the_rows(requirements):
    found = []
    for each, times in Counter(row.id for row in requirements).items():
        if times > 1:
            found.append("%s: stands %d times in the table" % (each, times))
    for row in requirements:
        if row.status not in STATUSES:
            found.append("%s: status %r is none" % (row.id, row.status))
        if row.status == "later" and not row.reason.strip():
            found.append("%s: later without a reason" % row.id)
        if row.status == "now" and row.reason.strip():
            found.append("%s: now, and yet with a reason to wait" % row.id)
    return found


def _of_the_marks(requirements, record):
    known = {row.id for row in requirements}
    found = set()
    for name, (ids, _) in record.tests.items():
        function = name.split("[")[0]
        if not ids:
            found.add("%s: marked without an id" % function)
        found.update("%s: unknown id %s" % (function, each) for each in ids if each not in known)
    return sorted(found)


def _of_a_line(line):
    row = line.requirement
    if line.result == FAILED:
        names = [name for name, cases in line.tests.items() if cases["failed"]]
        return ["%s: failed in %s" % (row.id, ", ".join(names))]
    if row.status == "now" and line.result == SKIPPED:
        return ["%s: only skipped tests (%s)" % (row.id, ", ".join(line.tests))]
    if row.status == "now" and line.result == OPEN:
        return ["%s: no test" % row.id]
    return []
