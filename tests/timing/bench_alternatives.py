"""What a user would pick instead, in the same simulated bench under the same uneven CPU.

The programs are in ``alternatives``: ``boards/NAME/main.py`` is what would be on the chip.
"""

import contextlib

from boards.sim.bench import Bench
from boards.sim.world import CYCLES_PER_US
from tests.timing.bench_steps import therapy
from tests.timing.bench_table import NS_PER_CYCLE, ROOT, Table, errors_ns, time_text, worst_and_std
from tests.timing.drive import Driven

FOLDER = ROOT / "tests/timing/alternatives"
NAMES = {"sleep_us": "`sleep_us` loop", "soft_timer": "soft `Timer`", "hard_timer": "hard `Timer`"}
# rate as the issue names it, period in us, seconds watched
RATES = (("4.2 Hz", 238_095, 100), ("1 kHz", 1_000, 20), ("5 kHz", 200, 10))
FAILING_PERIOD_US = 1_000
FAIL_AT_US = 2_000_000
APART_US = 131  # the event comes so much later with each seed
WATCH_US = 5_000_000
SEEDS = tuple(range(1, 9))
FOR_EVER = 0.9  # of the time watched: a step so late means that they never end


class Ended(BaseException):
    """Virtual time is up."""


def fail_at_us(seed: int) -> int:
    """When the event comes."""
    return FAIL_AT_US + APART_US * seed


def watch(name: str, period_us: int, us: int, seed: int, event=None) -> Bench:
    """Run a program for ``us``; ``event(bench)`` happens at ``fail_at_us``."""
    bench = Bench(str(FOLDER), name, seed)
    bench.keep_runs = True
    bench.flash.files["period_us"] = str(period_us).encode()

    def end() -> None:
        raise Ended

    bench.usb.on_line = bench.usb.host_read
    bench.world.limit = us * CYCLES_PER_US
    bench.world.on_limit = end
    if event:
        bench.at_us(fail_at_us(seed), lambda: event(bench))
    bench.knows_enable = False
    with contextlib.suppress(Ended):
        bench.run_firmware()
    return bench


def rises(bench: Bench) -> list[int]:
    """The cycle of every rising edge of STEP."""
    return [first + period * k for first, period, count in bench.step_runs for k in range(count)]


def alternative_row(name: str, rate: str, period_us: int, seconds: int) -> list[str]:
    """Step-time error of one program at one rate."""
    made = rises(watch(name, period_us, seconds * 1_000_000, 1))
    interval = period_us * CYCLES_PER_US
    due = (seconds * 1_000_000 * CYCLES_PER_US - made[0]) // interval
    most, std = worst_and_std(errors_ns(made[1:], made[0], interval))
    gaps = [after - before - interval for before, after in zip(made, made[1:])]
    _, jitter = worst_and_std([NS_PER_CYCLE * gap for gap in gaps])
    lag = "%.2f %%" % (100 * (1 - (len(made) - 1) / due))
    return [NAMES[name], rate, str(due), lag, time_text(most), time_text(std), time_text(jitter)]


def alternatives_table(rows: list[list[str]]) -> Table:
    """Step-time error of the alternatives."""
    return Table(
        "The usual alternatives: step time",
        """
Little programs as a user would write them (`tests/timing/alternatives`), in the same simulated
bench, with the same uneven CPU (seed 1) and a telemetry line every 20 ms. Error of step k against
k T from the first step on; a program that loses steps or time falls behind for ever, so the
deviation of the single interval stands beside it.""",
        [
            "program",
            "rate",
            "steps due",
            "steps missing",
            "error, max",
            "error, std",
            "interval, std",
        ],
        rows,
    )


def press(bench: Bench) -> None:
    """The stop button."""
    bench.press()


def freeze(bench: Bench) -> None:
    """The CPU stands still, interrupts off."""
    bench.freeze()


def hold_up(bench: Bench) -> None:
    """The CPU is in a call that does not return; hard interrupts are served."""
    bench.world.pause_us(2 * WATCH_US)


def raise_in_program(bench: Bench) -> None:
    """Text that the program does not expect: an uncaught exception, and the REPL."""
    bench.usb.host_write(b"oops\n")


def raise_in_pump(bench: Bench) -> None:
    """The pump takes any text; so its loop is sabotaged."""

    def boom(*_) -> None:
        raise ZeroDivisionError

    bench.pump().session.poll = boom


EVENTS = (press, freeze, hold_up, raise_in_program)
OWN_EVENTS = (press, freeze, hold_up, raise_in_pump)


def watch_pump(period_us: int, us: int, seed: int, event) -> list[int]:
    """As ``watch``, with the firmware; returns the cycles of the steps after the event."""
    pump = Driven(seed)
    pump.ask("telemetry every=20ms")
    pump.ask(pump.program(therapy(60_000, period_us * 125 // 2, "long")))
    at = pump.world.now + fail_at_us(seed) * CYCLES_PER_US
    pump.world.at(at, lambda: event(pump.bench))
    pump.run_us(fail_at_us(seed) + us)
    pump.close()
    return [cycle - at for cycle in pump.rises() if cycle > at]


def watch_program(name: str, us: int, seed: int, event) -> list[int]:
    """The cycles of a program's steps after the event."""
    at = fail_at_us(seed) * CYCLES_PER_US
    made = rises(watch(name, FAILING_PERIOD_US, fail_at_us(seed) + us, seed, event))
    return [cycle - at for cycle in made if cycle > at]


def after_text(late: list[list[int]]) -> str:
    """Steps after an event and the time of the last, the worst of the runs."""
    most = max(len(cycles) for cycles in late)
    latest = max([0, *(cycles[-1] for cycles in late if cycles)])
    if latest > FOR_EVER * WATCH_US * CYCLES_PER_US:
        return "**never end**"
    return "%d, the last %s later" % (most, time_text(latest * NS_PER_CYCLE)) if most else "0"


def failing_row(name: str, seeds: tuple = SEEDS) -> list[str]:
    """What ends the steps of one program."""
    return [NAMES[name]] + [
        after_text([watch_program(name, WATCH_US, seed, event) for seed in seeds])
        for event in EVENTS
    ]


def own_row(seeds: tuple = SEEDS) -> list[str]:
    """What ends those of the pump."""
    return ["Titra"] + [
        after_text([watch_pump(FAILING_PERIOD_US, WATCH_US, seed, event) for seed in seeds])
        for event in OWN_EVENTS
    ]


def failing_table(rows: list[list[str]]) -> Table:
    """Steps after a stop and after failures."""
    return Table(
        "The usual alternatives: what ends the steps",
        """
Steps at 1 kHz after the event, worst of %d seeds, watched for %d s. "Frozen": the CPU stands still
with interrupts off. "Held up": it is in a call that does not return, hard interrupts on.
"Exception": one that nobody catches, which ends in the REPL (for the programs, text that they do
not expect on the serial port; the pump takes any text, so its loop is sabotaged, and it steps
until the next turn raises). A frozen Titra makes the steps that are queued, bounded as above, and
then ends, whether anybody presses stop or not."""
        % (len(SEEDS), WATCH_US // 1_000_000),
        ["program", "stop pressed", "CPU frozen", "CPU held up", "uncaught exception"],
        rows,
    )
