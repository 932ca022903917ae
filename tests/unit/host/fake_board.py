"""A board on a pty for the tests of flashing: a fake pump that can go to a raw REPL, which carries
code out in CPython with a folder as its file system. It shares nothing with the flashing code."""

from __future__ import annotations

import binascii
import builtins
import contextlib
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
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from .fake_pump import FakePump, sealed

BANNER = b"raw REPL; CTRL-B to exit\r\n>"


class FakeBoard:
    """``port`` is its serial port. Knobs:

    version, machine   what the interpreter calls itself
    spoil              this file is stored with one byte changed
    failing            what the self-test finds after the next restart
    model              what the pump calls itself; '' for a board without firmware
    hung               what it says to whatever comes, and nothing else; None: it is well
    """

    def __init__(self, folder: Path, model: str = "rpi_pico") -> None:
        self.folder = folder
        self.version = (1, 28, 0)
        self.machine = "Raspberry Pi Pico with RP2040"
        self.spoil = self.failing = ""
        self.model = model
        self.in_repl = not model
        self.hung: bytes | None = None
        self.resets = 0
        self.pump = FakePump()
        self._near, self._far = pty.openpty()
        tty.setraw(self._near)
        tty.setraw(self._far)
        self.port = os.ttyname(self._far)
        self._raw = False
        self._code = b""
        self._space: dict[str, Any] = {}
        self._stop_read, self._stop_write = os.pipe()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def close(self) -> None:
        os.write(self._stop_write, b"x")
        self._thread.join()
        for number in (self._near, self._far, self._stop_read, self._stop_write):
            os.close(number)

    def _serve(self) -> None:
        while True:
            ready, _, _ = select.select([self._near, self._stop_read], [], [])
            if self._stop_read in ready:
                return
            data = os.read(self._near, 4096)
            if self.hung is not None:
                answer = self.hung
            else:
                answer = self._repl(data) if self.in_repl else self._protocol(data)
            if answer:
                os.write(self._near, answer)

    # ---- the pump -----------------------------------------------------------------------------

    def _protocol(self, data: bytes) -> bytes:
        said = b""
        for line in data.splitlines(keepends=True):
            asked = re.match(rb"(\d+) (maintenance|set|log)\b([^*]*)", line)
            if not asked:
                self.pump.write(line)
                said += self.pump.read(0.0)
            elif asked[2] == b"maintenance":
                self.in_repl = True
                said += sealed(f"{asked[1].decode()} ok state={self.pump.state}")
            elif asked[2] == b"set":
                self.pump.received.append(line.decode().partition(" ")[2].partition("*")[0])
                said += sealed(f"{asked[1].decode()} ok number=1")
            else:
                said += self._log(asked[1].decode())
        return said.replace(b"Titra,fake", b"Titra," + self.model.encode())

    def _log(self, tag: str) -> bytes:
        events = [f"!1 event t=1ms boot={self.pump.boot} name=boot reset=power-on"]
        if self.failing:
            events.append(
                f"!2 event t=1ms boot={self.pump.boot} name=post-failed what={self.failing}"
            )
        head = f"{tag} ok events={len(events)} oldest=1:1 newest={self.pump.boot}:2 more=no"
        return b"".join(sealed(text) for text in [head, *events])

    # ---- the REPL -----------------------------------------------------------------------------

    def _repl(self, data: bytes) -> bytes:
        said = b""
        for at in range(len(data)):
            byte = data[at : at + 1]
            if byte == b"\x01":
                self._raw, self._code = True, b""
                said += BANNER
            elif byte == b"\x05" and self._raw and not self._code:
                said += b"R\x00"  # no raw paste here
                self._code = b"\x05"
            elif self._code == b"\x05":  # the A of "\x05A\x01"
                self._code = b""
                return said + self._repl(data[at + 2 :])
            elif byte == b"\x04" and self._raw:
                said += self._carry_out()
            elif byte == b"\x03":
                self._code = b""
            else:
                self._code += byte
        return said

    def _carry_out(self) -> bytes:
        code, self._code = self._code.decode(), b""
        printed, failed = io.StringIO(), ""
        with contextlib.redirect_stdout(printed):
            try:
                exec(code, self._names())
            except Reset:
                self._reset()
            except Exception:
                failed = traceback.format_exc()
        return b"OK" + printed.getvalue().encode() + b"\x04" + failed.encode() + b"\x04>"

    def _reset(self) -> None:
        self.resets += 1
        self._raw, self.in_repl = False, False
        self._space = {}
        self.model = self.model or "rpi_pico"
        self.pump = FakePump()
        self.pump.boot = 8

    def _names(self) -> dict[str, Any]:
        if not self._space:
            self._space = {"__builtins__": {**vars(builtins), "__import__": self._import}}
            self._space["__builtins__"]["open"] = self._open
        return self._space

    def _import(self, name: str, *_: object) -> object:
        known: dict[str, object] = {
            "os": SimpleNamespace(ilistdir=self._ilistdir, mkdir=self._mkdir, remove=self._remove),
            "machine": SimpleNamespace(reset=self._machine_reset),
            "sys": SimpleNamespace(
                implementation=SimpleNamespace(
                    name="micropython", version=self.version, _machine=self.machine, _mpy=0x1006
                )
            ),
            "hashlib": hashlib,
            "binascii": binascii,
        }
        return known[name]

    def _machine_reset(self) -> None:
        raise Reset

    def _ilistdir(self, path: str) -> list[tuple[str, int, int]]:
        folder = self.folder / path.strip("/")
        return [(e.name, 0x4000 if e.is_dir() else 0x8000, 0) for e in sorted(folder.iterdir())]

    def _mkdir(self, path: str) -> None:
        (self.folder / path).mkdir()

    def _remove(self, path: str) -> None:
        (self.folder / path).unlink()

    def _open(self, path: str, mode: str = "r") -> Any:
        file = (self.folder / path).open(mode)
        if path == self.spoil and "w" in mode:
            write = file.write
            file = SimpleNamespace(
                write=lambda data: write(bytes([data[0] ^ 1]) + data[1:]), close=file.close
            )
        return file


class Reset(Exception):
    """machine.reset()."""


def holding(folder: Path, files: Path) -> None:
    """Put ``files`` on the board as an earlier flashing did."""
    shutil.copytree(files, folder, dirs_exist_ok=True)
