"""The ESP32 port in time: chunk borders, the stop with and without gate, a CPU that stands still.

STEP is looked at behind the gate, where the motor driver sees it. The figures of TIMING.md,
section ESP32, are bounds here.
"""

import random
from fractions import Fraction

import pytest

from pump.core.lease import RUN_ON_NL
from tests.device.therapies import step_nl
from tests.timing.drive import CYCLES_PER_US, Driven
from tests.unit.host.commands import options, run_json

BORDER_US = 300  # a step on an even CPU is no later
EARLY_US = 20  # what reading the clock takes
GATE_CYCLES = 3  # 24 ns: two gates of the 74HC family
SOFT_STOP_US = 400  # without the gate, an even CPU
SOFT_STOP_BUSY_US = 40_000  # and with a garbage collection at the wrong moment
CHUNK_US, LONG_CHUNK_US = 100_000, 600_000
MOST_STEPS = {True: 127, False: 63}  # of a chunk, by generation of the RMT
TICKS_A_MS = 2500
FLASH_STALL_US = 400_000
SEED = 1909

REFERENCE = ("rate=52.5mL/h volume=0.35mL syringe=bd-60", 24)
SLOW = ("rate=1mL/h volume=0.005mL syringe=bd-60", 18)
FAST = ("rate=1200mL/h volume=2mL syringe=bd-60", 6)
FASTEST = ("rate=75mL/h volume=0.1mL syringe=bd-1", 5)  # 4805 steps a second


class Esp(Driven):
    """A driven ESP32; ``modern`` False has the RMT of MicroPython 1.26, ``gate`` False neither
    latch nor gate."""

    def __init__(self, seed: int = 0, modern: bool = True, gate: bool = True) -> None:
        self._options = modern, gate
        self.chunks = []  # (level, ticks) pairs of each
        super().__init__(seed, "esp32_devkitc")

    def set_up(self) -> None:
        """Before power-on."""
        self.bench.chip.modern, gate = self._options
        self._open = self.world.pio.open
        self.world.pio.open = self._noted
        if not gate:
            self.bench.fitted = {"ARM": None, "LATCH": None}

    def _noted(self, *options):
        """A channel of the RMT whose chunks are kept."""
        channel = self._open(*options)
        play = channel.play
        channel.play = lambda halves, start: self.chunks.append(halves) or play(halves, start)
        return channel

    def chunk_ms(self) -> list:
        """What each chunk lasts, without the wait before its first pulse."""
        return [sum(ticks for _, ticks in halves[1:]) / TICKS_A_MS for halves in self.chunks]

    def origin(self) -> int:
        """The cycle at which the motion in progress was set going."""
        origin_us = self.bench.pump().hal.generator._origin_us
        return origin_us * CYCLES_PER_US + self.world.boot_cycle

    def errors_us(self, origin: int) -> list:
        """How late each step came, in us after its instant by the plan."""
        line = self.bench.pump().controller.run.motion._planner.timeline
        tick = 400 // 8
        return [
            (rise - origin - line.due_ticks(nth + 1) * tick) / CYCLES_PER_US
            for nth, rise in enumerate(self.rises())
        ]


def run(pump: Esp, therapy: str, seconds: int, busy: bool = False) -> list:
    """A whole infusion, ``busy`` with requests and telemetry; the errors of its steps."""
    start = pump.program(therapy)
    if busy:
        pump.ask("telemetry every=20ms")
    pump.ask(start)
    origin = pump.origin()
    for tenth in range(10 * seconds + 10):
        if busy:
            pump.send(("status", "info", "limits syringe=bd-60", "log")[tenth % 4])
        pump.run_us(100_000)
    errors = pump.errors_us(origin)
    assert b"name=complete" in pump.sent and b"fault" not in pump.sent
    assert len(errors) == pump.bench.step_edges == pump.bench.pump().controller.steps()
    pump.close()
    return errors


@pytest.mark.requirement("DEL-02", "HW-02")
@pytest.mark.parametrize("modern", [True, False])
@pytest.mark.parametrize("therapy, seconds", [REFERENCE, SLOW, FAST, FASTEST])
def test_chunk_borders_on_an_even_cpu(therapy, seconds, modern):
    errors = run(Esp(modern=modern), therapy, seconds)
    assert min(errors) >= -EARLY_US and max(errors) <= BORDER_US
    third = len(errors) // 3
    assert abs(sum(errors[-third:]) - sum(errors[:third])) / third <= 50, "no drift"


@pytest.mark.requirement("HW-02")
@pytest.mark.parametrize("modern", [True, False])
def test_only_a_chunk_in_whose_shade_flash_is_written_is_a_long_one(modern):
    pump = Esp(modern=modern)
    writes = []
    burn = pump.bench.flash._burn
    pump.bench.flash._burn = lambda pages: writes.append(pump.world.now) or burn(pages)
    run(pump, *REFERENCE)
    lasted = pump.chunk_ms()
    usual = [ms for ms in lasted if ms <= CHUNK_US / 1000]
    assert 0 < len(lasted) - len(usual) <= len(writes) < len(usual) / 2
    assert max(usual) > 0.9 * CHUNK_US / 1000 and max(lasted) <= LONG_CHUNK_US / 1000


@pytest.mark.requirement("HW-02")
@pytest.mark.parametrize("modern", [True, False])
def test_a_chunk_has_as_many_steps_as_the_memory_holds(modern):
    pump = Esp(modern=modern)
    run(pump, *FASTEST)
    assert max(sum(level for level, _ in chunk) for chunk in pump.chunks) == MOST_STEPS[modern]


@pytest.mark.requirement("DEL-21", "HW-02")
@pytest.mark.parametrize("therapy, seconds", [REFERENCE, FASTEST])
@pytest.mark.parametrize("seed", [1, 2])
def test_an_uneven_cpu_delays_and_is_made_up_for(therapy, seconds, seed):
    pump = Esp(seed)
    late_us = pump.bench.pump().hal.generator.late_us
    errors = run(pump, therapy, seconds, busy=True)
    assert min(errors) >= -EARLY_US and max(errors) <= late_us // 2
    assert pump.bench.heap.collections > 3
    assert sorted(errors)[len(errors) // 2] <= BORDER_US
    least = 0.9 * 450 * 400 / 1000  # the shortest interval that the port makes, and a tenth
    rises = pump.rises()
    assert min(b - a for a, b in zip(rises, rises[1:], strict=False)) / CYCLES_PER_US >= least


@pytest.mark.requirement("PWR-09", "HW-02")
def test_flash_writes_at_their_worst_fall_into_long_chunks():
    pump = Esp()
    stalls = []
    pump.bench.flash._burn = lambda pages: (
        stalls.append(pump.world.now) or pump.world.stall_us(FLASH_STALL_US)
    )
    therapy, seconds = REFERENCE
    errors = run(pump, therapy, seconds)
    assert max(errors) <= BORDER_US
    rises = pump.rises()
    assert len([at for at in stalls if rises[0] < at < rises[-1]]) >= seconds // 2


def infusing(pump: Esp, after_us: int, act) -> int:
    """Start at 400 steps a second, ``act`` ``after_us`` after that; the instant in cycles."""
    pump.ask(pump.program("rate=200mL/h volume=5mL syringe=bd-60"))
    at = pump.world.now + after_us * CYCLES_PER_US + after_us % 125
    pump.world.at(at, act)
    pump.run_us(after_us + 200_000)
    return at


@pytest.mark.requirement("STOP-01", "STOP-13", "HW-02")
@pytest.mark.parametrize("frozen", [False, True])
def test_the_gate_stops_at_any_instant(frozen):
    chosen = random.Random(SEED)
    for _ in range(8):
        pump = Esp()

        def stop(pump=pump) -> None:
            if frozen:
                pump.bench.freeze()
            pump.bench.press()

        at = infusing(pump, chosen.randrange(1_000_000), stop)
        assert pump.last_rise() <= at + GATE_CYCLES
        assert pump.level(pump.board.COUNT) == 0
        made = pump.bench.step_edges
        if not frozen:
            assert b"name=stopped cause=disconnect" in pump.sent
            assert pump.bench.pump().controller.steps() == made
        pump.bench.release()  # the latch keeps it
        pump.run_us(1_500_000)
        assert pump.bench.step_edges == made
        pump.close()


@pytest.mark.requirement("STOP-02", "HW-02")
@pytest.mark.parametrize("seed, most_us", [(0, SOFT_STOP_US), (5, SOFT_STOP_BUSY_US)])
def test_without_the_gate_the_stop_waits_for_python(seed, most_us):
    chosen = random.Random(SEED)
    worst = 0
    for _ in range(8):
        pump = Esp(seed, gate=False)
        assert b"hard-stop" not in pump.ask("info").encode()
        at = infusing(pump, chosen.randrange(1_000_000), pump.bench.press)
        worst = max(worst, pump.last_rise() - at)
        assert b"name=stopped cause=disconnect" in pump.sent
        assert pump.bench.pump().controller.steps() == pump.bench.step_edges
        pump.close()
    assert worst / CYCLES_PER_US <= most_us


@pytest.mark.requirement("DEL-17", "HW-02")
@pytest.mark.parametrize(
    "syringe, bore, rate",
    [
        ("bd-60", "26.59", 1),
        ("bd-60", "26.59", 52.5),
        ("bd-60", "26.59", 1200),
        ("bd-1", "4.699", 75),
    ],
)
@pytest.mark.parametrize("modern", [True, False])
def test_a_frozen_cpu_ends_with_its_chunk(syringe, bore, rate, modern):
    chosen = random.Random(SEED)
    per_step = step_nl(bore)
    hz = Fraction(rate) * 10**6 / 3600 / per_step
    for _ in range(5):
        pump = Esp(modern=modern)
        pump.ask(pump.program("rate=%smL/h volume=0.9mL syringe=%s" % (rate, syringe)))
        pump.run_us(chosen.randrange(2_000_000))
        before = pump.bench.step_edges
        pump.bench.freeze()
        pump.run_us(LONG_CHUNK_US + 100_000)
        made = pump.bench.step_edges - before
        assert made <= min(MOST_STEPS[modern], hz * LONG_CHUNK_US / 10**6 + 2)
        assert made * per_step <= max(RUN_ON_NL, per_step)
        said = pump.run_us(3_000_000)
        assert pump.bench.step_edges - before == made, "it is over"
        assert b"name=boot reset=watchdog" in said and b"state=stopped" in said
        assert pump.level(pump.board.ENABLE) == 1
        pump.close()


@pytest.mark.requirement("DEL-17", "HW-02")
def test_a_crashed_main_program_ends_with_its_queue():
    pump = Esp()
    pump.ask(pump.program("rate=52.5mL/h volume=5mL syringe=bd-60"))
    pump.run_us(1_000_000)
    before = pump.bench.step_edges

    def crash(now_us):
        raise SystemError("the loop is gone")

    pump.bench.pump().controller.guard.feed = crash
    pump.run_us(1_800_000)
    made = pump.bench.step_edges - before
    assert made * step_nl("26.59") <= RUN_ON_NL
    assert pump.level(pump.board.ENABLE) == 1
    assert isinstance(pump.bench.crash, SystemError)
    pump.close()


@pytest.mark.requirement("HW-02")
def test_the_tool_runs_a_virtual_esp32_and_its_stop_button():
    esp32 = ("--board", "esp32_devkitc", "--runtime", "cpython", "--no-wire-log")
    code, said = run_json("infuse", "--sim", *options(), *esp32, "--press-stop-at", "10s")
    assert (code, said["state"], said["stop_cause"]) == (4, "stopped", "disconnect")
    assert 1_040 <= said["delivered_steps"] == said["step_edges"] <= 1_060
