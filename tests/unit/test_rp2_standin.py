"""The stand-in for MicroPython's ``rp2``: set-up, blocking calls, program memory, interrupts."""

from array import array

import pytest

from boards.sim.interrupts import Interrupts
from boards.sim.pads import Pads
from boards.sim.pio import PioSystem
from boards.sim.standins.rp2 import make_rp2
from boards.sim.standins.rp2_asm import asm_pio
from boards.sim.standins.rp2_machine import clock_divider
from boards.sim.world import SimulatedHang
from tests.unit import pio_programs

OUT_LOW, OUT_HIGH = 2, 3


class FakeWorld:
    """Just enough of World: every call costs 100 cycles."""

    def __init__(self) -> None:
        self.pads = Pads()
        self.pio = PioSystem(self.pads)
        self.pads.clock = lambda: self.pio.now
        self.sys_hz = 125_000_000
        self.pio_service = None
        self.irqs = Interrupts(self)
        self.calls: list = []
        self.got: list = []

    def act(self, name: str) -> None:
        self.calls.append(name)
        until = self.pio.now + 100
        while self.pio.run(until) < until:
            self.pio_service()

    spend = act

    def sync(self) -> None:
        pass

    def wait_until(self, ready) -> None:
        for _ in range(1000):
            if ready():
                return
            self.pio.run(self.pio.now + 10_000)
        raise SimulatedHang

    def interrupt(self, handler, argument, hard: bool) -> None:
        self.got.append((argument, hard))
        handler(argument)


class Pin:
    def __init__(self, id: int) -> None:
        self.id = id


@pytest.fixture
def world() -> FakeWorld:
    return FakeWorld()


@pytest.fixture
def rp2(world):
    return make_rp2(world)


@asm_pio()
def echo():
    pull(block)
    mov(isr, invert(osr))
    push(block)


@asm_pio(set_init=(OUT_HIGH, OUT_LOW), out_init=OUT_HIGH)
def slow_reader():
    pull(block)[31]
    mov(x, invert(null))[31]
    label("wait")
    jmp(x_dec, "done")
    label("done")
    irq(rel(0))


@asm_pio()
def stuck():
    label("here")
    jmp("here")


def test_echo_and_buffers(rp2) -> None:
    sm = rp2.StateMachine(5, echo)
    assert sm.active() is False
    sm.active(1)
    sm.put(1)
    assert sm.get() == 0xFFFFFFFE
    sm.put(array("I", [1, 2]), 8)
    buf = array("I", [0, 0])
    assert sm.get(buf, 4) is buf
    assert list(buf) == [(0xFFFFFFFF - 0x100) >> 4, (0xFFFFFFFF - 0x200) >> 4]
    assert (sm.tx_fifo(), sm.rx_fifo()) == (0, 0)
    assert repr(sm) == "StateMachine(5)"


def test_machines_are_the_same_object_and_numbered(rp2) -> None:
    assert rp2.StateMachine(5) is rp2.PIO(1).state_machine(1)
    with pytest.raises(ValueError, match="invalid StateMachine"):
        rp2.StateMachine(8)
    with pytest.raises(ValueError, match="invalid PIO"):
        rp2.PIO(2)


def test_init_sets_pins_up_and_leaves_no_old_words(world, rp2) -> None:
    sm = rp2.StateMachine(0, slow_reader, set_base=Pin(4), out_base=Pin(6))
    assert (world.pads.level(4), world.pads.level(5), world.pads.level(6)) == (1, 0, 1)
    assert [world.pads.owner(pin) for pin in (3, 4, 5, 6, 7)] == [None] + ["pio0"] * 3 + [None]
    sm.put(1)
    sm.init(slow_reader, set_base=Pin(4))
    assert sm.tx_fifo() == 0
    assert world.pio.blocks[0].reg_read(0xD4) == 32 - 4, "programs are loaded from the top"


def test_put_waits_in_virtual_time_for_a_machine_that_drains(world, rp2) -> None:
    sm = rp2.StateMachine(0, slow_reader)
    sm.active(1)
    before = world.pio.now
    for _ in range(40):
        sm.put(0)
    assert world.pio.now - before > 35 * 60


@pytest.mark.parametrize("active", [0, 1])
def test_put_that_would_block_for_ever_is_an_error(rp2, active) -> None:
    sm = rp2.StateMachine(0, stuck)
    sm.active(active)
    for _ in range(4):
        sm.put(0)
    with pytest.raises(SimulatedHang, match="never take"):
        sm.put(0)


def test_get_from_a_stopped_machine_is_an_error(rp2) -> None:
    with pytest.raises(SimulatedHang, match="stopped"):
        rp2.StateMachine(0, echo).get()


def test_restart_keeps_the_fifo_as_on_the_chip(rp2) -> None:
    sm = rp2.StateMachine(0, echo)
    sm.put(3)
    sm.restart()
    assert sm.tx_fifo() == 1


def test_exec_by_text_and_by_word(world, rp2) -> None:
    sm = rp2.StateMachine(0, pio_programs.generator, sideset_base=Pin(2))
    sm.exec("set(x, 7).side(1)")
    sm.exec(0xE045)
    assert (world.pio.blocks[0].sm[0].x, world.pio.blocks[0].sm[0].y) == (7, 5)
    assert world.pads.level(2) == 0, "the word has side-set 0"


def test_program_memory(world, rp2) -> None:
    def sized(words: int) -> list:
        return [array("H", [0xA042] * words), -1, -1, -1, 0, 0, None, None, None]

    first, second, third = sized(17), sized(15), sized(1)
    rp2.PIO(0).add_program(first)
    rp2.StateMachine(1, second)
    rp2.StateMachine(2, second)
    assert (first[1], second[1], second[2]) == (15, 0, -1)
    with pytest.raises(OSError, match="12"):
        rp2.StateMachine(3, third)
    rp2.StateMachine(4, third)
    rp2.PIO(0).remove_program(first)
    with pytest.raises(ValueError, match="not in instruction memory"):
        rp2.PIO(0).remove_program(first)
    rp2.PIO(0).add_program(third)
    assert third[1] == 31


def test_a_soft_reset_stops_claimed_machines_and_holds_the_pins(world, rp2) -> None:
    sm = rp2.StateMachine(0, slow_reader, set_base=Pin(4))
    sm.active(1)
    rp2.driver.deinit()
    assert not world.pio.blocks[0].sm[0].enabled
    assert world.pads.level(4) == 1
    rp2.PIO(0).add_program([array("H", [0] * 32), -1, -1, -1, 0, 0, None, None, None])


def test_interrupts_are_acknowledged_and_handed_on(world, rp2) -> None:
    sm = rp2.StateMachine(1, slow_reader)
    seen: list = []
    entry = sm.irq(seen.append, hard=True)
    sm.active(1)
    sm.put(0)
    for _ in range(3):
        sm.tx_fifo()
    assert seen == [sm]
    assert world.got == [(sm, True)]
    assert world.pio.blocks[0].irq == 0
    assert entry.flags() == 1
    sm.irq(None)
    sm.put(0)
    sm.tx_fifo()
    sm.tx_fifo()
    assert len(seen) == 1


def test_a_block_handler_gets_the_flags(world, rp2) -> None:
    pio = rp2.PIO(0)
    seen: list = []
    entry = pio.irq(lambda p: seen.append(p.irq().flags()), rp2.PIO.IRQ_SM1)
    assert entry.trigger() == 0x200
    for number in (0, 1):
        sm = rp2.StateMachine(number, slow_reader)
        sm.active(1)
        sm.put(0)
        sm.tx_fifo()
        sm.tx_fifo()
    assert seen == [0x200]


@pytest.mark.parametrize(
    ("freq", "register"),
    [(-1, 0x10000), (0, 0), (125_000_000, 0x10000), (12_500_000, 0xA0000), (2000, 0xF4240000)],
)
def test_clock_divider(freq, register) -> None:
    assert clock_divider(125_000_000, freq) == register


@pytest.mark.parametrize("freq", [125_000_001 * 2, 1000])
def test_clock_divider_out_of_range(freq) -> None:
    with pytest.raises(ValueError, match="freq out of range"):
        clock_divider(125_000_000, freq)


def test_every_call_costs_time(world, rp2) -> None:
    sm = rp2.StateMachine(0, echo)
    sm.active(1)
    sm.put(1)
    sm.rx_fifo()
    sm.get()
    assert world.calls == ["sm.init", "sm.active", "sm.put", "sm.rx_fifo", "sm.get"]
