"""Which serial ports there are, which of them is a pump, and which one to take.

A pump is known by its answer to ``*IDN?``, never by its name alone. Only ports on USB are asked
unasked: a line that is no query could mean anything to a device on a plain serial port.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from serial.tools import list_ports

from titra import DEFAULT_BAUD
from titra.client import PumpClient, Timeouts
from titra.errors import NoConnection, UsageError
from titra.identify import identify
from titra.transport import open_transport

# USB vendor ids: Raspberry Pi, Espressif, and the serial bridges on ESP32 boards.
VENDORS = {
    0x2E8A: "Raspberry Pi",
    0x303A: "Espressif",
    0x10C4: "CP210x",
    0x1A86: "CH340",
    0x0403: "FTDI",
}
PUMP = "pump"
NOT_ASKED = "not-asked"
ASK = Timeouts(drain_s=0.1, identify_s=0.5, identify_tries=2)
AT_ONCE = 8


@dataclass(frozen=True)
class Found:
    """A port and what it turned out to be: ``verdict`` is PUMP, NOT_ASKED, or the code of the
    error met (port-busy, port-forbidden, silent, not-a-pump, wrong-speed ...)."""

    port: str
    usb: str
    verdict: str
    message: str = ""
    model: str = ""
    serial: str = ""
    firmware: str = ""


def candidates() -> list[tuple[str, str]]:
    """(device, what it is) of every port that may be a pump, judged by its USB vendor."""
    return [
        (port.device, VENDORS[port.vid]) for port in list_ports.comports() if port.vid in VENDORS
    ]


def others() -> list[Found]:
    """The ports that are not asked: not on USB, or of a vendor that makes no pump's board."""
    known = dict(candidates())
    return [
        Found(port.device, _described(port.description), NOT_ASKED, "name it to have it asked")
        for port in list_ports.comports()
        if port.device not in known
    ]


def _described(text: str | None) -> str:
    return "" if text in (None, "n/a") else str(text)


def ask(port: str, usb: str = "", baud: int = DEFAULT_BAUD) -> Found:
    """Who is at ``port``; within 2 s."""
    try:
        client = PumpClient(open_transport(port, baud), timeouts=ASK)
    except NoConnection as error:
        return Found(port, usb, error.code, error.message)
    try:
        who = identify(client)
    except NoConnection as error:
        return Found(port, usb, error.code, error.message)
    finally:
        client.close()
    return Found(port, usb, PUMP, "", who.model, who.serial, who.firmware)


def ask_all(ports: Sequence[tuple[str, str]], baud: int = DEFAULT_BAUD) -> list[Found]:
    """``ask`` for all of them, side by side."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(lambda each: ask(each[0], each[1], baud), ports))


def required(port: str | None, baud: int = DEFAULT_BAUD) -> str:
    """``port``; where none is named, that of the only pump there is. Raises UsageError
    (no-port) that says what was found and how to choose."""
    if port:
        return port
    found = ask_all(candidates(), baud)
    pumps = [each for each in found if each.verdict == PUMP]
    if len(pumps) == 1:
        return pumps[0].port
    if pumps:
        listed = ", ".join(f"{each.port} ({each.model} {each.serial})" for each in pumps)
        choose = f"Choose with `--port {pumps[0].port}` or `export TITRA_PORT={pumps[0].port}`"
        raise UsageError(f"which port? Pumps are on {listed}. {choose}", code="no-port")
    tried = "; ".join(each.message for each in found)
    raise UsageError(
        "which port? None was given and no pump was found here"
        + (f" ({tried})" if tried else "; no serial port is of a board's USB vendor")
        + ". Plug one in, use `--port /dev/ttyACM0`, or try `titra sim` for a virtual one",
        code="no-port",
    )
