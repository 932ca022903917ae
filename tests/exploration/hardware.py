"""The hardware around the pump for the exploration: the unit tests' fake HAL with everything
there is to a board, ways to break each part, and a record of what a witness would see.

The motor is apart from the STEP pin: it turns by a step that passes the fuse, or is forced on the
pin, only while its driver is enabled and the loop does not hold the generator.
"""

from pump import hal
from tests.unit.fake_hal import (
    FakeCounter,
    FakeDriver,
    FakeFuse,
    FakeGenerator,
    FakeHal,
    FakeLink,
    FakeStop,
    FakeStore,
)

WATCHDOG_US = 2_000_000
NEVER_US = -(1 << 60)


class Bite(BaseException):
    """The watchdog resets the chip. No handler in the firmware can stop that."""


class Fuse(FakeFuse):
    """``blown`` lets nothing pass, whatever it is told."""

    blown = False

    def arm(self, steps):
        super().arm(0 if self.blown else steps)


class Counter(FakeCounter):
    """``broken`` raises; ``seen_us`` is when it was last read."""

    broken = False

    def steps(self):
        if self.broken:
            raise OSError("counter")
        return super().steps()


class Driver(FakeDriver):
    """``race`` happens to the loop at the very moment the driver is enabled."""

    stop = None
    race = ""

    def enable(self, on):
        race, self.race = (self.race, "") if on else ("", self.race)
        if race == "before":
            self.stop.bounce()
        super().enable(on)
        if race == "after":
            self.stop.bounce()


class Generator(FakeGenerator):
    """``lossy``: steps do not come out. Turns the motor."""

    driver = None
    stop = None
    lossy = False
    turned = 0  # steps of the motor's shaft, for ever

    def _step(self):
        if self.lossy or self.stop.open:
            return
        if self._fuse.left and self.driver.on:
            self.turned += 1
        super()._step()


class Stop(FakeStop):
    """The port's interrupt comes with the press: it takes ENABLE away and ends the sleep."""

    driver = None
    clock = None
    news = False
    presses = 0
    asked_us = 0
    open_us = NEVER_US  # when it was last seen open

    def press(self):
        super().press()
        self._fuse_off()
        self.driver.enable(False)
        self.news = True
        self.presses += 1

    def release(self):
        self.open_us = self.clock.us
        super().release()

    def bounce(self):
        """Open for less than anything could see."""
        self.press()
        self.release()

    def restless(self):
        self.asked_us = self.clock.us
        return super().restless()

    def opened(self):
        self.news = False
        self.asked_us = self.clock.us
        return super().opened()

    def _fuse_off(self):
        self._generator._fuse.disarm()


class Link(FakeLink):
    """``broken`` raises; ``race`` happens to the loop as the line is read."""

    stop = None
    clock = None
    broken = False
    race = ""
    read_us = 0

    def read(self, buffer):
        if self.broken:
            raise OSError("link")
        race, self.race = self.race, ""
        if race == "press":
            self.stop.press()
        elif race == "bounce":
            self.stop.bounce()
        self.read_us = self.clock.us
        return super().read(buffer)


class Watchdog(hal.Watchdog):
    """``fed_us`` is None until the first feed."""

    clock = None
    fed_us = None

    def feed(self):
        self.fed_us = self.clock.us

    def release(self):
        self.fed_us = None


class Hot(hal.Hot):
    """Kept over every reset but a power cut."""

    kept = (0, -1)

    def save(self, boot, steps):
        self.kept = (boot, steps)

    def load(self, boot):
        return self.kept[1] if self.kept[0] == boot else -1


class Indicators(hal.Indicators):
    """What it shows now."""

    shown = (False, "none", False)

    def show(self, sound, colour, on):
        self.shown = (sound, colour, on)


class Travel(hal.Travel):
    """``end`` is the switch."""

    end = False

    def at_end(self):
        return self.end


class Force(hal.Force):
    """``mn``, or an exception."""

    mn = 5_000
    broken = False

    def read_mn(self):
        if self.broken:
            raise OSError("force")
        return self.mn


class Supply(hal.Supply):
    """``mv``; ``read_us`` tells that the supervisor has looked."""

    mv = 5_000
    clock = None
    read_us = 0

    def read_mv(self):
        self.read_us = self.clock.us
        return self.mv


class Hardware(FakeHal):
    """One boot of a board. ``before`` is the hardware of the boot before: what is soldered on,
    flash and the world around stay as they are; what the chip holds begins anew.

    witness     called as ``wait`` begins: the turn is over, all is said, nothing has moved yet
    talking     there is more to say
    cause       of the reset
    """

    def __init__(self, before=None, cause="power-on"):
        super().__init__()
        self.cause = cause
        self.witness = None
        self.talking = False
        self.fuse = Fuse()
        self.counter = Counter()
        self.generator = Generator(self.clock, self.fuse, self.counter)
        self.driver = Driver()
        self.stop = Stop(self.generator)
        self.link = Link()
        self.watchdog = Watchdog()
        self.store = before.store if before else FakeStore()
        self.hot = before.hot if before and cause != "power-on" else Hot()
        self.indicators = Indicators()
        self.travel = before.travel if before else Travel()
        self.force = before.force if before else Force()
        self.supply = before.supply if before else Supply()
        for part in (self.stop, self.link, self.watchdog, self.supply):
            part.clock = self.clock
        for part in (self.generator, self.link, self.driver):
            part.stop = self.stop
        self.generator.driver = self.stop.driver = self.driver
        self.supply.read_us = 0
        if before:
            self.generator.turned = before.generator.turned
            self.stop.presses = before.stop.presses
            self.stop.open = before.stop.open
            self.fuse.blown = before.fuse.blown

    def reset_cause(self):
        return self.cause

    def collect(self):
        pass

    def wait(self, due_us, want_write):
        self.talking = want_write
        if want_write:  # the link takes more at once
            return
        if self.witness:
            self.witness()
        if not self.stop.news:
            super().wait(due_us, want_write)

    def go_to(self, us):
        fed_us = self.watchdog.fed_us
        if fed_us is not None and us >= fed_us + WATCHDOG_US:
            super().go_to(fed_us + WATCHDOG_US)
            raise Bite
        super().go_to(us)

    def still(self):
        """Nothing can turn the motor: no current, no words, no steps allowed."""
        return not (self.driver.on or self.generator.running or self.fuse.allows())

    def holding(self):
        """The motor may have current, and nothing can turn it."""
        return not (self.generator.running or self.fuse.allows())

    def force_step(self):
        """A step at the pin that nobody ordered (EMI, a bridged track)."""
        self.counter.count += 1
        if self.driver.on:
            self.generator.turned += 1
