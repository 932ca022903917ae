"""Ports by URL: the same client over TCP, raw and by RFC 2217, as over a device."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator

import pytest
import serial
import serial.rfc2217

from titra import Pump
from titra.errors import PortAbsent
from titra.simulator import SpawnedPump
from titra.transport import open_transport

READ_S = 0.01


class Pty(serial.Serial):
    """A pseudo-terminal has no modem lines; the RFC 2217 server asks for them."""

    cts = dsr = ri = cd = True

    def _update_rts_state(self) -> None:
        pass

    def _update_dtr_state(self) -> None:
        pass

    def _update_break_state(self) -> None:
        pass


class Server:
    """Serves a serial port on a TCP port of this machine, one client after another."""

    def __init__(self, port: str, rfc2217: bool) -> None:
        self._port = port
        self._rfc2217 = rfc2217
        self._over = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(READ_S)
        self.address = "127.0.0.1:%d" % self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def write(self, data: bytes) -> None:
        """What the RFC 2217 side of pyserial answers the client."""
        self._client.sendall(data)

    def close(self) -> None:
        self._over.set()
        self._thread.join()
        self._listener.close()

    def hang_up(self) -> None:
        """End the present connection, as a cut network does."""
        with contextlib.suppress(OSError):
            self._client.shutdown(socket.SHUT_RDWR)

    def _serve(self) -> None:
        while not self._over.is_set():
            with contextlib.suppress(OSError):
                self._client, _ = self._listener.accept()
                with self._client, Pty(self._port, timeout=READ_S) as port:
                    self._bridge(port)

    def _bridge(self, port: serial.Serial) -> None:
        manager = serial.rfc2217.PortManager(port, self) if self._rfc2217 else None
        self._client.settimeout(READ_S)
        while not self._over.is_set():
            with contextlib.suppress(TimeoutError):
                data = self._client.recv(1024)
                if not data:
                    return
                port.write(b"".join(manager.filter(data)) if manager else data)
            data = port.read(port.in_waiting or 1)
            if data:
                self._client.sendall(b"".join(manager.escape(data)) if manager else data)


@pytest.fixture(params=["socket", "rfc2217"])
def served(request: pytest.FixtureRequest) -> Iterator[tuple[str, Server]]:
    pump = SpawnedPump(runtime="cpython", speed="max")
    server = Server(pump.port, request.param == "rfc2217")
    yield f"{request.param}://{server.address}", server
    server.close()
    pump.close()


def test_an_infusion_over_tcp_and_a_connection_that_is_cut(served: tuple[str, Server]) -> None:
    url, server = served
    with Pump(url, since=(0, 0)) as pump:
        assert pump.identity.model == "rpi_pico"
        pump.start(pump.program(volume="0.05mL", over="5s", syringe="bd-60"))
        assert pump.wait(timeout_s=60).state == "complete"
        server.hang_up()
        while pump.link_up:
            pump.take(0.05)
        while not pump.link_up:
            pump.take(0.05)
        assert pump.status().state == "complete"
        assert pump.client.events_lost == 0


@pytest.mark.requirement("HOST-02")
def test_nobody_at_that_address() -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        number = unused.getsockname()[1]
    with pytest.raises(PortAbsent, match="server"):
        open_transport(f"socket://127.0.0.1:{number}")
