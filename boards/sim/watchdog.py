"""The RP2040's watchdog: a count-down that a chip reset or CTRL.ENABLE stops, and eight scratch
registers.

Sources: machine_wdt.c and modmachine.c of MicroPython 1.28's rp2 port, hardware_watchdog of the
Pico SDK. A soft reset leaves it running. It resets the chip also when the CPU stands still with
interrupts off. REASON tells a time-out from ``machine.reset()``, which uses the watchdog too and
so has the same ``reset_cause()``; scratch 4 is the SDK's and is written by both.
"""

LONGEST_MS = 8388
NON_REBOOT_MAGIC = 0x6AB73121
SDK_SCRATCH = 4
REASONS = {"watchdog": 1, "reset": 2}


class Watchdog:
    """One chip's. ``scratch`` survives all resets but power-on."""

    def __init__(self, world) -> None:
        self._world = world
        self.scratch = [0] * 8
        self.reason = 0
        self._load = 0  # cycles; 0: not running
        self._due = 0
        self._watch = 0  # number of the event that looks next; others are void
        self._looks = False

    def start(self, timeout_ms: int) -> None:
        """Bite ``timeout_ms`` from now unless fed. Starting anew changes the time."""
        self.scratch[SDK_SCRATCH] = NON_REBOOT_MAGIC
        if not timeout_ms:
            self._world.die("reset")
        self._load = timeout_ms * (self._world.sys_hz // 1000)
        self._looks = False
        self.feed()

    def feed(self) -> None:
        """The whole time again."""
        self._due = self._world.now + self._load
        if self._load and not self._looks:
            self._look_later()

    def running(self) -> bool:
        """CTRL.ENABLE."""
        return bool(self._load)

    def stop(self) -> None:
        """CTRL.ENABLE cleared: the count stands still."""
        self._load = 0
        self._looks = False

    def _look_later(self) -> None:
        self._looks = True
        self._watch += 1
        watch = self._watch
        self._world.at(self._due, lambda: self._look(watch))

    def _look(self, watch: int) -> None:
        if watch != self._watch or not self._load:
            return
        if self._world.now >= self._due:
            self._world.die("watchdog")
        self._look_later()

    def reset(self, cause: str) -> None:
        """The chip resets."""
        self._load = 0
        self._looks = False
        self.reason = REASONS.get(cause, 0)
        if cause == "power-on":
            self.scratch = [0] * 8
        elif cause == "reset":
            self.scratch[SDK_SCRATCH] = 0


def wdt_class(world, longest_ms: int = LONGEST_MS):
    """The ``WDT`` class of one chip."""

    class WDT:
        """As documented for ``machine.WDT``; ``timeout`` in ms."""

        def __init__(self, id: int = 0, timeout: int = 5000) -> None:
            if id != 0:
                raise ValueError("WDT(%d) doesn't exist" % id)
            if not 0 <= timeout <= longest_ms:
                raise ValueError("timeout exceeds %d" % LONGEST_MS)
            locked = world.irqs.open_heap()
            world.spend("other")
            world.watchdog.start(timeout)
            world.irqs.close_heap(locked)

        def feed(self) -> None:
            """The whole time again."""
            locked = world.irqs.open_heap()
            world.spend("other")
            world.watchdog.feed()
            world.irqs.close_heap(locked)

    return WDT
