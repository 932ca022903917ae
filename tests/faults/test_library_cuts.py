"""Power cut at every flash operation of loading a drug library, on the whole firmware: before it,
in its midst, after it. The library in use is the old one or the new one, and nobody is told that
one was spoilt."""

import pytest

from tests.faults.test_power_cuts import Cut
from tests.timing.drive import BOOT_US, Driven
from titra.library import Entry, Library

DRUG = {"drug": "any", "route": "iv", "concentrations": "1mg/mL", "dose": "..0.5mg/kg<1mg/kg"}
OLD = Library("bench", "1", tuple(Entry({"id": id, **DRUG}) for id in ("a", "b")))
NEW = Library("bench", "2", tuple(Entry({"id": id, **DRUG}) for id in ("a", "c", "d")))


def words(fields) -> str:
    return " ".join("%s=%s" % pair for pair in fields.items())


def requests(library: Library) -> list:
    rows = enumerate(library.entries, 1)
    loads = ["library-load n=%d %s" % (number, words(entry.fields)) for number, entry in rows]
    return [*loads, "library-commit " + words(library.head)]


def load(pump: Driven, library: Library) -> None:
    """As far as it gets, and until its events are written."""
    for text in requests(library) + ["heartbeat"] * 3:
        pump.send(text)
        for _ in range(20):
            pump.run_us(10_000)
            if pump.bench.boots:
                return


@pytest.fixture(scope="module")
def operations() -> int:
    """How many flash operations a load has, events and all."""
    pump = Driven()
    load(pump, OLD)
    cut = Cut(pump.bench)
    load(pump, NEW)
    assert words(NEW.head) in pump.ask("library")
    pump.close()
    assert cut.operations > 6
    return cut.operations


@pytest.mark.requirement("PWR-04", "PWR-05")
@pytest.mark.parametrize("way", ["before", "midst", "after"])
def test_every_flash_operation_of_a_load_cut(operations, way):
    seen = []
    for operation in range(1, operations + 1):
        pump = Driven()
        load(pump, OLD)
        Cut(pump.bench, operation, way)
        load(pump, NEW)
        assert pump.bench.boots == 1, (operation, way)
        said = len(pump.sent)
        pump.run_us(BOOT_US + 500_000)
        boot = pump.sent[said:].decode()
        assert "name=boot" in boot and "library=crc" not in boot and "post-failed" not in boot
        used = pump.ask("library")
        found = next(each for each in (OLD, NEW) if words(each.head) in used)
        for number, entry in enumerate(found.entries, 1):
            assert words(entry.fields) in pump.ask("library n=%d" % number), (operation, way)
        seen.append(found)
        pump.close()
    assert seen[0] is OLD and seen == sorted(seen, key=lambda each: each is NEW)
