"""Pytest plugin: which tests carry ``@pytest.mark.requirement(...)`` and how each of them ended.

Loaded by ``make trace`` (``-p tests.trace.plugin --trace-out=FILE``). FILE is JSON:
``{"exit": status of the run, "errors": [what could not be collected], "tests": {node id:
{"requirements": [ids], "outcome": "passed" | "failed" | "skipped" | "xfailed"}}}``.
The ids travel in the reports' user properties, because under xdist only the reports come home.
"""

import json
from pathlib import Path

PROPERTY = "requirement"


def pytest_addoption(parser):
    parser.addoption("--trace-out", metavar="FILE", help="record of requirements and outcomes")


def pytest_configure(config):
    path = config.getoption("--trace-out")
    if path and not hasattr(config, "workerinput"):
        config.pluginmanager.register(Recorder(Path(path)))


def pytest_collection_modifyitems(items):
    for item in items:
        for mark in item.iter_markers("requirement"):
            item.user_properties.append((PROPERTY, list(mark.args)))


def outcome_of(report):
    """The outcome that one phase of a test gives to the whole, or None."""
    if report.failed:
        return "failed"
    if hasattr(report, "wasxfail"):
        return "xfailed"
    if report.skipped:
        return "skipped"
    return "passed" if report.when == "call" else None


class Recorder:
    """Collects the reports of a run and writes them down at its end."""

    def __init__(self, path):
        self._path = path
        self._errors = []
        self._tests = {}
        path.unlink(missing_ok=True)  # what is there afterwards is of this run

    def pytest_collectreport(self, report):
        if report.failed:
            self._errors.append(report.nodeid)

    def pytest_runtest_logreport(self, report):
        marks = [value for key, value in report.user_properties if key == PROPERTY]
        outcome = outcome_of(report)
        if not marks or outcome is None:
            return
        test = self._tests.setdefault(report.nodeid, {"requirements": [], "outcome": outcome})
        test["requirements"] = sorted({each for ids in marks for each in ids})
        if outcome != "passed" and test["outcome"] != "failed":
            test["outcome"] = outcome

    def pytest_sessionfinish(self, exitstatus):
        record = {"exit": int(exitstatus), "errors": sorted(set(self._errors))}
        record["tests"] = dict(sorted(self._tests.items()))
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._path.write_text(json.dumps(record, indent=1) + "\n")
