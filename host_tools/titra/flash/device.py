"""A board at its REPL, by mpremote's own transport: what it is, what it holds, changes to it."""

from __future__ import annotations

import ast
import contextlib
import importlib
import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from titra.errors import PortUnusable

# Runs on the board: every file with its SHA-256, one a line.
LIST_FILES = """
import binascii, hashlib, os

def walk(folder):
    for entry in os.ilistdir(folder or "/"):
        path = folder + entry[0]
        if entry[1] & 0x4000:
            walk(path + "/")
        else:
            digest = hashlib.sha256()
            with open(path, "rb") as file:
                while True:
                    block = file.read(512)
                    if not block:
                        break
                    digest.update(block)
            print(binascii.hexlify(digest.digest()).decode(), path)

walk("")
"""
FACTS = """
import sys
print((sys.implementation.name, sys.implementation.version[:3],
    getattr(sys.implementation, "_machine", ""), getattr(sys.implementation, "_mpy", 0) & 0xff))
"""
MAKE_FOLDER = """
import os
at = ""
for part in %r.split("/"):
    at += part
    try:
        os.mkdir(at)
    except OSError:
        pass
    at += "/"
"""


# Is a package of that name in the image itself? The order of sys.path hides it behind files.
FROZEN = """
import sys
path = list(sys.path)
sys.path.clear()
sys.path.append(".frozen")
sys.modules.pop(%r, None)
try:
    __import__(%r)
    print(True)
except ImportError:
    print(False)
sys.path.clear()
sys.path.extend(path)
"""
RECOVERY = "Recovery: hold the stop button, plug the board in, and call titra flash --recover"
READ_S = 1.0  # a board may be busy for a moment; without it a read from a silent pty never ends
PROMPT_S = 10.0  # a board that answers at all does so at once


@dataclass(frozen=True)
class Facts:
    """The interpreter on a board."""

    name: str
    version: tuple[int, int, int]
    machine: str
    mpy: int


class Repl:
    """The raw REPL of ``port``; ``anew`` by a soft reset, which runs boot.py and not main.py.
    PortUnusable: there is none."""

    def __init__(self, port: str, anew: bool = False) -> None:
        serial_transport: Any = importlib.import_module("mpremote.transport_serial")
        transport: Any = importlib.import_module("mpremote.transport")
        self._error: type[Exception] = transport.TransportError
        self._raised: type[Any] = transport.TransportExecError
        try:
            self._link: Any = serial_transport.SerialTransport(port, timeout=READ_S)
        except (self._error, OSError) as error:
            raise PortUnusable(f"{port} does not open for its REPL: {error}") from error
        try:
            with contextlib.redirect_stdout(io.StringIO()):  # it prints what it has heard
                self._link.enter_raw_repl(soft_reset=anew, timeout_overall=PROMPT_S)
        except (self._error, OSError) as error:
            self.close()
            raise PortUnusable(f"no MicroPython prompt on {port}: {error}. {RECOVERY}") from error

    def run(self, code: str) -> str:
        """What ``code`` prints. PortUnusable: it raised, or the link failed."""
        try:
            output: bytes = self._link.exec(code)
        except (self._error, OSError) as error:
            raise PortUnusable(f"the board did not do it: {error}") from error
        return output.decode("utf-8", "replace")

    def traceback(self, code: str) -> str:
        """What ``code`` raises, as the board prints it; '' where it raises nothing. PortUnusable:
        the link failed."""
        try:
            self._link.exec(code)
        except self._raised as raised:
            return str(raised.error_output).replace("\r", "").strip()
        except (self._error, OSError) as error:
            raise PortUnusable(f"the board did not answer: {error}") from error
        return ""

    def frozen(self, package: str) -> bool:
        """``package`` is part of the image."""
        return self.run(FROZEN % (package, package)).strip() == "True"

    def facts(self) -> Facts:
        """Which interpreter this is."""
        name, version, machine, mpy = ast.literal_eval(self.run(FACTS).strip())
        return Facts(name, version, machine, mpy)

    def files(self) -> dict[str, str]:
        """Path to SHA-256 of every file."""
        lines = self.run(LIST_FILES).splitlines()
        return {path: digest for digest, _, path in (line.partition(" ") for line in lines)}

    def write(self, path: str, data: bytes, progress: Callable[[int], None]) -> None:
        """Write a file; ``progress`` is told of the bytes as they go."""
        folder = path.rpartition("/")[0]
        if folder:
            self.run(MAKE_FOLDER % folder)
        told = 0

        def tell(written: int, total: int) -> None:
            nonlocal told
            progress(written - told)
            told = written

        try:
            self._link.fs_writefile(path, data, progress_callback=tell)
        except (self._error, OSError) as error:
            raise PortUnusable(f"{path} could not be written: {error}") from error

    def remove(self, path: str) -> None:
        """Delete a file."""
        self.run(f"import os\nos.remove({path!r})")

    def restart(self) -> None:
        """Reset the chip and let go of the port."""
        with contextlib.suppress(self._error, OSError):  # it may be gone before it has answered
            self._link.exec_raw_no_follow("import machine\nmachine.reset()")
        self._link.in_raw_repl = False
        self.close()

    def close(self) -> None:
        """Leave the board at its plain prompt and let go of the port."""
        with contextlib.suppress(OSError):
            if self._link.in_raw_repl:
                self._link.exit_raw_repl()
            self._link.close()
