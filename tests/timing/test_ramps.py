"""What the motor gets to follow in a fast bolus: intervals at the pin, pauses included."""

import pytest

from tests.timing.drive import CYCLES_PER_US, Driven

FAST = "rate=1200mL/h volume=1mL syringe=bd-10"  # 8154 steps/s for 3 s
START_STOP_HZ = 5000
STAIR_HZ = 400
HZ = 1_000_000 * CYCLES_PER_US
QUANTUM_CYCLES = 20


def stretches(rises: list) -> list:
    """The rises between standstills (5 ms without a step)."""
    cuts = [k + 1 for k in range(len(rises) - 1) if rises[k + 1] - rises[k] > HZ // 200]
    return [rises[a:b] for a, b in zip([0] + cuts, cuts + [len(rises)], strict=True)]


def assert_followed(rises: list, standstill_after: bool) -> None:
    """From standstill at the start-stop rate at most; in any 8 ms 400 Hz faster at most."""
    gaps = [b - a for a, b in zip(rises, rises[1:], strict=False)]
    slack = 2 * QUANTUM_CYCLES
    stair = HZ * 8 // 1000
    at = 0
    for k, gap in enumerate(gaps):
        while rises[k] - rises[at] > stair:
            at += 1
        before_hz = max(START_STOP_HZ, HZ / gaps[at] if at else 0)
        assert HZ / (gap + slack) <= before_hz + STAIR_HZ, k
    assert HZ / (gaps[0] + slack) <= START_STOP_HZ
    if standstill_after:
        assert HZ / (gaps[-1] + slack) <= START_STOP_HZ


def delivered_in_full(pump: Driven, plan: int) -> None:
    sent = pump.sent.decode()
    assert "name=complete" in sent and "fault" not in sent
    assert len(pump.rises()) == plan


@pytest.mark.requirement("DEL-19")
def test_a_bolus_is_accelerated_and_slowed_down():
    pump = Driven()
    reply = pump.ask("program " + FAST)
    steps = int(reply.split("steps=")[1].split()[0])
    assert "ramps=0.0" in reply and "duration=3" in reply
    pump.ask("start plan=" + reply.split("plan=")[1].split()[0])
    pump.run_us(4_000_000)
    pump.close()
    delivered_in_full(pump, steps)
    rises = pump.rises()
    assert_followed(rises, True)
    cruise = rises[len(rises) // 2 + 1] - rises[len(rises) // 2]
    assert abs(HZ / cruise - 8154) < 2
    lasted = (rises[-1] - rises[0]) / HZ
    assert 3.02 < lasted < 3.04


@pytest.mark.requirement("DEL-19")
@pytest.mark.parametrize("pause_ms", [3, 31, 77, 500, 2990])
def test_each_start_after_a_pause_is_accelerated_anew(pause_ms):
    pump = Driven()
    reply = pump.ask("program " + FAST)
    steps = int(reply.split("steps=")[1].split()[0])
    pump.ask("start plan=" + reply.split("plan=")[1].split()[0])
    pump.run_us(pause_ms * 1000)
    pump.ask("pause")
    pump.run_us(100_000)
    pump.ask("resume")
    pump.run_us(4_000_000)
    pump.close()
    delivered_in_full(pump, steps)
    parts = stretches(pump.rises())
    assert len(parts) == 2
    for part, last in zip(parts, (False, True), strict=True):
        assert_followed(part, last)
