"""machine.Timer of the stand-in: when its callbacks come, and what holds them up."""

import pytest

from boards.sim.standins.machine import Machine
from boards.sim.standins.small import Time
from boards.sim.world import CYCLES_PER_US, World


class Chip:
    """A chip without firmware; ``calls`` are the microseconds at which ``note`` was called."""

    def __init__(self) -> None:
        self.world = World()
        self.machine = Machine(self.world)
        self.time = Time(self.world)
        self.calls: list = []

    def note(self, timer) -> None:
        self.calls.append(self.world.now_us())

    def timer(self, **options):
        return self.machine.Timer(callback=self.note, **options)

    def late(self, period_us: int) -> list:
        """How late each call was."""
        return [us - period_us * (k + 1) for k, us in enumerate(self.calls)]


@pytest.fixture
def chip() -> Chip:
    return Chip()


ENTRY_US = {False: 10, True: 12}  # costs "soft" and "irq"


@pytest.mark.parametrize("hard", [False, True])
@pytest.mark.parametrize(
    ("options", "period_us"),
    [({"period": 10}, 10_000), ({"freq": 250}, 4000), ({"period": 7, "tick_hz": 2000}, 3500)],
)
def test_a_sleeping_cpu_is_called_each_period(chip, hard, options, period_us) -> None:
    chip.timer(hard=hard, **options)
    chip.time.sleep_ms(100)
    assert len(chip.calls) in (100_000 // period_us, 100_000 // period_us - 1)
    base = 10 + period_us  # init took 10 us before it looked at the clock
    assert chip.calls == [base + period_us * k + ENTRY_US[hard] for k in range(len(chip.calls))]


def test_one_shot_comes_once_and_init_starts_anew(chip) -> None:
    timer = chip.timer(mode=chip.machine.Timer.ONE_SHOT, period=3)
    chip.time.sleep_ms(20)
    assert len(chip.calls) == 1
    timer.init(mode=timer.PERIODIC, period=5, callback=chip.note)
    chip.time.sleep_ms(21)
    assert len(chip.calls) == 5
    timer.deinit()
    chip.time.sleep_ms(50)
    assert len(chip.calls) == 5


def test_a_timer_without_arguments_does_nothing_and_ids_are_refused(chip) -> None:
    chip.machine.Timer(-1)
    chip.time.sleep_ms(20)
    with pytest.raises(ValueError, match="doesn't exist"):
        chip.machine.Timer(0)
    with pytest.raises(TypeError):
        chip.machine.Timer(-1, 0)


def test_deinit_inside_the_callback(chip) -> None:
    def once(timer) -> None:
        chip.note(timer)
        timer.deinit()

    for hard in (False, True):
        chip.machine.Timer(freq=1000, callback=once, hard=hard)
    chip.time.sleep_ms(20)
    assert len(chip.calls) == 2


def test_a_busy_cpu_delays_soft_callbacks_only(chip) -> None:
    soft: list = []
    chip.timer(period=1, hard=True)
    chip.machine.Timer(period=1, callback=lambda _: soft.append(chip.world.now_us()))
    chip.world.pause_us(5_500)
    assert (len(chip.calls), len(soft)) == (5, 0)
    chip.time.ticks_us()
    assert len(soft) == 1, "one callback per look at the queue"
    for _ in range(10):
        chip.time.ticks_us()
    assert len(soft) == 5


def test_a_flash_write_delays_both_and_the_soft_queue_overflows(chip) -> None:
    soft: list = []
    chip.timer(period=1, hard=True)
    chip.machine.Timer(period=1, callback=lambda _: soft.append(0))
    chip.world.stall_us(20_500)
    assert len(chip.calls) == 20, "periods missed are made up for at once"
    assert chip.calls[-1] - chip.calls[0] == 19 * ENTRY_US[True]
    assert chip.world.irqs.lost == 20 - 8
    chip.time.sleep_ms(0)
    for _ in range(20):
        chip.time.ticks_us()
    assert len(soft) == 8
    assert chip.world.now_us() < 21_500
    del soft[:]
    chip.time.sleep_ms(10)
    assert len(soft) in (9, 10), "and goes on in its old phase"


def test_an_exception_ends_a_hard_timer_but_not_a_soft_one(chip) -> None:
    def fail(timer) -> None:
        chip.note(timer)
        raise RuntimeError("on purpose")

    chip.machine.Timer(period=1, callback=fail, hard=True)
    chip.time.sleep_ms(10)
    assert len(chip.calls) == 1
    chip.machine.Timer(period=1, callback=fail)
    chip.time.sleep_ms(10)
    assert len(chip.calls) in (10, 11)
    where = [text for text, _ in chip.world.irqs.complaints]
    assert where[0].startswith("Uncaught exception in IRQ") and not where[1]


def test_a_hard_callback_longer_than_its_period_starves_the_program(chip) -> None:
    def slow(timer) -> None:
        chip.note(timer)
        chip.world.busy_us(1500)
        if len(chip.calls) == 50:
            timer.deinit()

    chip.machine.Timer(period=1, callback=slow, hard=True)
    chip.time.sleep_ms(1)
    assert chip.world.now_us() > 50 * 1500


def test_a_soft_callback_longer_than_its_period_does_not(chip) -> None:
    def slow(timer) -> None:
        chip.note(timer)
        chip.world.busy_us(1500)

    chip.machine.Timer(period=1, callback=slow)
    chip.world.pause_us(1100)
    for _ in range(20):
        chip.time.ticks_us()
    assert len(chip.calls) == 20, "the program gets a turn after each"


def test_pulses_made_in_the_callback_are_seen_at_the_pad(chip) -> None:
    edges: list = []
    chip.world.pads.watch(2, lambda pin, level, first, period, count: edges.append((level, first)))
    pin = chip.machine.Pin(2, chip.machine.Pin.OUT, value=0)
    start_us = chip.world.now_us() + 10

    def step(timer) -> None:
        pin.value(1)
        pin.value(0)

    chip.machine.Timer(freq=1000, callback=step, hard=True)
    chip.time.sleep_ms(5)
    entry = ENTRY_US[True] + 7  # the pin's own call
    rises = [cycle // CYCLES_PER_US for level, cycle in edges if level]
    assert rises == [start_us + 1000 * k + entry for k in range(1, 6)]
    assert len(edges) == 10
