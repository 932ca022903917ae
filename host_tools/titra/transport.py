"""Byte transports: a port by its URL, and a pace for a virtual one.

A transport keeps its own time: wall time for a port, virtual time for a pump in this process.
"""

from __future__ import annotations

import contextlib
import errno
import os
import select
import time
from pathlib import Path
from typing import Protocol

import serial

from titra import DEFAULT_BAUD
from titra.errors import (
    LinkGone,
    NoConnection,
    PortAbsent,
    PortBusy,
    PortForbidden,
    PortUnusable,
)

WRITE_TIMEOUT_S = 2.0
NAP_S = 0.005
REPLAY, RFC2217 = "replay:", "rfc2217:"
_BUSY = (errno.EBUSY, errno.EAGAIN, errno.EWOULDBLOCK)
_FORBIDDEN = (errno.EACCES, errno.EPERM)
_ABSENT = (errno.ENOENT, errno.ENXIO, errno.ENODEV, errno.EIO)


class Transport(Protocol):
    """What the client needs of a link."""

    name: str

    def write(self, data: bytes) -> None:
        """Send all of ``data``; LinkGone when the link is gone."""

    def read(self, timeout_s: float) -> bytes:
        """What has arrived, waiting at most ``timeout_s`` of ``clock()``; b'' on time-out."""

    def close(self) -> None:
        """Give the link up; may be called twice."""

    def clock(self) -> float:
        """Seconds in the transport's own time; only differences mean anything."""


class SerialTransport:
    """A serial port, opened exclusively: a device, the pty of a simulator, or any URL of pyserial
    as ``socket://host:port`` and ``rfc2217://host:port``. One thread reads; any may write."""

    poll_s = 0.1

    def __init__(self, port: str, baud: int = DEFAULT_BAUD) -> None:
        """Open ``port`` at ``baud`` bit/s. Raises PortAbsent, PortBusy, PortForbidden or
        PortUnusable."""
        self.name = port
        patience_s = None if port.startswith(RFC2217) else WRITE_TIMEOUT_S  # pyserial has none
        try:
            self._serial = serial.serial_for_url(
                port, baud, timeout=0, write_timeout=patience_s, exclusive=True
            )
        except (OSError, ValueError) as error:  # SerialException is an OSError
            raise _open_error(port, error) from error
        self._wakers = os.pipe() if _can_select(self._serial) else ()

    def write(self, data: bytes) -> None:
        """Send all of ``data`` within WRITE_TIMEOUT_S."""
        try:
            self._serial.write(data)
        except (OSError, TypeError) as error:
            raise self._lost(error) from error

    def read(self, timeout_s: float) -> bytes:
        """What has arrived within ``timeout_s``."""
        try:
            self._wait(timeout_s)
            return bytes(self._serial.read(4096))
        except (OSError, TypeError, ValueError) as error:
            raise self._lost(error) from error

    def wake(self) -> None:
        """End a ``read`` that waits in another thread."""
        if self._wakers:
            with contextlib.suppress(OSError):
                os.write(self._wakers[1], b"w")

    def close(self) -> None:
        """Close the port, also when it has gone away."""
        wakers, self._wakers = self._wakers, ()
        with contextlib.suppress(OSError):
            self._serial.close()
        for fd in wakers:
            os.close(fd)

    def clock(self) -> float:
        """Wall time in s."""
        return time.monotonic()

    def _wait(self, timeout_s: float) -> None:
        if self._wakers:
            ready, _, _ = select.select(
                [self._serial.fileno(), self._wakers[0]], [], [], max(0.0, timeout_s)
            )
            if self._wakers[0] in ready:
                os.read(self._wakers[0], 4096)
            return
        until = time.monotonic() + timeout_s
        while not self._serial.in_waiting and time.monotonic() < until:
            time.sleep(NAP_S)

    def _lost(self, error: Exception) -> LinkGone:
        why = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else "no data"
        return LinkGone(f"the link on {self.name} is gone (unplugged, or its end closed): {why}")


def _can_select(port: serial.SerialBase) -> bool:
    """False where a port is no file descriptor that one can wait for: Windows, rfc2217."""
    try:
        return os.name == "posix" and port.fileno() >= 0
    except OSError:
        return False


def open_transport(url: str, baud: int = DEFAULT_BAUD) -> Transport:
    """The transport that ``url`` names: ``replay:FILE`` plays a recording, all else is pyserial's.
    Raises the errors of SerialTransport and of ReplayTransport."""
    if url.startswith(REPLAY):
        from titra.replay import ReplayTransport

        return ReplayTransport(Path(url.removeprefix(REPLAY)))
    return SerialTransport(url, baud)


class PacedTransport:
    """Slows a virtual transport to ``speed`` virtual seconds a wall second."""

    poll_s = 0.1

    def __init__(self, inner: Transport, speed: float) -> None:
        self._inner = inner
        self._speed = speed
        self.name = inner.name
        self._wall0 = time.monotonic()
        self._inner0 = inner.clock()

    def write(self, data: bytes) -> None:
        """Pass on."""
        self._inner.write(data)

    def read(self, timeout_s: float) -> bytes:
        """Read in virtual time, then wait until wall time has caught up."""
        data = self._inner.read(min(timeout_s, self.poll_s * self._speed))
        ahead = (self.clock() - self._inner0) / self._speed - (time.monotonic() - self._wall0)
        if ahead > 0:
            time.sleep(ahead)
        return data

    def close(self) -> None:
        """Pass on."""
        self._inner.close()

    def clock(self) -> float:
        """Virtual time in s."""
        return self._inner.clock()


def _open_error(port: str, error: Exception) -> NoConnection:
    number = getattr(error, "errno", None)
    if "://" in port:
        return PortAbsent(
            f"{port}: cannot be opened; is there a server at that address? ({error})"
        )
    if number in _ABSENT:
        return PortAbsent(f"{port}: there is no such port; is the pump plugged in?")
    if number in _BUSY:
        return PortBusy(f"{port}: another program holds this port; close it and try again")
    if number in _FORBIDDEN:
        return PortForbidden(
            f"{port}: no permission; on Linux join the group `dialout` and log in again"
        )
    beneath = getattr(error.__context__, "args", ())  # pyserial keeps termios' number there
    if number is None and beneath and isinstance(beneath[0], int):
        number = beneath[0]
    why = os.strerror(number) if number else str(error)
    return PortUnusable(f"{port}: not usable as a serial port: {why}")
