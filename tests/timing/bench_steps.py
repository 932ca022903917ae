"""How exact and how fast: the firmware on simulated silicon under an uneven CPU.

The plans are chosen to be hard: N steps in N (n + 1/2) ticks, so that no interval is a whole
number of ticks, the residue is as large as it gets, and words are as short as they get.
"""

import re
from unittest import mock

from boards.sim import world
from tests.timing.bench_table import ROOT, Table, errors_ns, time_text, worst_and_std
from tests.timing.drive import Driven
from tests.timing.run_on_table import TICKS_PER_S

NS_PER_TICK = 16
CYCLES_PER_TICK = 2
FASTEST_HZ = 100_000  # what the board is said to allow, so that the queue is the bound
START_STOP_HZ = 2 * FASTEST_HZ  # nothing is accelerated
# name -> (fields, nL a step x 100). Long: as narrow as the bd-1, so that the lease is no shorter
# than there, and with room for more steps.
SYRINGES = {
    "long": ("diameter=4.699mm capacity=50mL volume-per-step=4.34nL", 434),
    "bd-60": ("syringe=bd-60 volume-per-step=139nL", 13900),
}
REQUESTS = ("status", "info", "limits syringe=bd-60", "log", "help", "heartbeat")
EVERY_US = 100_000
LINE_MOST = 240
LATE_CYCLES = 20  # what an instant may be off: 160 ns
# (rate as the issue names it, whole ticks of the interval, steps, syringe)
RATES = (
    ("0.05 Hz", 1_250_000_000, 20, "bd-60"),
    ("4.2 Hz", 14_880_952, 420, "bd-60"),
    ("1 kHz", 62_500, 20_000, "long"),
    ("5 kHz", 12_500, 50_000, "long"),
)
SEEDS = (1, 2, 3, 4, 5, 6)
EVEN = (0,)
SECONDS = 10
SLOW_TICKS, FAST_TICKS = 62_500, 1_000  # 1 kHz and 62.5 kHz: where the bisection starts
CLOSE = 50  # and where it ends: neighbours 2 % apart
# CPU times of one call in us as the emulated chip has them (TIMING.md, "CPU"): a byte out costs
# 78 us and its share of a line's formatting; a word is planned, verified and put.
POLL_US, BYTE_US = 67, 96


def therapy(steps: int, whole_ticks: int, syringe: str) -> str:
    """A prescription of ``steps`` steps, each ``whole_ticks`` + 1/2 ticks long."""
    fields, hundredths = SYRINGES[syringe]
    volume = divmod(steps * hundredths, 100)
    over_ns = steps * (2 * whole_ticks + 1) * NS_PER_TICK // 2
    return "volume=%d.%02dnL over=%d.%09ds " % (*volume, *divmod(over_ns, 10**9)) + fields


def run(plan: str, seconds: int, seed: int, costs: dict | None = None) -> Driven:
    """Run ``plan`` to its end or its fault, telemetry at 20 ms, a request every 100 ms, all
    requests in turn; returns the pump, closed."""
    with mock.patch.dict(world.COST_US, costs or {}):
        pump = Driven(seed)
    pump.board.MECHANICS = type(pump.board.MECHANICS)(
        max_step_hz=FASTEST_HZ, start_stop_hz=START_STOP_HZ
    )
    pump.ask("telemetry every=20ms")
    pump.ask(pump.program(plan))
    tail = b""
    for tenth in range(seconds * 10 + 10):
        pump.send(REQUESTS[tenth % len(REQUESTS)])
        tail = tail[-LINE_MOST:] + pump.run_us(EVERY_US)
        if re.search(rb"name=(complete|fault)", tail):
            break
    pump.close()
    return pump


def step_row(name: str, whole_ticks: int, steps: int, syringe: str, seed: int = 1) -> list[str]:
    """One row of the table of errors."""
    interval = whole_ticks + 0.5
    pump = run(therapy(steps, whole_ticks, syringe), int(steps * interval / TICKS_PER_S) + 1, seed)
    rises = pump.rises()
    if len(rises) != steps:
        raise AssertionError("%s: %d of %d steps" % (name, len(rises), steps))
    # The last step is due at the plan's end, to the tick: that fixes the origin.
    cycles = CYCLES_PER_TICK * interval
    most, std = worst_and_std(errors_ns(rises, rises[-1] - steps * cycles, cycles))
    pauses = pump.bench.heap.collections
    return [name, "%.4f us" % (interval * NS_PER_TICK / 1000), str(steps), str(pauses)] + [
        time_text(most),
        time_text(std),
    ]


def steps_table(rows: list[list[str]]) -> Table:
    """The table of errors."""
    return Table(
        "Step time",
        """
Error of each rising edge of STEP against k T / N, k = 1 to N. The firmware's own files run on
simulated silicon with an uneven CPU: call times drawn anew between half and three times nominal
every few ms, pauses up to 35 ms (seed 1); telemetry every 20 ms, a request every 100 ms. N steps
take N (n + 1/2) ticks, so that no interval is a whole number of ticks. "Highest" is the first row
of the next table; `start_stop_hz` is lifted, so that nothing is accelerated.""",
        ["rate", "interval", "steps", "CPU pauses", "error, max", "error, std"],
        rows,
    )


def sustained(whole_ticks: int, seeds: tuple, seconds: int, costs: dict) -> bool:
    """True when no seed starves: all complete, to the step and in time."""
    steps = int(seconds * TICKS_PER_S / (whole_ticks + 0.5)) + 1
    plan = therapy(steps, whole_ticks, "long")
    for seed in seeds:
        pump = run(plan, seconds, seed, costs)
        if b"name=complete" not in pump.sent or pump.bench.step_edges != steps:
            return False
        late = pump.rises()[-1] - pump.rises()[0] - (steps - 1) * (2 * whole_ticks + 1)
        if abs(late) > 2 * LATE_CYCLES:
            return False
    return True


def highest(seeds: tuple = SEEDS, seconds: int = SECONDS, costs: dict | None = None) -> int | None:
    """The shortest interval (whole ticks, and a half) that is sustained, by bisection between
    FAST_TICKS and SLOW_TICKS; None: not even that."""
    good, bad = SLOW_TICKS, FAST_TICKS
    if sustained(bad, seeds, seconds, costs or {}):
        return bad
    if not sustained(good, seeds, seconds, costs or {}):
        return None
    while (good - bad) * CLOSE > good:
        middle = (good + bad) // 2
        if sustained(middle, seeds, seconds, costs or {}):
            good = middle
        else:
            bad = middle
    return good


def word_us() -> int:
    """CPU time of a word on the emulated chip, as TIMING.md says."""
    document = (ROOT / "firmware/TIMING.md").read_text()
    found = re.search(r"one word in all\W+([\d.]+) ms", document)
    if not found:
        raise ValueError("firmware/TIMING.md does not say what a word costs")
    return round(float(found.group(1)) * 1000)


def chip_costs() -> dict[str, int]:
    """What the simulator leaves out: the bytecode between the calls."""
    return {"sm.put": word_us(), "poll": POLL_US, "byte": BYTE_US}


def highest_row(name: str, ticks: int | None, seeds: tuple, seconds: int) -> list[str]:
    """One row of the table of highest rates."""
    rate = "below %d" % (TICKS_PER_S // SLOW_TICKS)
    if ticks:
        rate = "%d" % (TICKS_PER_S / (ticks + 0.5))
    return [name, rate, "%d x %d s" % (len(seeds), seconds)]


def highest_table(rows: list[list[str]]) -> Table:
    """The table of highest rates."""
    return Table(
        "Highest rate",
        """
By bisection to 2 %%: the highest step rate at which the plan is completed to the step and in time,
at every seed. 4.34 nL a step as in a bd-1 (there the lease is longest), `max_step_hz`
and `start_stop_hz` lifted, intervals half a tick off the whole (words are shortest, the queue
drains fastest), telemetry every 20 ms, and %s
asked in turn every 100 ms.

The simulator charges the CPU for calls into the chip. "Chip's costs" adds what the emulated chip
needs for the Python between them (TIMING.md, *CPU*: %.2f ms a word, %d us a byte sent). "Uneven"
is 0.5 to 3 times that, and pauses up to 35 ms; "even" is neither."""
        % (
            ", ".join("`%s`" % text.split(" ")[0] for text in REQUESTS),
            word_us() / 1000,
            POLL_US + BYTE_US,
        ),
        ["CPU", "steps/s", "runs"],
        rows,
    )
