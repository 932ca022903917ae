"""The simulated ESP32: RMT of both generations, pulse counter, console UART, and what is odd."""

import pytest

from boards.sim.esp32 import Esp32World
from boards.sim.standins.esp32 import pcnt_class, rmt_class
from boards.sim.standins.esp32_machine import Esp32Machine, Esp32Select, UartStream
from boards.sim.standins.small import never
from boards.sim.uart import UartSerial
from boards.sim.world import SimulatedReset

STEP, COUNT = 25, 22
US = 125  # cycles
TICK = 50  # cycles of 2.5 MHz


class Chip:
    """One chip with edges of STEP kept; STEP and COUNT are joined by a wire."""

    def __init__(self, modern: bool = True) -> None:
        self.world = Esp32World()
        self.machine = Esp32Machine(self.world)
        self.RMT = rmt_class(self.world, modern)
        self.edges: list = []
        self.said = b""
        self.world.complain = self._complain
        self.world.pads.watch(STEP, self._edge)

    def _complain(self, text: bytes) -> None:
        self.said += text

    def _edge(self, pin, level, first, period, count) -> None:
        self.edges += [(first + period * k, level) for k in range(count)]
        self.world.pads.relay(COUNT, level, first, period, count)

    def rmt(self, symbols: int = 64):
        pin = self.machine.Pin(STEP, self.machine.Pin.OUT, value=0)
        if hasattr(self.RMT, "bitstream_rmt"):
            return self.RMT(pin=pin, resolution_hz=2_500_000, num_symbols=symbols)
        return self.RMT(0, pin=pin, clock_div=32)

    def run(self, us: int) -> None:
        self.world.sleep(self.world.now + us * US, never)
        self.world.sync()

    def rises(self) -> list:
        return [at for at, level in sorted(self.edges) if level]

    def widths(self) -> list:
        ordered = sorted(self.edges)
        return [b - a for (a, up), (b, _) in zip(ordered, ordered[1:], strict=False) if up]


@pytest.fixture(params=[True, False], ids=["1.27", "1.26"])
def chip(request):
    return Chip(request.param)


def test_a_train_is_played_to_the_tick_without_the_cpu(chip):
    rmt = chip.rmt()
    rmt.write_pulses([100, 12, 488, 12, 250, 12], [0, 1, 0, 1, 0, 1])
    begun = chip.world.now
    chip.world.stall_us(1_000)
    chip.world.sync()
    assert chip.rises() == [begun + 100 * TICK, begun + 600 * TICK, begun + 862 * TICK]
    assert chip.widths() == [12 * TICK] * 3
    assert chip.world.pads.level(STEP) == 0


def test_alternating_levels_and_split_waits_are_the_same(chip):
    rmt = chip.rmt()
    rmt.write_pulses([10, 12, 60, 12], False)
    rmt.write_pulses([10, 12, 30, 30, 12], [0, 1, 0, 0, 1])
    chip.run(1_000)
    rises = chip.rises()
    assert rises[1] - rises[0] == rises[3] - rises[2] == 72 * TICK


def test_a_second_train_waits_and_leaves_a_gap(chip):
    rmt = chip.rmt()
    rmt.write_pulses([2500, 12], [0, 1])
    over = chip.world.now + 2512 * TICK
    rmt.write_pulses([2, 12], [0, 1])
    assert chip.world.now >= over
    chip.run(1_000)
    first, second = chip.rises()
    assert second - first > 12 * TICK + 20 * US, "the driver takes its time"


def test_a_duration_has_fifteen_bits_and_none_ends_the_train(chip):
    rmt = chip.rmt()
    rmt.write_pulses([32767 + 1, 12], [0, 1])
    chip.run(20_000)
    assert chip.rises() == []
    with pytest.raises(ValueError):
        rmt.write_pulses([], [])


def test_whoever_takes_the_pin_cuts_the_train_off(chip):
    rmt = chip.rmt()
    rmt.write_pulses([100, 12] * 20, [0, 1] * 20)
    chip.run(200)
    made = len(chip.rises())
    chip.machine.Pin(STEP, chip.machine.Pin.OUT, value=0)
    chip.run(5_000)
    assert 0 < made == len(chip.rises()) < 20
    rmt.write_pulses([100, 12], [0, 1])
    chip.run(5_000)
    assert len(chip.rises()) == made, "and its channel stays cut off"


@pytest.mark.requirement("HW-02")
@pytest.mark.parametrize("pulses, runs_away", [(63, False), (64, True), (100, True)])
def test_a_train_beyond_the_memory_runs_away_when_the_cpu_stands_still(chip, pulses, runs_away):
    """That is why the port never gives it one."""
    rmt = chip.rmt()
    rmt.write_pulses([1250, 12] * pulses, [0, 1] * pulses)
    chip.world.stall_us(400_000)
    chip.world.sync()
    assert (len(chip.rises()) > pulses) == runs_away
    if not runs_away:
        assert len(chip.rises()) == pulses


def test_beyond_the_memory_all_is_well_while_interrupts_are_served(chip):
    rmt = chip.rmt()
    rmt.write_pulses([1250, 12] * 200, [0, 1] * 200)
    chip.run(400_000)
    assert len(chip.rises()) == 200


def test_ending_a_long_train_early_crashes_the_chip():
    chip = Chip()
    rmt = chip.rmt()
    rmt.write_pulses([30_000, 12] * 30, [0, 1] * 30)
    with pytest.raises(SimulatedReset):
        rmt.active(False)
    chip = Chip()
    rmt = chip.rmt()
    rmt.write_pulses([30_000, 12] * 5, [0, 1] * 5)
    assert rmt.active() and not rmt.wait_done()
    rmt.active(False)
    assert not rmt.active()


def test_the_older_driver_prints_while_one_waits():
    chip = Chip(modern=False)
    rmt = chip.rmt()
    rmt.write_pulses([1000, 12], [0, 1])
    assert not rmt.wait_done() and b"wait_tx_done" in chip.said
    chip.run(1_000)
    assert rmt.wait_done()


def test_memory_and_channels_run_out():
    chip = Chip()
    for _ in range(4):
        chip.rmt(128)
    with pytest.raises(OSError):
        chip.rmt()
    chip = Chip(modern=False)
    rmt = chip.rmt()
    with pytest.raises(OSError):
        chip.rmt()
    rmt.deinit()
    chip.rmt()
    with pytest.raises(OSError):
        rmt.write_pulses([1, 1], False)


# ---- pulse counter ------------------------------------------------------------------------------


def counting(chip, **options):
    pcnt = pcnt_class(chip.world)
    pin = chip.machine.Pin(COUNT, chip.machine.Pin.IN)
    counter = pcnt(0, pin=pin, rising=pcnt.INCREMENT, falling=pcnt.IGNORE, **options)
    counter.start()
    return counter


def test_the_counter_filters_short_pulses():
    chip = Chip()
    counter = counting(chip, filter=80)  # 1 us
    chip.rmt().write_pulses([100, 2, 100, 3, 100, 12], False)
    chip.run(1_000)
    assert len(chip.rises()) == 3 and counter.value() == 2


@pytest.mark.parametrize(
    "most, made, shown", [(0, 40_000, 40_000 - 65_536), (32_767, 40_000, 7_233)]
)
def test_the_counter_has_sixteen_bits(most, made, shown):
    chip = Chip()
    counter = counting(chip, max=most)
    chip.world.pads.relay(COUNT, 1, 1_000, 500, made)
    chip.world.pads.relay(COUNT, 0, 1_100, 500, made)
    assert counter.value() == shown


# ---- the rest -----------------------------------------------------------------------------------


def test_interrupts_are_soft_and_some_pins_inputs():
    machine = Chip().machine
    with pytest.raises(TypeError):
        machine.Pin(STEP).irq(print, machine.Pin.IRQ_FALLING, hard=True)
    with pytest.raises(ValueError):
        machine.Timer(0, mode=0, period=1, callback=print, hard=True)
    with pytest.raises(ValueError):
        machine.Timer(-1)
    with pytest.raises(ValueError):
        machine.Pin(34, machine.Pin.OUT)


def test_a_poll_ends_with_a_tick_of_the_scheduler():
    chip = Chip()
    uart = UartSerial(chip.world)
    poller = Esp32Select(chip.world).poll()
    poller.register(UartStream(chip.world, uart), 1)
    chip.run(1_234)
    assert poller.poll(3) == []
    assert 9_000 <= chip.world.now_us() <= 10_100
    uart.host_write(b"x")
    assert poller.poll(1_000) != []
    assert chip.world.now_us() <= 10_300


def test_the_ring_of_the_uart_takes_259_bytes_and_loses_the_rest():
    chip = Chip()
    uart = UartSerial(chip.world)
    uart.host_write(bytes(300))
    chip.run(30_000)
    assert uart.lost == 41 and len([uart.take() for _ in range(259)]) == 259
    assert not uart.readable()


def test_a_write_takes_the_time_of_its_bytes_once_the_fifo_is_full():
    chip = Chip()
    uart = UartSerial(chip.world)
    before = chip.world.now_us()
    UartStream(chip.world, uart).write(bytes(128))
    assert chip.world.now_us() - before < 200
    UartStream(chip.world, uart).write(bytes(100))
    assert 8_500 <= chip.world.now_us() - before <= 9_000


def test_what_outlives_which_reset():
    chip = Chip()
    rtc = chip.machine.RTC()
    rtc.memory(b"kept")
    for cause, number in (("watchdog", 3), ("reset", 2), ("power-on", 1)):
        chip.world.reset(cause)
        assert chip.machine.reset_cause() == number
        assert rtc.memory() == (b"" if cause == "power-on" else b"kept")
    chip.world.soft_reset()
    assert chip.machine.reset_cause() == 5
