"""Stand-ins for ``time``, ``select``, ``sys`` and ``micropython`` on virtual time."""

import io

from boards.sim.world import CYCLES_PER_US, SoftReset

TICKS_PERIOD = 1 << 30
_POLLIN = 1
_POLLOUT = 4
_IOCTL_POLL = 3
_ENOENT = 2
_US_PER_MS = 1000
_NOTHING = ()


class Time:
    """``time``: ticks start at 0 with the chip and wrap at 2^30."""

    def __init__(self, world) -> None:
        self._world = world

    def ticks_us(self) -> int:
        self._world.spend("time")
        return self._world.since_boot_us() % TICKS_PERIOD

    def ticks_ms(self) -> int:
        self._world.spend("time")
        return self._world.since_boot_us() // _US_PER_MS % TICKS_PERIOD

    def ticks_add(self, ticks: int, delta: int) -> int:
        return (ticks + delta) % TICKS_PERIOD

    def ticks_diff(self, end: int, start: int) -> int:
        half = TICKS_PERIOD // 2
        return (end - start + half) % TICKS_PERIOD - half

    def sleep_us(self, us: int) -> None:
        """Whole milliseconds asleep, the rest in a tight loop."""
        until = self._world.now + us * CYCLES_PER_US
        if us > _US_PER_MS:
            self.sleep_ms(us // _US_PER_MS)
        if until > self._world.now:
            self._world.busy_us((until - self._world.now) // CYCLES_PER_US)

    def sleep_ms(self, ms: int) -> None:
        self._world.sleep(self._world.now + ms * _US_PER_MS * CYCLES_PER_US, never)


def never() -> bool:
    """A condition that does not come."""
    return False


class Poller:
    """``select.poll()`` over stand-in streams and objects with a Python ``ioctl``."""

    def __init__(self, world) -> None:
        self._world = world
        self._entries = []
        self._port = None  # the port of the one entry, if that is a stream asked for room

    def register(self, obj, mask: int = _POLLIN | _POLLOUT) -> None:
        if not isinstance(obj, (Stream, io.IOBase)):
            raise OSError("stream operation not supported")
        for entry in self._entries:
            if entry[0] is obj:
                self.modify(obj, mask)
                return
        self._entries.append([obj, mask])
        only_room = len(self._entries) == 1 and mask == _POLLOUT and isinstance(obj, Stream)
        self._port = obj.usb if only_room else None

    def modify(self, obj, mask: int) -> None:
        for entry in self._entries:
            if entry[0] is obj:
                entry[1] = mask
                self._port = None
                return
        raise OSError(_ENOENT)

    def _ready(self) -> list:
        found = []
        for obj, mask in self._entries:
            events = obj.ioctl(_IOCTL_POLL, mask) if mask else 0
            if events:
                found.append((obj, events))
        return found

    def poll(self, timeout_ms: int = -1) -> list:
        """The ready ones as (object, events); waits in virtual time."""
        world = self._world
        world.spend("poll")
        if timeout_ms < 0:
            world.wait_until(self._ready)
        elif timeout_ms:
            world.sleep(world.now + timeout_ms * _US_PER_MS * CYCLES_PER_US, self._ready)
        return self._ready()

    def ipoll(self, timeout_ms: int = -1):
        """As ``poll``. Asked for one stream at once it answers without a new list and, for room,
        without further calls: that is asked for every byte, and is what a simulated infusion
        spends its time on."""
        port = self._port
        if port is not None and not timeout_ms:
            world = self._world
            until = world.now + world.costs["poll"]
            if until < world.horizon:
                world.now = until
            else:
                world.spend("poll")
            open = port.connected and port.reading or port.writable()
            return self._entries if open else _NOTHING
        if timeout_ms or len(self._entries) != 1:
            return self.poll(timeout_ms)
        self._world.spend("poll")
        entry = self._entries[0]
        return self._entries if entry[0].ioctl(_IOCTL_POLL, entry[1]) else _NOTHING


class Select:
    """``select``."""

    POLLIN = _POLLIN
    POLLOUT = _POLLOUT
    POLLERR = 8
    POLLHUP = 16

    def __init__(self, world) -> None:
        self._world = world

    def poll(self) -> Poller:
        return Poller(self._world)


class Stream:
    """``sys.stdin`` or ``sys.stdout``: the USB serial port. ``buffer`` is the stream itself."""

    def __init__(self, world, usb) -> None:
        self._world = world
        self.usb = usb
        self.buffer = self

    def ioctl(self, request: int, mask: int) -> int:
        if mask == _POLLOUT:
            return _POLLOUT if self.usb.writable() else 0
        events = 0
        if mask & _POLLIN and self.usb.readable():
            events |= _POLLIN
        if mask & _POLLOUT and self.usb.writable():
            events |= _POLLOUT
        return events

    def readinto(self, buffer) -> int:
        """Fills the whole buffer, waiting for it, as the chip's stdin does."""
        for index in range(len(buffer)):
            self._world.wait_until(self.usb.readable)
            self._world.spend("byte")
            buffer[index] = self.usb.take()
        return len(buffer)

    def write(self, data) -> int:
        """Bytes sent before the port gave up (500 ms without room: the rest is dropped)."""
        usb = self.usb
        if usb.connected and usb.reading and len(data) == 1:  # the same as below, quicker
            byte = data[0]
            world = self._world
            until = world.now + world.costs["byte"]
            if until < world.horizon:
                world.now = until
            else:
                world.spend("byte")
            if byte == 10 or not usb.connected:
                usb.put(byte)
            else:
                usb.sent.append(byte)
            return 1
        for index in range(len(data)):
            if not usb.room() and not self._wait_for_room():
                return index
            self._world.spend("byte")
            usb.put(data[index])
        return len(data)

    def _wait_for_room(self) -> bool:
        """500 ms at most. With the cable pulled it is a busy wait: soft callbacks do not run."""
        world = self._world
        until = world.now + 500 * _US_PER_MS * CYCLES_PER_US
        while not self.usb.room():
            if world.now >= until:
                return False
            if self.usb.connected:
                world.sleep(min(until, world.now + _US_PER_MS * CYCLES_PER_US), self.usb.room)
            else:
                world.pause_us(_US_PER_MS)
        return True


class Implementation:
    """``sys.implementation``: what the image says of the chip."""

    def __init__(self, machine: str) -> None:
        self._machine = machine


class Sys:
    """``sys`` as far as firmware may use it; the loader sets ``modules``."""

    platform = "rp2"

    def __init__(self, world, usb, machine: str) -> None:
        self.implementation = Implementation(machine)
        self.stdin = Stream(world, usb)
        self.stdout = Stream(world, usb)

    def exit(self, code: int = 0) -> None:
        """A soft reset."""
        raise SoftReset


class MicroPython:
    """``micropython``: the scheduler; decorators and hints that cost nothing here."""

    def __init__(self, world, usb) -> None:
        self._world = world
        self._usb = usb

    def schedule(self, function, argument) -> None:
        """``function(argument)`` soon, between bytecodes; RuntimeError when eight wait."""
        locked = self._world.irqs.open_heap()
        self._world.spend("other")
        done = self._world.irqs.schedule(function, argument)
        self._world.irqs.close_heap(locked)
        if not done:
            raise RuntimeError("schedule queue full")

    def const(self, value):
        return value

    def native(self, function):
        return function

    viper = native

    def kbd_intr(self, char: int) -> None:
        """The byte that is no data but raises KeyboardInterrupt; -1: none."""
        self._usb.interrupt_char = char

    def alloc_emergency_exception_buf(self, size: int) -> None:
        """Room for an exception's text in a hard handler."""
