"""A board on a pty for the tests of flashing: a fake pump that can go to a raw REPL, which carries
code out in CPython with a folder as its file system. It shares nothing with the flashing code."""

from __future__ import annotations

import binascii
import builtins
import contextlib
import errno
import hashlib
import io
import os
import pty
import re
import select
import shutil
import threading
import traceback
import tty
import zlib
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from pump.core import manifest
from pump.core.refusal import Refusal
from titra.client import Timeouts

from .fake_pump import FakePump

# A thread on a pty may have to wait for its turn on a busy machine.
PATIENT = Timeouts(quiet_s=0.01, drain_s=0.05, identify_s=0.2, request_s=1.0)
BANNER = b"raw REPL; CTRL-B to exit\r\n>"
AT_REST = ("idle", "complete", "halted", "stopped", "alarm", "fault")
LATCHED = ("stopped", "alarm", "fault")
SETTINGS = ("supply-warn", "supply-stop")


class BoardPump(FakePump):
    """The pump of a board: latched after a restart, as PROTOCOL.md has it. ``left`` is called when
    it goes to its REPL."""

    def __init__(self, left: Any) -> None:
        super().__init__()
        self.settings: dict[str, str] = {}
        self._left = left

    def asked(self) -> list[str]:
        """The requests so far, without ids and checks."""
        return [re.sub(r"^\d+ |\*\w{4}$", "", line) for line in self.received]

    def start(self, failed: str, notes: str) -> None:
        """A restart, with what its self-test says."""
        self.boot += 1
        self._event_seq = 0
        self.event("boot", f"reset=soft firmware=0.1.0 {notes} post=450ms".replace("  ", " "))
        if failed:
            self.state, self.cause = "fault", "post"
            self.event("fault", "cause=post")
            self.event("post-failed", f"what={failed}")
        else:
            self.state, self.cause = "stopped", "reset"
            self.event("stopped", "cause=reset")

    def _status(self) -> str:
        return f"{super()._status()} latched={'yes' if self.state in LATCHED else 'no'}"

    def _at_rest(self) -> None:
        if self.state not in AT_REST:
            raise Refusal("not-now", accepts=",".join(AT_REST))

    def _do_set(self, fields: dict[str, str]) -> str:
        self._at_rest()
        for name in fields:
            if name not in SETTINGS:
                raise Refusal("bad-value", "name", name)
        self.settings.update(fields)
        return "number=1"

    def _do_ack(self, fields: dict[str, str]) -> str:
        self.state, self.cause = "idle", "none"
        return "state=idle"

    def _do_maintenance(self, fields: dict[str, str]) -> str:
        self._at_rest()
        self._left()
        return f"state={self.state}"


class FakeBoard:
    """``port`` is its serial port. Knobs:

    version, machine   what the interpreter calls itself
    spoil              this file is stored with one byte changed
    failing, notes     what the self-test finds after the next restart, notes as key=value
    broken             what boot.py raises at the next restart, if it raises
    frozen             the image has a package ``pump``
    cut                the link is gone at the change of a file with this number, from 1
    model              what the pump calls itself; '' for a board without firmware
    hung               what it says to whatever comes, and nothing else; None: it is well
    """

    def __init__(self, folder: Path, model: str = "rpi_pico") -> None:
        self.folder = folder
        self.version = (1, 28, 0)
        self.machine = "Raspberry Pi Pico with RP2040"
        self.spoil = self.failing = self.notes = self.broken = ""
        self.frozen = False
        self.cut = 0
        self.changes = 0
        self.model = model
        self.in_repl = not model
        self.hung: bytes | None = None
        self.silent_after_reset = False
        self.resets = 0
        self.pump = BoardPump(self._leave)
        self._near, self._far = pty.openpty()
        tty.setraw(self._near)
        tty.setraw(self._far)
        self.port = os.ttyname(self._far)
        self._raw = False
        self._code = b""
        self._space: dict[str, Any] = {}
        self._sys = self._new_sys()
        self._taken = False  # main.py has been there, and has the hardware
        self._stop_read, self._stop_write = os.pipe()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def close(self) -> None:
        os.write(self._stop_write, b"x")
        self._thread.join()
        for number in (self._near, self._far, self._stop_read, self._stop_write):
            with contextlib.suppress(OSError):  # a link that is gone is closed
                os.close(number)

    def _serve(self) -> None:
        while True:
            ready, _, _ = select.select([self._near, self._stop_read], [], [])
            if self._stop_read in ready:
                return
            data = os.read(self._near, 4096)
            try:
                answer = self._answer(data)
            except Cut:
                os.close(self._near)
                return
            if answer:
                os.write(self._near, answer)

    def _answer(self, data: bytes) -> bytes:
        if self.hung is not None:
            return self.hung
        return self._repl(data) if self.in_repl else self._protocol(data)

    # ---- the pump -----------------------------------------------------------------------------

    def _protocol(self, data: bytes) -> bytes:
        said = b""
        for line in data.splitlines(keepends=True):
            self.pump.write(line)
            said += self.pump.read(0.0)
        return said.replace(b"Titra,fake", b"Titra," + self.model.encode())

    def _leave(self) -> None:
        self.in_repl = True

    def power_on(self) -> None:
        """Start from what is in flash, as boot.py, main.py and the self-test do."""
        self.in_repl, self._raw = bool(self.broken), False
        self._space, self._sys, self._taken = {}, self._new_sys(), True
        self.model = self.model or "rpi_pico"
        if self.silent_after_reset:
            self.hung = b""
        boot = self.pump.boot
        self.pump = BoardPump(self._leave)
        self.pump.boot = boot
        wrong, notes = self._files()
        self.pump.start(wrong or self.failing, f"{notes} {self.notes}".strip())

    def _files(self) -> tuple[str, str]:
        """(failure, notes) of the firmware's look at its own files."""
        record = self.folder / "firmware.rec"
        if not record.is_file() or not record.read_bytes():
            return "", "files=unverified"
        files = manifest.unpack(record.read_bytes())
        if files is None:
            return "firmware", "files=firmware"
        for path, crc in files:
            there = self.folder / path
            if not there.is_file() or zlib.crc32(there.read_bytes()) != crc:
                return "firmware", f"files={path}"
        return "", ""

    # ---- the REPL -----------------------------------------------------------------------------

    def _repl(self, data: bytes) -> bytes:
        said = b""
        for at in range(len(data)):
            byte = data[at : at + 1]
            if not self._raw and byte != b"\x01":
                said += self._friendly(byte)
            elif byte == b"\x02":
                self._raw, self._code = False, b""
                said += b"\r\nMicroPython\r\n>>> "
            elif byte == b"\x04" and not self._code:
                self._space, self._sys, self._taken = {}, self._new_sys(), False
                said += b"OK\r\nMPY: soft reboot\r\n" + self.broken.encode() + b"\r\n" + BANNER
            elif byte == b"\x01":
                self._raw, self._code = True, b""
                said += BANNER
            elif byte == b"\x05" and not self._code:
                said += b"R\x00"  # no raw paste here
                self._code = b"\x05"
            elif self._code == b"\x05":  # the A of "\x05A\x01"
                self._code = b""
                return said + self._repl(data[at + 2 :])
            elif byte == b"\x04":
                said += self._carry_out()
            elif byte == b"\x03":
                self._code = b""
            else:
                self._code += byte
        return said

    def _friendly(self, byte: bytes) -> bytes:
        """The plain prompt echoes, and makes nothing of ``*IDN?``."""
        if byte not in b"\r\n":
            self._code = b"" if byte == b"\x03" else self._code + byte
            return byte
        code, self._code = self._code.strip(), b""
        error = b"Traceback (most recent call last):\r\nSyntaxError: invalid syntax\r\n"
        return b"\r\n" + (error if code else b"") + b">>> "

    def _carry_out(self) -> bytes:
        code, self._code = self._code.decode(), b""
        printed, failed = io.StringIO(), ""
        with contextlib.redirect_stdout(printed):
            try:
                exec(code, self._names())
            except Reset:
                self.resets += 1
                self.power_on()
                return b"OK"
            except Cut:
                raise
            except Exception:
                failed = traceback.format_exc()
        return b"OK" + printed.getvalue().encode() + b"\x04" + failed.encode() + b"\x04>"

    def _names(self) -> dict[str, Any]:
        if not self._space:
            self._space = {"__builtins__": {**vars(builtins), "__import__": self._import}}
            self._space["__builtins__"]["open"] = self._open
        return self._space

    def _new_sys(self) -> SimpleNamespace:
        name = SimpleNamespace(
            name="micropython", version=self.version, _machine=self.machine, _mpy=0x1006
        )
        return SimpleNamespace(implementation=name, path=["", ".frozen", "/lib"], modules={})

    def _make_hal(self) -> None:
        if self._taken:
            raise OSError(errno.ENOMEM, "main.py has it")

    def _import(self, name: str, *_: object) -> object:
        if name == "boot" and self.broken:
            raise ValueError(self.broken)
        if name == "pump" and not (self.frozen and self._sys.path == [".frozen"]):
            raise ImportError(name)
        if name in ("boot", "board", "pump"):
            return SimpleNamespace(make_hal=self._make_hal)
        self._sys.implementation.version = self.version
        self._sys.implementation._machine = self.machine
        known: dict[str, object] = {
            "os": SimpleNamespace(ilistdir=self._ilistdir, mkdir=self._mkdir, remove=self._remove),
            "machine": SimpleNamespace(reset=self._machine_reset),
            "sys": self._sys,
            "hashlib": hashlib,
            "binascii": binascii,
        }
        return known[name]

    def _changed(self) -> None:
        self.changes += 1
        if self.changes == self.cut:
            raise Cut

    def _machine_reset(self) -> None:
        raise Reset

    def _ilistdir(self, path: str) -> list[tuple[str, int, int]]:
        folder = self.folder / path.strip("/")
        return [(e.name, 0x4000 if e.is_dir() else 0x8000, 0) for e in sorted(folder.iterdir())]

    def _mkdir(self, path: str) -> None:
        (self.folder / path).mkdir()

    def _remove(self, path: str) -> None:
        self._changed()
        (self.folder / path).unlink()

    def _open(self, path: str, mode: str = "r") -> Any:
        if "w" not in mode:
            return (self.folder / path).open(mode)
        self._changed()
        return Written(self.folder / path, path == self.spoil)


class Written:
    """A file that is being written: in flash when it is closed, as with littlefs."""

    def __init__(self, path: Path, spoil: bool) -> None:
        self._path = path
        self._spoil = spoil
        self._data = b""

    def write(self, data: bytes) -> int:
        self._data += data
        return len(data)

    def close(self) -> None:
        data = self._data
        self._path.write_bytes(bytes([data[0] ^ 1]) + data[1:] if self._spoil else data)


class Reset(Exception):
    """machine.reset()."""


class Cut(Exception):
    """The link is gone, and nothing more is carried out."""


def holding(folder: Path, files: Path) -> None:
    """Put ``files`` on the board as an earlier flashing did."""
    shutil.copytree(files, folder, dirs_exist_ok=True)
