"""PROTOCOL.md and the tables of the code say the same."""

import ast
import re
from pathlib import Path

import pytest
from fake_hal import BOARD, PRESCRIPTION, FakeHal

from pump.app import controller
from pump.app.commands import VERBS
from pump.app.pump import Pump
from pump.core import alarms, settings, states
from pump.core.dose import COMMON, PHASE
from pump.core.frame import MAX_LINE, parse, seal
from pump.core.limits import dimensions_of
from pump.core.units import units_of

FIRMWARE = Path(__file__).resolve().parents[2] / "firmware"
TEXT = (FIRMWARE / "PROTOCOL.md").read_text()
EVENT_OF = {
    "program": states.PROGRAM,
    "ack": states.ACK,
    "prime": states.PROGRAM,
    "bolus": states.START_BOLUS,
    "set": states.MAINTENANCE,
    "library-load": states.MAINTENANCE,
    "library-commit": states.MAINTENANCE,
}


def rows(title):
    """The cells of the table under ``title``, without its two head rows."""
    section = re.split(r"\n#{2,3} ", TEXT.split("# %s\n" % title)[1])[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def names(title):
    """All names in the first column of a table."""
    return [name for row in rows(title) for name in re.findall("`([^`]+)`", row[0])]


def codes_in_code():
    """First arguments of ``Refusal``, all over the firmware; a name is that of a constant."""
    found = set()
    for path in sorted((FIRMWARE / "pump").rglob("*.py")):
        tree = ast.parse(path.read_text())
        constants = {}
        for node in tree.body:
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                constants[node.targets[0].id] = texts(node.value)
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Refusal":
                code = node.args[0]
                known = constants[code.id] if isinstance(code, ast.Name) else texts(code)
                assert known, (path.name, node.lineno)
                found |= known
    return found


def app_trees():
    for path in sorted((FIRMWARE / "pump/app").glob("*.py")):
        yield ast.parse(path.read_text())


def texts(node):
    """The string constants that an expression may be."""
    if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "const":
        return texts(node.args[0])
    if isinstance(node, ast.IfExp):
        return texts(node.body) | texts(node.orelse)
    return {node.value} if isinstance(node, ast.Constant) else set()


def events_in_code():
    """First arguments of ``record``; what they name is either a constant or ``name``."""
    found = set()
    for tree in app_trees():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and getattr(node.func, "attr", "") in (
                "record",
                "_record",
            ):
                found |= texts(node.args[0])
            if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "_move":
                found |= texts(node.args[1])
            if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "name":
                found |= texts(node.value)
    return found


def causes_in_code():
    """What is assigned to ``cause`` or handed to a function that does so."""
    found = set()
    takers = {"fail": 0, "_latch": 1, "MotionError": 0}
    for tree in app_trees():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                name = getattr(node.func, "attr", getattr(node.func, "id", ""))
                if name in takers and len(node.args) > takers[name]:
                    found |= texts(node.args[takers[name]])
            if isinstance(node, ast.Assign) and getattr(node.targets[0], "attr", "") == "cause":
                found |= texts(node.value)
    return found


@pytest.mark.requirement("COM-12")
def test_verbs():
    assert names("Verbs") == [row[0] for row in VERBS]


@pytest.mark.requirement("COM-12")
def test_which_verbs_need_a_check():
    assert [row[1] for row in rows("Verbs")] == ["yes" if row[2] else "no" for row in VERBS]


@pytest.mark.requirement("COM-12")
@pytest.mark.parametrize("row", rows("Verbs"), ids=lambda row: row[0])
def test_where_verbs_are_allowed(row):
    verb = row[0].strip("`")
    event = EVENT_OF.get(verb, verb)
    if event in states.EVENTS and verb != "stop":
        assert row[2].split(";")[0].replace(" ", "") == states.accepting(event)
    else:
        assert row[2].startswith("any state")


@pytest.mark.requirement("COM-12")
@pytest.mark.parametrize("row", rows("Verbs"), ids=lambda row: row[0])
def test_fields_of_verbs(row):
    verb = row[0].strip("`")
    taken = next(known[3] for known in VERBS if known[0] == verb)
    if taken is not None:
        assert re.findall(r"([a-z-]+)=", row[3]) == (taken.split(",") if taken else [])


@pytest.mark.requirement("COM-12")
def test_fields_of_a_prescription():
    assert set(names("Prescription")) == set(COMMON + PHASE)
    for field, units, _ in rows("Prescription"):
        name = field.strip("`")
        if name == "to":
            assert units == "as `rate`" and dimensions_of(name) == dimensions_of("rate")
        elif name != "syringe":
            known = [unit for dimension in dimensions_of(name) for unit in units_of(dimension)]
            assert units.split(", ") == known, field


@pytest.mark.requirement("COM-12")
def test_settings():
    assert [row[0].strip("`") for row in rows("Settings")] == list(settings.NAMES)
    for name, least, most, meaning in rows("Settings"):
        kind, low, high, default = settings.row_of(name.strip("`"))
        assert (least, most.split(" ")[0]) == (low, high)
        assert kind != "time" or default + " by default" in meaning


def test_states():
    assert tuple(names("States")) == states.STATES


@pytest.mark.requirement("COM-12")
def test_error_codes():
    listed = names("Errors")
    assert len(listed) == len(set(listed))
    assert set(listed) == codes_in_code()


@pytest.mark.requirement("COM-12")
def test_events():
    assert set(names("Events")) == events_in_code() | set(controller.EVENT_OF.values())


@pytest.mark.requirement("COM-12")
def test_causes():
    assert set(names("Causes")) == causes_in_code()
    known = {cause for line in alarms.TABLE for cause in line.split(" ")[3:]}
    assert causes_in_code() - {"none", "command"} <= known


def test_longest_line():
    assert "at most %d bytes" % MAX_LINE in TEXT


def test_examples_of_requests_parse():
    blocks = re.findall(r"^request +(.*)$", TEXT, re.M)
    assert blocks
    for line in blocks:
        request = parse(line.split("*")[0].encode())
        assert seal(request.text).decode() == line.split("*")[0] + line[-5:] + "\n"


ANSWERED = {
    "info": {},
    "status": {},
    "heartbeat": {},
    "pause": {},
    "resume": {},
    "log": {},
    "settings": {"name": "supply-warn"},
    "stop": {},
    "telemetry": {"every": "1s"},
}


@pytest.mark.requirement("COM-12")
def test_answers_hold_the_pairs_the_table_names():
    """Walk through a session; compare the keys of each answer with column 'answer'."""
    hal = FakeHal()
    pump = Pump(hal, BOARD)
    column = {row[0].strip("`"): row[4] for row in rows("Verbs")}

    def ask(verb, fields=None):
        words = [verb] + [key + "=" + value for key, value in (fields or {}).items()]
        hal.link.sent = b""
        hal.link.incoming = seal(" ".join(words))
        while hal.link.incoming or pump.outbox.waiting():
            pump.turn()
        answer = next(line for line in hal.link.sent.split(b"\n") if line.startswith(b"-"))
        assert answer.startswith(b"- ok "), answer
        return dict(word.split("=", 1) for word in answer.decode()[5:-5].split(" "))

    def named(verb):
        return {key for part in re.findall("`([^`]+)`", column[verb]) for key in part.split()}

    started = ask("program", PRESCRIPTION)
    assert set(PRESCRIPTION) <= set(started)
    said = ask("start", {"plan": started["plan"]})
    assert set(said) == named("start")
    for verb, fields in ANSWERED.items():
        assert set(ask(verb, fields)) - set(fields.values()) == named(verb), verb
    plain = TEXT.split("The answer gives `plan`")[1].split("then every")[0]
    documented = {"plan"} | set(re.findall("`([a-z]+)`", plain))
    assert documented == set(started) - set(PRESCRIPTION)
