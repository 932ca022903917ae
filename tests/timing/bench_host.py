"""Speed of the host library: lines read, recorded, and read back, on one core."""

import tempfile
import time
from pathlib import Path

from tests.timing.bench_table import Table
from titra.client import PumpClient
from titra.protocol import LineSplitter, decode, seal
from titra.recording import load
from titra.wirelog import WireLog

LINES = 5_000
ROUNDS = 20
CHUNK = 4096
SAMPLE = (
    "~%d t=%dms boot=12 state=infusing rate=52.500mL/h target=52.500mL/h steps=125795 "
    "delivered=17.463mL dose=17.463mg planned=252117 remaining=1202.499s elapsed=1197.500s "
    "commanded=125960"
)


class Stream:
    """A transport that holds telemetry ready: one line a read, as it comes at 20 Hz."""

    name = "bench"

    def __init__(self, lines: list[bytes]) -> None:
        self._lines = iter(lines)

    def read(self, timeout_s: float) -> bytes:
        """The next line, at once."""
        return next(self._lines, b"")

    def write(self, data: bytes) -> None:
        """Nobody listens."""

    def close(self) -> None:
        """Nothing to close."""

    def clock(self) -> float:
        """CPU time in s."""
        return time.process_time()


def samples(count: int) -> list[bytes]:
    """Telemetry as the pump sends it."""
    return [seal(SAMPLE % (seq, 50 * seq)) for seq in range(1, count + 1)]


def parse_s(lines: list[bytes]) -> float:
    """CPU time to cut and decode ``lines``, arriving in chunks."""
    data = b"".join(lines)
    splitter, count = LineSplitter(), 0
    began = time.process_time()
    for at in range(0, len(data), CHUNK):
        for line in splitter.feed(data[at : at + CHUNK]):
            decode(line)
            count += 1
    assert count == len(lines)
    return time.process_time() - began


def receive_s(lines: list[bytes], path: Path) -> float:
    """CPU time for the client to receive, count and record ``lines``, one a read."""
    client = PumpClient(Stream(lines), WireLog(path, "bench"))
    began = time.process_time()
    for _ in lines:
        client.receive(0)
        client.take()
    spent = time.process_time() - began
    client.close()
    assert client.telemetry_lost == client.bad_lines == 0
    return spent


def load_s(path: Path) -> float:
    """CPU time to read a recording whole."""
    began = time.process_time()
    load(path)
    return time.process_time() - began


def host_table(count: int = LINES, rounds: int = ROUNDS) -> Table:
    """Lines per second, the best of ``rounds``."""
    lines = samples(count)
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / ("%d.jsonl" % number) for number in range(rounds)]
        best = {
            "cut and decode (must: 100000)": min(parse_s(lines) for _ in paths),
            "receive, check the order, record; one line a read": min(
                receive_s(lines, path) for path in paths
            ),
            "read a recording whole": min(load_s(path) for path in paths),
        }
    return Table(
        "Host library",
        """
Telemetry lines of %d bytes, CPU time of one core of this machine, best of %d rounds of %d lines
(`bench_host.py`). Eight pumps at 20 Hz are 160 lines a second."""
        % (len(lines[0]), rounds, count),
        ["what", "lines/s"],
        [[what, "%d" % (count / spent)] for what, spent in best.items()],
    )
