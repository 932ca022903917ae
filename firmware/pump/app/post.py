"""Power-on self-test: what can be found out without moving the motor, in less than 2 s.

The step chain is tried with the motor driver off: the fuse is armed for one electrical cycle of
the motor (``steps_per_cycle`` microsteps, after which a driver that counts pulses while it is off
stands where it stood), the generator is given more than that, and exactly the cycle must be
counted at the pin.

Failures, in the order of the tests: ram, firmware, settings, library, driver, step-counter,
dose-fuse, indicators.
What is no failure but worth a word comes as notes for the boot event. An open stop loop and a
reset that nobody asked for have alarms of their own; with the loop open no step can be tried.
"""

from micropython import const

from pump.core import manifest
from pump.core.supervisor import DRIVER_SOUND

_RAM_BYTES = const(8192)
_BLOCK = const(256)
# Every bit is seen at 0 and at 1, and any two bits of a byte are seen to differ.
_PATTERNS = const((0x00, 0xFF, 0x55, 0xAA, 0x33, 0xCC, 0x0F, 0xF0))
_BEYOND = const(5)  # steps that the generator is given more than the fuse lets pass
_STEP_HZ = const(5000)
_TICK_HZ_NS = const(1_000_000_000)
_SETTLE_US = const(2_000)
_LAMP_US = const(60_000)


class Findings:
    """failures: names of what failed, in the order of the tests; notes: pairs for the boot
    event."""

    def __init__(self) -> None:
        self.failures = []
        self.notes = []

    def judge(self, name: str, passed: bool) -> None:
        """Note the outcome of a test."""
        if not passed:
            self.failures.append(name)


def self_test(hal, board, settings, library) -> Findings:
    """Test everything there is. The motor driver is off before and after."""
    begun_us = hal.clock.now_us()
    hal.driver.enable(False)
    found = Findings()
    lamps = Lamps(hal)
    lamps.show(True, "red")
    found.judge("ram", ram_holds(memoryview(bytearray(_RAM_BYTES))))
    lamps.show(False, "yellow")
    _judge_firmware(hal.store, found, lamps)
    _judge_kept("settings", settings, found)
    _judge_kept("library", library, found)
    _judge_driver(hal.driver, found)
    lamps.show(False, "cyan")
    _judge_steps(hal, board, found)
    lamps.show(False, "none")
    found.judge("indicators", lamps.sound)
    found.notes.append(("post", "%dms" % ((hal.clock.now_us() - begun_us) // 1000)))
    return found


def ram_holds(memory) -> bool:
    """Walk patterns through ``memory`` (a memoryview, whole blocks of 256 bytes), each through all
    of it, and then one that differs from block to block."""
    for value in _PATTERNS:
        block = bytes([value]) * _BLOCK
        if not _holds(memory, block, 0):
            return False
    return _holds(memory, bytes(range(_BLOCK)) * 2, 1)


def _holds(memory, pattern: bytes, shift: int) -> bool:
    """Fill each block with 256 bytes of ``pattern``, ``shift`` further on each time; read all."""
    for at in range(0, len(memory), _BLOCK):
        turn = at // _BLOCK % _BLOCK * shift
        memory[at : at + _BLOCK] = pattern[turn : turn + _BLOCK]
    for at in range(0, len(memory), _BLOCK):
        turn = at // _BLOCK % _BLOCK * shift
        if memory[at : at + _BLOCK] != pattern[turn : turn + _BLOCK]:
            return False
    return True


def files_changed(store, lamps) -> list | None:
    """Paths of the firmware's files that are not as flashed; None without a manifest. A manifest
    that is spoilt counts as a file. The last of ``lamps`` need not wait for the end of it."""
    record = store.load(manifest.RECORD)
    if not record:
        return None
    files = manifest.unpack(record)
    if files is None:
        return [manifest.RECORD]
    changed = []
    for path, crc in files:
        if store.checksum(path) != crc:
            changed.append(path)
        lamps.show(False, "cyan", False)
    return changed


def steps_made(hal, board) -> tuple:
    """Let the generator have a go at more than a cycle, driver off. Returns (steps that had to be
    counted, steps counted, whether the fuse still allows any)."""
    generator = hal.generator
    wanted = board.MECHANICS.steps_per_cycle
    fed = wanted + _BEYOND if hal.fuse else wanted
    ticks = _TICK_HZ_NS * generator.tick_ns[1] // (generator.tick_ns[0] * _STEP_HZ)
    ticks = max(ticks, generator.min_step_ticks)
    word_us = ticks * generator.tick_ns[0] // (generator.tick_ns[1] * 1000) + 1
    before = hal.counter.steps()
    try:
        generator.arm()
        if hal.fuse:
            hal.fuse.arm(wanted)
        until_us = hal.clock.now_us() + fed * word_us + _SETTLE_US
        left = _fill(generator, fed, ticks)
        generator.run()
        now_us = hal.clock.now_us()
        while now_us < until_us:
            left = _fill(generator, left, ticks)
            hal.wait(min(until_us, now_us + 1000), False)
            now_us = hal.clock.now_us()
        allowed = bool(hal.fuse) and hal.fuse.allows()
    finally:
        generator.halt()
        if hal.fuse:
            hal.fuse.disarm()
    return wanted, (hal.counter.steps() - before) & 0xFFFFFFFF, allowed


class Lamps:
    """Buzzer, each light and the display for a moment, for who stands there, while other things
    are tested. ``sound`` is False when one of them has raised."""

    def __init__(self, hal) -> None:
        self._hal = hal
        self._until_us = 0
        self._colour = ""
        self.sound = True
        self._try(hal.display and hal.display.show, 0, "TITRA")

    def show(self, buzzer: bool, colour: str, wait: bool = True) -> None:
        """The next one, when the one before has shone long enough; without ``wait`` only if it
        has."""
        hal = self._hal
        if hal.indicators is None or not self.sound or colour == self._colour:
            return
        while hal.clock.now_us() < self._until_us:
            if not wait:
                return
            hal.wait(self._until_us, False)
        self._colour = colour
        self._try(hal.indicators.show, buzzer, colour, colour != "none")
        self._until_us = hal.clock.now_us() + _LAMP_US

    def _try(self, show, *what) -> None:
        try:
            if show:
                show(*what)
        except (OSError, ValueError):
            self.sound = False


# ---- inside -------------------------------------------------------------------------------------


def _judge_firmware(store, found: Findings, lamps: Lamps) -> None:
    changed = files_changed(store, lamps)
    found.judge("firmware", not changed)
    if changed is None:
        found.notes.append(("files", "unverified"))
    elif changed:
        found.notes.append(("files", changed[0]))


def _judge_kept(name: str, kept, found: Findings) -> None:
    """What is lost is told once, and repaired: settings by their defaults, a library by none."""
    found.judge(name, not kept.lost())
    if kept.reasons:
        found.notes.append((name, ",".join(kept.reasons)))
    if kept.lost():
        kept.repair()


def _judge_driver(driver, found: Findings) -> None:
    wrong = driver.set_up()
    found.judge("driver", wrong in DRIVER_SOUND)
    if wrong:
        found.notes.append(("driver", wrong))


def _judge_steps(hal, board, found: Findings) -> None:
    """An open loop keeps the generator still: then there is nothing to count."""
    untested = hal.counter is None or not hal.stop.rearm()
    if not untested:
        wanted, counted, allowed = steps_made(hal, board)
        untested = hal.stop.opened()
    if untested:
        found.notes.append(("steps", "untested"))
        return
    found.judge("step-counter", counted >= wanted)
    found.judge("dose-fuse", counted < wanted or counted == wanted and not allowed)


def _fill(generator, left: int, ticks: int) -> int:
    while left and generator.room():
        count = min(left, generator.max_count)
        generator.put(count, ticks)
        left -= count
    return left
