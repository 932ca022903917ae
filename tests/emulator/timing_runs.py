"""Runs on the emulated chip for ``test_timing_on_chip`` and ``chip_bench``.

    timing_runs.py FOLDER RUN        runs in RIG_PYTHON; prints one JSON object

Where many experiments share a beginning each is made in a copy of the process (``Branch``), so
that a stop is tried at every cycle of a step and a freeze at any instant of one infusion.
"""

import json
import sys
from collections.abc import Callable

from rigged import (
    ALLOW,
    CYCLE_NS,
    DEPTH,
    Branch,
    Session,
    at_repl,
    boot,
    branch_out,
    freeze,
    idle,
    open_loop,
    plan_of,
    queue_words,
    rises,
    steps_of,
)

SPAN = 900  # cycles watched after a stop: more than three steps of the sweeps
STEPS_MOST = 127  # in a word
REFILL = 3  # the word put into the queue when the loop is closed again: 3 steps, 0 passes
FILL = "for word in words:\n    g.put(*word)\n"
BEGIN = "g.arm()\nf.arm(100000)\nwords = %r\n" + FILL


def moving(folder: str, words: list, more: str = "", edges: int = 4):
    """A chip that works through ``words``, at most a microsecond after so many pin edges."""
    rig = at_repl(folder)
    rig.exec(BEGIN % words)
    first = len(rig.edges)
    rig.start("g.run()\n" + more)
    if not rig.run_while(lambda: len(rig.edges) < first + edges, 50, 0.001):
        raise TimeoutError("no steps")
    return rig


def sweep(rig, offsets: list, frozen: bool) -> list:
    """A stop at each of the offsets, in cycles from now."""
    return branch_out(lambda offset: open_loop(rig, offset, SPAN, REFILL, frozen), offsets)


def stop_full(folder: str, cpu: str) -> list:
    """Every cycle of a step of 280 cycles, the queue full or nearly so, CPU alive or frozen."""
    rig = moving(folder, [(127, 140)] * 8, "while g.room(): g.put(127, 140)\n", edges=60)
    return sweep(rig, list(range(280)), cpu == "frozen")


def stop_waits(folder: str) -> dict:
    """Every cycle across words, waits and the shortest step, and into an empty queue."""
    words = [(1, 135), (0, 13), (1, 133), (0, 4)] * 2
    rig = moving(folder, words, edges=1)
    last = Branch(lambda: (rig.run_ns(30_000), rig.now, rises(rig)[-1])[1:]).result()[1]
    end = int((last - rig.now) / CYCLE_NS) + 258 + 60
    return {"end": end, "edges": sweep(rig, list(range(end)), True)}


def stop_before_start(folder: str) -> dict:
    """Around the instant at which Python starts the generator, queue full and fuse armed."""
    rig = at_repl(folder)
    rig.exec(BEGIN % ([(3, 133)] * 8))
    rig.start("g.run()\n")

    def first_rise() -> float:
        count = len(rises(rig))
        rig.run_while(lambda: len(rises(rig)) == count, 50, 0.01)
        return rises(rig)[count]

    first = Branch(first_rise).result()
    rig.run_until(first - 500 * CYCLE_NS)
    left = int((first - rig.now) / CYCLE_NS)
    return {"first": left, "edges": sweep(rig, list(range(left + 20)), False)}


def fuse(folder: str) -> list:
    """(allowed, fed, STEP edges, counted by the chip, ALLOW at the end) for many cases, all from
    one instant; words of 9 steps and the rest are fed as the queue has room."""
    rig = at_repl(folder)
    rig.exec(
        "import time\n"
        "def feed(fed):\n"
        "    left = fed\n"
        "    while left:\n"
        "        if not g.room():\n"
        "            time.sleep_us(200)\n"
        "            if not g.room():\n"
        "                break\n"
        "        count = min(left, 9)\n"
        "        g.put(count, 133)\n"
        "        left -= count\n"
        "    time.sleep_us(400)\n"
    )

    def case(allowed_fed: list) -> list:
        first, rows = len(rig.edges), []
        script = "g.arm()\nbase = hal.counter.steps()\ng.run()\n"
        for allowed, fed in allowed_fed:
            script += "f.arm(%d)\nfeed(%d)\n" % (allowed, fed)
        script += "print(hal.counter.steps() - base)\n"
        counted = int(rig.exec(script))
        rows.append([allowed_fed, len(rises(rig, first)), counted, rig.level(ALLOW)])
        return rows[0]

    limits = (0, 1, 2, 3, 8, 9, 10, 26, 63, 64, 126, 127, 128)
    cases = [[[n, fed]] for n in limits for fed in (n // 2, n, n + 1, n + 40)]
    again = [[[5, 9], [2, 0], [1, 0], [3, 9]], [[0, 9], [4, 0]], [[7, 3], [2, 9]]]
    return branch_out(case, cases + again)


def even(folder: str) -> list:
    """Edges of 256 steps of 12 500 ticks, queued ahead, while Python collects garbage."""
    rig = at_repl(folder)
    rig.exec("import gc\n" + BEGIN % ([(32, 12500)] * 8))
    first = len(rig.edges)
    rig.start("g.run()\ngc.collect()\ngc.collect()\n")
    rig.run_while(lambda: len(rises(rig, first)) < 256, 100)
    return rises(rig, first)


def talk(session: Session, begun: float, duration_ms: int) -> None:
    """Requests that take long in motion, one each 50 ms, and noise."""
    texts = ("limits", "log", "status", "limits syringe=bd-60", "nonsense x=1", "help", "info")
    for number, ms in enumerate(range(10, duration_ms, 50)):
        text = texts[number % len(texts)]
        session.rig.at(begun + ms * 1e6, lambda text=text: session.send(text))


def infuse(
    session: Session, program: str, loaded: bool, amid: Callable[[], object] | None = None
) -> dict:
    """One plan to its end; loaded: with telemetry at 20 ms and requests all the time. ``amid`` is
    called after 40 ms. ``fewest`` words were seen in the queue before the last of them came."""
    rig = session.rig
    reply = session.program(program)
    first = len(rig.edges)
    begun = session.start(reply, "20ms" if loaded else "60s")
    begun_at = len(rig.rx_log)
    if loaded:
        talk(session, begun, 500)
    rig.run_ms(40)
    seen = {"stops": amid()} if amid else {}
    fewest, early = DEPTH, steps_of(reply) - (DEPTH + 1) * STEPS_MOST

    def going() -> bool:
        nonlocal fewest
        if len(rises(rig, first)) < early:
            fewest = min(fewest, queue_words(rig))
        return ending(rig, begun_at) is None

    rig.run_while(going, 4000, 1)
    return {
        **seen,
        "fewest": fewest,
        "steps": steps_of(reply),
        "ended": ending(rig, begun_at),
        "rises": rises(rig, first),
        "text": b"".join([data for _, data in rig.rx_log[begun_at:]]).decode(),
    }


def sustained(folder: str, *programs: str) -> list:
    """Each of the plans under load to its end, from one booted chip."""
    session = boot(folder)
    return branch_out(lambda program: infuse(session, program, True), list(programs))


def ending(rig, since: int) -> str | None:
    """The event that ended the motion, as told by the chip since that packet; or, where there was
    no room for it, the first telemetry that knows."""
    text = b"".join([data for _, data in rig.rx_log[since:]])
    for line in text.split(b"\n")[:-1]:
        if b" name=complete " in line or b" name=stopped " in line:
            return line.decode()
        if line[:1] == b"~" and b" state=infusing " not in line:
            return line.decode()
    return None


def motion(folder: str, *cases: str) -> list:
    """From one booted chip: ``program`` to its end under load with stops on the way, and of
    ``program;ms,ms,...`` what is made with the CPU halted at these instants."""
    session = boot(folder)

    def one(case: str) -> object:
        program, _, instants_ms = case.partition(";")
        if instants_ms:
            return frozen(session, program, [float(ms) for ms in instants_ms.split(",")])
        return infuse(session, program, True, lambda: stop_amid(session.rig))

    return branch_out(one, list(cases))


def stop_amid(rig) -> list:
    """Stops in the step in progress: around both edges of its pulse, and spread over the gap."""
    count = len(rises(rig))
    rig.run_while(lambda: len(rises(rig)) == count, 50, 0.001)
    last, before = rises(rig)[-1], rises(rig)[-2]
    period = int((last - before) / CYCLE_NS)
    now = int((rig.now - last) / CYCLE_NS)  # cycles into the step
    places = [*range(period - 12, period + 12), *range(period + 252, period + 264)]
    places += [now + 150 + (period - 200) * k // 24 for k in range(24)]
    after = 2 * period + 100
    return branch_out(lambda place: open_loop(rig, place - now, after, REFILL, False), places)


def frozen(session: Session, program: str, instants_ms: list) -> list:
    """The CPU halted at each of the instants, ms after ALLOW rises (before it if negative), in
    one infusion: (instant, steps made by then, made after, ns from the halt to the last)."""
    rig = session.rig
    reply = session.program(program)
    session.ask("telemetry every=20ms")
    first = len(rig.edges)

    def allowed() -> float:
        session.send("start plan=" + plan_of(reply))
        rig.run_while(lambda: not session.raised(first), 1000, 0.2)
        return session.raised(first)[0]

    allow = Branch(allowed).result()
    session.send("start plan=" + plan_of(reply))
    branches = []
    for ms in instants_ms:
        rig.run_until(allow + ms * 1e6)
        if len(branches) > 1:
            branches[-2].wait()
        branches.append(Branch(lambda ms=ms: [ms, *halted(rig, first)]))
    return [branch.result() for branch in branches]


def halted(rig, first: int) -> tuple:
    """Halt the CPU now, and see the queue run out."""
    begun, before = rig.now, len(rises(rig, first))
    freeze(rig)
    at = rig.mcu.core.pc
    rig.run_while(lambda: not idle(rig), 2000)
    rig.run_ms(1)
    if rig.mcu.core.pc != at or not idle(rig):
        raise RuntimeError("not halted, or still moving")
    steps = rises(rig, first)
    return before, len(steps) - before, max(steps, default=begun) - begun


RUNS = {
    "stop-full": stop_full,
    "stop-waits": stop_waits,
    "stop-before-start": stop_before_start,
    "fuse": fuse,
    "even": even,
    "motion": motion,
    "sustained": sustained,
}

if __name__ == "__main__":
    chosen = RUNS[sys.argv[2]]
    print(json.dumps(chosen(sys.argv[1], *sys.argv[3:])))
