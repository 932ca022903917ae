"""Figures taken on an emulated RP2040 that runs real MicroPython, for ``make bench``.

``rows`` gives (what was measured and how, figure); ``python -m tests.emulator.chip_bench`` prints
them. Some five minutes on a free machine with two cores. They are of the emulator: exact in cycles
for PIO, and near for the CPU (no penalty for flash that is not in the XIP cache).
"""

import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from itertools import accumulate, pairwise
from math import floor
from pathlib import Path

from tests.device.therapies import step_nl
from tests.emulator import chip
from tests.timing.run_on_table import bound_steps

CYCLE_NS = 8
TICK_NS = 16
BOUND_NS = 160
SYNCHRONISER = 2
STEP, ENABLE, ALLOW = 2, 4, 5
FAST_STEP_NL = step_nl("4.699") * Fraction("0.7689") / Fraction("0.8") / 4  # chip.FAST_BOARD, bd-1
HZ_PER_ML_H = 10**6 / FAST_STEP_NL / 3600
# (how, steps/s, ms); of "loaded" and "free" the fastest that is carried out
INFUSIONS = (
    ("plain", 1000, 100),
    ("stops", 5000, 200),
    ("loaded", 9990, 200),
    ("loaded", 7490, 200),
    ("free", 14990, 200),
    ("free", 9990, 200),
)
LOW_ML_H = ("0.1", "1", "52.5")
LOW_WORDS = 120
PULSE_NS = 1_000_000
HALTS_MS = "8.3,21.7,37.03,55.5"
LOADED = "telemetry 20 ms, a request each 50 ms, gc each 50 ms"

Row = tuple[str, str]

# In place of ``pump.run()`` in main.py: notes what each turn allocates, sorted by what it did.
# Collection is by hand.
COUNTING_LOOP = """
    import gc

    gc.collect()
    gc.disable()
    pump.hal.collect = lambda: None
    made = gc.mem_free()
    turns = [0] * 4
    total = [0] * 4
    most = [0] * 4

    def noted():
        motion = pump.controller.motion
        return motion.commanded() if motion else 0

    while not pump.session.leaving:
        sample = pump.session._sample
        words = noted()
        before = gc.mem_alloc()
        pump.turn()
        used = gc.mem_alloc() - before
        kind = (1 if noted() > words else 0) + (2 if pump.session._sample > sample else 0)
        turns[kind] += 1
        total[kind] += used
        most[kind] = max(most[kind], used)
        if gc.mem_free() < 50000:
            gc.collect()
    pump.run()
    print("made", made)
    for kind in range(4):
        print(("other", "motion", "telemetry", "both")[kind], turns[kind], total[kind], most[kind])
    print("end")
"""


def rows() -> list[Row]:
    """All figures; RuntimeError with one clear line if there is no chip."""
    if reason := chip.missing():
        raise RuntimeError(reason)
    parts = (steps, run_on, turns, stops, fuse, costs, low_rates, loops)
    with ThreadPoolExecutor(2) as pool:  # each run is a process of its own
        return [row for found in pool.map(measured, parts) for row in found]


def measured(part: Callable[[], Iterator[Row]]) -> list[Row]:
    """One part's rows, with a word about it."""
    begun = time.monotonic()
    found = list(part())
    took_s = time.monotonic() - begun
    print(f"chip bench: {part.__name__}, {took_s:.0f} s", file=sys.stderr, flush=True)
    return found


def run(script: str, name: str, *arguments: str, tail: str = chip.FAST_BOARD, loop=""):
    """One run on a chip of its own; ``loop`` as for ``chip.make_files``."""
    with tempfile.TemporaryDirectory() as folder:
        files = chip.make_files(Path(folder) / "files", tail, loop)
        return chip.run(script, files, name, *arguments)


def plan(hz: int, duration_ms: int, even: bool = False) -> tuple[str, Fraction]:
    """A program of about that rate and duration, and its exact duration in ns. Of those near by
    the most uneven: T / N as close as can be to half a tick, which makes the shortest words; or
    the most ``even``, which makes the longest."""
    near = []
    thousandths = round(hz / HZ_PER_ML_H * 1000)
    for rate in [Fraction(thousandths + k, 1000) for k in range(-9, 10)]:
        volume_nl = round(rate * duration_ms / Fraction(36, 10))
        for volume in [Fraction(volume_nl + k, 10**6) for k in range(5)]:
            duration_ns = volume / rate * 3600 * 10**9
            count = floor(volume * 10**6 / FAST_STEP_NL + Fraction(1, 2))
            uneven = abs(duration_ns / TICK_NS / count % 1 - Fraction(1, 2))
            near.append((-uneven if even else uneven, rate, volume, duration_ns))
    _, rate, volume, duration_ns = min(near)
    return f"volume={float(volume):.6f}mL rate={float(rate):.3f}mL/h syringe=bd-1", duration_ns


def step_errors(rises: list, duration_ns: Fraction) -> list:
    """Each step's distance from k T / N, ns. The last is due at the floor of T in ticks."""
    origin = rises[-1] - floor(duration_ns / TICK_NS) * TICK_NS
    return [t - origin - k * duration_ns / len(rises) for k, t in enumerate(rises, 1)]


def steps() -> Iterator[Row]:
    """Step instants, stops amid them, and the highest rate: plans run by the firmware."""
    plans = [plan(hz, ms) for _, hz, ms in INFUSIONS]
    programs = [f"{load},{text}" for (load, _, _), (text, _) in zip(INFUSIONS, plans)]
    seen = run("bench_runs.py", "infusions", *programs, loop=chip.COLLECTING_LOOP)
    best = {"loaded": 0, "free": 0}
    for (load, hz, _), (_, duration_ns), made in zip(INFUSIONS, plans, seen):
        if not made or "name=complete" not in (made["ended"] or ""):
            continue
        errors = step_errors(made["rises"], duration_ns)
        if len(made["rises"]) != made["steps"] or max(map(abs, errors)) > BOUND_NS:
            continue
        if load in ("plain", "stops"):
            yield from instants(hz, made["rises"], duration_ns)
        if "stops" in made:
            yield from stop_rows("amid 5 kHz under load, both edges and gap", made["stops"])
        for which in ("loaded", "free") if load != "free" else ("free",):
            best[which] = max(best[which], hz)
    for load, text in (("loaded", LOADED), ("free", "gc each 50 ms")):
        tried = ", ".join([str(hz) for which, hz, _ in INFUSIONS if which == load])
        how = f"highest rate sustained for 200 ms, {text}; tried {tried}, 5000 steps/s"
        yield how, f"{best[load]} steps/s"


def instants(hz: int, rises: list, duration_ns: Fraction) -> Iterator[Row]:
    """What one plan's edges say."""
    errors = step_errors(rises, duration_ns)
    how = f"{hz} steps/s, {len(rises)} STEP edges of the firmware, {LOADED}: "
    most = float(max(map(abs, errors)))
    yield how + "largest error of a step against k T / N", f"{most:.0f} ns"
    interval = duration_ns / len(rises) / TICK_NS
    off = [round((b - a) / TICK_NS) - floor(interval) for a, b in pairwise(rises[:-1])]
    figure = f"{min(off)} to {max(off)} ticks of 16 ns"
    yield how + "intervals less floor(T / N), but for the last", figure


def low_rates() -> Iterator[Row]:
    """The interval words of slow plans, and one wait seen at the pin."""
    bore, ticks_per_h = "26.59", 3600 * 62_500_000
    cases = []
    for rate in LOW_ML_H:
        hours = 24 if rate == "0.1" else 1
        count = round(Fraction(rate) * hours * 10**6 / step_nl(bore))
        cases.append((int(Fraction(rate) * 10**6), count, hours * ticks_per_h, LOW_WORDS))
    arguments = [",".join(map(str, case)) for case in cases]
    planned = run("bench_runs.py", "low", *arguments)
    for rate, (_, count, ticks, _), words in zip(LOW_ML_H, cases, planned):
        made = list(accumulate(n for n, _ in words))
        ends = list(accumulate((n or 1) * interval for n, interval in words))
        off = [
            abs(end - Fraction(k * ticks, count)) for k, end, (n, _) in zip(made, ends, words) if n
        ]
        how = f"{rate} mL/h, bd-60: {LOW_WORDS} words planned on the chip ({made[-1]} steps), "
        most = float(max(off) * TICK_NS)
        yield how + "largest error of a word's last step against k T / N", f"{most:.0f} ns"
    first, second = run("bench_runs.py", "rest")
    how = "a wait word of 50 ms and a step of 50 ms, rising edge to rising edge: error"
    yield how, f"{second - first - 100_000_000:.0f} ns"


def stops() -> Iterator[Row]:
    """The stop input opened at every cycle."""
    sweeps = {
        "every cycle of a step of 280 cycles, queue full, CPU alive": ("stop-full", "alive"),
        "the same, CPU frozen": ("stop-full", "frozen"),
        "every cycle of waits, steps and an empty queue, CPU frozen": ("stop-waits",),
        "every cycle around the start": ("stop-before-start",),
    }
    for text, how in sweeps.items():
        seen = run("timing_runs.py", *how)
        edges = seen if isinstance(seen, list) else seen["edges"]
        yield from stop_rows(text, edges)


def stop_rows(text: str, edges: list) -> Iterator[Row]:
    """What a sweep of stops showed."""
    how = f"stop, {text}: {len(edges)} stops, "
    yield how + "last rising STEP edge after one", late(edges)
    drops = [t for run in edges for t, pin, up in run if pin == ALLOW and not up]
    yield how + "ALLOW low within", cycles(max(drops) + SYNCHRONISER)
    off = [[t for t, pin, up in run if pin == ENABLE and up and t > 0] for run in edges]
    if all(off):
        taken = [times[0] * CYCLE_NS / 1000 for times in off]
        yield how + "EN off by interrupt", f"{min(taken):.0f} to {max(taken):.0f} us"


def late(edges: list) -> str:
    """The latest rising edge of STEP after the stop, the synchroniser included."""
    latest = [max([t for t, pin, up in run if pin == STEP and up], default=-9) for run in edges]
    after = [t + SYNCHRONISER for t in latest if t > 0]
    return f"{cycles(max(after))}; none after {len(edges) - len(after)}" if after else "none"


def cycles(count: float) -> str:
    return f"{count:.0f} cycles ({count * CYCLE_NS:.0f} ns)"


def run_on() -> Iterator[Row]:
    """The CPU halted in mid-infusion."""
    case = "volume=0.1mL rate=1200mL/h syringe=bd-60;" + HALTS_MS
    (halts,) = run("timing_runs.py", "motion", case, tail=chip.SHORT_PLANS, loop=None)
    most = max([row[2] for row in halts])
    last_ms = max([row[3] for row in halts]) / 1e6
    bound = bound_steps(Fraction(1_200_000_000, 3600), step_nl("26.59"))
    how = f"1200 mL/h, bd-60, CPU halted at {len(halts)} instants of an infusion: most steps after"
    microlitres = float(most * step_nl("26.59") / 1000)
    yield how, f"{most} ({microlitres:.1f} uL) in {last_ms:.1f} ms; allowed {bound}"


def fuse() -> Iterator[Row]:
    """Feeding beside the fuse's number."""
    good, rows_seen = 0, run("timing_runs.py", "fuse")
    single = [row for row in rows_seen if len(row[0]) == 1]
    for ((allowed, fed),), rises, counted, _ in single:
        good += rises == counted == min(allowed, fed)
    how = "dose fuse: N_max 0 to 128, fed half to N_max + 40: exactly min(fed, N_max) edges"
    yield how, f"{good} of {len(single)} cases"


def turns() -> Iterator[Row]:
    """Allocation of the loop."""
    lines = run("bench_runs.py", "turns", plan(5000, 80)[0], loop=COUNTING_LOOP)
    yield "heap free with the pump made, in the firmware's loop", f"{int(lines[0][1])} bytes"
    texts = {
        "other": "that neither plans nor reports (idle, requests, the start)",
        "motion": "that fills the queue",
        "telemetry": "that makes a telemetry line",
        "both": "that does both",
    }
    for kind, count, total, most in [line for line in lines if line[0] in texts]:
        if int(count):
            how = f"allocated in a turn of the loop {texts[kind]}, 5 kHz; gc.mem_alloc around it"
            mean = int(total) // int(count)
            yield how, f"{mean} bytes on average of {count}, {most} at most"


def costs() -> Iterator[Row]:
    """CPU time of parts."""
    cost = run("bench_runs.py", "costs")
    plans = (("reference", "52.5 mL/h, 40 min"), ("fast", "5 kHz, uneven interval"))
    for name, text in plans:
        for part in ("next_word", "verify"):
            how = f"{part} of a word, {text}; mean of 100"
            yield how, f"{cost[f'{part}_{name}']:.0f} us"
    yield "put of a word; mean of 40", f"{cost['put']:.0f} us"
    yield "one word in all: planned, verified, put; mean of 8", f"{cost['word']:.0f} us"
    size = f"{cost['telemetry_bytes']:.0f} bytes"
    yield f"telemetry line in motion, made and sealed ({size})", f"{cost['telemetry']:.0f} us"
    yield "output over USB, a byte; mean of 64", f"{cost['byte']:.0f} us"
    yield "gc.collect with a plan in memory", f"{cost['collect']:.0f} us"
    yield "heap free with a plan in memory", f"{cost['heap_planned']:.0f} bytes"


def loops() -> Iterator[Row]:
    """What one would write without PIO."""
    names = {
        "sleep": "`sleep_us` to each deadline",
        "soft": "`machine.Timer`, soft",
        "hard": "`machine.Timer`, hard",
    }
    for name, rises in run("bench_runs.py", "loops").items():
        late_us = [(t - rises[0] - k * PULSE_NS) / 1000 for k, t in enumerate(rises)]
        between = [(b - a) / 1000 for a, b in pairwise(rises)]
        how = f"for contrast, {names[name]}: 1 kHz, {len(rises)} pulses, telemetry 20 ms, gc 50 ms"
        figure = (
            f"worst {max(map(abs, late_us)):.1f} us off, std {statistics.pstdev(between):.2f} us"
        )
        yield how + ": off the ideal instant; std of the intervals", figure


def main() -> None:
    """Print the rows, or why there are none."""
    if reason := chip.missing():
        print(reason)
        return
    for what, figure in rows():
        print(f"{what} | {figure}")


if __name__ == "__main__":
    main()
