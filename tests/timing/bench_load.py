"""What ``make bench`` runs on each interpreter (MicroPython subset): prints ``name value`` lines.

bench_load.py ROOT
"""

import gc
import sys
import time

if sys.implementation.name == "micropython":
    gc.threshold(1 << 20)
sys.path[:0] = [sys.argv[1], sys.argv[1] + "/firmware"]

from boards.sim.bench import Bench  # noqa: E402
from pump.core import dose, schedule, timeline, verifier  # noqa: E402
from pump.core.frame import seal  # noqa: E402
from pump.core.mechanics import Mechanics  # noqa: E402

THERAPY = {
    "weight": "70kg",
    "dose": "0.5mg/kg",
    "over": "40min",
    "concentration": "1mg/mL",
    "syringe": "bd-60",
}
TICK_NS = (16, 1)
MIN_STEP = 133
MIN_WAIT = 4
LEASE_TICKS = 12_000_000
WORDS = 2000


class Ended(BaseException):
    """Virtual time is up."""


def now_us() -> int:
    """Real time."""
    return time.ticks_us() if hasattr(time, "ticks_us") else time.perf_counter_ns() // 1000


def plan():
    """The reference plan."""
    return dose.plan(THERAPY, Mechanics())


def words_us() -> tuple:
    """Microseconds to plan a word and to verify it, and steps in a word."""
    made = plan()
    phases = [(p.steps, timeline.to_ticks(p.duration_us, TICK_NS)) for p in made.phases]
    planner = schedule.Planner(phases, MIN_STEP, MIN_WAIT)
    check = verifier.Verifier(phases, MIN_STEP, MIN_WAIT)
    words = []
    start = now_us()
    for _ in range(WORDS):
        planner.next_word(LEASE_TICKS, 127)
        words.append((planner.count, planner.interval_ticks))
    planned = now_us() - start
    start = now_us()
    for count, interval in words:
        check.check(count, interval, LEASE_TICKS)
    return planned, now_us() - start, planner.steps_planned


def infusion_us(minutes: int) -> tuple:
    """Real microseconds for ``minutes`` of the reference infusion, and STEP edges seen."""
    bench = Bench(sys.argv[1])

    def end() -> None:
        raise Ended()

    def drain() -> None:
        bench.usb.host_read()

    bench.usb.on_line = drain
    bench.world.limit = (minutes * 60 + 2) * 125_000_000
    bench.world.on_limit = end
    plan_line = "1 program " + " ".join([k + "=" + v for k, v in THERAPY.items()])
    bench.at_us(600_000, lambda: bench.usb.host_write(seal(plan_line)))
    bench.at_us(700_000, lambda: bench.usb.host_write(seal("9 telemetry every=10s")))
    start_line = seal("2 start plan=" + plan().hash)
    bench.at_us(800_000, lambda: bench.usb.host_write(start_line))
    start = now_us()
    try:
        bench.run_firmware()
    except Ended:
        pass
    return now_us() - start, bench.step_edges


planned, verified, steps = words_us()
print("plan-word-us %d.%02d" % (planned // WORDS, planned * 100 // WORDS % 100))
print("verify-word-us %d.%02d" % (verified // WORDS, verified * 100 // WORDS % 100))
print("plan-step-ns %d" % (planned * 1000 // steps))
print("verify-step-ns %d" % (verified * 1000 // steps))
print("steps-per-word %d.%d" % (steps // WORDS, steps * 10 // WORDS % 10))
real, edges = infusion_us(40)
print("infusion-40min-s %d.%02d" % (real // 1000000, real // 10000 % 100))
print("times-real-time %d" % (40 * 60 * 1000000 // real))
print("step-edges %d" % edges)
