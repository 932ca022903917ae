"""What befalls the host: stalled, unplugged, killed, flooded. The pump behaves as its lease says,
and afterwards the host's events are the pump's own: none lost, none doubled, over resets too."""

import contextlib
import random
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from titra.client import PumpClient
from titra.errors import LinkGone, NoAnswer, PumpRefused
from titra.protocol import Event
from titra.recording import load
from titra.sequence import mark_of
from titra.simulator import Lockstep, LockstepTransport, SpawnedPump
from titra.transport import SerialTransport

PRESCRIPTION = {
    "weight": "70kg",
    "dose": "0.5mg/kg",
    "over": "40min",
    "concentration": "1mg/mL",
    "syringe": "bd-60",
}
LEASE_S = 10
US = 10**6


class Cable(LockstepTransport):
    """A link to the simulated pump that can be pulled, and that noise can get into."""

    def __init__(self, lockstep, noise=None):
        super().__init__(lockstep)
        self.pulled = False
        self._noise = noise

    def write(self, data):
        if self.pulled:
            raise LinkGone("pulled")
        super().write(self._noise(data) if self._noise else data)

    def read(self, timeout_s):
        if self.pulled:
            raise LinkGone("pulled")
        data = super().read(timeout_s)
        return self._noise(data) if self._noise and data else data

    def close(self):
        """The pump outlives the cable."""


class Noise:
    """Damages, drops and adds bytes; seeded. ``on`` switches it."""

    def __init__(self, seed):
        self._random = random.Random(seed)
        self.on = True

    def __call__(self, data):
        if not self.on:
            return data
        out = bytearray()
        for byte in data:
            dice = self._random.random()
            if dice < 0.002:
                continue
            if dice < 0.004:
                byte ^= 1 << self._random.randrange(8)
            out.append(byte)
            if dice > 0.998:
                out += self._random.randbytes(self._random.randrange(1, 40))
        return bytes(out)


class Host:
    """A host that keeps the pump's events from the first one on."""

    def __init__(self, lockstep, noise=None):
        self.lockstep = lockstep
        self.bench = lockstep.bench
        self.cable = Cable(lockstep, noise)
        self.client = PumpClient(self.cable)
        self.client.connect()
        self.client.catch_up((0, 0))
        self.events = []
        self.samples = 0
        self.listen_s(0.1)

    def start(self, on_loss="stop"):
        ask = self.client.request
        plan = ask("program", PRESCRIPTION).fields["plan"]
        ask("telemetry", every="200ms")
        ask("start", plan=plan, lease="%ds" % LEASE_S, on_loss=on_loss)
        self.client.lease_us = LEASE_S * US
        self.listen_s(5)

    def listen_s(self, seconds):
        """Virtual time passes, and the host does what a host does."""
        until = self.cable.clock() + seconds
        while self.cable.clock() < until:
            self.keep(self.client.poll(0.2))

    def keep(self, reports):
        new = [report.raw for report in reports if isinstance(report, Event)]
        self.events += new
        self.samples += len(reports) - len(new)

    def alone_s(self, seconds):
        """Virtual time passes without the host."""
        self.lockstep.run_us(int(seconds * US))

    def pumps_record(self):
        """The pump's own log, whole, asked for by another host."""
        client = PumpClient(Cable(self.lockstep))
        client.connect()
        raw, mark, more = [], (0, 0), True
        while more:
            page = client.log_after(mark)
            raw += [event.raw for event in page.events]
            mark = mark_of(page.events[-1]) if page.events else mark
            more = page.more
        return raw

    def state(self):
        return self.client.request("status").fields["state"]

    def names(self):
        return [raw.split("name=")[1].split(" ")[0].split("*")[0] for raw in self.events]

    def agrees(self):
        """None lost, none doubled, in order."""
        assert self.events == self.pumps_record()
        assert self.client.events_lost == 0


@pytest.fixture
def lockstep():
    made = Lockstep()
    yield made
    made.close()


@pytest.mark.requirement("HOST-01", "LOG-03", "COM-02")
@pytest.mark.parametrize("on_loss, state", [("stop", "stopped"), ("finish", "infusing")])
def test_a_reader_that_stalls_for_30_s(lockstep, on_loss, state):
    host = Host(lockstep)
    host.start(on_loss)
    host.bench.usb.reading = False
    host.alone_s(30)
    host.bench.usb.reading = True
    host.listen_s(2)
    assert host.state() == state and "host-lost" in host.names()
    host.agrees()
    assert host.client.telemetry_lost > 0  # that is a sample, and it is counted


@pytest.mark.requirement("HOST-01", "LOG-03", "COM-02")
@pytest.mark.parametrize("seconds, state", [(5, "infusing"), (60, "stopped")])
def test_unplugged_and_plugged_in_again(lockstep, seconds, state):
    host = Host(lockstep)
    host.start()
    host.bench.usb.pull_cable()
    host.cable.pulled = True
    with pytest.raises(LinkGone):
        host.listen_s(1)
    host.alone_s(seconds)
    host.bench.usb.plug_cable()
    host.bench.usb.open_port()
    host.cable = Cable(lockstep)
    host.client.reconnect(host.cable)
    host.listen_s(2)
    assert host.state() == state
    host.agrees()
    if state == "infusing":  # the lease is kept alive again by the same client
        host.listen_s(3 * LEASE_S)
        assert host.state() == "infusing"


@pytest.mark.requirement("HOST-01", "LOG-03", "LOG-07")
def test_the_pump_is_reset_while_the_host_is_away(lockstep):
    host = Host(lockstep)
    host.start()
    host.bench.usb.pull_cable()
    host.alone_s(3)
    for _ in range(3):
        host.bench.cut_power()
        host.alone_s(3)
    host.bench.usb.plug_cable()
    host.bench.usb.open_port()
    host.cable = Cable(lockstep)
    host.client.reconnect(host.cable)
    host.listen_s(1)
    assert host.names().count("boot") == 4 and host.state() == "stopped"
    assert int(host.client.info["boot"]) == 4
    host.agrees()


@pytest.mark.requirement("LOG-03", "LOG-07")
def test_a_reset_on_an_open_port_is_followed(lockstep):
    host = Host(lockstep)
    host.start()
    host.bench.cut_power()
    host.listen_s(3)
    assert host.client.info["boot"] == "2" and host.client.lease_us is None
    before, sampled = host.client.pump_t_us, host.samples
    host.listen_s(5)
    assert host.client.pump_t_us - before >= 4_800_000
    assert host.client.info["boot"] == "2" and host.samples - sampled >= 20  # every 200 ms again
    host.agrees()


@pytest.mark.requirement("HOST-01", "HOST-08", "LOG-03", "COM-04")
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_flood_of_noise_both_ways(lockstep, seed):
    noise = Noise(seed)
    noise.on = False
    host = Host(lockstep, noise)
    host.start()
    noise.on = True
    before = host.bench.step_edges
    for verb in ("pause", "resume") * 8:
        host.listen_s(1)
        # Damaged twice, or done and its answer damaged: either is said, neither is harmful.
        with contextlib.suppress(NoAnswer, PumpRefused):
            host.client.request(verb)
    noise.on = False
    host.listen_s(3)
    assert host.client.bad_lines > 10 and host.bench.step_edges > before
    assert host.state() in ("infusing", "paused")  # neither stopped nor confused
    host.agrees()


HOST = """
import sys
from titra import Pump
pump = Pump(sys.argv[1], wire_log=sys.argv[2], since=(0, 0))
pump.telemetry("100ms")
pump.start(pump.program(**{prescription}), lease="10s")
heard = 0
while heard < 10:
    heard += len(pump.take(1.0))
print("running", flush=True)
while True:
    pump.take(1.0)
"""


@pytest.mark.requirement("HOST-01", "HOST-03", "LOG-03")
def test_a_host_killed_in_mid_run(tmp_path: Path):
    """SIGKILL while infusing. Its recording and a fetch from its end on are the pump's log."""
    pump = SpawnedPump(runtime="cpython", speed="held")
    path = tmp_path / "run.jsonl"
    script = HOST.replace("{prescription}", repr(PRESCRIPTION))
    try:
        child = subprocess.Popen(
            [sys.executable, "-c", script, pump.port, str(path)], stdout=subprocess.PIPE, text=True
        )
        assert child.stdout
        with Ticking(pump):
            assert child.stdout.readline() == "running\n"
        pump.run_us(2 * US)
        child.kill()
        child.wait()
        before = pump.step_edges
        pump.run_us(15 * US)  # nobody is there: 10 s of lease, and the motor is off
        moved = pump.step_edges - before
        pump.run_us(15 * US)
        assert moved > 0 and pump.step_edges == before + moved
        with Ticking(pump):
            recorded = load(path)
            client = PumpClient(SerialTransport(pump.port))
            client.connect()
            client.catch_up(mark_of(recorded.events[-1].report))
            fetched = [one.raw for one in client.take() if isinstance(one, Event)]
            client.catch_up((0, 0))
            log = [one.raw for one in client.take() if isinstance(one, Event)]
            client.close()
    finally:
        pump.close()
    assert [one.report.raw for one in recorded.events] + fetched == log
    assert "name=started" in log[-3] and "host-lost" in log[-2] and "name=stopped" in log[-1]
    assert recorded.bad_lines == 0 and len(recorded.samples) > 5


class Ticking:
    """While entered, virtual time goes on in small steps, as fast as they are made."""

    def __init__(self, pump):
        self._pump = pump
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._tick)

    def _tick(self):
        while not self._over.is_set():
            self._pump.run_us(5_000)

    def __enter__(self):
        self._thread.start()

    def __exit__(self, *exc):
        self._over.set()
        self._thread.join()
