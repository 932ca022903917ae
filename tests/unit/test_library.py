"""The drug library: what an entry may say, loading whole or not at all, what a drug limits."""

import pytest
from fake_hal import FakeHal
from library_talk import ENTRIES, KETAMINE, PROPOFOL, LibraryTalk, commit_of, program, text_of

from pump.app.library import Library
from pump.core import library as core
from pump.core import states
from pump.core.bounds import NONE, Bounds
from pump.core.frame import parse, seal
from pump.core.refusal import Refusal

# ---- entries ------------------------------------------------------------------------------------


@pytest.mark.requirement("DOSE-14")
@pytest.mark.parametrize(
    "field, text, code",
    [
        ("id", None, "missing-field"),
        ("drug", None, "missing-field"),
        ("route", None, "missing-field"),
        ("concentrations", None, "missing-field"),
        ("route", "im", "route"),
        ("route", "IV", "route"),
        ("id", "a b", "bad-value"),
        ("id", "x" * 25, "out-of-range"),
        ("concentrations", "1mg/mL,2mg", "bad-unit"),
        ("concentrations", "1mg/mL,", "bad-number"),
        ("concentrations", "2000mg/mL", "out-of-range"),
        ("dose", "1mg/kg", "bad-value"),
        ("dose", "..", "bad-value"),
        ("dose", "..1mg/kg<0.75mg/kg", "bad-value"),
        ("dose", "1mg/kg<0.9mg/kg..2mg/kg", "bad-value"),
        ("dose", "0.9mg/kg..0.8mg/kg<2mg/kg", "bad-value"),
        ("dose", "..0.75mg/kg<1mg", "bad-unit"),
        ("dose", "..<1mg/h", "bad-unit"),
        ("dose", "..<1", "missing-unit"),
        ("dose", "..<1e3mg/kg", "bad-number"),
        ("dose", "..<1000.1mg/kg", "out-of-range"),
        ("dose", "..<1mg/kg<2mg/kg", "bad-number"),
        ("rate", "..1mg/kg/h,", "bad-value"),
        ("lockout", "10", "missing-unit"),
        ("hourly", "1mg/h", "bad-unit"),
        ("colour", "red", "unknown-field"),
    ],
)
def test_what_no_entry_may_say(field, text, code):
    fields = {key: value for key, value in {**KETAMINE, field: text}.items() if value is not None}
    with pytest.raises(Refusal) as refused:
        core.bounds_of(fields, NONE, "")
    assert (refused.value.code, refused.value.field) == (code, field)


def test_a_limit_has_four_places_each_may_be_empty_and_they_may_be_equal():
    rows = core.rows_of("rate", "1mg/h<2mg/h..3mg/h<4mg/h,..5mL/h")
    assert rows == (
        (("rate", "1mg/h", "4mg/h"), ("rate", "", "")),
        (("rate", "2mg/h", "3mg/h"), ("rate", "", "5mL/h")),
    )
    assert core.rows_of("over", "20min<..")[0] == (("over", "20min", ""),)
    assert core.rows_of("over", "20min..1200s<20min")[1] == (("over", "20min", "1200s"),)


def test_an_entry_becomes_bounds_on_top_of_the_boards():
    hard = (("dose", "", "1.5mg/kg"),)
    bounds = core.bounds_of(KETAMINE, Bounds(hard, (), "1min", "1mL"), "word")
    assert bounds.hard[0] == hard[0] and ("over", "20min", "") in bounds.hard
    assert ("rate", "", "1mg/kg/h") in bounds.soft and ("weight", "40kg", "") in bounds.soft
    assert (bounds.lockout, bounds.hourly, bounds.drug) == ("10min", "0.1mg/kg", "word")
    assert bounds.concentrations == ("1mg/mL", "2mg/mL")


def test_the_longest_entry_fits_request_answer_and_flash():
    entry = {**PROPOFOL, "id": "x" * 24}
    spare = core.TEXT_MAX - len(text_of(entry))
    long = {**entry, "concentrations": ",".join(["10mg/mL"] * (1 + spare // 8))}
    long["drug"] += "x" * (core.TEXT_MAX - len(text_of(long)))
    assert len(text_of(long)) == core.TEXT_MAX
    talk = LibraryTalk()
    assert talk.ask("99999 library-load n=1 " + text_of(long)) == "99999 ok n=1"
    talk.ask("99999 library-commit " + text_of(commit_of("n" * 16, "v" * 16, [long])))
    assert talk.ask("99999 library n=1") == "99999 ok n=1 " + text_of(long)
    longer = {**long, "drug": long["drug"] + "x"}
    with pytest.raises(Refusal) as refused:
        core.line_of(longer)
    assert refused.value.code == "too-long"


# ---- loading ------------------------------------------------------------------------------------


@pytest.mark.requirement("PWR-04")
def test_loaded_shown_and_there_after_a_reboot():
    talk = LibraryTalk()
    none = "- ok name=none version=none entries=0 crc=00000000"
    assert talk.ask("library") == none
    assert " library=none " in talk.ask("info") and " library=none " in talk.ask("status")
    talk.ask("library-load n=1 " + text_of(KETAMINE))
    assert len(talk.events("library-loading")) == 1
    talk.ask("library-load n=2 " + text_of(PROPOFOL))
    assert talk.ask("library") == none, "nothing is in use before the commit"
    said = text_of(commit_of())
    assert talk.ask("library-commit " + said) == "- ok " + said
    assert said in talk.events("library")[0]
    for again in (talk, talk.rebooted()):
        assert again.ask("library") == "- ok " + said
        assert again.ask("library n=1") == "- ok n=1 " + text_of(KETAMINE)
        assert again.ask("library n=2") == "- ok n=2 " + text_of(PROPOFOL)
        assert "code=out-of-range field=n given=3 limit=2" in again.ask("library n=3")
        assert " library=bench:1 " in again.ask("info")
        assert " library=bench:1 " in again.ask("status")


@pytest.mark.requirement("PWR-04")
@pytest.mark.parametrize(
    "request_, code",
    [
        ("library-load id=a drug=a route=iv concentrations=1mg/mL", "out-of-range"),
        ("library-load n=0 id=a drug=a route=iv concentrations=1mg/mL", "out-of-range"),
        ("library-load n=3 id=a drug=a route=iv concentrations=1mg/mL", "out-of-range"),
        ("library-load n=2 id=ketamine-depression drug=a route=iv concentrations=1mg/mL",
         "bad-value"),
        ("library-load n=2 id=a drug=a route=iv concentrations=1mg/mL", "bad-value"),
        ("library-load n=2 id=z drug=a route=im concentrations=1mg/mL", "route"),
        ("library-load n=2 id=z drug=a route=iv", "missing-field"),
        ("library-commit name=bench version=1 entries=2 crc=00000000", "bad-library"),
        ("library-commit name=bench version=1 entries=1 crc=00000000", "bad-library"),
        ("library-commit name=bench version=1 entries=1 crc=nonsense", "bad-library"),
        ("library-commit name=bench version=1 entries=1", "missing-field"),
        ('library-commit name="a b" version=1 entries=1 crc=00000000', "bad-value"),
        ("library-commit name=bench version=%s entries=1 crc=0" % ("9" * 17), "out-of-range"),
    ],
)  # fmt: skip
def test_a_refusal_leaves_the_library_in_use_and_what_was_loaded(request_, code):
    talk = LibraryTalk()
    before = talk.load(version="0")
    talk.ask("library-load n=1 " + text_of(KETAMINE))
    assert " err code=%s " % code in talk.ask(request_)
    assert talk.ask("library") == before
    said = text_of(commit_of(entries=[KETAMINE]))
    assert talk.ask("library-commit " + said) == "- ok " + said


@pytest.mark.requirement("PWR-04")
def test_nothing_loaded_is_no_library():
    talk = LibraryTalk()
    said = text_of(commit_of(entries=[]))
    assert "code=bad-library field=entries" in talk.ask("library-commit " + said)
    talk.load()
    assert "code=bad-library" in talk.ask("library-commit " + text_of(commit_of())), "twice"


def test_no_more_entries_than_are_bounded():
    entries = [{**PROPOFOL, "id": "drug-%02d" % n} for n in range(core.ENTRIES)]
    talk = LibraryTalk()
    for number, entry in enumerate(entries, 1):
        talk.ask("library-load n=%d %s" % (number, text_of(entry)))
    more = text_of({**PROPOFOL, "id": "zebra"})
    assert "code=out-of-range field=n" in talk.ask("library-load n=65 " + more)
    assert " ok " in talk.ask("library-commit " + text_of(commit_of(entries=entries)))
    assert "id=drug-63 " in talk.ask("library n=64")


@pytest.mark.requirement("PWR-04")
def test_loading_is_for_where_nothing_can_move():
    talk = LibraryTalk()
    before = talk.load()
    load, commit = (
        "library-load n=1 " + text_of(KETAMINE),
        "library-commit " + text_of(commit_of()),
    )
    plan = talk.ask(program()).split("plan=")[1].split(" ")[0]
    for state in (states.READY, states.INFUSING):
        assert talk.pump.controller.state == state
        assert "code=not-now" in talk.ask(load)
        assert "code=not-now" in talk.ask(commit)
        talk.ask("start plan=" + plan)
    assert talk.ask("library") == before
    assert "n=2 id=propofol" in talk.ask("library n=2"), "reading is for any time"
    talk.hal.link.incoming = b"library-commit name=bench version=1 entries=2 crc=1\n"
    talk.pump.turn()
    assert b"code=crc-required" in talk.hal.link.sent


@pytest.mark.parametrize("at", [1, 2, 3, 4])
def test_flash_that_does_not_take_it_leaves_the_library_in_use(at):
    talk = LibraryTalk()
    before = talk.load()
    store, left = talk.hal.store, [at]
    save = store.save

    def failing(name, data):
        if name.startswith("library"):
            left[0] -= 1
            if not left[0]:
                raise OSError(28)
        save(name, data)

    store.save = failing
    answer = ""
    for text in ("library-load n=1 " + text_of(PROPOFOL),
                 "library-commit " + text_of(commit_of(entries=[PROPOFOL]))):  # fmt: skip
        if " err " not in answer:
            answer = talk.ask(text)
    assert "code=store-failed" in answer
    assert talk.ask("library") == before == talk.rebooted().ask("library")


# ---- at power-on --------------------------------------------------------------------------------

LOADED = LibraryTalk()
LOADED.load(version="1")
LOADED.load(version="2")
RECORDS = LOADED.hal.store.records
SLOTS = [name for name in sorted(RECORDS) if name.startswith("library")]


def boot(records):
    store = FakeHal().store
    store.records = records
    return Library(store)


@pytest.mark.requirement("PWR-04")
@pytest.mark.parametrize("name", ["library-0", "library-0-head"])
def test_a_library_spoilt_at_any_byte_is_refused_and_the_one_before_it_used(name):
    assert boot(dict(RECORDS)).label() == "bench:2"
    data = RECORDS[name]
    for at in range(len(data)):
        for spoilt in (data[:at], data[:at] + bytes([data[at] ^ 4]) + data[at + 1 :]):
            found = boot({**RECORDS, name: spoilt})
            told = bool(spoilt) or name == "library-0"
            assert (found.label(), found.reasons) == ("bench:1", ["crc"] * told), (at, spoilt)
            assert not found.lost()


@pytest.mark.requirement("PWR-04", "PWR-02")
def test_with_no_good_one_the_self_test_fails_once_and_there_is_none():
    talk = LibraryTalk()
    talk.load()
    talk.hal.store.records["library-1"] = talk.hal.store.records["library-1"].replace(b"1m", b"9m")
    again = talk.rebooted()
    assert again.pump.controller.state == states.FAULT
    assert any("name=post-failed what=library" in line for line in again.boot)
    assert any("name=boot" in line and " library=crc " in line for line in again.boot)
    third = again.rebooted()
    assert third.pump.controller.state == states.IDLE
    assert third.ask("library").startswith("- ok name=none")
    assert not any("post-failed" in line for line in third.boot)


def test_the_older_one_is_told_at_power_on():
    hal = FakeHal()
    hal.store.records = {**RECORDS, "library-0": b"junk"}
    talk = LibraryTalk(hal)
    assert any("name=boot" in line and " library=crc " in line for line in talk.boot)
    assert talk.pump.controller.state == states.IDLE
    assert " version=1 " in talk.ask("library")
    talk.load(version="3")
    assert boot(talk.hal.store.records).label() == "bench:3"
    assert boot(talk.hal.store.records).reasons == []


def test_a_head_of_another_format_is_not_believed():
    for head in (b"library number=2\n", seal("library number=2"), seal("library 2 x=1")):
        assert boot({"library-0-head": head}).reasons == ["crc"]


@pytest.mark.requirement("PWR-05")
def test_power_cut_at_any_write_of_a_load_leaves_the_old_or_the_new():
    class PowerCut(BaseException):
        pass

    outcomes = set()
    for operation in range(1, 6):
        for done in (False, True):
            talk = LibraryTalk()
            talk.load(version="1")
            store, left = talk.hal.store, [operation]
            save = store.save

            def cut(name, data, save=save, left=left, done=done):
                if name.startswith("library"):
                    left[0] -= 1
                    if not left[0]:
                        if done:
                            save(name, data)
                        raise PowerCut
                save(name, data)

            store.save = cut
            with pytest.raises(PowerCut):
                talk.load(version="2")
            found = boot(dict(store.records))
            outcomes.add((operation, done, found.label()))
            assert found.reasons == [] and not found.lost()
            assert LibraryTalk(talk.hal).ask("library n=2").endswith(text_of(PROPOFOL))
    assert {label for *_, label in outcomes} == {"bench:1", "bench:2"}
    assert [row for row in outcomes if row[2] == "bench:2"] == [(5, True, "bench:2")]


def test_lines_in_flash_are_lines_of_the_protocol():
    lines = RECORDS["library-0"].split(b"\n")
    assert [parse(line).fields for line in lines[:-1]] == ENTRIES
    assert all(parse(line).checked for line in lines[:-1]) and lines[-1] == b""
