"""When the fake generator made its steps."""

from fractions import Fraction

S = 1_000_000
TICK_S = Fraction(16, 10**9)  # of the fake generator


class Witness:
    """Writes down the instant of every step that the fake generator makes, in seconds."""

    def __init__(self, hal):
        self._generator = hal.generator
        self._clock = hal.clock
        self._put, self._run, self._halt = (
            hal.generator.put, hal.generator.run, hal.generator.halt,
        )  # fmt: skip
        hal.generator.put, hal.generator.run, hal.generator.halt = self.put, self.run, self.halt
        self._begin, self._ticks, self._words = None, 0, []
        self.steps = []

    def run(self):
        self._begin = Fraction(self._clock.us, S)
        self._run()

    def put(self, count, interval):
        for nth in range(count):
            self._words.append(self._ticks + (nth + 1) * interval)
        self._ticks += interval * (count or 1)
        self._put(count, interval)

    def halt(self):
        """Only what was made counts."""
        now = Fraction(self._clock.us, S)
        if self._begin is not None:
            made = [self._begin + ticks * TICK_S for ticks in self._words]
            self.steps += [at for at in made if at <= now]
        self._begin, self._ticks, self._words = None, 0, []
        self._halt()
