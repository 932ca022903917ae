"""How the faults are made: the running firmware's objects and the simulated chip, spoilt from
outside. The firmware's files are those that are flashed."""

from random import Random

from tests.campaign.rig import CYCLES_PER_US, Rig
from tests.device.targets import seal

ERRORS = (ValueError, OSError, MemoryError, KeyError, IndexError, ZeroDivisionError, TypeError)
# owner (from the Pump object), method
TASKS = (
    "turn-guard-look controller.guard.look",
    "controller controller.poll",
    "top-up controller.top_up",
    "motion controller.active",
    "alarms controller.alarms.light",
    "attention attention.poll",
    "receive session.receive",
    "session session.poll",
    "outbox outbox.send",
    "outbox outbox.put",
    "journal keeper.poll",
    "log log.flush",
    "log log.add",
    "report session.report.telemetry",
    "session due session.due_us",
    "tidy _tidy",
    "feed controller.guard.feed",
    "generator hal.generator.put",
    "generator hal.generator.room",
    "generator hal.generator.halt",
    "generator hal.generator.starved",
    "fuse hal.fuse.arm",
    "fuse hal.fuse.disarm",
    "counter hal.counter.steps",
    "driver hal.driver.enable",
    "stop hal.stop.opened",
    "stop hal.stop.restless",
    "link hal.link.read",
    "link hal.link.write",
    "store hal.store.save",
    "store hal.store.append",
    "hot hal.hot.save",
    "indicators hal.indicators.show",
    "wait hal.wait",
    "clock hal.clock.now_us",
)


def exception(rig: Rig, fault) -> None:
    """A method of some task raises: once, some times, or from now on."""
    rng = fault.rng
    path = rng.choice(TASKS).split(" ")[-1]
    error = rng.choice(ERRORS)
    times = rng.choice((1, 1, 3, 1 << 30))
    owner = rig.bench.pump()
    fault.note = "%s raises %s %s" % (path, error.__name__, times if times < 9 else "for ever ")
    *names, method = path.split(".")
    for name in names:
        owner = getattr(owner, name, None)
    original = getattr(owner, method, None)
    if original is None:
        fault.done.clear()
        return
    left = [times]

    def raising(*given):
        if left[0] > 0:
            left[0] -= 1
            raise error("on purpose")
        return original(*given)

    setattr(owner, method, raising)


# ---- flash --------------------------------------------------------------------------------------


def at_flash(rig: Rig, operation: int, part: float, act) -> None:
    """``act()`` when so much of the ``operation``-th flash operation from now is done; above 1:
    after it."""
    flash = rig.bench.flash
    original = flash._burn
    seen = [0]

    def burn(pages: int) -> None:
        seen[0] += 1
        if seen[0] == operation:
            us = 400 * pages if (flash._closes + 1) % 4 else 400 * pages + 45_000
            rig.world.at(rig.world.now + int(us * part * CYCLES_PER_US), act)
        original(pages)

    flash._burn = burn


def slow_flash(rig: Rig, rng: Random) -> None:
    """Every write takes up to 400 ms from now on, also when that happens twice."""
    if "_burn" in vars(rig.bench.flash):
        return
    original = rig.bench.flash._burn

    def burn(pages: int) -> None:
        original(pages)
        rig.world.stall_us(rng.choice((0, 100_000, 345_000)))

    rig.bench.flash._burn = burn


# ---- interrupts ---------------------------------------------------------------------------------


def drop_interrupts(rig: Rig) -> None:
    """No hard handler is called for two seconds."""
    irqs = rig.world.irqs
    irqs.call = lambda handler, argument: True
    rig.at_us(2_000_000, lambda: irqs.__dict__.pop("call", None))


def double_interrupts(rig: Rig) -> None:
    """Every handler is called twice, from now on."""
    irqs = rig.world.irqs
    original = irqs.call

    def twice(handler, argument):
        original(handler, argument)
        return original(handler, argument)

    irqs.call = twice


# ---- steps --------------------------------------------------------------------------------------


def shift_counter(rig: Rig, steps: int) -> None:
    """The step counter (it counts down in X) is ahead by ``steps``."""
    rig.world.sync()
    pio = rig.world.pio
    pio.touch(1)
    machine = pio.blocks[1].sm[0]
    machine.x = (machine.x - steps) & 0xFFFFFFFF


def count_less(rig: Rig, fault) -> None:
    fault.unseen = fault.rng.choice((1, 1, 2, 10, 100))
    shift_counter(rig, -fault.unseen)


def count_more(rig: Rig, fault) -> None:
    fault.unseen = -fault.rng.choice((1, 1, 2, 10, 100))
    shift_counter(rig, -fault.unseen)


def _spoil(rig: Rig, fault, change) -> None:
    """The next word is not the one that the CPU put."""
    pump = rig.bench.pump()
    fault.done.clear()
    if pump is None:
        return
    machine = pump.hal.generator._machine
    original = machine.put

    def put(word: int) -> None:
        machine.put = original
        fault.done.append(rig.world.now)
        original(change(word) & 0xFFFFFFFF)

    machine.put = put


def spoil_count(rig: Rig, fault) -> None:
    count = fault.rng.choice((1, 2, 127))
    sign = fault.rng.choice((-1, 1))

    def change(word: int) -> int:
        made = max(0, min(127, (word & 127) + sign * count))
        return word & ~127 | made

    _spoil(rig, fault, change)


def spoil_interval(rig: Rig, fault) -> None:
    bit = 1 << fault.rng.randint(7, 31)
    _spoil(rig, fault, lambda word: word ^ bit)


def stray_words(rig: Rig, fault) -> None:
    """Somebody feeds the generator and sets it going, whatever the state."""
    rng = fault.rng
    pump = rig.bench.pump()
    if pump is None:
        fault.done.clear()
        return
    machine = pump.hal.generator._machine
    for _ in range(rng.randint(1, 8)):
        if machine.tx_fifo() < 8:
            machine.put(rng.randint(1, 127) | rng.randint(1_000, 100_000) << 7)
    machine.active(1)


def drift(rig: Rig, ppm: int) -> None:
    """The timer's rate against the PIO's, from now on."""
    world = rig.world
    base_us = world.since_boot_us()
    base = world.now
    boots = world.boot_cycle

    def since_boot_us() -> int:
        if world.boot_cycle != boots:
            return (world.now - world.boot_cycle) // CYCLES_PER_US
        return base_us + (world.now - base) * (1_000_000 + ppm) // (CYCLES_PER_US * 1_000_000)

    world.since_boot_us = since_boot_us


# ---- the host -----------------------------------------------------------------------------------


def _noise(rng: Random, count: int) -> bytes:
    return bytes(rng.choice((rng.randrange(256), rng.randrange(32, 127))) for _ in range(count))


def _request(rng: Random) -> bytes:
    """A sealed request of a verb that must carry its check."""
    return seal(
        rng.choice(
            (
                "start plan=00000000",
                "program rate=10mL/h volume=1mL syringe=bd-60",
                "ack",
                "resume now=yes",
                "clear all=yes",
                "bolus volume=1mL",
                "set telemetry-interval=1s colour=red",
                "maintenance mode=on",
            )
        )
    )


def spoilt(rng: Random) -> bytes:
    """A request with a wrong bit or byte: never a whole frame."""
    line = bytearray(_request(rng)[:-1])
    at = rng.randrange(len(line))
    line[at] ^= 1 << rng.randrange(5)  # not bit 5: checks are good in either case
    if line[at] in b"\n\r":
        line[at] = 1
    return bytes(line) + b"\n"


def garbage(rig: Rig, fault) -> None:
    """Bursts of noise and of spoilt requests."""
    rng = fault.rng
    for _ in range(rng.randint(1, 12)):
        data = rng.choice((_noise(rng, rng.randint(1, 300)), spoilt(rng) * rng.randint(1, 3)))
        data = data.replace(b"stop", b"stap").replace(b"pause", b"paus")
        rig.at_us(rng.randint(0, 1_000_000), lambda data=data: rig.send(data))
    rig.at_us(1_000_001, lambda: rig.send(b"\n"))


def flood(rig: Rig, fault) -> None:
    """64 bytes every millisecond, the full speed of the link."""
    rng = fault.rng
    what = rng.choice((b"heartbeat\n", b"status\n", b"\n", b"*IDN?\n", b"x", b"help\n", b"\x00"))
    fault.note = "of %r " % what
    stream = what * (64 * 64 // len(what))
    length = rng.randint(50, 700)
    for index in range(length):
        part = stream[index * 64 % 3200 :][:64]
        rig.at_us(index * 1000, lambda part=part: rig.send(part))
    rig.at_us(length * 1000 + 1, lambda: rig.send(b"\n"))


def truncation(rig: Rig, fault) -> None:
    """Lines that end in the midst, with and without an end, and then silence."""
    rng = fault.rng
    for _ in range(rng.randint(1, 5)):
        line = _request(rng)
        cut = line[: rng.randint(1, len(line) - 2)] + rng.choice((b"", b"\n"))
        rig.at_us(rng.randint(0, 2_000_000), lambda cut=cut: rig.send(cut))


def host_leaves(rig: Rig, fault) -> None:
    """The port is closed, the cable pulled, or the host is gone; it may come back."""
    rng = fault.rng
    usb = rig.usb
    how = rng.choice(("closes the port", "pulls the cable", "is gone"))
    back = rng.random() < 0.6
    fault.note = "%s%s " % (how, " and comes back" if back else "")
    rig.may_tear += 3
    if how == "closes the port":
        usb.close_port()
    elif how == "pulls the cable":
        usb.pull_cable()
    else:
        usb.connected = False
    if back:
        rig.at_us(rng.randint(1_000, 5_000_000), lambda: come_back(rig))


def come_back(rig: Rig) -> None:
    """The host opens the port and reads."""
    if not usb_is_well(rig):
        rig.may_tear += 2
        rig.usb.reading = True
        rig.usb.open_port()
        rig.send(b"\n")


def usb_is_well(rig: Rig) -> bool:
    return rig.usb.connected and rig.usb.reading


def host_deaf(rig: Rig, fault) -> None:
    """The host has the port open and does not read; it may begin to."""
    rig.may_tear += 1
    rig.usb.reading = False
    if fault.rng.random() < 0.6:
        rig.at_us(fault.rng.randint(1_000, 5_000_000), lambda: setattr(rig.usb, "reading", True))
