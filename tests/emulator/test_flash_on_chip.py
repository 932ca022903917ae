"""``titra flash`` on an emulated RP2040 over its serial port: first an interpreter without a file,
then a pump that is up to date, then one that infuses. An emulated second takes up to a minute, so
every patience is longer than on a bench."""

import os
import subprocess
from collections.abc import Iterator

import pytest
from mpremote.transport_serial import SerialTransport

from tests.emulator import chip
from tests.unit.host.commands import run_json
from titra.cli import common
from titra.client import PumpClient, Timeouts
from titra.firmware_files import build
from titra.flash import back
from titra.transport import open_transport

PATIENCE = Timeouts(identify_s=20, identify_tries=2, request_s=120, stop_s=120, stop_resend_s=60)
BACK_S = 600
ORDER = {"rate": "52.5mL/h", "over": "40min", "syringe": "bd-60"}


@pytest.fixture(scope="module")
def port() -> Iterator[str]:
    """The serial port of a chip without files."""
    if reason := chip.missing():
        pytest.skip(reason)
    command = [os.environ["RIG_PYTHON"], str(chip.HERE / "on_pty.py")]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as process:
        yield process.stdout.readline().split()[-1]
        process.stdin.close()


@pytest.fixture
def flash(port, monkeypatch):
    """Runs ``titra flash --json``."""
    monkeypatch.setattr(common, "TIMEOUTS", PATIENCE)
    monkeypatch.setattr(back, "BACK_S", BACK_S)
    read = SerialTransport.read_until
    monkeypatch.setattr(
        SerialTransport,
        "read_until",
        lambda self, least, ending, data_consumer=None, **_: read(
            self, least, ending, timeout=BACK_S, data_consumer=data_consumer
        ),
    )
    return lambda: run_json("flash", "--port", port, "--board", "rpi_pico")


def test_flashed_from_nothing_then_up_to_date_then_refused_while_infusing(port, flash, tmp_path):
    files = build("rpi_pico", tmp_path / "files")
    code, said = flash()
    assert (code, said["self_test"], said["deleted"]) == (0, "passed", []), said
    assert sorted(said["written"]) == sorted(files)
    assert said["written"][-1] == "firmware.rec"
    assert said["state"] == "stopped"  # a reset is acknowledged by a person

    code, said = flash()
    assert (code, said["self_test"], said["same"]) == (0, "passed", len(files)), said
    assert said["written"] == said["deleted"] == []

    client = PumpClient(open_transport(port, 115_200), timeouts=PATIENCE)
    client.connect()
    client.request("ack")
    plan = client.request("program", ORDER).fields["plan"]
    client.request("start", plan=plan)
    client.close()
    code, said = flash()
    assert code != 0
    assert (said["error"]["code"], said["error"]["given"]) == ("moving", "infusing"), said
