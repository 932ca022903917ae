"""What is traced: requirements, hazards, and the record that the plugin wrote."""

import csv
import json
import re
from dataclasses import dataclass, field
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
REQUIREMENTS = TESTS / "requirements.csv"
HAZARDS = TESTS / "hazards.md"
COLUMNS = ["id", "requirement", "bound", "source", "status", "reason"]
ID = re.compile(r"[A-Z]+-\d\d")
HAZARD_ID = re.compile(r"[A-Z]\d+")


@dataclass(frozen=True)
class Requirement:
    """A row of requirements.csv. ``status`` is ``now`` or ``later``."""

    id: str
    requirement: str
    bound: str = ""
    source: str = ""
    status: str = "now"
    reason: str = ""

    @property
    def group(self):
        """The part of the id before the dash."""
        return self.id.split("-")[0]


@dataclass(frozen=True)
class Hazard:
    """A row of hazards.md."""

    id: str
    hazard: str
    cause: str
    control: str
    requirements: tuple
    remains: str


@dataclass(frozen=True)
class Record:
    """A test run: exit status, what could not be collected, and (ids, outcome) by node id."""

    exit: int = 0
    errors: tuple = ()
    tests: dict = field(default_factory=dict)


def read_requirements(path=REQUIREMENTS):
    with path.open(newline="") as file:
        rows = csv.DictReader(file, strict=True)
        if rows.fieldnames != COLUMNS:
            raise ValueError("%s: columns are %s" % (path.name, rows.fieldnames))
        return [Requirement(**row) for row in rows]


def read_hazards(path=HAZARDS):
    """Rows of all tables whose first cell is a hazard id; the heading above says the hazard."""
    hazards, heading = [], ""
    for line in path.read_text().splitlines():
        if line.startswith("## "):
            heading = line[3:]
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("|") and HAZARD_ID.fullmatch(cells[0]):
            number, cause, control, ids, remains = cells
            hazards.append(
                Hazard(number, heading, cause, control, tuple(ID.findall(ids)), remains)
            )
    return hazards


def read_record(path):
    data = json.loads(path.read_text())
    tests = {name: (test["requirements"], test["outcome"]) for name, test in data["tests"].items()}
    return Record(data["exit"], tuple(data["errors"]), tests)
