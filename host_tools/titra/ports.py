"""Which serial ports there are, and how to name one. The tool never picks a port by itself."""

from __future__ import annotations

from serial.tools import list_ports

from titra.errors import UsageError

# USB vendor ids: Raspberry Pi, Espressif, and the serial bridges on ESP32 boards.
VENDORS = {
    0x2E8A: "Raspberry Pi",
    0x303A: "Espressif",
    0x10C4: "CP210x",
    0x1A86: "CH340",
    0x0403: "FTDI",
}


def candidates() -> list[tuple[str, str]]:
    """(device, what it is) of every port that may be a pump, judged by its USB vendor."""
    return [
        (port.device, VENDORS[port.vid]) for port in list_ports.comports() if port.vid in VENDORS
    ]


def required(port: str | None) -> str:
    """``port``, or UsageError that says how to choose one."""
    if port:
        return port
    found = candidates()
    if not found:
        raise UsageError(
            "which port? None was given and no serial port here looks like a pump. "
            "Plug one in and use `--port /dev/ttyACM0`, or try `titra sim` for a virtual one",
            code="no-port",
        )
    listed = ", ".join(f"{device} ({what})" for device, what in found)
    looks = "this port looks like a pump" if len(found) == 1 else "these ports look like a pump"
    raise UsageError(
        f"which port? {looks}: {listed}. Choose with `--port {found[0][0]}` "
        f"or `export TITRA_PORT={found[0][0]}`",
        code="no-port",
    )
