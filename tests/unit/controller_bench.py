"""A controller on a fake HAL, brought into any state by the ordinary way to it."""

from fake_hal import BOARD, SHORT, FakeHal

from pump.app.controller import RELEASE_US, Controller
from pump.app.library import Library
from pump.app.settings import Settings
from pump.core import states

PRIME = {"volume": "0.05mL", "rate": "60mL/h", "syringe": "bd-10", "connected": "no"}
BOLUS = {"volume": "0.05mL", "over": "5s"}


class Bench:
    """A controller on a fake HAL, with its events."""

    def __init__(self):
        self.hal = FakeHal()
        self.events = []
        self.controller = Controller(
            self.hal,
            BOARD,
            Settings(self.hal.store),
            Library(self.hal.store),
            self._record,
            lambda therapy: True,
        )

    def _record(self, name, pairs):
        self.events.append((name, dict(pairs)))
        if name in ("halted", "stopped", "fault", "complete"):
            assert not self.hal.driver.on and not self.hal.generator.running

    def names(self):
        return [name for name, _ in self.events]

    def run(self, us):
        """Poll when due for ``us``."""
        end = self.hal.clock.us + us
        while True:
            due = self.controller.due_us()
            if due is None or due > end:
                break
            self.hal.go_to(due)
            self.controller.poll(self.hal.clock.us)
        self.hal.go_to(end)
        self.controller.poll(end)

    def still(self):
        """True when nothing can move."""
        hal = self.hal
        return not (hal.generator.running or hal.driver.on or hal.fuse.allows())

    def start(self, lease_us=0, on_loss="stop"):
        self.controller.start(self.controller.run.hash, lease_us, on_loss)
        self.controller.heard(self.hal.clock.us)


def bench_in(state):
    """A bench in ``state``, reached by the ordinary way."""
    if state in (states.BOLUS, states.PRIMING, states.KVO):
        return bench_beside(state)
    bench = Bench()
    controller = bench.controller
    if state == states.POST:
        return bench
    controller.self_test([], None, False)
    if state == states.IDLE:
        return bench
    controller.program(SHORT)
    if state == states.READY:
        return bench
    bench.start()
    bench.run(2_000_000)
    if state == states.PAUSED:
        controller.pause()
    elif state == states.COMPLETE:
        bench.run(9_000_000)
    elif state == states.HALTED:
        controller.stop()
    elif state == states.STOPPED:
        bench.hal.stop.press()
        bench.run(1000)
        bench.hal.stop.release()
        bench.run(RELEASE_US)
    elif state == states.ALARM:
        controller.trip("occlusion")
    elif state == states.FAULT:
        controller.fail("internal")
    return bench


def bench_beside(state):
    """The same for the states beside a plain infusion."""
    bench = Bench()
    controller = bench.controller
    controller.self_test([], None, False)
    if state == states.PRIMING:
        controller.prime(PRIME)
        bench.start()
        bench.run(500_000)
    elif state == states.KVO:
        controller.program({**SHORT, "kvo": "1mL/h"})
        bench.start()
        bench.run(11_000_000)
    else:
        controller.program(SHORT)
        bench.start()
        bench.run(2_000_000)
        controller.bolus(BOLUS)
        controller.start(controller.side.hash, 0, "stop")
        bench.run(1_000_000)
    return bench
