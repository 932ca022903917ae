"""``titra syringes``: every diameter with its source, and what was weighed."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

import pytest

from titra import calibration_store as store
from titra.cli.syringes import SOURCES

from .commands import run, run_json
from .test_calibration_store import entry

FIXTURE = Path(__file__).resolve().parents[2] / "fixtures" / "syringes.json"
TABLE = json.loads(FIXTURE.read_text())


@pytest.fixture(autouse=True)
def _own_data(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))


@pytest.mark.requirement("DOSE-16")
def test_each_diameter_is_shown_with_its_source() -> None:
    code, said = run_json("syringes")
    assert code == 0
    shown = {row["syringe"]: (row["diameter"], row["source"]) for row in said["syringes"]}
    assert shown == {
        row["id"]: (row["inner_diameter_mm"] + "mm", TABLE["source_" + row["source"]])
        for row in TABLE["syringes"]
    }


def test_the_text_names_sources_and_doubts() -> None:
    text = run("syringes").stdout
    for words in (*SOURCES.values(), "disagree by up to 3.5 %", "titra calibrate", "26.59 mm"):
        assert words in text
    rows = {line.split()[0]: line.split()[5] for line in text.splitlines() if " mm " in line}
    assert rows == {row["id"]: row["source"] for row in TABLE["syringes"]}


@pytest.mark.requirement("DOSE-20")
def test_what_was_weighed_stands_beside_the_geometry() -> None:
    store.append(entry())
    (row,) = (row for row in run_json("syringes")[1]["syringes"] if row["syringe"] == "bd-60")
    assert row["calibration"]["volume_per_step"] == "140.935106nL"
    assert abs(Fraction(row["volume_per_step_nl"]) - Fraction("138.824643")) < Fraction(1, 10**6)
    (line,) = (line for line in run("syringes").stdout.splitlines() if line.startswith("bd-60 "))
    assert "138.825" in line and "140.935" in line and "2026-11-24" in line
