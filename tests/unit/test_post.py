"""The power-on self-test: each part is broken, each break is named, and nothing has moved."""

from binascii import crc32

import pytest
from fake_hal import BOARD, FakeHal

from pump.app import post
from pump.app.library import Library
from pump.app.settings import Settings
from pump.core import manifest

CYCLE = BOARD.MECHANICS.steps_per_cycle
FILES = {"main.py": b"import board", "pump/hal.py": b"x" * 3000}


def findings_of(hal):
    return post.self_test(hal, BOARD, Settings(hal.store), Library(hal.store))


def flashed():
    hal = FakeHal()
    hal.store.files = dict(FILES)
    listed = [(path, crc32(FILES[path])) for path in FILES]
    hal.store.records[manifest.RECORD] = manifest.pack(listed)
    return hal


@pytest.mark.requirement("PWR-01")
def test_a_sound_pump_passes_in_time_with_its_driver_off():
    hal = flashed()
    switched = []
    hal.driver.enable = switched.append
    found = findings_of(hal)
    assert found.failures == []
    assert [name for name, _ in found.notes] == ["post"]
    assert switched and not any(switched), "the motor gets no current"
    assert hal.clock.us < 500_000
    assert hal.fuse.left == 0 and not hal.generator.running
    assert hal.generator.room() == hal.generator.depth


def test_a_cycle_is_what_leaves_the_driver_where_it_was():
    assert CYCLE == 4 * 16
    hal = flashed()
    before = hal.counter.steps()
    findings_of(hal)
    assert (hal.counter.steps() - before) % 2**32 == CYCLE


# ---- RAM --------------------------------------------------------------------------------------


class Broken:
    """Memory in which a bit is stuck or two addresses are one."""

    def __init__(self, size, stuck=None, alias=0):
        self._cells = bytearray(size)
        self._stuck, self._alias = stuck, alias

    def __len__(self):
        return len(self._cells)

    def __setitem__(self, where, data):
        for at, byte in zip(range(where.start, where.stop), data):
            self._cells[at & ~self._alias] = byte

    def __getitem__(self, where):
        got = bytearray(self._cells[at & ~self._alias] for at in range(where.start, where.stop))
        if self._stuck:
            at, bit, value = self._stuck
            if where.start <= at < where.stop:
                got[at - where.start] &= ~(1 << bit)
                got[at - where.start] |= value << bit
        return got


def test_whole_memory_passes():
    assert post.ram_holds(Broken(2048))
    assert post.ram_holds(memoryview(bytearray(post._RAM_BYTES)))


@pytest.mark.requirement("PWR-01")
@pytest.mark.parametrize("bit", range(8))
@pytest.mark.parametrize("value", [0, 1])
@pytest.mark.parametrize("at", [0, 255, 256, 1023])
def test_a_stuck_bit_is_found(at, bit, value):
    assert not post.ram_holds(Broken(1024, stuck=(at, bit, value)))


@pytest.mark.parametrize("line", [1 << bit for bit in range(13)])
def test_an_address_line_that_does_nothing_is_found(line):
    assert not post.ram_holds(Broken(post._RAM_BYTES, alias=line))


def test_bad_ram_is_named(monkeypatch):
    monkeypatch.setattr(post, "ram_holds", lambda memory: False)
    assert findings_of(flashed()).failures == ["ram"]


# ---- files ------------------------------------------------------------------------------------


@pytest.mark.requirement("PWR-01", "PWR-02")
def test_a_changed_or_missing_file_is_named():
    hal = flashed()
    hal.store.files["pump/hal.py"] += b"y"
    found = findings_of(hal)
    assert (found.failures, found.notes[0]) == (["firmware"], ("files", "pump/hal.py"))
    del hal.store.files["main.py"]
    assert findings_of(hal).notes[0] == ("files", "main.py")


def test_without_a_manifest_the_files_are_unverified():
    found = findings_of(FakeHal())
    assert (found.failures, found.notes[0]) == ([], ("files", "unverified"))


@pytest.mark.parametrize("at", range(len(manifest.pack([("main.py", 0x1C2D3E4F)]))))
def test_a_spoilt_manifest_is_a_failure(at):
    hal = flashed()
    record = bytearray(hal.store.records[manifest.RECORD])
    record[at] ^= 1
    for spoilt in (bytes(record), bytes(record[: at + 1])):
        hal.store.records[manifest.RECORD] = spoilt
        assert findings_of(hal).failures == ["firmware"]


def test_a_manifest_reads_as_documented():
    data = manifest.pack([("pump/hal.py", 0x1C2D3E4F), ("main.py", 0)])
    assert data.startswith(b"1C2D3E4F pump/hal.py\n00000000 main.py\n*")
    assert manifest.unpack(data) == [("pump/hal.py", 0x1C2D3E4F), ("main.py", 0)]
    assert manifest.unpack(b"") is None
    assert manifest.unpack(manifest.pack([])) is None


# ---- settings ---------------------------------------------------------------------------------


@pytest.mark.requirement("PWR-02", "PWR-04")
def test_lost_settings_are_a_failure_once():
    hal = flashed()
    hal.store.records["settings-0"] = b"junk"
    found = findings_of(hal)
    assert found.failures == ["settings"]
    assert ("settings", "crc") in found.notes
    assert findings_of(hal).failures == [], "defaults were stored in their place"


def test_settings_of_which_one_copy_is_good_are_no_failure_but_told():
    hal = flashed()
    settings = Settings(hal.store)
    settings.change({})
    settings.change({"supply-warn": "6V"})
    hal.store.records["settings-0"] = b"junk"
    found = findings_of(hal)
    assert (found.failures, found.notes[0]) == ([], ("settings", "crc"))


# ---- steps ------------------------------------------------------------------------------------


def with_steps_from(step):
    """The failures when the generator's steps go through ``step(fuse, counter)``."""
    hal = flashed()
    hal.generator._step = lambda: step(hal.fuse, hal.counter)
    found = findings_of(hal)
    return found.failures


@pytest.mark.requirement("PWR-01", "PWR-02")
def test_a_fuse_that_does_not_blow_is_found():
    def step(fuse, counter):
        counter.count += 1

    assert with_steps_from(step) == ["dose-fuse"]


def test_a_fuse_that_says_it_still_allows_steps_is_found():
    hal = flashed()
    hal.fuse.allows = lambda: True
    assert findings_of(hal).failures == ["dose-fuse"]


def test_a_fuse_that_blows_too_soon_or_one_step_late_is_found():
    for more, cause in ((-1, "step-counter"), (1, "dose-fuse")):
        hal = flashed()
        arm = hal.fuse.arm
        hal.fuse.arm = lambda steps, arm=arm, more=more: arm(steps + more)
        assert findings_of(hal).failures == [cause]


def test_a_counter_that_misses_a_step_or_all_is_found():
    def misses_one(fuse, counter):
        if fuse.left:
            counter.count += fuse.left != 9
            fuse.left -= 1

    assert with_steps_from(misses_one) == ["step-counter"]
    assert with_steps_from(lambda fuse, counter: None) == ["step-counter"]


def test_a_counter_that_counts_twice_is_found():
    def twice(fuse, counter):
        if fuse.left:
            fuse.left -= 1
            counter.count += 2

    assert with_steps_from(twice) == ["dose-fuse"]


def test_a_stuck_generator_is_found():
    hal = flashed()
    hal.generator.stuck = True
    assert findings_of(hal).failures == ["step-counter"]
    assert hal.fuse.left == 0


def test_what_raises_leaves_generator_and_fuse_off():
    hal = flashed()

    def breaks(due_us, want_write):
        raise OSError(5)

    hal.wait = breaks
    with pytest.raises(OSError):
        findings_of(hal)
    assert hal.fuse.left == 0 and not hal.generator.running and not hal.driver.on


@pytest.mark.requirement("PWR-01")
def test_with_the_loop_open_no_step_is_tried():
    hal = flashed()
    hal.stop.press()
    before = hal.counter.steps()
    found = findings_of(hal)
    assert (found.failures, found.notes[0]) == ([], ("steps", "untested"))
    assert hal.counter.steps() == before


def test_a_loop_opened_in_the_midst_is_no_fault_of_the_counter():
    hal = flashed()
    wait = hal.wait

    def press(due_us, want_write):
        wait(due_us, want_write)
        if hal.clock.us > 5_000:
            hal.stop.press()

    hal.wait = press
    found = findings_of(hal)
    assert (found.failures, found.notes[0]) == ([], ("steps", "untested"))


def test_fine_microsteps_need_more_words_than_the_queue_holds():
    hal = flashed()
    board = type(BOARD)(**vars(BOARD))
    board.MECHANICS = type(BOARD.MECHANICS)(microsteps=256)
    assert post.steps_made(hal, board) == (1024, 1024, False)
    assert hal.clock.us < 400_000


# ---- indicators -------------------------------------------------------------------------------


class Lamps:
    """Remembers what was shown."""

    def __init__(self, breaks=False):
        self.shown, self.breaks = [], breaks

    def show(self, sound, colour, on):
        if self.breaks:
            raise OSError(5)
        self.shown.append((sound, colour, on))


@pytest.mark.requirement("PWR-01")
def test_every_lamp_lights_for_a_moment():
    hal = flashed()
    hal.indicators = Lamps()
    found = findings_of(hal)
    assert found.failures == []
    lit = [(colour == "red", colour, True) for colour in ("red", "yellow", "cyan")]
    assert hal.indicators.shown == [*lit, (False, "none", False)]
    assert 3 * post._LAMP_US <= hal.clock.us < 1_000_000
    hal.indicators = Lamps(breaks=True)
    assert findings_of(hal).failures == ["indicators"]


def test_all_that_fails_is_named_in_order():
    hal = flashed()
    hal.store.files = {}
    hal.store.records["settings-1"] = b"junk"
    hal.generator.stuck = True
    hal.indicators = Lamps(breaks=True)
    assert findings_of(hal).failures == ["firmware", "settings", "step-counter", "indicators"]
