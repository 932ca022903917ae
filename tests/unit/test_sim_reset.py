"""What the watchdog, machine.reset, a soft reset and an exception each leave behind."""

import pytest

from boards.sim.bench import Bench
from boards.sim.standins.machine import Machine
from boards.sim.standins.rp2 import make_rp2
from boards.sim.standins.small import Time
from boards.sim.world import SimulatedReset, SoftReset, World
from tests.unit.sim_pio_programs import high_for_ever

SCRATCH = 0x4005800C
REASON = 0x40058008
MAGIC = 0x6AB73121
STEP = 2
MS = 125_000


class End(BaseException):
    """The test has seen enough."""


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def machine(world) -> Machine:
    return Machine(world)


def test_the_watchdog_bites_when_its_time_is_over(world, machine) -> None:
    start = world.now
    machine.WDT(timeout=100)
    with pytest.raises(SimulatedReset, match="watchdog"):
        Time(world).sleep_ms(1000)
    assert world.now - start == 100 * MS + 10 * 125


def test_a_fed_watchdog_does_not_bite_and_nothing_else_stops_it(world, machine) -> None:
    dog = machine.WDT(0, 100)
    time = Time(world)
    for _ in range(50):
        time.sleep_ms(99)
        dog.feed()
    world.stall_us(99_000)
    dog.feed()
    state = machine.disable_irq()
    with pytest.raises(SimulatedReset, match="watchdog"):
        world.stall_us(500_000)
    assert state == 0


def test_a_second_watchdog_changes_the_time(world, machine) -> None:
    machine.WDT(timeout=8388)
    machine.WDT(timeout=10)
    start = world.now
    with pytest.raises(SimulatedReset):
        Time(world).sleep_ms(1000)
    assert world.now - start == 10 * MS


@pytest.mark.parametrize(("id", "timeout"), [(1, 5000), (0, 8389), (0, -1)])
def test_watchdogs_that_are_refused(machine, id, timeout) -> None:
    with pytest.raises(ValueError, match="WDT|timeout"):
        machine.WDT(id, timeout)


def test_a_watchdog_of_no_time_resets_at_once(machine) -> None:
    with pytest.raises(SimulatedReset, match="reset"):
        machine.WDT(timeout=0)


@pytest.mark.parametrize(
    ("cause", "says", "reason", "kept", "sdk"),
    [
        ("power-on", "PWRON_RESET", 0, 0, 0),
        ("watchdog", "WDT_RESET", 1, 77, MAGIC),
        ("reset", "WDT_RESET", 2, 77, 0),
    ],
)
def test_cause_and_scratch_after_each_reset(
    world, machine, cause, says, reason, kept, sdk
) -> None:
    assert machine.reset_cause() == machine.PWRON_RESET
    machine.WDT(timeout=5000)
    assert machine.mem32[SCRATCH + 16] == MAGIC
    machine.mem32[SCRATCH] = 77
    Time(world).sleep_ms(20)
    with pytest.raises(SimulatedReset):
        machine.reset() if cause == "reset" else world.die(cause)
    world.reset(cause)
    after = Machine(world)
    assert after.reset_cause() == getattr(after, says)
    assert after.mem32[REASON] == reason
    assert (after.mem32[SCRATCH], after.mem32[SCRATCH + 16]) == (kept, sdk)
    assert Time(world).ticks_us() < 100, "the timer starts anew"
    Time(world).sleep_ms(10_000)  # and the watchdog is off


def test_a_chip_reset_leaves_no_pin_timer_handler_or_state_machine(world, machine) -> None:
    calls: list = []
    machine.Pin(STEP, machine.Pin.OUT, value=1)
    loop = machine.Pin(14, machine.Pin.IN, machine.Pin.PULL_UP)
    loop.irq(calls.append, hard=True)
    machine.Timer(period=1, callback=calls.append, hard=True)
    machine.Timer(period=1, callback=calls.append)
    world.pause_us(1500)
    machine.disable_irq()
    assert (world.pads.level(STEP), world.pads.level(14), len(calls)) == (1, 1, 1)
    with pytest.raises(SimulatedReset):
        machine.reset()
    world.reset("reset")
    assert (world.pads.level(STEP), world.pads.level(14)) == (0, 0)
    world.pads.drive(14, 1)
    world.pads.drive(14, 0)
    Time(world).sleep_ms(10)
    assert len(calls) == 1
    assert not world.irqs.masked()


def test_a_dying_program_touches_nothing_more(world, machine) -> None:
    pin = machine.Pin(STEP, machine.Pin.OUT, value=0)
    try:
        try:
            machine.reset()
        finally:
            pin.value(1)
    except SimulatedReset:
        pass
    assert world.pads.level(STEP) == 0


class Board:
    """A bench whose firmware is a function: ``main(standins)``."""

    def __init__(self, main) -> None:
        self.bench = Bench("/")
        self.world = self.bench.world
        self.main = main
        self.bench.power_on = self._power_on

    def _power_on(self) -> None:
        world = self.world
        self.bench._standins = {"machine": Machine(world), "rp2": make_rp2(world)}
        self.bench.loader = self

    def run(self, name: str) -> None:
        """In the place of main.py."""
        self.main(self.bench._standins, self.bench.boots)


def test_a_soft_reset_stops_machines_and_timers_and_leaves_pads_fifos_and_clock() -> None:
    calls: list = []
    seen: dict = {}

    def main(modules, boots) -> None:
        machine, rp2, world = modules["machine"], modules["rp2"], board.world
        if boots:
            seen.update(
                levels=(world.pads.level(STEP), world.pads.level(4)),
                owner=world.pads.owner(STEP),
                running=world.pio.blocks[0].sm[0].enabled,
                words=world.pio.blocks[0].sm[0].tx_level,
                us=world.since_boot_us(),
                calls=len(calls),
            )
            Time(world).sleep_ms(10)
            seen["later"] = len(calls)
            raise End
        machine.WDT(timeout=5000)
        machine.Pin(4, machine.Pin.OUT, value=1)
        sm = rp2.StateMachine(0, high_for_ever, sideset_base=machine.Pin(STEP))
        sm.put(1)
        sm.put(2)
        sm.active(1)
        machine.Timer(period=1, callback=calls.append, hard=True)
        machine.Timer(period=1, callback=calls.append)
        Time(world).sleep_ms(20)
        try:
            machine.soft_reset()
        finally:
            seen["finally"] = True

    board = Board(main)
    with pytest.raises(End):
        board.bench.run_firmware()
    assert seen["levels"] == (1, 1)
    assert seen["owner"] == "pio0"
    assert not seen["running"]
    assert seen["words"] == 2, "FIFOs stay"
    assert seen["us"] >= 20_000, "the timer goes on"
    assert seen["later"] == seen["calls"] >= 38
    assert seen["finally"]
    assert board.world.reset_cause == "power-on"
    with pytest.raises(SimulatedReset, match="watchdog"):
        board.world.busy_us(5_000_000)


def test_after_an_exception_everything_goes_on_but_the_program() -> None:
    calls: list = []

    def main(modules, boots) -> None:
        if boots:
            raise End
        machine, rp2 = modules["machine"], modules["rp2"]
        sm = rp2.StateMachine(0, high_for_ever, sideset_base=machine.Pin(STEP))
        sm.active(1)
        for hard in (True, False):
            machine.Timer(period=1, callback=calls.append, hard=hard)
        raise RuntimeError("on purpose")

    board = Board(main)
    world = board.world
    found: list = []

    def look() -> None:
        running = world.pio.blocks[0].sm[0].enabled
        found.append((len(calls), running, world.pads.level(STEP)))

    world.at(1000 * MS, look)
    world.at(1001 * MS, lambda: board.bench.usb.host_write(b"help()\x04"))
    with pytest.raises(End):
        board.bench.run_firmware()
    assert isinstance(board.bench.crash, RuntimeError)
    count, running, level = found[0]
    assert count in range(1990, 2000)
    assert (running, level) == (True, 1)
    assert not world.pio.blocks[0].sm[0].enabled, "Ctrl-D in the REPL is a soft reset"


def test_soft_reset_is_the_exception_that_sys_exit_raises() -> None:
    assert issubclass(SoftReset, SystemExit)
    assert not issubclass(SoftReset, Exception)


@pytest.mark.parametrize("cause", ["power-on", "watchdog", "reset"])
def test_what_is_on_the_analogue_inputs_is_not_the_chips_to_reset(world, machine, cause) -> None:
    world.volts_mv[26] = 1650
    world.reset(cause)
    assert world.volts_mv == {26: 1650}
    assert machine.ADC(26).read_u16() >> 8 == 0x7F
