"""Which ports are asked, and what the tests of the contract say often.

A port takes part by a *jig*, one line in JIGS: an object with ``name``, the port's ``hal``, and
what a bench can do and see:

    now_ns run_ns(ns) at_ns(ns, action)     time; the CPU sleeps in ``run_ns``
    rises_ns() falls_ns() step_level()      the STEP line
    driver_is_on()                          the driver's enable input
    press() release()                       the stop loop
    host_send host_take host_reads host_connected
    cut_power_during(action, after_ns)      off and on again; ``hal`` is then a new one

A capability that a port does not declare gives a skip that names it.
"""

from fractions import Fraction

import pytest

from tests.contract.sim_jig import Esp32BareJig, Esp32Jig, Esp32OldJig, Rp2Jig

JIGS = [Rp2Jig, Esp32Jig, Esp32OldJig, Esp32BareJig]

US = 1_000
MS = 1_000_000
S = 1_000_000_000
AT_ONCE_NS = 20 * MS  # no call that "never waits" takes longer
PULSE_LEAST_NS = 1_900  # what TMC2209 and DRV8825 ask for
PLENTY = 100_000
BORDER_NS = 300_000  # how late a step may come on an even CPU, where the port allows for any


def need(hal, capability: str) -> None:
    if capability not in hal.capabilities:
        pytest.skip("port does not declare " + capability)


def allow(hal, steps: int = PLENTY) -> None:
    """Let steps pass."""
    hal.fuse.arm(steps)


def ticks_ns(hal, ticks: int) -> Fraction:
    return Fraction(*hal.generator.tick_ns) * ticks


def fast(hal) -> int:
    """A short step interval: 8 kHz, or the port's shortest."""
    tick = Fraction(*hal.generator.tick_ns)
    return max(hal.generator.min_step_ticks, int(125_000 / tick))


def run_words(jig, words: list, ns: int = 50 * MS) -> list:
    """Make the generator work through ``words``; returns the rising edges of it."""
    hal = jig.hal
    before = len(jig.rises_ns())
    hal.generator.arm()
    allow(hal)
    for count, ticks in words:
        hal.generator.put(count, ticks)
    hal.generator.run()
    jig.run_ns(ns)
    return jig.rises_ns()[before:]


def gaps(instants: list) -> list:
    return [b - a for a, b in zip(instants, instants[1:])]


def border_ns(hal) -> int:
    """How late a step may come here, where nothing else keeps the CPU busy."""
    return BORDER_NS if hal.generator.late_us else 0


def as_due(hal, rises: list, intervals: list) -> bool:
    """Whether ``rises`` are as far from the first one as the intervals (ticks) say; a step may be
    late only where the port says so."""
    due = Fraction(rises[0])
    for rise, ticks in zip(rises[1:], intervals, strict=True):
        due += ticks_ns(hal, ticks)
        if not -border_ns(hal) <= rise - due <= border_ns(hal):
            return False
    return True


def timed(jig, call):
    """The call's result, and that it came at once."""
    before = jig.now_ns()
    result = call()
    assert jig.now_ns() - before <= AT_ONCE_NS
    return result
