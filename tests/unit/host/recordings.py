"""Recordings for the tests, made by the client on the fake pump and on the simulated one."""

from __future__ import annotations

from pathlib import Path

from titra.client import PumpClient
from titra.simulator import Lockstep, LockstepTransport
from titra.wirelog import WireLog

from .commands import BENCH
from .conftest import QUICK
from .fake_pump import FakePump

SHORT = {key: text for key, text in BENCH.items() if key != "volume-per-step"}
SENSORS = {"TRAVEL": 13, "FORCE": 26, "SUPPLY": 29}
HEALTHY_MV = {26: 330 + 148, 29: 5000 // 3}
OCCLUDED_MV = 330 + 2400


def fake_run(path: Path, pump: FakePump) -> PumpClient:
    """A whole infusion on the fake pump, recorded."""
    client = PumpClient(pump, WireLog(path, "fake"), QUICK)
    client.connect()
    client.request("telemetry", every="10000ms")
    client.request("start", plan=client.request("program", BENCH).fields["plan"])
    while pump.state == "infusing":
        client.poll(1.0)
    client.poll(0.1)
    client.close()
    return client


class SimulatedRun:
    """The firmware on simulated silicon with its sensors fitted, recorded. Virtual time."""

    def __init__(self, path: Path, every: str = "500ms") -> None:
        self.lockstep = Lockstep()
        self.bench = self.lockstep.bench
        self.bench.fitted = dict(SENSORS)
        self.bench.world.volts_mv = dict(HEALTHY_MV)
        self.bench.world.pads.drive(SENSORS["TRAVEL"], 0)
        transport = LockstepTransport(self.lockstep)
        self.client = PumpClient(transport, WireLog(path, transport.name))
        self.client.connect()
        self.client.catch_up()
        plan = self.client.request("program", SHORT).fields["plan"]
        self.client.request("telemetry", every=every)
        self.client.request("start", plan=plan, lease="10s")
        self.client.lease_us = 10_000_000

    def run_s(self, seconds: float) -> None:
        """Let virtual time pass and listen."""
        clock = self.client.transport.clock
        until = clock() + seconds
        while clock() < until:
            self.client.poll(min(0.5, until - clock()))

    def stall_s(self, seconds: float) -> None:
        """The host does not read."""
        self.bench.usb.reading = False
        self.lockstep.run_us(int(seconds * 1e6))
        self.bench.usb.reading = True

    def occlude(self) -> None:
        """Press on the force sensor."""
        self.bench.world.volts_mv[SENSORS["FORCE"]] = OCCLUDED_MV

    def close(self) -> None:
        self.client.close()
