"""The options of a prescription: what they become, and the stored calibration in a plan."""

from __future__ import annotations

from pathlib import Path

import pytest

from titra import calibration_store as store
from titra import prescription
from titra.cli import common
from titra.client import Timeouts
from titra.prescription import board_settings as real_board_settings

from .commands import options, run, run_json
from .fake_pump import FakePump
from .test_calibration_store import entry

PLAIN = options(volume_per_step=None)


@pytest.fixture(autouse=True)
def _own_data(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))


@pytest.fixture
def real_pump(monkeypatch: pytest.MonkeyPatch) -> None:
    """The firmware on simulated silicon, with the limits of its board."""
    monkeypatch.setattr(prescription, "board_settings", real_board_settings)
    monkeypatch.setattr(common, "TIMEOUTS", Timeouts())


@pytest.mark.parametrize("command", ["plan", "preview", "infuse"])
def test_every_command_takes_the_same_options(command: str) -> None:
    text = run(command, "--help").stdout
    for name in ("weight", "dose", "rate", "volume", "over", "calibrated", "volume-per-step"):
        assert f" --{name} " in text


@pytest.mark.requirement("DOSE-20")
def test_a_plan_takes_the_stored_calibration_and_says_so() -> None:
    store.append(entry())
    _, geometry = run_json("plan", *PLAIN)
    code, said = run_json("plan", *PLAIN, "--calibrated")
    assert code == 0 and geometry["calibration"] is None
    assert said["calibration"]["volume_per_step"] == "140.935106nL"
    assert said["volume_per_step_nl"] == "70467553/500000"
    assert said["steps"] == round(35_000_000 / entry().volume_per_step_nl) < geometry["steps"]
    text = run("plan", *PLAIN, "--calibrated").stdout
    assert "calibrated 2026-11-24, n=5, CV 0.2 %, pump E6" in text
    assert "from the geometry" in run("plan", *PLAIN).stdout
    assert "as entered" in run("plan", *options()).stdout


def test_without_a_calibration_nothing_is_made_up() -> None:
    store.append(entry(syringe="bd-10"))
    store.append(entry(virtual=True))
    code, said = run_json("plan", *PLAIN, "--calibrated")
    assert code == 2 and said["error"]["code"] == "not-calibrated"
    assert (said["error"]["field"], said["error"]["given"]) == ("syringe", "bd-60")
    nothing = options(volume_per_step=None, syringe=None)
    code, said = run_json("plan", *nothing, "--calibrated")
    assert (code, said["error"]["code"]) == (2, "missing-field")


def test_entered_and_calibrated_exclude_each_other() -> None:
    store.append(entry())
    code, said = run_json("plan", *options(), "--calibrated")
    assert (code, said["error"]["code"], said["error"]["field"]) == (2, "usage", "volume-per-step")


@pytest.mark.requirement("DOSE-20")
def test_a_run_takes_that_of_its_own_pump(simulator: list[FakePump]) -> None:
    store.append(entry(serial="0001", virtual=True))
    store.append(entry(volume_per_step="139.5nL"))
    code, said = run_json("infuse", "--sim", *PLAIN, "--calibrated")
    assert code == 0 and said["delivered_steps"] == said["planned_steps"] == 248_341
    (program,) = (line for line in simulator[0].received if " program " in line)
    assert "volume-per-step=140.935106nL" in program
    assert "calibrated 2026-11-24" in run("infuse", "--sim", *PLAIN, "--calibrated").stdout


def test_that_of_another_pump_is_not_taken(simulator: list[FakePump]) -> None:
    store.append(entry(serial="E7"))
    code, said = run_json("infuse", "--sim", *PLAIN, "--calibrated")
    assert code == 2 and said["error"]["code"] == "not-calibrated"
    assert not any(" program " in line for line in simulator[0].received)


def test_a_calibration_that_the_core_finds_incredible_is_refused() -> None:
    store.append(entry(volume_per_step="14.09nL"))
    code, said = run_json("plan", *PLAIN, "--calibrated")
    assert (code, said["error"]["code"]) == (2, "out-of-range")
    assert said["error"]["field"] == "volume-per-step"


def test_several_phases_run_on_the_firmware_as_planned(real_pump: None) -> None:
    """Hash and steps of pump and host agree over phases, a ramp, a reason and the KVO."""
    phases = ("dose=0.8mg/kg over=2min", "pause=10s", "rate=60mL/h to=0mL/h over=1min",
              "dose=0.4mg/kg over=1min")  # fmt: skip
    args = options(dose=None, over=None, concentration="10mg/mL", volume_per_step=None)
    args += [word for one in phases for word in ("--phase", one)]
    args += ["--override", "bench-test", "--lockout", "10min"]
    code, planned = run_json("plan", *args)
    assert code == 0
    code, said = run_json("infuse", "--sim", *args, "--no-wire-log")
    assert (code, said["state"], said["plan"]) == (0, "complete", planned["plan"])
    assert said["step_edges"] == said["delivered_steps"] == planned["steps"]


def test_a_preview_leaves_no_kvo_out_silently() -> None:
    code, said = run_json("preview", *options(kvo="1mL/h"))
    assert (code, said["error"]["code"], said["error"]["field"]) == (2, "usage", "kvo")


def test_a_tenfold_rate_wants_a_word_of_its_own(wired: FakePump) -> None:
    wired.tenfold = "0.5mL/h"
    code, said = run_json("infuse", "--port", "x", *options(), "--yes")
    assert (code, said["error"]["code"]) == (2, "not-confirmed")
    assert not any(" start " in line for line in wired.received)
    code, said = run_json("infuse", "--port", "x", *options(), "--yes", "--tenfold")
    assert (code, said["state"]) == (0, "complete")
    (start,) = (line for line in wired.received if " start " in line)
    assert " tenfold=yes" in start
