"""What a monitor of eight pumps at 20 Hz costs, recorded.

Alone: ``python -m tests.timing.bench_monitor`` prints the section (2 min).
"""

import json
import os
import pty
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from tests.timing.bench_table import Table, say

PUMPS = 8
EVERY = "50ms"
WARM_S = 8.0
WALL_S = 20.0
SCREENS = ((80, 24), (132, 43))
THERAPY = {
    "weight": "70kg",
    "dose": "0.5mg/kg",
    "over": "40min",
    "concentration": "1mg/mL",
    "syringe": "bd-60",
}
TEXT = """
%d simulated pumps (MicroPython, real time), all infusing, telemetry every %s, on one `titra
monitor` that records every byte (`bench_monitor.py`; must: below 30 %%). CPU is user and system
time of its process over %.0f s of wall time after %.0f s of warming up, in percent of one core,
from `/proc/PID/stat`; lines are what its wire logs gained meanwhile.
"""


def cpu_s(pid: int) -> float:
    """User and system time of a process so far."""
    fields = Path("/proc/%d/stat" % pid).read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def recorded(folder: str) -> int:
    """Lines from pumps in the wire logs."""
    count = 0
    for path in Path(folder).rglob("*.jsonl"):
        for line in path.read_text().splitlines()[1:]:
            record = json.loads(line)
            count += record["data"].count("\n") if record["dir"] == "rx" else 0
    return count


class Screen:
    """``titra monitor`` on a pseudo-terminal of ``size``, its output read and dropped."""

    def __init__(self, ports: list[str], size: tuple[int, int], folder: str) -> None:
        self._master, slave = pty.openpty()
        environment = {
            **os.environ,
            "XDG_STATE_HOME": folder,
            "TERM": "xterm-256color",
            "COLUMNS": str(size[0]),
            "LINES": str(size[1]),
        }
        command = [sys.executable, "-m", "titra", "monitor", "--every", EVERY]
        command += [word for port in ports for word in ("--port", port)]
        self._process = subprocess.Popen(
            command, stdin=slave, stdout=slave, stderr=slave, env=environment
        )
        os.close(slave)
        self.pid = self._process.pid
        self.drawn = 0
        threading.Thread(target=self._drop, daemon=True).start()

    def _drop(self) -> None:
        try:
            while data := os.read(self._master, 65536):
                self.drawn += len(data)
        except OSError:
            return  # the screen has gone

    def press(self, keys: bytes) -> None:
        """Type ``keys``."""
        os.write(self._master, keys)

    def close(self) -> None:
        """Quit, and leave the pumps alone."""
        self.press(b"qq")
        self._process.wait(10)
        os.close(self._master)


def start_pumps() -> list:
    """The pumps, infusing."""
    from titra.client import PumpClient
    from titra.simulator import SpawnedPump
    from titra.transport import open_transport

    pumps = [SpawnedPump(speed=1) for _ in range(PUMPS)]
    for pump in pumps:
        client = PumpClient(open_transport(pump.port))
        client.connect()
        plan = client.request("program", THERAPY).fields["plan"]
        client.request("start", plan=plan)
        client.close()
    return pumps


def screen_rows(ports: list[str], size: tuple[int, int]) -> list[list[str]]:
    """The overview, then one pump with its plots."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        screen = Screen(ports, size, folder)
        for view, keys in (("all pumps", b""), ("one pump, plots", b"\r")):
            screen.press(keys)
            time.sleep(WARM_S)
            before = (cpu_s(screen.pid), recorded(folder), screen.drawn, time.monotonic())
            time.sleep(WALL_S)
            wall_s = time.monotonic() - before[3]
            cpu = 100 * (cpu_s(screen.pid) - before[0]) / wall_s
            lines = (recorded(folder) - before[1]) / wall_s
            drawn = (screen.drawn - before[2]) / wall_s / 1000
            what = "%s, %dx%d" % (view, *size)
            rows.append([what, "%.1f %%" % cpu, "%.0f" % lines, "%.1f" % drawn])
        screen.close()
    return rows


def monitor_table() -> Table:
    """The section; to be made with nothing else running."""
    pumps = start_pumps()
    try:
        ports = [pump.port for pump in pumps]
        rows = [row for size in SCREENS for row in screen_rows(ports, size)]
    finally:
        for pump in pumps:
            pump.close()
    text = TEXT % (PUMPS, EVERY, WALL_S, WARM_S)
    head = ["what", "CPU of a core", "lines/s", "kB/s to the terminal"]
    return Table("Monitor", text, head, rows)


if __name__ == "__main__":
    say("measuring: monitor, %.0f s ..." % (2 * len(SCREENS) * (WARM_S + WALL_S)))
    print(monitor_table().markdown())
