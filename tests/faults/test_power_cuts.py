"""Power cut at every flash operation of a whole infusion: before it, in its midst, after it.

The infusion is short and has a pause, so that journal and event ring are written in all their
states; the first pass counts the flash operations, then each is cut once in each way. What the
pump knows afterwards is compared with the STEP edges at the pin.
"""

import re

import pytest

from pump.core.journal import SLOTS, newest
from tests.faults.rig import motor_off
from tests.timing.drive import BOOT_US, Driven

THERAPY = "rate=60mL/h volume=0.1mL syringe=bd-60"  # 720 steps, 6 s
STEPS = 720
HZ = 121
BOUND = 1.1 * HZ + 1  # PWR-05
PAUSE_AFTER_US = 2_500_000
SLICES = 1100
SLICE_US = 10_000
WAYS = ("before", "midst", "after")
EVENT = re.compile(rb"^!(\d+) event t=\d+ms boot=(\d+) name=([a-z-]+)[^\n]*\*[0-9A-F]{4}$", re.M)


class Cut:
    """Counts flash operations from now on, and cuts the power at one of them."""

    def __init__(self, bench, operation: int = 0, way: str = "") -> None:
        self.operations = 0
        self.state = ""  # of the pump when the cut came
        self.edges = 0  # at the pin by then
        self._bench = bench
        self._operation = operation
        self._way = way
        self._burn = bench.flash._burn
        bench.flash._burn = self.burn

    def burn(self, pages: int) -> None:
        self.operations += 1
        if self.operations != self._operation:
            self._burn(pages)
        elif self._way == "before":
            self._cut()
        else:
            world = self._bench.world
            begun = world.now
            if self._way == "midst":
                world.at(begun + 200 * 125, self._cut)
            self._burn(pages)
            world.at(world.now + 125, self._cut)

    def _cut(self) -> None:
        pump = self._bench.pump()
        self.state = pump.controller.state if pump else "post"
        self._bench.world.sync()
        self.edges = self._bench.step_edges
        self._bench.world.die("power-on")


def live(pump: Driven) -> None:
    """The infusion, with a pause, until it is complete or a reset has come."""
    start = pump.send("program " + THERAPY)
    asked = {"start": False, "pause": False, "resume": False}
    begun = 0
    for _ in range(SLICES):
        pump.run_us(SLICE_US)
        now_us = pump.world.now_us()
        plan = re.search(rb"^%s ok plan=(\w+)" % start.encode(), pump.sent, re.M)
        if pump.bench.boots or b"name=complete" in pump.sent and now_us > begun + 9_000_000:
            return
        if plan and not asked["start"]:
            asked["start"] = True
            begun = now_us
            pump.send("start plan=" + plan.group(1).decode())
        elif begun and now_us > begun + PAUSE_AFTER_US and not asked["pause"]:
            asked["pause"] = True
            pump.send("pause")
        elif begun and now_us > begun + PAUSE_AFTER_US + 1_500_000 and not asked["resume"]:
            asked["resume"] = True
            pump.send("resume")


def cut_at(operation: int, way: str) -> tuple:
    """The pump after the cut has come up, and the cut."""
    pump = Driven()
    cut = Cut(pump.bench, operation, way)
    live(pump)
    assert pump.bench.boots == 1, (operation, way)
    said = len(pump.sent)
    pump.run_us(BOOT_US + 2_000_000)
    return pump, cut, said


def whole_log(pump: Driven) -> list:
    """All events of the log: (boot, number, name)."""
    events = []
    since = "0:0"
    while True:
        before = len(pump.sent)
        reply = pump.ask("log since=" + since)
        pump.run_us(100_000)
        found = EVENT.findall(pump.sent[before:])
        events += [(int(boot), int(number), name.decode()) for number, boot, name in found]
        if "more=yes" not in reply:
            return events
        since = "%d:%d" % events[-1][:2]


@pytest.fixture(scope="module")
def operations() -> int:
    """How many flash operations a whole infusion has, from the first request on."""
    pump = Driven()
    cut = Cut(pump.bench)
    live(pump)
    assert pump.bench.step_edges == STEPS
    assert b"name=complete" in pump.sent
    pump.close()
    assert cut.operations > 12
    return cut.operations


@pytest.mark.requirement("PWR-05", "PWR-10", "PWR-11", "LOG-02", "LOG-07", "STOP-15", "STOP-16")
@pytest.mark.parametrize("way", WAYS)
def test_every_flash_operation_cut(operations, way):
    moving = 0
    for operation in range(1, operations + 1):
        pump, cut, said = cut_at(operation, way)
        where = (operation, way, cut.state)
        moving += cut.state == "infusing"
        comes_up_knowing(pump, cut, pump.sent[said:].decode(), where)
        log_is_whole(pump, pump.sent[:said], where)
        pump.close()
    assert moving > 4, "cuts while it moved"


def comes_up_knowing(pump: Driven, cut: Cut, sent: str, where: tuple) -> None:
    """At rest, stopped if a run was interrupted, what was delivered known to within the bound."""
    pump.board = pump.bench.loader.module("board")
    records = [pump.bench.flash.files.get("/journal-%d.rec" % n, b"") for n in range(SLOTS)]
    number, entry = newest(records)
    assert number and entry.boot == 2, where
    assert " boot=2 " in pump.ask("info") and "boot=2 name=boot reset=power-on" in sent, where
    edges = pump.bench.step_edges
    pump.run_us(3_000_000)
    assert pump.bench.step_edges == edges == cut.edges, where
    assert motor_off(pump), where
    status = pump.ask("status")
    if cut.state in ("infusing", "paused"):
        assert "state=stopped cause=reset latched=yes" in status, (where, status)
        known = int(re.search(r" steps=(\d+)", status).group(1))
        assert known <= cut.edges <= known + BOUND, (where, known, cut.edges)
    assert "state=infusing" not in status and "state=paused" not in status, where


def log_is_whole(pump: Driven, sent: bytes, where: tuple) -> None:
    """Numbers rise by one in each boot; of the boot that was cut only the end may be missing."""
    events = whole_log(pump)
    numbers: dict = {}
    for boot, number, _ in events:
        assert number == numbers.get(boot, 0) + 1, (where, events)
        numbers[boot] = number
    assert sorted(numbers) in ([1, 2], [2]), (where, events)
    said = EVENT.findall(sent)
    kept = [event for event in events if event[0] == 1]
    told = [(1, int(number), name.decode()) for number, _, name in said]
    assert kept == told[: len(kept)], where
    assert len(told) - len(kept) <= 8, (where, "more than one write is missing")


@pytest.mark.requirement("PWR-10", "LOG-02")
@pytest.mark.parametrize("operation", [2, 5, 9])
def test_a_record_torn_by_the_cut_is_not_believed(operation):
    """Harsher than littlefs: half of the record is there."""
    pump = Driven()
    bench = pump.bench
    original = bench.flash.commit
    torn = [0]

    def commit(path: str, data: bytes) -> None:
        torn[0] += 1
        if torn[0] == operation:
            old = bench.flash.files.get(path, b"")
            keep = len(old) if data.startswith(old) and path.startswith("/events") else 0
            bench.flash.files[path] = data[: keep + (len(data) - keep) // 2]
            bench.world.die("power-on")
        original(path, data)

    bench.flash.commit = commit
    live(pump)
    assert bench.boots == 1
    edges = bench.step_edges
    pump.run_us(BOOT_US + 2_000_000)
    known = int(re.search(r" steps=(\d+)", pump.ask("status")).group(1))
    assert known <= edges <= known + 2 * BOUND, "the other slot is one write older"
    assert [event[0] for event in whole_log(pump)][-1] == 2
    pump.close()
