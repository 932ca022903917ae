"""Measurements on the emulated chip for ``chip_bench`` alone.

bench_runs.py FOLDER RUN ARGUMENTS        runs in RIG_PYTHON; prints one JSON object
"""

import json
import sys
from functools import partial

from rigged import Branch, at_repl, boot, branch_out, rises
from timing_runs import infuse, stop_amid

PERIOD_US = 1000
PULSES = 200

# What a firmware without PIO does beside the steps: a telemetry line each 20 ms, and a collection
# each 50 ms on top of those that happen anyway.
BACKGROUND = """
import gc
import time
from machine import Pin, Timer

step = Pin(2, Pin.OUT)
made = 0


def pulse(_=None):
    global made
    if made < %d:
        made += 1
        step.on()
        step.off()


class Background:
    def __init__(self):
        self.line = self.collection = time.ticks_ms()

    def turn(self):
        now = time.ticks_ms()
        if time.ticks_diff(now, self.line) >= 20:
            self.line = now
            pairs = [("state", "infusing"), ("rate", "52.500mL/h"), ("steps", str(made))]
            pairs += [("delivered", "%%d.%%03dmL" %% divmod(made, 1000)), ("elapsed", str(now))]
            print("~%%d " %% now + " ".join(["%%s=%%s" %% pair for pair in pairs]) * 2)
        if time.ticks_diff(now, self.collection) >= 50:
            self.collection = now
            gc.collect()


background = Background()
gc.collect()
""" % (PULSES)
LOOPS = {
    "sleep": """
due = time.ticks_us()
for _ in range(%d):
    due = time.ticks_add(due, %d)
    left = time.ticks_diff(due, time.ticks_us())
    if left > 0:
        time.sleep_us(left)
    pulse()
    background.turn()
"""
    % (PULSES, PERIOD_US),
    "soft": """
timer = Timer(-1, period=1, mode=Timer.PERIODIC, callback=pulse, hard=False)
while made < %d:
    background.turn()
timer.deinit()
"""
    % PULSES,
    "hard": """
timer = Timer(-1, period=1, mode=Timer.PERIODIC, callback=pulse, hard=True)
while made < %d:
    background.turn()
timer.deinit()
"""
    % PULSES,
}

COSTS = """
import gc
import time
from pump.app.pump import Pump
from pump.core.frame import fitted, seal
from pump.core.lease import lease_us
from pump.core.schedule import Planner
from pump.core.verifier import Verifier

gc.collect()
gc.threshold(-1)
ticks = time.ticks_us
t0 = ticks()
for _ in range(100):
    ticks()
empty = (ticks() - t0) / 100


def told(name, us):
    print(name, "%.1f" % us)


def words(name, steps, duration, rate):
    most = lease_us(rate, 8) * 125 // 2
    planner = Planner([(steps, (duration, 1))], 133, 4)
    verifier = Verifier([(steps, (duration, 1))], 133, 4)
    gc.collect()
    planned = verified = 0
    for _ in range(100):
        t0 = ticks()
        planner.next_word(most, 127)
        t1 = ticks()
        if not verifier.check(planner.count, planner.interval_ticks, most):
            raise ValueError
        t2 = ticks()
        planned += t1 - t0 - empty
        verified += t2 - t1 - empty
    told("next_word_" + name, planned / 100)
    told("verify_" + name, verified / 100)


words("reference", 252117, 150000000000, (52500000, 3600))
words("fast", 100003, 1250125001, (75000000, 3600))
put = 0
for _ in range(5):
    g.arm()
    for _ in range(8):
        t0 = ticks()
        g.put(20, 59495)
        put += ticks() - t0 - empty
told("put", put / 40)
g.arm()
pump = Pump(hal, board)
gc.collect()
print("heap", gc.mem_free())
session = pump.session


def act(text):
    session._act_on([seal(text).strip()], hal.clock.now_us())


act("1 program volume=1mL rate=52.5mL/h syringe=bd-60")
act("2 start plan=" + pump.controller.run.hash)
motion = pump.controller.run.motion
gc.collect()
g.arm()
t0 = ticks()
motion._fill()
told("word", (ticks() - t0) / 8)
g.run()
gc.collect()
t0 = ticks()
for number in range(3):
    line = fitted("~%d t=%dms boot=1 " % (number, 1000), session.report.telemetry(1000000))
    line = seal(line)
told("telemetry", (ticks() - t0) / 3)
print("telemetry_bytes", len(line))
t0 = ticks()
pump.controller.stop()
told("stop_verb", ticks() - t0)
t0 = ticks()
gc.collect()
told("collect", ticks() - t0)
print("heap_planned", gc.mem_free())
data = memoryview(bytearray(b" " * 64))
t0 = ticks()
sent = hal.link.write(data)
told("byte", (ticks() - t0) / sent)
print()
"""

LOW = """
import gc
from pump.core.lease import lease_us
from pump.core.schedule import Planner

most = lease_us((%d, 3600), 8) * 125 // 2
planner = Planner([(%d, (%d, 1))], 133, 4)
gc.collect()
for _ in range(%d):
    planner.next_word(most, 127)
    print(planner.count, planner.interval_ticks)
"""


def infusions(folder: str, *cases: str) -> list:
    """Plans, all from the same booted chip. A case is a load, comma, program. ``stops`` and
    ``plain`` are run under load, ``stops`` with stops on the way; ``loaded`` and ``free`` only
    until one of the kind was carried out, so give the fastest first. A plan not run is null."""
    session = boot(folder)
    found, results = set(), []
    for case in cases:
        load, program = case.split(",")
        if load in found:
            results.append(None)
            continue
        amid = (lambda: stop_amid(session.rig)) if load == "stops" else None
        act = partial(infuse, session, program, load != "free", amid)
        seen = Branch(act).result()
        results.append(seen)
        if load in ("loaded", "free") and " name=complete " in (seen["ended"] or ""):
            found.add(load)
    return results


def loops(folder: str) -> dict:
    """Pulse instants of what one would write without PIO."""
    rig = at_repl(folder)

    def one(name: str) -> list:
        first = len(rig.edges)
        rig.exec(BACKGROUND + LOOPS[name])
        return rises(rig, first)

    return dict(zip(LOOPS, branch_out(one, list(LOOPS))))


def costs(folder: str) -> dict:
    """What parts of the firmware cost, us."""
    lines = at_repl(folder).exec(COSTS).splitlines()
    pairs = [line.split() for line in lines if len(line.split()) == 2]
    return {name: float(value) for name, value in pairs if name.isidentifier()}


def turns(folder: str, program: str) -> list:
    """What the turns of the loop allocate, in one infusion at telemetry each 100 ms."""
    session = boot(folder)
    reply = session.program(program)
    session.start(reply, "100ms")
    session.until(b"name=complete", 10)
    session.send("maintenance")
    text = session.until(b"end\r", 10)
    return [line.split() for line in text[text.index("made ") :].splitlines()]


def low(folder: str, *cases: str) -> list:
    """The words, (count, interval), that the chip plans. A case is nL/h, steps, ticks and number
    of words, with commas between."""
    rig = at_repl(folder)

    def one(case: str) -> list:
        out = rig.exec(LOW % tuple([int(each) for each in case.split(",")]))
        return [[int(each) for each in line.split()] for line in out.splitlines()]

    return branch_out(one, list(cases))


def rest(folder: str) -> list:
    """Rising edges of two single steps with a wait of 50 ms before the second step's 50 ms."""
    rig = at_repl(folder)
    rig.exec("f.arm(9)\ng.arm()\nfor w in ((1, 1000), (0, 3125000), (1, 3125000)):\n    g.put(*w)")
    first = len(rig.edges)
    rig.exec("g.run()")
    rig.run_ms(103)
    return rises(rig, first)


def ready(folder: str) -> float:
    """From power-on to the first telemetry line, ms."""
    return boot(folder).rig.now / 10**6


def memory(folder: str, program: str) -> dict:
    """Heap free as the loop of ``size.py`` found it in one infusion."""
    session = boot(folder)
    session.start(session.program(program), "100ms")
    session.until(b"name=complete", 10)
    session.send("maintenance")
    text = session.until(b"low ", 10)
    words = text[text.index("booted ") :].split()[:6]
    return {name: int(value) for name, value in zip(words[::2], words[1::2])}


RUNS = {
    run.__name__: run
    for run in (
        infusions,
        loops,
        costs,
        turns,
        low,
        rest,
        ready,
        memory,
    )
}

if __name__ == "__main__":
    print(json.dumps(RUNS[sys.argv[2]](sys.argv[1], *sys.argv[3:])))
