"""The faults of the campaign: what is done to a bench, when, and what the pump may make of it.

A fault is a kind, an instant and a few drawn parameters; all come from the run's generator, so
the seed of the run is all there is to know. The instant is a time after the host begins, or one
of the flash operations after that (before it, in its midst, after it).

``causes`` are the outcomes that fit a fault, beside "none of it shows"; see ``oracle``.
"""

from dataclasses import dataclass, field
from random import Random

from tests.campaign import sabotage
from tests.campaign.rig import CYCLES_PER_US, Rig

# causes of a step count that is not what it should be
COUNTED = ("miscount", "over-delivery", "under-delivery", "runaway", "starved")
COUNTER_MADE_US = 5_000  # after power-on: it counts, and the event log is still being mounted
PRESSED = ("disconnect", "stop-open")


@dataclass
class Kind:
    """``inject(rig, fault, rng)`` does it. ``deadly``: a reset must come of it if it took place.
    ``weight`` in the draw; ``before``: done before power-on."""

    name: str
    inject: object
    causes: tuple = ()
    weight: int = 4
    deadly: bool = False
    before: bool = False
    fitted: bool = False  # needs the sensors
    flash: bool = False  # comes at a flash operation
    counts: bool = False  # the pump's own count of steps is wrong, not the steps
    words: bool = False  # what the generator makes is wrong
    stalls: bool = False  # the CPU is late
    host: bool = False  # requests and answers may be lost


@dataclass
class Fault:
    kind: Kind
    at_us: int
    rng: Random
    operation: int = 0  # which flash operation, from 1; 0: a time
    part: float = 0.0  # how far into it
    note: str = ""
    unseen: int = 0  # steps that the step counter has missed; below 0: counted twice
    done: list = field(default_factory=list)  # cycles at which it took place

    def __str__(self) -> str:
        when = "%.6f s after the host began" % (self.at_us / 1e6)
        if self.operation:
            when = "flash operation %d at %.2f" % (self.operation, self.part)
        done = ", done at %.6f s" % (self.done[0] / 125e6) if self.done else ", never came"
        return "%s %s(%s)%s" % (self.kind.name, self.note, when, done)


def _do(function):
    """A fault that is one call, at the fault's instant."""

    def inject(rig: Rig, fault: Fault) -> None:
        def act() -> None:
            fault.done.append(rig.world.now)
            rig.tell("fault: " + fault.kind.name)
            try:
                function(rig, fault)
            except Exception as error:  # of the campaign, not to be met by the firmware
                rig.mistakes.append(repr(error))

        if fault.operation:
            sabotage.at_flash(rig, fault.operation, fault.part, act)
        else:
            rig.at_us(fault.at_us, act)

    return inject


def _before(function):
    """A fault of the bench before power-on."""

    def inject(rig: Rig, fault: Fault) -> None:
        fault.done.append(0)
        function(rig, fault)

    return inject


def press(rig: Rig, fault: Fault) -> None:
    """The button: it bounces, and stays open or is released."""
    rng = fault.rng
    at = 0
    bounces = rng.choice((0, 0, 1, 3, 8))
    rig.bench.press()
    for _ in range(bounces):
        at += rng.choice((rng.randint(5, 60), rng.randint(60, 5_000), rng.randint(5000, 400_000)))
        rig.world.at(rig.world.now + at, rig.bench.release)
        at += rng.choice((rng.randint(1, 60), rng.randint(60, 5_000), rng.randint(5000, 400_000)))
        rig.world.at(rig.world.now + at, rig.bench.press)
    if rng.random() < 0.6:
        held = rng.choice((rng.randint(5, 40), rng.randint(40, 20_000), rng.randint(1, 10**8)))
        rig.world.at(rig.world.now + at + held, rig.bench.release)
        fault.note = "%d bounces, released after %d cycles " % (bounces, at + held)


def press_unheard(rig: Rig, fault: Fault) -> None:
    sabotage.drop_interrupts(rig)
    press(rig, fault)


def press_heard_twice(rig: Rig, fault: Fault) -> None:
    sabotage.double_interrupts(rig)
    press(rig, fault)


def power_cut(rig: Rig, fault: Fault) -> None:
    rig.world.die("power-on")


def brown_out(rig: Rig, fault: Fault) -> None:
    """Some power cuts in a row, the later ones during boot."""
    for _ in range(fault.rng.randint(1, 3)):
        rig.at_us(fault.rng.randint(1, 600_000), lambda: rig.world.die("power-on"))
    rig.world.die("power-on")


def freeze(rig: Rig, fault: Fault) -> None:
    rig.bench.freeze()


def gc_pause(rig: Rig, fault: Fault) -> None:
    rng = fault.rng
    for _ in range(rng.choice((1, 1, 3))):
        rig.at_us(rng.randint(0, 200_000), lambda: rig.world.pause_us(rng.randint(500, 35_000)))


def flash_stalls(rig: Rig, fault: Fault) -> None:
    """From now on every write takes as long as the worst there is."""
    sabotage.slow_flash(rig, fault.rng)


def flash_full(rig: Rig, fault: Fault) -> None:
    rig.bench.flash.room = 0


def occlusion(rig: Rig, fault: Fault) -> None:
    newtons = fault.rng.randint(45, 140)
    fault.note = "%d N " % newtons
    rig.world.volts_mv[26] = 330 + 3300 * newtons // 200


def force_open(rig: Rig, fault: Fault) -> None:
    rig.world.volts_mv[26] = fault.rng.randint(0, 200)


def force_short(rig: Rig, fault: Fault) -> None:
    rig.world.volts_mv[26] = fault.rng.randint(3000, 3300)


def force_noise(rig: Rig, fault: Fault) -> None:
    """A single odd reading: too short to be believed."""
    rig.world.volts_mv[26] = fault.rng.choice((0, 3300, 1200))
    rig.at_us(90_000, lambda: rig.world.volts_mv.update({26: 478}))


def supply_low(rig: Rig, fault: Fault) -> None:
    rig.world.volts_mv[29] = fault.rng.randint(4_050, 4_450) // 3


def supply_critical(rig: Rig, fault: Fault) -> None:
    rig.world.volts_mv[29] = fault.rng.randint(0, 3_900) // 3


def travel_end(rig: Rig, fault: Fault) -> None:
    rig.world.pads.drive(13, None)


def drift(rig: Rig, fault: Fault) -> None:
    """The CPU's timer runs faster or slower than the PIO's clock."""
    ppm = fault.rng.choice((-1, 1)) * int(10 ** fault.rng.uniform(1, 4.7))
    fault.note = "%d ppm " % ppm
    sabotage.drift(rig, ppm)


def ticks_wrap(rig: Rig, fault: Fault) -> None:
    us = fault.rng.randint(400_000, 12_000_000)
    rig.world.boot_cycle = -((1 << 30) - us) * CYCLES_PER_US


def counter_wrap(rig: Rig, fault: Fault) -> None:
    """The step counter is a few hundred steps from its wrap before anybody has read it."""
    left = fault.rng.randint(0, 1000)
    rig.at_us(COUNTER_MADE_US, lambda: sabotage.shift_counter(rig, (1 << 32) - left))


KINDS = (
    Kind("press", _do(press), PRESSED, 10),
    Kind("press during a flash write", _do(press), PRESSED, 4, flash=True),
    Kind("press, interrupt dropped", _do(press_unheard), (*PRESSED, "miscount", "post"), 4),
    Kind("press, interrupt doubled", _do(press_heard_twice), PRESSED, 3),
    Kind("power cut", _do(power_cut), ("reset",), 6, deadly=True),
    Kind("power cut at a flash operation", _do(power_cut), ("reset",), 8, True, flash=True),
    Kind("power cuts in a row", _do(brown_out), ("reset",), 3, deadly=True),
    Kind("CPU freeze", _do(freeze), ("reset",), 8, deadly=True),
    Kind("exception", _do(sabotage.exception), ("internal", "reset", "post"), 10, host=True),
    Kind("gc pauses", _do(gc_pause), ("starved",), 5, stalls=True),
    Kind("flash stalls of 400 ms", _do(flash_stalls), (), 5),
    Kind("flash full", _do(flash_full), ("internal",), 3),
    Kind("step missed by the counter", _do(sabotage.count_less), COUNTED, 4, counts=True),
    Kind("step counted twice", _do(sabotage.count_more), COUNTED, 4, counts=True),
    Kind("word with other steps", _do(sabotage.spoil_count), COUNTED, 4, words=True),
    Kind("word with another interval", _do(sabotage.spoil_interval), COUNTED, 4, words=True),
    Kind("stray words in the generator", _do(sabotage.stray_words), COUNTED, 4, words=True),
    Kind("occlusion", _do(occlusion), ("occlusion",), 5, fitted=True),
    Kind("force sensor open", _do(force_open), ("force-sensor",), 3, fitted=True),
    Kind("force sensor short", _do(force_short), ("force-sensor",), 3, fitted=True),
    Kind("force sensor noise", _do(force_noise), (), 2, fitted=True),
    Kind("supply low", _do(supply_low), (), 2, fitted=True),
    Kind("supply critical", _do(supply_critical), ("supply-critical",), 3, fitted=True),
    Kind("end of travel", _do(travel_end), ("limit-switch",), 3, fitted=True),
    Kind("serial garbage", _do(sabotage.garbage), ("host-lost",), 5, host=True),
    Kind("serial flood", _do(sabotage.flood), ("host-lost",), 5, host=True),
    Kind("serial truncation", _do(sabotage.truncation), ("host-lost",), 4, host=True),
    Kind("host vanishes", _do(sabotage.host_leaves), ("host-lost", "starved"), 6, host=True),
    Kind("host does not read", _do(sabotage.host_deaf), ("host-lost",), 4, host=True),
    Kind("ticks wrap", _before(ticks_wrap), (), 3, before=True),
    Kind("step counter wraps", _before(counter_wrap), (), 3, before=True),
    Kind("clock drift", _do(drift), (*COUNTED, "host-lost"), 4),
)


def draw(rng: Random, span_us: int) -> list:
    """0 to 3 faults within ``span_us``; one in nine runs has none, most have one."""
    number = rng.choices((0, 1, 2, 3), (11, 57, 22, 10))[0]
    faults = []
    for kind in rng.choices(KINDS, [kind.weight for kind in KINDS], k=number):
        fault = Fault(kind, rng.randint(0, span_us), Random(rng.getrandbits(64)))
        if kind.flash:
            fault.operation = rng.randint(1, 2 + span_us // 900_000)
            fault.part = rng.choice((0.0, rng.random(), 1.0, 1.0 + rng.random() * 0.01))
        faults.append(fault)
    return faults
