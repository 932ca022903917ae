"""Prescriptions by a drug of the library."""

import pytest
from fake_hal import BOARD
from library_talk import ENTRIES, KETAMINE, PROPOFOL, REQUIRED, LibraryTalk, commit_of, program

from pump.core import states


@pytest.mark.requirement("DOSE-12", "DOSE-14")
def test_the_hash_covers_drug_version_and_every_entry():
    other = [KETAMINE, {**PROPOFOL, "concentrations": "20mg/mL"}]
    hashes = set()
    for load in (None, {}, {"version": "2"}, {"name": "other"}, {"entries": other}):
        talk = LibraryTalk()
        if load is None:
            hashes.add(talk.ask(program(drug=None)).split("plan=")[1][:8])
            continue
        entries = load.pop("entries", ENTRIES)
        assert " ok " in talk.load(entries, **load)
        hashes.add(talk.ask(program()).split("plan=")[1][:8])
    assert len(hashes) == 5


@pytest.mark.requirement("DOSE-14")
def test_a_drug_is_said_with_its_plan():
    talk = LibraryTalk()
    talk.load()
    answer = talk.ask(program())
    assert " drug=ketamine-depression " in answer and "cut=yes" not in answer
    crc = commit_of()["crc"]
    assert "drug=ketamine-depression@bench:1:%s" % crc in talk.events("programmed")[0]
    assert " drug=ketamine-depression " in talk.ask("status")
    talk.ask("start plan=" + answer.split("plan=")[1].split(" ")[0])
    assert " drug=ketamine-depression " in "".join(talk.hal.link.sent.decode())


@pytest.mark.requirement("DOSE-14")
@pytest.mark.parametrize(
    "drug, accepts",
    [
        ("ketamine", "ketamine-depression"),
        ("propofo", "propofol"),
        ("k", "none"),
        ("morphine", "none"),
        ("x" * 100, "none"),
    ],
)
def test_an_unknown_drug_is_refused_and_near_ones_are_named(drug, accepts):
    for board in (BOARD, REQUIRED):
        talk = LibraryTalk(board=board)
        talk.load()
        answer = talk.ask(program(drug=drug))
        assert "code=unknown-drug field=drug" in answer and "accepts=%s " % accepts in answer
        assert talk.pump.controller.state == states.IDLE
        bare = LibraryTalk(board=board)
        assert "code=unknown-drug" in bare.ask(program()), "no library, no drug"


@pytest.mark.requirement("DOSE-14")
def test_without_a_drug_only_where_the_board_says_so_and_then_it_is_told():
    talk = LibraryTalk()
    said = talk.ask(program(drug=None))
    assert " ok " in said and " library=none " in said
    assert " library=none" in talk.events("programmed")[0]
    assert " library=none " in talk.ask("status")
    talk.ask("clear")
    talk.load(version="x")
    assert " drug=none " in talk.ask(program(drug=None))
    assert " drug=none" in talk.events("programmed")[0]
    assert " drug=none " in talk.ask("status")
    strict = LibraryTalk(board=REQUIRED)
    assert "code=missing-field field=drug" in strict.ask(program(drug=None))
    strict.load()
    assert "code=missing-field field=drug" in strict.ask(program(drug=None))
    assert " ok " in strict.ask(program())


@pytest.mark.requirement("DOSE-14")
def test_a_library_is_shown_in_telemetry_while_a_plan_is_in_memory():
    talk = LibraryTalk()

    def sample():
        return "".join("%s=%s " % pair for pair in talk.pump.session.report.telemetry(0))

    assert "library=" not in sample() and "drug=" not in sample()
    plan = talk.ask(program(drug=None)).split("plan=")[1].split(" ")[0]
    assert "library=none " in sample()
    talk.ask("start plan=" + plan)
    assert "library=none " in sample()


@pytest.mark.requirement("DOSE-14")
def test_into_a_vein_only():
    talk = LibraryTalk()
    talk.load()
    for route in ("im", "sc", "IV", "po", "intravenous"):
        for drug in ("ketamine-depression", None):
            answer = talk.ask(program(route=route, drug=drug))
            assert "code=route field=route given=%s accepts=iv" % route in answer
    assert " ok " in talk.ask(program(route="iv"))


@pytest.mark.requirement("DOSE-07", "DOSE-14")
@pytest.mark.parametrize(
    "changes, code, field",
    [
        ({"dose": "1.01mg/kg", "over": "90min", "concentration": "2mg/mL"}, "hard-limit", "dose"),
        ({"over": "19.999min"}, "hard-limit", "over"),
        ({"over": "19.999min", "dose": "1mg/kg"}, "capacity", "volume"),
        ({"over": "35min", "dose": "1mg/kg", "concentration": "2mg/mL"}, "hard-limit", "rate"),
        ({"concentration": "10mg/mL"}, "hard-limit", "concentration"),
        ({"concentration": None}, "missing-field", "concentration"),
    ],
)
def test_the_entry_limits_the_plan(changes, code, field):
    talk = LibraryTalk()
    talk.load()
    answer = talk.ask(program(**changes))
    assert " err code=%s field=%s " % (code, field) in answer


def test_an_entry_that_flash_has_changed_since_power_on_is_not_used():
    talk = LibraryTalk()
    talk.load()
    records = talk.hal.store.records
    records["library-1"] = records["library-1"].replace(b"0.75mg", b"0.95mg")
    answer = talk.ask(program())
    assert "code=bad-crc" in answer or "code=bad-library" in answer
    records["library-1"] = records["library-1"].replace(b"*", b"+")
    assert "code=bad-library" in talk.ask(program())
