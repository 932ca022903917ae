"""The store of calibrations: what goes in comes out, older entries stay, a cut harms nothing."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path

import pytest

from titra import calibration
from titra import calibration_store as cal
from titra.errors import UsageError

ENTRY = cal.Calibration(
    syringe="bd-60",
    serial="E6",
    date=datetime(2026, 11, 24, 9, 30, tzinfo=UTC),
    volume_per_step="140.935106nL",
    n=5,
    cv_percent=0.247,
    spread="0.347844nL",
    confidence_95="0.431837nL",
    geometry="138.824643nL",
    density="0.9979g/mL",
    temperature="21.5C",
    steps=[36017] * 5,
    weights=["5.058g", "5.081g", "5.066g", "5.049g", "5.073g"],
    firmware="0.1.0",
    board="rpi_pico",
    virtual=False,
    note='balance 3, "new" water',
)


def entry(**changes: object) -> cal.Calibration:
    return dataclasses.replace(ENTRY, **changes)  # type: ignore[arg-type]


def test_an_entry_survives_the_file(tmp_path: Path) -> None:
    file = tmp_path / "new" / "folder" / "cal.toml"
    assert cal.load(file) == [] and cal.calibrated("bd-60", "E6", file) is None
    assert cal.append(ENTRY, file) == file
    assert cal.calibrated("bd-60", "E6", file) == ENTRY
    text = file.read_text()
    assert 'volume_per_step = "140.935106nL"' in text and "date = 2026-11-24T09:30:00Z" in text
    assert [path.name for path in file.parent.iterdir()] == ["cal.toml"]


def test_a_stored_entry_can_be_computed_again(tmp_path: Path) -> None:
    (again,) = (cal.append(ENTRY, tmp_path / "x.toml"), cal.load(tmp_path / "x.toml"))[1]
    weights = [calibration.read_weight(text) for text in again.weights]
    pairs = [calibration.Weighing(g, steps) for g, steps in zip(weights, again.steps)]
    geometry = Fraction(again.geometry.removesuffix("nL"))
    result = calibration.evaluate(pairs, calibration.read_density(again.density), geometry)
    assert result.text == again.volume_per_step
    assert float(result.cv_percent) == pytest.approx(again.cv_percent, abs=0.0005)


def test_the_last_entry_of_syringe_and_pump_holds_and_older_ones_stay(tmp_path: Path) -> None:
    file = tmp_path / "cal.toml"
    entries = [
        entry(note="first"),
        entry(note="second", date=datetime(2026, 1, 1, tzinfo=UTC)),
        entry(syringe="bd-10", note="other syringe"),
        entry(serial="E7", note="other pump"),
        entry(serial="V1", note="not real", virtual=True),
    ]
    for each in entries:
        cal.append(each, file)
    assert cal.load(file) == entries

    def note(syringe: str, serial: str | None) -> str | None:
        found = cal.calibrated(syringe, serial, file)
        return found and found.note

    assert note("bd-60", "E6") == "second"
    assert note("bd-60", "E7") == note("bd-60", None) == "other pump"
    assert note("bd-60", "V1") == "not real"
    assert note("bd-10", None) == "other syringe"
    assert note("bd-30", None) is note("bd-10", "E7") is None


def test_what_a_person_wrote_into_the_file_stays(tmp_path: Path) -> None:
    file = tmp_path / "cal.toml"
    cal.append(ENTRY, file)
    file.write_text(file.read_text() + "# a remark\n\n[mine]\nx = 1\n")
    cal.append(entry(note="later"), file)
    assert [each.note for each in cal.load(file)] == [ENTRY.note, "later"]
    assert "# a remark" in file.read_text() and "[mine]\nx = 1" in file.read_text()


def test_an_empty_file_is_an_empty_store(tmp_path: Path) -> None:
    file = tmp_path / "cal.toml"
    file.write_text("")
    cal.append(ENTRY, file)
    assert cal.load(file) == [ENTRY]


@pytest.mark.parametrize("cut", [OSError("disk full"), KeyboardInterrupt()])
def test_without_the_rename_the_old_file_holds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cut: BaseException
) -> None:
    file = tmp_path / "cal.toml"
    cal.append(ENTRY, file)
    before = file.read_bytes()

    def replace(*paths: object) -> None:
        raise cut

    monkeypatch.setattr(os, "replace", replace)
    with pytest.raises(UsageError if isinstance(cut, OSError) else KeyboardInterrupt) as caught:
        cal.append(entry(note="lost"), file)
    assert file.read_bytes() == before and list(tmp_path.iterdir()) == [file]
    if isinstance(caught.value, UsageError):
        assert caught.value.code == "store-failed" and "disk full" in caught.value.message


def test_a_process_killed_before_the_rename_harms_nothing(tmp_path: Path) -> None:
    file = tmp_path / "cal.toml"
    cal.append(ENTRY, file)
    before = file.read_bytes()
    script = (
        "import dataclasses, os, pathlib, sys\n"
        "from titra import calibration_store as cal\n"
        "os.replace = lambda *paths: os._exit(9)\n"
        "file = pathlib.Path(sys.argv[1])\n"
        "cal.append(dataclasses.replace(cal.load(file)[0], note='lost'), file)\n"
    )
    path = os.pathsep.join(sys.path)
    ended = subprocess.run(
        [sys.executable, "-c", script, str(file)], env={**os.environ, "PYTHONPATH": path}
    )
    assert ended.returncode == 9 and file.read_bytes() == before
    assert len(list(tmp_path.iterdir())) == 2  # the unfinished one lies beside it, unread
    cal.append(entry(note="next"), file)
    assert [each.note for each in cal.load(file)] == [ENTRY.note, "next"]


@pytest.mark.parametrize(
    "text",
    [
        "not toml",
        "calibration = 5",
        'calibration = ["x"]',
        "[[calibration]]\nsyringe = 'bd-60'",
        None,
    ],
)
def test_a_file_that_is_no_store_is_refused_and_left_alone(
    tmp_path: Path, text: str | None
) -> None:
    file = tmp_path / "cal.toml"
    if text is None:
        file.mkdir()
    else:
        file.write_text(text)
    for call in (cal.load, cal.check_store, lambda path: cal.append(ENTRY, path)):
        with pytest.raises(UsageError) as caught:
            call(file)
        assert caught.value.details == {"field": "file", "given": str(file)}
    assert text is None or file.read_text() == text


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        ('"140.935106nL"', '"140.935106mL"'),
        ('"140.935106nL"', '"-140.935106nL"'),
        ('"140.935106nL"', "140.935106"),
        ('"138.824643nL"', '"0nL"'),
        ("date = 2026-11-24T09:30:00Z", 'date = "yesterday"'),
        ("virtual = false", ""),
    ],
)
def test_an_entry_spoilt_by_hand_is_refused(tmp_path: Path, good: str, bad: str) -> None:
    file = tmp_path / "cal.toml"
    cal.append(ENTRY, file)
    assert good in file.read_text()
    file.write_text(file.read_text().replace(good, bad))
    with pytest.raises(UsageError):
        cal.calibrated("bd-60", "E6", file)


def test_checking_the_store_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "cal.toml"
    cal.check_store(file)
    assert list(tmp_path.iterdir()) == []

    def nowhere(**kwargs: object) -> None:
        raise PermissionError("read-only")

    monkeypatch.setattr("tempfile.TemporaryFile", nowhere)
    with pytest.raises(UsageError) as caught:
        cal.check_store(file)
    assert caught.value.code == "store-failed"


def test_the_default_file_is_in_the_users_data(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert cal.default_file().name == "calibrations.toml"
    if sys.platform == "linux":
        assert cal.default_file() == tmp_path / "titra" / "calibrations.toml"


def test_text_for_display() -> None:
    assert ENTRY.text == "calibrated 2026-11-24, n=5, CV 0.2 %"
    assert "virtual" in entry(virtual=True).text
    assert ENTRY.volume_per_step_nl == Fraction("140.935106")
    assert f"{float(ENTRY.difference_percent):.3f}" == "1.520"
    assert ENTRY.as_json()["date"] == "2026-11-24T09:30:00+00:00"
