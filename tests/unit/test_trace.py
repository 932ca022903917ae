"""Requirement tracing: each cause for which ``make trace`` must fail, made on purpose; the marks
and hazards of this repository; the plugin on a small suite of its own."""

import ast
import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.trace import __main__ as command
from tests.trace import judge, report
from tests.trace.sources import (
    TESTS,
    Hazard,
    Record,
    Requirement,
    read_hazards,
    read_record,
    read_requirements,
)

STOP = Requirement("STOP-01", "The motor stops", "1 us", "own")
DOSE = Requirement("DOSE-01", "a < b & c | d", status="later", reason="waits for a drug library")
ROWS = [STOP, DOSE]
TEST = "tests/unit/test_a.py::test_it"
MUST_HAVE_A_HAZARD = ("DOSE", "DEL", "STOP", "ALM", "PWR")


def record_of(*outcomes, ids=("STOP-01",), exit=0, errors=()):
    tests = {"%s[%d]" % (TEST, k): (list(ids), what) for k, what in enumerate(outcomes)}
    return Record(exit, errors, tests)


def test_a_passing_test_of_every_requirement_of_now_is_no_problem():
    assert judge.problems(ROWS, record_of("passed", "passed")) == []


@pytest.mark.parametrize("others", [[], ["passed"] * 5])
def test_a_skipped_case_beside_passing_ones_is_allowed(others):
    found = judge.problems(ROWS, record_of("skipped", *others))
    assert found == ([] if others else ["STOP-01: only skipped tests (%s)" % TEST])


@pytest.mark.parametrize(
    "record, wanted",
    [
        (Record(), "STOP-01: no test"),
        (record_of("passed", ids=["DOSE-01"]), "STOP-01: no test"),
        (record_of("skipped", "skipped"), "STOP-01: only skipped tests (%s)" % TEST),
        (record_of("xfailed"), "STOP-01: only skipped tests (%s)" % TEST),
        (record_of("passed", "failed", exit=1), "STOP-01: failed in %s" % TEST),
        (record_of("passed", ids=["STOP-01", "STOP-1"]), "%s: unknown id STOP-1" % TEST),
        (
            Record(0, (), {TEST: (["STOP-01"], "passed"), "tests/b.py::test": ([], "passed")}),
            "tests/b.py::test: marked without an id",
        ),
        (record_of("passed", exit=1), "the test run ended with status 1"),
        (record_of("passed", exit=2), "the test run ended with status 2"),
        (record_of("passed", exit=5), "the test run ended with status 5"),
        (record_of("passed", errors=("tests/c.py",)), "tests/c.py: cannot be collected"),
    ],
)
def test_causes_in_the_run(record, wanted):
    assert judge.problems(ROWS, record) == [wanted]


@pytest.mark.parametrize(
    "row, wanted",
    [
        (Requirement("DEL-01", "x", status="later"), "DEL-01: later without a reason"),
        (Requirement("DEL-01", "x", status="later", reason=" "), "DEL-01: later without a reason"),
        (Requirement("STOP-01", "again"), "STOP-01: stands 2 times in the table"),
        (Requirement("DEL-01", "x", status="soon", reason="y"), "DEL-01: status 'soon' is none"),
        (
            Requirement("STOP-02", "x", status="now", reason="waits"),
            "STOP-02: now, and yet with a reason to wait",
        ),
    ],
)
def test_causes_in_the_table(row, wanted):
    found = judge.problems([*ROWS, row], record_of("passed", ids=["STOP-01", "STOP-02"]))
    assert wanted in found
    assert [text for text in found if text != wanted and "unknown id" not in text] == []


def test_a_failing_test_counts_against_a_later_requirement_too():
    failed = Record(1, (), {TEST: (["DOSE-01"], "failed")})
    found = judge.problems(ROWS, failed)
    assert found == ["STOP-01: no test", "DOSE-01: failed in " + TEST]


def test_later_with_passing_tests_is_allowed_and_shown():
    record = record_of("passed", ids=["STOP-01", "DOSE-01"])
    assert judge.problems(ROWS, record) == []
    assert "| later, proved: waits for a drug library |" in document(record)


def document(record, hazards=()):
    return report.markdown(judge.trace(ROWS, record), hazards, judge.problems(ROWS, record))


def test_the_document_shows_rows_tests_problems_and_open_hazards():
    hazards = [Hazard("S1", "Late stop", "CPU hangs", "PIO", ("STOP-01", "DOSE-01"), "")]
    text = document(record_of("passed", "passed", "skipped"), hazards)
    wanted = "| STOP-01 | The motor stops | 1 us | `unit/test_a.py::test_it` 2 of 3 (1 skipped) |"
    assert wanted + " proved |" in text
    assert "a < b & c \\| d" in text
    assert "## Problems\n\nNone.\n" in text
    assert "| S1 | CPU hangs | STOP-01, **DOSE-01** |" in text
    assert "| hazards with every control proved | 0 |" in text
    assert "- STOP-01: no test" in document(Record())


def test_the_page_stands_alone_and_is_escaped():
    record = record_of("passed")
    hazards = [Hazard("S1", "Late <stop>", "", "", ("STOP-01",), "")]
    text = report.page(judge.trace(ROWS, record), hazards, ["<b>"])
    assert "a &lt; b &amp; c" in text and "Late &lt;stop&gt;" in text and "&lt;b&gt;" in text
    assert "http" not in text and "src=" not in text and "<link" not in text


def test_every_group_has_a_title():
    assert {row.group for row in read_requirements()} == set(report.GROUPS)


def test_the_command_fails_says_why_and_writes(tmp_path, capsys):
    record, made = tmp_path / "record.json", (tmp_path / "TRACE.md", tmp_path / "x/trace.html")
    assert command.main(record, *made) == 1
    assert "no record" in capsys.readouterr().err
    passed = {row.id: "passed" for row in read_requirements() if row.status == "now"}
    write(record, passed)
    assert command.main(record, *made) == 0
    write(record, {**passed, "STOP-01": "failed"}, exit=1)
    assert command.main(record, *made) == 1
    assert "trace: STOP-01: failed in" in capsys.readouterr().err
    assert all("STOP-01: failed in" in path.read_text() for path in made)


def write(path, outcomes, exit=0):
    tests = {"t::" + each: {"requirements": [each], "outcome": what} for each, what in
             outcomes.items()}  # fmt: skip
    path.write_text(json.dumps({"exit": exit, "errors": [], "tests": tests}))


# ---- the plugin -----------------------------------------------------------------------------

SUITE = """
import pytest

pytestmark = pytest.mark.requirement("A-01")

@pytest.mark.requirement("B-01", "B-02")
@pytest.mark.parametrize("n", [1, 2])
def test_cases(n):
    assert n == 1

@pytest.mark.skip(reason="no such jig")
def test_skipped():
    pass

@pytest.mark.xfail
def test_expected():
    assert False

@pytest.fixture
def broken():
    yield
    raise RuntimeError("in teardown")

def test_teardown(broken):
    pass

def test_plain():
    pass
"""


@pytest.mark.parametrize("workers", [0, 2])
def test_the_plugin_records_marks_and_outcomes(tmp_path, workers):
    (tmp_path / "test_suite.py").write_text(SUITE)
    (tmp_path / "test_broken.py").write_text("import no_such_module\n")
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers = requirement(*ids): x\n")
    out = tmp_path / "new/record.json"
    words = ["-m", "pytest", "-q", "-p", "tests.trace.plugin", "-n", str(workers)]
    words += ["--rootdir", str(tmp_path), "--continue-on-collection-errors", str(tmp_path)]
    subprocess.run(
        [sys.executable, *words, "--trace-out", str(out)],
        cwd=TESTS.parent,
        capture_output=True,
        timeout=60,
        check=False,
    )
    record = read_record(out)
    assert record.exit == 1 and record.errors == ("test_broken.py",)
    wanted = {
        "test_cases[1]": (["A-01", "B-01", "B-02"], "passed"),
        "test_cases[2]": (["A-01", "B-01", "B-02"], "failed"),
        "test_skipped": (["A-01"], "skipped"),
        "test_expected": (["A-01"], "xfailed"),
        "test_teardown": (["A-01"], "failed"),
        "test_plain": (["A-01"], "passed"),
    }
    assert record.tests == {"test_suite.py::" + name: test for name, test in wanted.items()}


# ---- this repository ------------------------------------------------------------------------


def marked_ids(path):
    """The ids of all requirement marks in a file, and None where one is no plain text."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "pytest.mark.requirement":
            for word in node.args:
                yield word.value if isinstance(word, ast.Constant) else None


def test_every_mark_names_a_requirement():
    known = {row.id for row in read_requirements()}
    count = 0
    for path in sorted(TESTS.rglob("test_*.py")):
        if path != Path(__file__):
            ids = list(marked_ids(path))
            assert set(ids) <= known, path.name
            count += len(ids)
    assert count > 200


def test_every_hazard_names_requirements_that_exist():
    hazards = read_hazards()
    known = {row.id for row in read_requirements()}
    assert [number for number, n in Counter(each.id for each in hazards).items() if n > 1] == []
    for hazard in hazards:
        assert hazard.requirements and set(hazard.requirements) <= known, hazard.id
        assert hazard.hazard and hazard.cause and hazard.control, hazard.id
    named = {each for hazard in hazards for each in hazard.requirements}
    needed = {row.id for row in read_requirements() if row.group in MUST_HAVE_A_HAZARD}
    assert needed <= named, sorted(needed - named)


def test_every_row_of_the_hazard_tables_is_read(tmp_path):
    rows = [line for line in (TESTS / "hazards.md").read_text().splitlines() if line[:1] == "|"]
    heads = sum(line.startswith(("| id ", "|---")) for line in rows)
    assert len(read_hazards()) == len(rows) - heads > 60


def test_a_table_with_other_columns_is_refused(tmp_path):
    (tmp_path / "r.csv").write_text("id,requirement\nSTOP-01,x\n")
    with pytest.raises(ValueError, match="columns"):
        read_requirements(tmp_path / "r.csv")


def test_the_table_as_it_stands_is_sound():
    requirements = read_requirements()
    passed = {"t::" + row.id: ([row.id], "passed") for row in requirements if row.status == "now"}
    assert judge.problems(requirements, Record(0, (), passed)) == []
    assert all(row.requirement and row.source for row in requirements)
