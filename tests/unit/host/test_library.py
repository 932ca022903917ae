"""Drug libraries on the host: every mistake found, compiled the same, loaded, compared."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest

from pump.core import bounds
from titra import library, library_diff, library_file
from titra.cli import common
from titra.errors import PumpRefused
from titra.library import LibraryFaulty

from .commands import run, run_json

EXAMPLES = Path(library.__file__).parent / "library_examples.toml"
HEAD = 'name = "mine"\nversion = "1"\n'
GOOD = (
    HEAD
    + """
[[entry]]
id = "b"
drug = "any"
route = "iv"
concentrations = ["1 mg/mL", "2 mg/mL"]
dose = { soft-max = "0.75 mg/kg", hard-max = "1 mg/kg" }
rate = [{ hard-max = "1 mg/kg/h" }, { hard-max = "50 mL/h" }]
bolus = { lockout = "10 min", hourly = "0.1 mg/kg" }

[[entry]]
id = "a"
drug = "any"
route = "iv"
concentrations = ["1 mg/mL"]
"""
)


def problems(text: str) -> list[tuple[int, str, str]]:
    _, found = library_file.parse(text.encode())
    return [(each.line, each.field, each.code) for each in found]


def write(tmp_path: Path, text: str, name: str = "mine.toml") -> str:
    (tmp_path / name).write_text(text)
    return str(tmp_path / name)


# the file ----------------------------------------------------------------------------------------


def test_the_examples_are_good_and_marked() -> None:
    found = library.read(EXAMPLES)
    assert len(found.entries) == 5 and "NOT CLINICAL GUIDANCE" in EXAMPLES.read_text()
    assert all("Illustrative" in entry.source for entry in found.entries)
    code, said = run_json("library", "check", str(EXAMPLES))
    assert code == 0 and said["ok"] and said["crc"] == found.head["crc"]


@pytest.mark.parametrize(
    ("old", "new", "field", "code"),
    [
        ('route = "iv"', 'route = "im"', "route", "route"),
        ('route = "iv"', "", "route", "missing-field"),
        ('"0.75 mg/kg"', '".75 mg/kg"', "dose soft-max", "bad-number"),
        ('"0.75 mg/kg"', '"0.75"', "dose soft-max", "missing-unit"),
        ('"0.75 mg/kg"', '"0.75 ug/kg"', "dose soft-max", "bad-unit"),
        ('"0.75 mg/kg"', '"0.750 mg/kg"', "dose soft-max", "trailing-zero"),
        ('"0.75 mg/kg"', '"1.01 mg/kg"', "dose hard-max", "not-rising"),
        ('"0.75 mg/kg"', '"0.75 mg"', "dose hard-max", "bad-unit"),
        ('"0.75 mg/kg"', '"2000 mg/kg"', "dose soft-max", "out-of-range"),
        ('"0.75 mg/kg"', "0.75", "dose soft-max", "type"),
        ("soft-max", "soft", "dose soft", "unknown-field"),
        ('"2 mg/mL"', '"1 mg/mL"', "concentrations", "bad-value"),
        ('"10 min"', '"10 mg"', "bolus lockout", "bad-unit"),
        ('id = "a"', 'id = "b"', "id", "duplicate"),
        ('drug = "any"\nroute = "iv"\nconcentrations = ["1 mg/mL"]', "drug = 3", "drug", "type"),
        ('version = "1"', 'version = "1 2"', "version", "bad-value"),
        ("[[entry]]", "colour = 1\n[[entry]]", "colour", "unknown-field"),
    ],
)
def test_each_mistake_has_line_field_and_code(old: str, new: str, field: str, code: str) -> None:
    assert problems(GOOD) == []
    text = GOOD.replace(old, new, 1)
    line = text[: text.index(new)].count("\n") + 1 if new else 0
    found = problems(text)
    assert [each for each in found if each[1:] == (field, code)]
    if code not in ("missing-field", "unknown-field", "type", "duplicate"):
        assert {each[0] for each in found} <= {line, line + 1}


def test_every_mistake_is_told_and_not_just_the_first(tmp_path: Path) -> None:
    text = GOOD.replace('"iv"', '"sc"').replace("0.75", "7,5").replace("50 mL/h", "50 mL")
    assert len(problems(text)) == 4
    path = write(tmp_path, text)
    code, said = run_json("library", "check", path)
    assert code == 2 and not said["ok"] and len(said["errors"]) == 4
    assert said["errors"][0]["line"] == 7 and said["errors"][0]["given"] == "sc"
    shown = run("library", "check", path).stdout
    assert f"{path}:7: b: route: sc is refused" in shown.replace("\n", " ")
    assert run("library", "build", path).exit_code == 2


def test_what_is_no_toml_says_where() -> None:
    assert problems(HEAD + "x = = 1\n") == [(3, "", "syntax")]
    assert problems(HEAD)[0][2] == "type"


def test_a_note_over_several_lines_moves_no_line() -> None:
    note = 'note = """\n[[entry]]\ndose = 1\n"""\n'
    text = GOOD.replace("dose = {", note + "dose = {").replace('"0.75', '".75')
    (found,) = problems(text)
    assert found[0] == text[: text.index(".75")].count("\n") + 1


# compiled ----------------------------------------------------------------------------------------


def test_compiled_it_is_the_same_each_time_and_reads_back(tmp_path: Path) -> None:
    path = write(tmp_path, GOOD)
    paths = [str(tmp_path / name) for name in ("one.library", "two.library")]
    for out in paths:
        assert run("library", "build", path, "-o", out).exit_code == 0
    data = Path(paths[0]).read_bytes()
    assert data == Path(paths[1]).read_bytes()
    lines = data.decode().splitlines()
    assert lines[1].startswith("entry id=a ") and "rate=..<1mg/kg/h,..<50mL/h" in lines[2]
    assert library.read(Path(paths[0])).head == library.read(Path(path)).head


def test_a_compiled_file_damaged_anywhere_is_refused(tmp_path: Path) -> None:
    data = library.read(EXAMPLES).compiled()
    for at in range(8, len(data), 7):
        with pytest.raises(LibraryFaulty):
            library.unpack(data[:at] + bytes([data[at] ^ 2]) + data[at + 1 :], "x")
    first = data.index(b"entry")
    with pytest.raises(LibraryFaulty, match="missing"):
        library.unpack(data[:first] + data[data.index(b"\n", first) + 1 :], "x")


def test_what_a_drug_limits_is_what_the_pump_makes_of_it() -> None:
    found = library.bounds_of(
        EXAMPLES, "ketamine-depression", bounds.Bounds((("dose", "", "1.5mg/kg"),))
    )
    assert isinstance(found, bounds.Bounds)
    assert ("rate", "", "1.5mg/kg/h") in found.hard and ("dose", "", "1.5mg/kg") in found.hard
    assert found.drug.startswith("ketamine-depression@bench-examples:1:")
    with pytest.raises(PumpRefused) as refused:
        library.bounds_of(EXAMPLES, "ketamine", bounds.NONE)
    assert refused.value.code == "unknown-drug"


# compared ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "what", "change"),
    [
        ("0.75 mg/kg", "0.8 mg/kg", "dose soft-max", "looser"),
        ("0.75 mg/kg", "700 mcg/kg", "dose soft-max", "tighter"),
        ("soft-max = ", "hard-min = ", "dose hard-min", "tighter"),
        ("10 min", "5 min", "lockout", "looser"),
        ("0.1 mg/kg", "0.09 mg/kg", "hourly", "tighter"),
        (', "2 mg/mL"', "", "concentration", "tighter"),
        ('"2 mg/mL"', '"2 mg/mL", "3 mg/mL"', "concentration", "looser"),
        ("50 mL/h", "40 mL/h", "rate hard-max", "tighter"),
        ('drug = "any"', 'drug = "other"', "drug", "changed"),
        ('id = "a"', 'id = "c"', "entry", "added"),
        ('id = "a"', 'id = "c"', "entry", "removed"),
    ],
)
def test_looser_and_tighter(old: str, new: str, what: str, change: str, tmp_path: Path) -> None:
    left, right = write(tmp_path, GOOD), write(tmp_path, GOOD.replace(old, new, 1), "new.toml")
    code, said = run_json("library", "diff", left, right)
    assert code == 0
    assert (what, change) in {(row["what"], row["change"]) for row in said["changes"]}
    assert change in run("library", "diff", left, right).stdout


def test_another_unit_for_the_same_is_no_difference(tmp_path: Path) -> None:
    left, right = write(tmp_path, GOOD), write(tmp_path, GOOD.replace("10 min", "600 s"), "n.toml")
    assert run_json("library", "diff", left, right)[1]["changes"] == []
    assert "no entry is different" in run("library", "diff", left, right).stdout
    same = library.read(Path(left))
    assert library_diff.diff(same, same) == []


# with a pump -------------------------------------------------------------------------------------


@pytest.fixture
def virtual(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A whole pump in this process, as what any --port opens."""
    assert importlib.util.find_spec("boards")
    from titra import simulator

    pump = simulator.InProcessPump(board="rpi_pico")
    monkeypatch.setattr(common, "open_transport", lambda *args: pump.transport)
    monkeypatch.setattr(pump.transport, "close", lambda: None)
    monkeypatch.setattr(common, "TIMEOUTS", library_timeouts())
    yield pump
    pump.close()


def library_timeouts() -> Any:
    from titra.client import Timeouts

    return Timeouts()


@pytest.mark.requirement("DOSE-14", "PWR-04")
def test_loaded_shown_compared_and_used(virtual: Any, tmp_path: Path) -> None:
    port = ("--port", "x")
    assert "no library" in run("library", "show", *port).stdout
    path = write(tmp_path, GOOD)
    code, said = run_json("library", "load", path, *port)
    assert (code, said["verified"], said["replaced"]) == (0, True, {"name": None})
    assert run_json("library", "show", *port)[1]["entries"][1]["dose"] == "..0.75mg/kg<1mg/kg"
    assert run_json("library", "diff", path, *port)[1]["changes"] == []
    newer = write(tmp_path, GOOD.replace("0.75", "0.7").replace('version = "1"', 'version = "2"'))
    assert "tighter" in run("library", "diff", newer, *port).stdout
    assert "before: mine:1" in run("library", "load", newer, *port).stdout
    wanted = ["weight=70kg", "dose=0.5mg/kg", "over=45min", "concentration=1mg/mL"]
    send = ["send", "program", *wanted, "syringe=bd-60", *port]
    assert "drug=b " in run(*send, "drug=b").stdout
    assert run_json(*send, "drug=z")[1]["error"]["code"] == "unknown-drug"
    assert run_json(*send, "drug=b", "route=im")[1]["error"]["code"] == "route"
    code, said = run_json("library", "load", newer, *port)
    assert (code, said["error"]["code"]) == (2, "not-now"), "a plan is ready"


def test_the_document_teaches_what_is_true(tmp_path: Path) -> None:
    text = (EXAMPLES.parent / "DRUG_LIBRARY.md").read_text()
    shown = text.split("```toml\n")[1].split("```")[0]
    assert run("library", "check", write(tmp_path, shown)).exit_code == 0
    for key in library_file.KEYS:
        assert f"`{key}`" in text, key
    for command in ("check", "build", "show", "diff", "load"):
        assert f"library {command}" in text
        assert run("library", command, "--help").exit_code == 0
