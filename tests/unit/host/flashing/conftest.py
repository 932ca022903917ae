"""A fake board to be flashed, and files to put on it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from titra.cli import common
from titra.firmware_files import build
from titra.flash import device
from titra.flash import run as flash_run

from ..fake_board import PATIENT, FakeBoard
from .files import FEW, record_of


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("files")
    build("rpi_pico", folder)
    return folder


@pytest.fixture(autouse=True)
def _patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device, "READ_S", 0.1)
    monkeypatch.setattr(common, "TIMEOUTS", PATIENT)


@pytest.fixture
def few(files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Some of the files, as what ``build`` makes: a pty takes 14 s for all of them."""
    folder = tmp_path / "few"
    for name in FEW:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(files / name, folder / name)
    (folder / "firmware.rec").write_bytes(record_of(folder))

    def build_few(name: str, out: Path, check_board: bool = True) -> list[str]:
        assert name == "rpi_pico"
        shutil.copytree(folder, out)
        if not check_board:
            (out / "firmware.rec").write_bytes(record_of(out, "board.py"))
        return list(FEW)

    monkeypatch.setattr(flash_run, "build", build_few)
    return folder


@pytest.fixture
def board(tmp_path: Path) -> Iterator[FakeBoard]:
    folder = tmp_path / "flash"
    folder.mkdir()
    made = FakeBoard(folder)
    yield made
    made.close()
