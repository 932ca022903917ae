"""Interrupts of the simulated chip: latches, hard and soft, the queue, the locked heap."""

import subprocess
import sys
from pathlib import Path

import pytest

from boards.sim.heap import Gc, Heap
from boards.sim.interrupts import SOFT_QUEUE
from boards.sim.noise import CpuNoise
from boards.sim.standins.machine import Machine
from boards.sim.standins.rp2 import make_rp2
from boards.sim.standins.small import MicroPython, Time
from boards.sim.world import World
from tests.unit.sim_pio_programs import flag_twice

ROOT = Path(__file__).resolve().parents[2]
LOOP = 14


class Chip:
    """A chip without firmware, with pin 14 as an input that the bench drives."""

    def __init__(self) -> None:
        self.world = World()
        self.machine = Machine(self.world)
        self.time = Time(self.world)
        self.micropython = MicroPython(self.world, None)
        self.pin = self.machine.Pin(LOOP, self.machine.Pin.IN, self.machine.Pin.PULL_UP)
        self.world.pads.drive(LOOP, 0)
        self.calls: list = []

    def note(self, argument) -> None:
        self.calls.append(self.world.now_us())

    def pulse_at(self, us: int) -> None:
        """A pulse of 10 us on the pin."""
        for level, at_us in ((1, us), (0, us + 10)):
            at = at_us * 125
            self.world.at(at, lambda level=level: self.world.pads.drive(LOOP, level))


@pytest.fixture
def chip() -> Chip:
    return Chip()


@pytest.mark.parametrize("hard", [False, True])
def test_each_edge_calls_while_the_cpu_attends(chip, hard) -> None:
    chip.pin.irq(chip.note, chip.pin.IRQ_RISING, hard=hard)
    for us in (1000, 2000, 3000):
        chip.pulse_at(us)
    chip.time.sleep_ms(5)
    entry = 12 if hard else 10
    assert chip.calls == [1000 + entry, 2000 + entry, 3000 + entry]


@pytest.mark.parametrize("hard", [False, True])
def test_of_several_edges_during_a_flash_write_one_is_left(chip, hard) -> None:
    irq = chip.pin.irq(chip.note, hard=hard)
    for us in (1000, 2000, 3000):
        chip.pulse_at(us)
    chip.world.stall_us(5000)
    chip.time.sleep_ms(5)
    assert len(chip.calls) == 1
    assert chip.calls[0] >= 5000
    assert irq.flags() == chip.pin.IRQ_RISING | chip.pin.IRQ_FALLING


def test_an_edge_during_its_own_handler_is_served_after_it(chip) -> None:
    def slow(pin) -> None:
        chip.note(pin)
        if len(chip.calls) == 1:
            chip.world.busy_us(500)
            chip.calls.append("end")

    chip.pin.irq(slow, chip.pin.IRQ_RISING, hard=True)
    for us in (1000, 1200, 1300):
        chip.pulse_at(us)
    chip.time.sleep_ms(3)
    assert len(chip.calls) == 3
    assert chip.calls[1] == "end"


def test_edges_before_the_registration_and_of_the_other_kind_do_not_count(chip) -> None:
    chip.pulse_at(100)
    chip.time.sleep_ms(1)
    chip.pin.irq(chip.note, chip.pin.IRQ_FALLING, hard=True)
    chip.world.pads.drive(LOOP, 1)
    chip.time.sleep_ms(1)
    assert chip.calls == []
    chip.pin.irq(None)
    chip.world.pads.drive(LOOP, 0)
    chip.time.sleep_ms(1)
    assert chip.calls == []


def test_a_new_registration_forgets_what_was_latched_for_the_old_one(chip) -> None:
    chip.pin.irq(chip.note, chip.pin.IRQ_RISING, hard=True)
    state = chip.machine.disable_irq()
    chip.world.pads.drive(LOOP, 1)
    chip.pin.irq(chip.note, chip.pin.IRQ_RISING, hard=True)
    chip.machine.enable_irq(state)
    chip.time.sleep_ms(1)
    assert chip.calls == []


def test_disable_irq_nests_as_saved_states_do(chip) -> None:
    chip.pin.irq(chip.note, chip.pin.IRQ_RISING, hard=True)
    outer = chip.machine.disable_irq()
    inner = chip.machine.disable_irq()
    chip.pulse_at(chip.world.now_us() + 10)
    chip.world.busy_us(100)
    chip.machine.enable_irq(inner)
    chip.world.busy_us(100)
    assert chip.calls == []
    chip.machine.enable_irq(outer)
    assert len(chip.calls) == 1


def test_a_hard_handler_that_raises_is_not_called_again(chip) -> None:
    def fail(pin) -> None:
        chip.note(pin)
        raise RuntimeError("on purpose")

    irq = chip.pin.irq(fail, chip.pin.IRQ_RISING, hard=True)
    for us in (1000, 2000):
        chip.pulse_at(us)
    chip.time.sleep_ms(5)
    assert len(chip.calls) == 1
    assert irq.trigger() == 0
    assert isinstance(chip.world.irqs.complaints[0][1], RuntimeError)


def test_the_interrupted_program_does_not_see_what_a_soft_callback_raises(chip) -> None:
    def fail(argument) -> None:
        chip.note(argument)
        raise RuntimeError("on purpose")

    chip.micropython.schedule(fail, 0)
    chip.time.ticks_us()
    assert len(chip.calls) == 1
    assert isinstance(chip.world.irqs.complaints[0][1], RuntimeError)


def test_the_queue_takes_eight_and_schedule_says_when_it_is_full(chip) -> None:
    assert SOFT_QUEUE == 8

    def fill(pin) -> None:
        for _ in range(SOFT_QUEUE):
            chip.micropython.schedule(chip.note, 0)
        with pytest.raises(RuntimeError, match="schedule queue full"):
            chip.micropython.schedule(chip.note, 0)
        assert chip.calls == [], "the scheduler is locked in a hard handler"

    chip.pin.irq(fill, chip.pin.IRQ_RISING, hard=True)
    chip.pulse_at(1000)
    chip.time.sleep_ms(3)
    assert chip.world.irqs.complaints == []
    assert len(chip.calls) == 8


def test_soft_callbacks_do_not_interrupt_each_other(chip) -> None:
    def outer(argument) -> None:
        chip.micropython.schedule(chip.note, 0)
        chip.time.ticks_us()
        chip.time.sleep_ms(1)
        chip.calls.append("outer")

    chip.micropython.schedule(outer, 0)
    chip.time.ticks_us()
    chip.time.ticks_us()
    assert chip.calls[0] == "outer"
    assert len(chip.calls) == 2


def test_a_soft_callback_waits_for_a_collection_a_hard_one_does_not(chip) -> None:
    soft: list = []
    chip.pin.irq(chip.note, chip.pin.IRQ_RISING, hard=True)
    chip.machine.Timer(period=1, callback=lambda _: soft.append(chip.world.now_us()))
    chip.pulse_at(2000)
    gc = Gc(Heap(chip.world))
    gc.collect()
    assert len(chip.calls) == 1
    assert soft == []
    chip.time.ticks_us()
    assert len(soft) == 1


def test_collections_of_an_uneven_cpu_are_seeded(chip) -> None:
    lengths = []
    for seed in (5, 5, 6):
        world = World()
        heap = CpuNoise(world, seed).heap
        gc = Gc(heap)
        world.busy_us(3_000_000)
        before = (world.now, gc.mem_free())
        gc.collect()
        assert gc.mem_free() > before[1], seed
        assert gc.mem_free() + gc.mem_alloc() == 240 * 1024
        lengths.append((heap.collections, world.now - before[0]))
    assert lengths[0] == lengths[1] != lengths[2]
    assert lengths[0][0] > 1
    world = World()
    heap = CpuNoise(world, 5).heap
    Gc(heap).disable()
    world.busy_us(3_000_000)
    assert heap.collections == 0


def test_pio_flags_raised_while_interrupts_are_off_are_one_interrupt(chip) -> None:
    rp2 = make_rp2(chip.world)
    seen: list = []
    machine = rp2.StateMachine(0, flag_twice)
    machine.irq(lambda sm: seen.append(sm), hard=True)
    state = chip.machine.disable_irq()
    machine.active(1)
    chip.world.busy_us(100)
    assert seen == []
    chip.machine.enable_irq(state)
    chip.time.ticks_us()
    assert seen == [machine]


def test_a_pio_handler_that_raises_is_not_called_again(chip) -> None:
    rp2 = make_rp2(chip.world)

    def fail(sm) -> None:
        chip.note(sm)
        raise RuntimeError

    machine = rp2.StateMachine(0, flag_twice, freq=2000)
    machine.irq(fail, hard=True)
    machine.active(1)
    chip.time.sleep_ms(50)
    assert len(chip.calls) == 1


def test_what_is_sure_to_allocate_fails_in_a_hard_handler_on_any_interpreter(chip) -> None:
    raised: list = []
    chip.machine.mem32[0x4005800C] = 1 << 30

    def handler(pin) -> None:
        for act in (
            lambda: chip.machine.mem32[0x4005800C],
            lambda: chip.machine.Timer(-1),
            lambda: chip.pin.irq(),
        ):
            try:
                act()
            except MemoryError as error:
                raised.append(str(error))

    assert chip.machine.mem32[0x4005800C] == 1 << 30
    chip.pin.irq(handler, chip.pin.IRQ_RISING, hard=True)
    chip.pulse_at(1000)
    chip.time.sleep_ms(2)
    assert raised == ["memory allocation failed, heap is locked"] * 3


# Makes a list in a hard handler; everything the stand-ins do in between must work.
ON_MICROPYTHON = """
import sys
sys.path.insert(0, sys.argv[1])
from boards.sim.standins.machine import Machine
from boards.sim.standins.rp2 import make_rp2
from boards.sim.standins.rp2_asm import asm_pio
from boards.sim.standins.small import MicroPython, Time
from boards.sim.world import World

world = World()
machine, time, micropython = Machine(world), Time(world), MicroPython(world, None)
rp2 = make_rp2(world)
@asm_pio()
def echo():
    pull(block)
    mov(isr, osr)
    push(block)
sm = rp2.StateMachine(0, echo)
sm.active(1)
out = machine.Pin(2, machine.Pin.OUT, value=0)
edges = []
world.pads.watch(2, lambda pin, level, first, period, count: edges.append(level))
log = bytearray(8)
soft = []
wdt = machine.WDT(timeout=5000)
callback = soft.append

def tame(timer):
    out.on()
    out.value(0)
    out.toggle()
    sm.put(7)
    log[0] = sm.get()
    log[1] = sm.tx_fifo() + sm.rx_fifo() + 1
    machine.mem32[0x4005800C] = 9
    log[2] = machine.mem32[0x4005800C]
    log[3] = 1 if time.ticks_us() else 0
    micropython.schedule(callback, 3)
    wdt.feed()
    world.busy_us(50)
    timer.deinit()

def wild(timer):
    log[4] += 1
    log[5] = len([log, log])

machine.Timer(period=1, callback=tame, hard=True)
time.sleep_ms(10)
assert not world.irqs.complaints, world.irqs.complaints
assert list(log[:4]) == [7, 1, 9, 1], log
assert edges == [1, 0, 1] and soft == [3]
machine.Timer(period=1, callback=wild, hard=True)
time.sleep_ms(10)
assert list(log[4:6]) == [1, 0], log
print(len(world.irqs.complaints), [isinstance(e, MemoryError) for _, e in world.irqs.complaints])
"""


def test_an_allocation_in_a_hard_handler_is_a_memory_error_on_micropython(tmp_path) -> None:
    script = tmp_path / "locked.py"
    script.write_text(ON_MICROPYTHON)
    command = [str(Path(sys.executable).parent / "micropython"), str(script), str(ROOT)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert (done.stdout.strip(), done.returncode) == ("1 [True]", 0), done.stdout + done.stderr
