"""What core and app rely on, asked of every port: stop, fuse, counter, link, store, wait.

Written against ``pump/hal.py`` alone; ``asking`` says how a port takes part.
"""

import binascii

import pytest

from pump import hal as contract
from tests.contract.asking import (
    MS,
    US,
    S,
    allow,
    fast,
    need,
    run_words,
    ticks_ns,
    timed,
)

# ---- stop input ---------------------------------------------------------------------------------


@pytest.mark.requirement("STOP-01")
def test_the_loop_stops_motion_and_it_stays_stopped(jig, hal):
    need(hal, contract.HARD_STOP)
    generator = hal.generator
    generator.arm()
    allow(hal)
    while generator.room():
        generator.put(min(9, generator.max_count), fast(hal))
    generator.run()
    jig.run_ns(2 * MS + 12_345)
    pressed = jig.now_ns()
    jig.press()
    jig.run_ns(100 * US)
    jig.release()
    jig.run_ns(100 * MS)
    made = jig.rises_ns()
    assert made and made[-1] <= pressed + 1_000
    assert not hal.fuse.allows()
    assert len(run_words(jig, [(3, fast(hal))])) == 3, "arm starts it again"


@pytest.mark.requirement("STOP-05")
@pytest.mark.parametrize("open_ns", [1_000, 20_000, 5_000_000])
def test_opened_latches_a_short_opening(jig, hal, open_ns):
    stop = hal.stop
    assert stop.rearm() and not stop.opened() and not stop.is_open()
    jig.at_ns(3 * MS, jig.press)
    jig.at_ns(3 * MS + open_ns, jig.release)
    jig.run_ns(20 * MS)
    assert not stop.is_open()
    assert stop.opened() and stop.opened(), "until rearm"
    assert stop.rearm()
    assert not stop.opened()


@pytest.mark.requirement("STOP-06")
def test_rearm_refuses_while_the_loop_is_open_and_forgets_nothing(jig, hal):
    jig.press()
    jig.run_ns(MS)
    assert hal.stop.is_open() and not hal.stop.rearm() and hal.stop.opened()
    jig.release()
    jig.run_ns(MS)
    assert hal.stop.opened()
    assert hal.stop.rearm() and not hal.stop.opened()


@pytest.mark.requirement("STOP-05")
@pytest.mark.parametrize("ask", ["rearm", "restless"])
@pytest.mark.parametrize("after_ns", range(0, 12_000, 400))
def test_an_opening_amid_a_question_is_not_forgotten(jig, hal, ask, after_ns):
    """Opened for a moment at any instant from the call on: this answer or the next one tells."""
    stop = hal.stop
    assert stop.rearm() and not stop.restless() and not stop.restless()
    jig.at_ns(after_ns, jig.press)
    jig.at_ns(after_ns + 200, jig.release)
    answer = getattr(stop, ask)()
    jig.run_ns(100 * US)
    told = stop.opened() if ask == "rearm" else answer or stop.restless()
    assert told


@pytest.mark.requirement("STOP-09")
def test_a_loop_open_since_power_on_is_seen(jig):
    jig.press()
    jig.cut_power_during(lambda: None, MS)
    assert jig.hal.stop.is_open() and jig.hal.stop.opened()


# ---- dose fuse ----------------------------------------------------------------------------------


@pytest.mark.requirement("DEL-05")
@pytest.mark.parametrize("steps", [0, 1, 2, 7, 30])
def test_the_fuse_lets_exactly_so_many_pass_each_time(jig, hal, steps):
    for _ in range(2):
        before = len(jig.rises_ns())
        hal.generator.arm()
        hal.fuse.arm(steps)
        jig.run_ns(10 * US)
        assert hal.fuse.allows() == (steps > 0)
        while hal.generator.room():
            hal.generator.put(5, fast(hal))
        hal.generator.run()
        jig.run_ns(50 * MS)
        assert len(jig.rises_ns()) - before == min(steps, 5 * hal.generator.depth)
        assert not hal.fuse.allows()


@pytest.mark.requirement("DEL-05")
def test_disarm_forbids_and_the_rest_is_forgotten(jig, hal):
    hal.fuse.arm(100)
    jig.run_ns(10 * US)
    hal.fuse.disarm()
    assert not hal.fuse.allows()
    hal.generator.arm()
    hal.generator.put(3, fast(hal))
    hal.generator.run()
    jig.run_ns(10 * MS)
    assert jig.rises_ns() == []


@pytest.mark.requirement("STOP-01")
@pytest.mark.parametrize("open_ns", [0, MS])
def test_a_fuse_armed_with_the_loop_open_allows_nothing(jig, hal, open_ns):
    """Just open, or open for so long that every interrupt of it is past."""
    jig.press()
    jig.run_ns(open_ns)
    hal.fuse.arm(100)
    jig.run_ns(MS)
    assert not hal.fuse.allows()
    jig.release()
    jig.run_ns(MS)
    assert not hal.fuse.allows()


def test_the_fuse_takes_its_largest_number(jig, hal):
    hal.fuse.arm(2**32 - 2)
    jig.run_ns(MS)
    assert hal.fuse.allows()


# ---- step counter -------------------------------------------------------------------------------

MORE_THAN_16_BITS = 70_000


@pytest.mark.requirement("DEL-06")
def test_reading_the_counter_does_not_disturb_it(jig, hal):
    need(hal, contract.COUNTER)
    generator = hal.generator
    generator.arm()
    allow(hal)
    while generator.room():
        generator.put(min(100, generator.max_count), generator.min_step_ticks)
    generator.run()
    last = 0
    for _ in range(300):
        before = len(jig.rises_ns())
        read = hal.counter.steps()
        assert before <= read <= len(jig.rises_ns())
        assert last <= read
        last = read
    steps = 8 * min(100, generator.max_count)
    jig.run_ns(int(steps * ticks_ns(hal, generator.min_step_ticks)))
    assert hal.counter.steps() == len(jig.rises_ns()) == steps


@pytest.mark.requirement("DEL-06")
def test_the_counter_outlives_arm_and_halt(jig, hal):
    need(hal, contract.COUNTER)
    for round_ in range(1, 4):
        run_words(jig, [(3, fast(hal))])
        hal.generator.halt()
        assert hal.counter.steps() == 3 * round_


@pytest.mark.requirement("DEL-06")
def test_the_counter_goes_on_where_the_chips_own_begins_anew(jig, hal):
    need(hal, contract.COUNTER)
    generator = hal.generator
    left = MORE_THAN_16_BITS
    generator.arm()
    allow(hal, left)
    generator.run()
    while left:
        while left and generator.room():
            count = min(left, generator.max_count)
            generator.put(count, generator.min_step_ticks)
            left -= count
        jig.run_ns(50 * MS)
        hal.counter.steps()
    jig.run_ns(S)
    assert hal.counter.steps() == len(jig.rises_ns()) == MORE_THAN_16_BITS


# ---- serial link --------------------------------------------------------------------------------


PASSES = 70  # of 1 ms; 512 bytes take 45 ms over a UART


def write(jig, data: bytes, done: int) -> int:
    return timed(jig, lambda: jig.hal.link.write(memoryview(data)[done:]))


def test_bytes_go_both_ways_in_order(jig, hal):
    sent = bytes(range(256)) * 2
    jig.host_send(sent)
    got = b""
    buffer = bytearray(50)
    for _ in range(PASSES):
        count = timed(jig, lambda: hal.link.read(buffer))
        got += buffer[:count]
        jig.run_ns(MS)
    assert got == sent and hal.link.read(buffer) == 0
    done = 0
    for _ in range(PASSES):
        count = write(jig, sent, done)
        assert 0 <= count <= len(sent) - done
        done += count
        jig.run_ns(MS)
    assert done == len(sent) and jig.host_take() == sent


@pytest.mark.requirement("COM-11")
def test_write_never_waits_for_a_host_that_does_not_read(jig, hal):
    need(hal, contract.FLOW_CONTROL)
    jig.host_reads(False)
    data = bytes(range(200)) * 20
    taken = 0
    while count := write(jig, data, taken):
        taken += count
    assert taken < len(data)
    for _ in range(20):
        assert write(jig, data, taken) == 0
    jig.host_reads(True)
    got = jig.host_take()
    while taken < len(data):
        taken += write(jig, data, taken)
    assert got + jig.host_take() == data, "nothing lost, nothing twice"


@pytest.mark.requirement("COM-11")
def test_the_link_never_waits_for_a_host_that_is_away(jig, hal):
    jig.host_connected(False)
    for _ in range(20):
        timed(jig, lambda: hal.link.write(memoryview(b"x" * 500)))
        assert timed(jig, lambda: hal.link.read(bytearray(9))) == 0
    jig.host_connected(True)
    jig.run_ns(3 * S)
    assert hal.link.write(memoryview(b"again")) == 5
    jig.run_ns(10 * MS)
    assert jig.host_take() == b"again"


# ---- store --------------------------------------------------------------------------------------


def test_a_record_is_kept_replaced_and_absent(jig, hal):
    store = hal.store
    assert store.load("nothing") == b""
    store.save("one", b"\x00\xff old")
    store.save("two", b"")
    assert (store.load("one"), store.load("two")) == (b"\x00\xff old", b"")
    store.save("one", b"new" * 500)
    assert store.load("one") == b"new" * 500
    jig.cut_power_during(lambda: None, MS)
    assert jig.hal.store.load("one") == b"new" * 500


@pytest.mark.requirement("PWR-05")
def test_a_save_is_whole_or_not_at_all(jig):
    """Power is cut at instants all over a save."""
    old, new = b"old" * 100, b"new" * 200
    seen = set()
    for after_us in [*range(0, 4_000, 150), 10_000, 46_000, 60_000, 120_000]:
        jig.hal.store.save("record", old)
        store = jig.hal.store
        jig.cut_power_during(lambda store=store: store.save("record", new), after_us * US)
        found = jig.hal.store.load("record")
        assert found in (old, new), after_us
        seen.add(found)
    assert seen == {old, new}, "the cuts fell before and after"


def test_a_record_grows_and_is_read_in_parts(jig, hal):
    store = hal.store
    store.append("one", b"abc")
    store.append("one", b"")
    store.append("one", b"defg" * 500)
    whole = b"abc" + b"defg" * 500
    assert store.load("one") == whole
    for at, count in ((0, 3), (1, 1), (2, 1000), (2000, 9), (2003, 5), (9999, 1)):
        assert store.read("one", at, count) == whole[at : at + count]
    assert store.read("nothing", 0, 9) == b""
    store.save("one", b"new")
    store.append("one", b"er")
    jig.cut_power_during(lambda: None, MS)
    assert jig.hal.store.load("one") == b"newer"


def test_the_beginning_of_a_record_has_a_digest(jig, hal):
    store = hal.store
    store.save("one", b"abc" * 700)
    for count in (1, 3, 1024, 1025, 2100):
        assert store.digest("one", count) == binascii.crc32((b"abc" * 700)[:count])
    assert store.digest("one", 9999) == store.digest("one", 2100)
    assert store.digest("nothing", 9) == -1


def test_a_cut_append_leaves_what_was_and_a_first_part_of_what_was_to_come(jig):
    """Power is cut at instants all over an append."""
    old, new = b"old" * 100, b"new" * 200
    seen = set()
    for after_us in [*range(0, 4_000, 150), 10_000, 46_000, 60_000, 120_000]:
        jig.hal.store.save("record", old)
        store = jig.hal.store
        jig.cut_power_during(lambda store=store: store.append("record", new), after_us * US)
        found = jig.hal.store.load("record")
        assert found.startswith(old) and (old + new).startswith(found), after_us
        seen.add(len(found))
    assert {len(old), len(old + new)} <= seen, "the cuts fell before and after"


def test_a_file_that_is_not_there_has_no_checksum(hal):
    assert hal.store.checksum("pump/nothing.py") == -1


# ---- wait ---------------------------------------------------------------------------------------


def test_wait_returns_when_due(jig, hal):
    """Not later than 1 ms after, and (called again until then) without spinning."""
    for length_us in (0, 1, 400, 1_000, 1_001, 7_777, 250_000):
        due = hal.clock.now_us() + length_us
        calls = 0
        while hal.clock.now_us() < due:
            hal.wait(due, False)
            calls += 1
        assert hal.clock.now_us() - due <= 1_000 + 100
        assert calls <= 10
    before = hal.clock.now_us()
    hal.wait(before - 5_000, True)
    assert hal.clock.now_us() - before <= 1_000


def early(jig, event, want_write: bool = False) -> int:
    """Microseconds from ``event`` to the end of a long wait in which it came."""
    hal = jig.hal
    start = hal.clock.now_us()
    jig.at_ns(20 * MS, event)
    hal.wait(start + 10_000_000, want_write)
    return hal.clock.now_us() - start - 20_000


def test_wait_ends_early_on_input(jig):
    assert -100 <= early(jig, lambda: jig.host_send(b"x")) <= 1_000


def test_wait_ends_early_on_the_stop_loop(jig):
    assert jig.hal.stop.rearm() and not jig.hal.stop.opened()
    assert -100 <= early(jig, jig.press) <= 1_000


def test_wait_ends_early_when_the_link_takes_bytes_again(jig, hal):
    need(hal, contract.FLOW_CONTROL)
    jig.host_reads(False)
    while hal.link.write(memoryview(b"x" * 64)):
        pass

    def read() -> None:
        jig.host_reads(True)
        jig.host_take()

    assert -100 <= early(jig, read, want_write=True) <= 1_000


def test_wait_does_not_end_for_room_that_nobody_wants(jig, hal):
    start = hal.clock.now_us()
    hal.wait(start + 50_000, False)
    assert hal.clock.now_us() - start >= 49_000


# ---- the number that outlives a reset -----------------------------------------------------------


@pytest.mark.requirement("PWR-05")
@pytest.mark.parametrize("saved", [[0], [5, 6, 7], [250_000, 3], [9, 2**32 - 1, 0], [8, 9, 1, 1]])
def test_the_number_kept_is_the_last_one(hal, saved):
    if hal.hot is None:
        pytest.skip("nothing outlives a reset here")
    for steps in saved:
        hal.hot.save(12, steps)
    assert hal.hot.load(12) == saved[-1]
    assert hal.hot.load(11) == -1
