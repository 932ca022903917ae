"""Counters that wrap inside an infusion: the chip's ticks at 2^30 us, the step counter at 2^32."""

import pytest

from tests.faults.rig import Prepared, motor_off, relative

THERAPY = "weight=70kg dose=0.0125mg/kg over=60s concentration=1mg/mL syringe=bd-60"
TICKS_PERIOD = 1 << 30
COUNTER_PERIOD = 1 << 32
CYCLES_PER_US = 125
FLASH_MS = 400  # the longest write


def ticks_wrap_after(us: int):
    """The chip's timer is ``us`` before its wrap at power-on (as after a soft reset)."""

    def prepare(bench) -> None:
        bench.world.boot_cycle = -(TICKS_PERIOD - us) * CYCLES_PER_US

    return prepare


def infuse(prepare, counted: int = 0, seed: int = 0) -> Prepared:
    """The whole infusion; ``counted`` edges are on the step counter before it begins."""
    pump = Prepared(prepare, seed)
    if counted:
        pump.world.sync()
        pio = pump.world.pio
        pio.touch(1)
        pio.blocks[1].sm[0].x = COUNTER_PERIOD - 1 - counted
        pump.bench.pump().controller.guard._supervisor.end(counted)  # else: runaway
    pump.ask("telemetry every=100ms")
    pump.ask(pump.program(THERAPY))
    pump.run_us(62_000_000)
    pump.close()
    return pump


@pytest.fixture(scope="module")
def plain() -> Prepared:
    return infuse(lambda bench: None)


def telemetry_ms(pump: Prepared) -> list:
    """The t of each telemetry line."""
    lines = [line for line in pump.sent.split(b"\n") if line.startswith(b"~")]
    return [int(line.split(b" t=")[1].split(b"ms")[0]) for line in lines]


@pytest.mark.parametrize("after_us", [30_000_000, 61_000_000 // 2, 1_000_000, 50_000])
@pytest.mark.parametrize("seed", [0, 3])
def test_ticks_wrap_in_mid_infusion(plain, after_us, seed):
    pump = infuse(ticks_wrap_after(after_us), seed=seed)
    wrap = after_us * CYCLES_PER_US
    assert wrap < pump.rises()[-1], "the wrap is inside the run"
    assert relative(pump.rises()) == relative(plain.rises()), seed
    assert b"name=complete" in pump.sent and b"fault" not in pump.sent
    times = telemetry_ms(pump)
    gaps = [b - a for a, b in zip(times, times[1:])]
    assert len(gaps) > 400 and min(gaps) > 0, seed
    assert max(gaps) < 300 + FLASH_MS and sorted(gaps)[-4] < 300, "one for each write to flash"
    assert motor_off(pump)


@pytest.mark.parametrize("before", [1, 1000, 4999])
def test_the_step_counter_wraps_in_mid_infusion(plain, before):
    steps = len(plain.rises())
    assert steps > 5000
    pump = infuse(lambda bench: None, COUNTER_PERIOD - before)
    assert relative(pump.rises()) == relative(plain.rises())
    assert b"name=complete" in pump.sent and b"fault" not in pump.sent
    left = pump.world.pio.blocks[1].sm[0].x
    assert COUNTER_PERIOD - 1 - left == steps - before, "it has wrapped"
    assert b" steps=%d " % steps in pump.sent.split(b"name=complete")[1]
    assert motor_off(pump)
