"""A scenario script on the emulated chip: the same steps, the same runner."""

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.emulator import chip as emulated
from titra.scenario import Scenario, play
from titra.targets import BUTTON, STEPS, Rig

PROGRAM = "program volume=0.0071mL rate=1200mL/h syringe=bd-60"
STEPS_MADE = 51


class ChipTarget:
    """The emulated chip as a target; it lives in an interpreter of its own."""

    capabilities = (BUTTON, STEPS)

    def __init__(self, folder: Path) -> None:
        command = [os.environ["RIG_PYTHON"], str(emulated.HERE / "serve_chip.py"), str(folder)]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )

    def _tell(self, verb: str, **more: object) -> object:
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write(json.dumps({"do": verb, **more}) + "\n")
        return json.loads(self._process.stdout.readline())

    def write(self, data: bytes) -> None:
        self._tell("write", data=data.decode("latin-1"))

    def run_us(self, us: int) -> bytes:
        return str(self._tell("run", us=us)).encode("latin-1")

    def step_edges(self) -> int:
        return int(str(self._tell("steps")))

    def press(self) -> None:
        self._tell("press")

    def release(self) -> None:
        self._tell("release")

    def power_cut(self) -> None:
        raise NotImplementedError("the emulator has no power switch")

    def close(self) -> None:
        self._process.terminate()
        self._process.wait()


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    if reason := emulated.missing():
        pytest.skip(reason)
    emulated.make_files(tmp_path / "files", emulated.SHORT_PLANS)
    made = Rig("emulator", target=ChipTarget(tmp_path / "files"))
    yield made
    made.close()


def test_a_whole_run_and_a_stop(rig: Rig) -> None:
    scenario = Scenario.of(
        "on the chip",
        PROGRAM,
        f"expect reply=last steps={STEPS_MADE}",
        "start",
        "wait event=complete within=2s",
        f"expect state=complete steps={STEPS_MADE} step-edges={STEPS_MADE}",
        "press-stop",
        "wait event=stopped within=1s",
        "expect cause=disconnect latched=yes",
        "ack refused=stop-open",
        "release-stop",
        "ack",
        "expect state=idle",
    )
    result = play(scenario, rig)
    assert result.verdict == "passed", result.as_json()


def test_what_the_chip_has_not_is_skipped(rig: Rig) -> None:
    result = play(Scenario.of("cut", PROGRAM, "start", "cut-power"), rig)
    assert result.verdict == "skipped" and rig.bench.step_edges() == 0
