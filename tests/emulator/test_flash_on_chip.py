"""``titra flash`` on an emulated RP2040 over its serial port: first an interpreter without a file,
then a pump that is up to date, then one that infuses; last a board file that raises, and the way
back. An emulated second takes up to a minute, so every patience is longer than on a bench."""

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
from titra.flash import back, device
from titra.flash import run as flash_run
from titra.transport import open_transport

PATIENCE = Timeouts(identify_s=20, identify_tries=2, request_s=120, stop_s=120, stop_resend_s=60)
BACK_S = 600
READ_S = 60
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
    monkeypatch.setattr(device, "READ_S", READ_S)
    read = SerialTransport.read_until
    monkeypatch.setattr(
        SerialTransport,
        "read_until",
        lambda self, least, ending, data_consumer=None, **_: read(
            self, least, ending, timeout=BACK_S, data_consumer=data_consumer
        ),
    )
    return lambda *more: run_json("flash", "--port", port, "--board", "rpi_pico", *more)


def test_flashed_from_nothing_then_up_to_date_then_refused_while_infusing(port, flash, tmp_path):
    files = build("rpi_pico", tmp_path / "files")
    rows = {row["check"]: row for row in run_json("doctor", "--port", port)[1]["checks"]}
    assert ">>>" in rows["identity"]["found"], rows
    assert "Raspberry Pi Pico with RP2040, micropython 1.28.0: good" in rows["image"]["found"]

    code, said = flash()
    assert (code, said["self_test"], said["deleted"]) == (0, "passed", []), said
    assert sorted(said["written"]) == sorted(files)
    assert said["written"][-1] == "firmware.rec"
    assert said["state"] == "stopped"  # a reset is acknowledged by a person
    assert said["frozen"] is False

    code, said = flash("--set", "supply-warn=4.7V")
    assert (code, said["self_test"], said["same"]) == (0, "passed", len(files)), said
    assert said["written"] == said["deleted"] == []
    assert (said["settings"], said["state"]) == ("written", "stopped")

    client = PumpClient(open_transport(port, 115_200), timeouts=PATIENCE)
    client.connect()
    client.request("ack")
    plan = client.request("program", ORDER).fields["plan"]
    client.request("start", plan=plan)
    client.close()
    code, said = flash()
    assert code != 0
    assert (said["error"]["code"], said["error"]["given"]) == ("moving", "infusing"), said


def test_a_board_file_that_raises_is_shown_and_the_prompt_takes_a_better_one(
    port, flash, monkeypatch
):
    """After the test above: the pump infuses. ``maintenance`` is the way out of a wrong model."""
    client = PumpClient(open_transport(port, 115_200), timeouts=PATIENCE)
    client.connect()
    client.stop()
    client.close()
    code, said = run_json("flash", "--port", port, "--board", "rpi_pico2")
    assert (code, said["error"]["code"]) == (2, "wrong-board"), said
    assert f"titra send maintenance --port {port}" in said["error"]["message"]
    assert run_json("send", "maintenance", "--port", port)[0] == 0

    def worse(*args, **options):
        made = build(*args, **options)
        with (args[1] / "board.py").open("a") as file:
            file.write('raise OSError("no such thing")\n')
        return made

    with monkeypatch.context() as patch:
        patch.setattr(flash_run, "build", worse)
        code, said = flash()
    assert (code, said["error"]["code"]) == (3, "at-prompt"), said
    for words in ("Traceback", 'File "boot.py"', 'File "board.py"', "OSError: no such thing"):
        assert words in said["error"]["message"], said
    code, said = flash()
    assert code == 0, said
    assert (said["self_test"], said["written"]) == ("passed", ["board.py", "firmware.rec"])
