"""What the CPU does must not show in the steps: uneven call times, pauses, a stalled flash,
requests and telemetry at 20 ms change no interval by a single cycle."""

import pytest

from tests.timing.drive import Driven

US_PER_S = 1_000_000
REFERENCE = "weight=70kg dose=0.0125mg/kg over=60s concentration=1mg/mL syringe=bd-60"
FAST = "rate=1200mL/h volume=2mL syringe=bd-60"
FASTEST = "rate=78mL/h volume=0.1mL syringe=bd-1"  # 4997 steps a second
RAMPED = "rate=1200mL/h volume=1.5mL syringe=bd-10"  # 8154 steps a second, the highest rate
LAST_QUEUE_US = 80_000
FLASH_STALL_US = 400_000


def instants(therapy: str, seconds: int, seed: int, disturb=None) -> tuple:
    """Cycles of all steps from the first, and the driven pump (closed)."""
    pump = Driven(seed)
    pump.ask("telemetry every=20ms")
    pump.ask(pump.program(therapy))
    for tenth in range(seconds * 10 + 10):
        if disturb:
            disturb(pump, tenth)
        pump.run_us(US_PER_S // 10)
    pump.close()
    rises = pump.rises()
    return [cycle - rises[0] for cycle in rises], pump


def ask_much(pump: Driven, tenth: int) -> None:
    """A request every 100 ms, the slow ones among them."""
    pump.send(("status", "info", "limits syringe=bd-60", "log")[tenth % 4])


@pytest.mark.requirement("DEL-21", "LOG-04")
@pytest.mark.parametrize(
    "therapy, seconds", [(REFERENCE, 60), (FAST, 6), (FASTEST, 5), (RAMPED, 5)]
)
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_steps_do_not_show_the_cpu(therapy, seconds, seed):
    even, _ = instants(therapy, seconds, 0)
    uneven, pump = instants(therapy, seconds, seed, ask_much)
    assert b"name=complete" in pump.sent and b"fault" not in pump.sent
    assert pump.bench.heap.collections > 3, seed
    assert len(even) > 1000 and uneven == even, seed


def test_noise_differs_between_seeds_and_not_within_one():
    sent = [instants(FAST, 1, seed)[1].sent for seed in (1, 1, 2)]
    assert sent[0] == sent[1] != sent[2]


@pytest.mark.requirement("DEL-21", "PWR-09")
@pytest.mark.parametrize("therapy, seconds", [(REFERENCE, 60), (FAST, 6), (FASTEST, 5)])
def test_flash_writes_at_their_worst_are_not_felt(therapy, seconds):
    """Each commit of the journal holds up the CPU for 400 ms, interrupts off."""
    stalls = []

    def worst(pump: Driven, tenth: int) -> None:
        if tenth == 0:
            pump.bench.flash._burn = lambda pages: (
                stalls.append(pump.world.now) or (pump.world.stall_us(FLASH_STALL_US))
            )

    even, _ = instants(therapy, seconds, 0)
    stalled, pump = instants(therapy, seconds, 0, worst)
    assert b"name=complete" in pump.sent
    assert stalled == even
    # what is queued to the very end needs no CPU any more
    while_moving = [at for at in stalls if at < pump.last_rise() - LAST_QUEUE_US * 125]
    assert len(while_moving) >= seconds * 2 // 3 or therapy != REFERENCE
    assert not while_moving or therapy == REFERENCE
