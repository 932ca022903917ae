"""The simulated USB port with each kind of host, seen from the chip's stdout and stdin."""

import pytest

from boards.sim.standins.small import Select, Stream
from boards.sim.usb import FIFO, UsbSerial
from boards.sim.world import World

TIMEOUT_US = 500_000


class Port:
    """A chip's port, and what a poll says of it."""

    def __init__(self) -> None:
        self.world = World()
        self.usb = UsbSerial(self.world)
        self.out = Stream(self.world, self.usb)
        self._poller = Select(self.world).poll()
        self._poller.register(self.out, Select.POLLOUT)

    def ready(self) -> bool:
        """POLLOUT, asked in both ways."""
        fast = bool(list(self._poller.ipoll(0)))
        assert fast == bool(self._poller.poll(0))
        return fast

    def timed(self, data: bytes) -> tuple:
        """(bytes written, microseconds it took)."""
        start = self.world.now_us()
        count = self.out.write(data)
        return count, self.world.now_us() - start


@pytest.fixture
def port() -> Port:
    return Port()


def test_a_reading_host_gets_everything(port) -> None:
    assert port.ready()
    assert port.timed(bytes(1000))[0] == 1000
    assert port.usb.host_read() == bytes(1000)


def test_a_host_that_does_not_read_fills_the_fifo_then_each_write_waits(port) -> None:
    port.usb.reading = False
    assert port.ready()
    count, us = port.timed(bytes(300))
    assert count == FIFO
    assert TIMEOUT_US < us < TIMEOUT_US + 300 * 10
    assert not port.ready()
    assert port.timed(b"x") == (0, TIMEOUT_US)
    port.usb.reading = True
    assert port.usb.host_read() == bytes(FIFO), "the rest was dropped"


def test_room_that_comes_during_the_wait_is_used(port) -> None:
    port.usb.reading = False
    port.out.write(bytes(FIFO))

    def read() -> None:
        port.usb.host_read()

    port.world.at(port.world.now + 200_000 * 125, read)
    count, us = port.timed(b"late")
    assert count == 4
    assert 200_000 <= us < 202_000


@pytest.mark.parametrize("leave", ["absent", "close_port"])
def test_without_a_program_at_the_port_writes_never_wait(port, leave) -> None:
    if leave == "absent":
        port.usb.connected = False
    else:
        port.usb.close_port()
    for _ in range(10):
        assert port.ready()
        count, us = port.timed(b"x" * 100)
        assert count == 100
        assert us < 1000
    port.out.write(bytes(range(256)))
    port.usb.open_port()
    kept = port.usb.host_read()
    assert kept == (bytes(range(256)) if leave == "close_port" else b""), "the latest bytes stay"
    port.out.write(b"new")
    assert port.usb.host_read() == b"new"


@pytest.mark.parametrize("reading", [True, False])
def test_a_pulled_cable_lies_about_room(port, reading) -> None:
    port.usb.reading = reading
    port.out.write(b"y" * 100)
    port.usb.pull_cable()
    assert port.ready()
    count, us = port.timed(bytes(300))
    assert count == (FIFO if reading else FIFO - 100)
    assert us >= TIMEOUT_US
    assert port.ready(), "POLLOUT still"
    assert port.timed(b"x") == (0, TIMEOUT_US)
    port.usb.plug_cable()
    assert port.timed(b"x")[0] == 1, "enumerated, but nobody there"
    port.usb.open_port()
    port.out.write(b"new")
    assert port.usb.host_read() == (b"y" * 100 if reading else b"") + b"new"


def test_soft_callbacks_run_while_a_write_waits_for_a_host_but_not_for_a_cable(port) -> None:
    calls: list = []
    port.usb.reading = False
    port.out.write(bytes(FIFO))
    port.world.at(port.world.now + 1000, lambda: port.world.irqs.schedule(calls.append, 1))
    port.out.write(b"x")
    assert calls == [1]
    port.usb.pull_cable()
    port.world.at(port.world.now + 1000, lambda: port.world.irqs.schedule(calls.append, 2))
    port.out.write(b"x")
    assert calls == [1]
    port.world.spend("other")
    assert calls == [1, 2]


def test_a_read_waits_for_all_its_bytes(port) -> None:
    inlet = Stream(port.world, port.usb)
    buffer = bytearray(3)
    port.usb.host_write(b"ab")
    port.world.at(7_000 * 125, lambda: port.usb.host_write(b"c"))
    inlet.readinto(buffer)
    assert (buffer, port.usb.readable()) == (b"abc", False)
    assert port.world.now_us() >= 7_000
