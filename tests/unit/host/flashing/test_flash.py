"""Flashing: what is written, in which order, what is refused, and what an interruption leaves."""

from __future__ import annotations

import hashlib
import itertools
import re
import zlib
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pump.core import manifest
from titra.errors import PortUnusable, UsageError
from titra.firmware_files import chip_of, sources
from titra.flash import run as flash_run
from titra.flash.device import Facts
from titra.flash.job import Work, check_interpreter, differences, hashes, work

from ..commands import run, run_json
from ..fake_board import FakeBoard, holding
from .files import FEW


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


# ---- what has to be done ------------------------------------------------------------------------

WANTED = {"boot.py": "a", "firmware.rec": "r", "pump/core/dose.mpy": "d"}


def test_the_record_is_written_last() -> None:
    assert work(WANTED, {}, False).write == ("boot.py", "pump/core/dose.mpy", "firmware.rec")


def test_only_what_differs_is_written_and_only_ours_is_deleted() -> None:
    there = {"boot.py": "a", "pump/core/old.mpy": "o", "main.mpy": "m", "settings-0.rec": "s"}
    done = work(WANTED, there, False)
    assert done == Work(
        ("pump/core/dose.mpy", "firmware.rec"), ("main.mpy", "pump/core/old.mpy"), 1
    )
    assert work(WANTED, {**WANTED, "notes.txt": "n"}, False).idle


def test_an_edited_board_file_is_kept_if_asked() -> None:
    wanted = {**WANTED, "board.py": "new"}
    assert "board.py" not in work(wanted, {"board.py": "edited"}, True).write
    assert "board.py" in work(wanted, {"board.py": "edited"}, False).write
    assert "board.py" in work(wanted, {}, True).write


def test_what_was_not_written_or_not_deleted_is_a_difference() -> None:
    done = Work(("boot.py",), ("old.py",), 0)
    assert differences(WANTED, {"boot.py": "a"}, done) == []
    assert differences(WANTED, {"boot.py": "b", "old.py": ""}, done) == ["boot.py", "old.py"]


GOOD = [
    ("rp2040", (1, 28, 0), "Raspberry Pi Pico with RP2040"),
    ("rp2350", (1, 29, 1), "Raspberry Pi Pico 2 with RP2350"),
    ("esp32", (1, 26, 0), "Generic ESP32 module with ESP32"),
    ("esp32", (1, 28, 0), "Generic ESP32 module with SPIRAM with ESP32"),
]
BAD = [
    ("rp2350", "micropython", (1, 28, 0), "Raspberry Pi Pico with RP2040", 6, "board"),
    ("rp2040", "micropython", (1, 28, 0), "", 6, "board"),
    ("esp32", "micropython", (1, 28, 0), "Generic ESP32S3 module with ESP32S3", 6, "board"),
    ("esp32", "micropython", (1, 28, 0), "Generic ESP32S3 module with ESP32-S3", 6, "board"),
    ("esp32", "micropython", (1, 28, 0), "ESP32 devkit with ESP32C3", 6, "board"),
    ("rp2040", "micropython", (1, 27, 9), "Raspberry Pi Pico with RP2040", 6, "micropython"),
    ("rp2350", "micropython", (1, 27, 9), "Raspberry Pi Pico 2 with RP2350", 6, "micropython"),
    ("esp32", "micropython", (1, 25, 9), "Generic ESP32 module with ESP32", 6, "micropython"),
    ("rp2040", "circuitpython", (9, 0, 0), "Raspberry Pi Pico with RP2040", 6, "micropython"),
    ("rp2040", "micropython", (1, 28, 0), "Raspberry Pi Pico with RP2040", 7, "mpy"),
]


@pytest.mark.requirement("HW-05")
@pytest.mark.parametrize(("chip", "version", "machine"), GOOD)
def test_an_interpreter_that_will_do(
    chip: str, version: tuple[int, int, int], machine: str
) -> None:
    check_interpreter(Facts("micropython", version, machine, 6), chip)


@pytest.mark.requirement("HW-05")
@pytest.mark.parametrize(("chip", "name", "version", "machine", "mpy", "field"), BAD)
def test_an_interpreter_that_will_not_do(
    chip: str, name: str, version: tuple[int, int, int], machine: str, mpy: int, field: str
) -> None:
    with pytest.raises(UsageError) as caught:
        check_interpreter(Facts(name, version, machine, mpy), chip)
    assert caught.value.details["field"] == field


def test_a_board_gets_the_ports_of_its_chip_alone() -> None:
    assert chip_of("rpi_pico") == "rp2040"
    ports = {path.name for path in sources("rpi_pico") if path.parent.name == "ports"}
    assert "rp2.py" in ports and not [name for name in ports if name.startswith("esp32")]


def test_drivers_of_parts_that_the_board_has_not_stay_away() -> None:
    drivers = {path.stem for path in sources("rpi_pico") if path.parent.name == "drivers"}
    assert drivers == {"__init__"}


# ---- on a board ---------------------------------------------------------------------------------


@pytest.mark.requirement("HW-05")
def test_an_empty_board_is_flashed_whole(board: FakeBoard, files: Path) -> None:
    board.in_repl, board.model = True, ""
    code, said = run_json("flash", "--port", board.port)
    assert code == 0, said
    assert hashes(board.folder) == hashes(files)
    assert said["self_test"] == "passed" and board.resets == 1
    assert said["written"][-1] == "firmware.rec"


@pytest.mark.requirement("HW-05")
def test_a_running_pump_gets_what_has_changed(board: FakeBoard, few: Path) -> None:
    holding(board.folder, few)
    (board.folder / "pump/core/dose.mpy").write_bytes(b"old")
    (board.folder / "pump/core/gone.mpy").write_bytes(b"gone")
    (board.folder / "journal-0.rec").write_bytes(b"delivered")
    code, said = run_json("flash", "--port", board.port)
    assert code == 0, said
    assert said["written"] == ["pump/core/dose.mpy", "firmware.rec"]
    assert said["deleted"] == ["pump/core/gone.mpy"]
    assert hashes(board.folder) == {**hashes(few), "journal-0.rec": digest(b"delivered")}


@pytest.mark.requirement("HW-05")
@pytest.mark.parametrize("state", ["infusing", "paused", "bolus", "priming", "kvo"])
def test_refused_while_it_moves_or_is_paused(board: FakeBoard, state: str) -> None:
    board.pump.state = state
    code, said = run_json("flash", "--port", board.port)
    assert (code, said["error"]["code"], said["error"]["given"]) == (2, "moving", state)
    assert not board.in_repl and not list(board.folder.iterdir())
    assert "maintenance" not in board.pump.asked()


@pytest.mark.requirement("HW-05")
def test_a_pump_of_another_board_is_left_alone_and_the_way_out_works(
    board: FakeBoard, few: Path
) -> None:
    board.model = "another"
    code, said = run_json("flash", "--port", board.port)
    assert (code, said["error"]["code"], said["error"]["accepts"]) == (2, "wrong-board", "another")
    assert not board.in_repl and not list(board.folder.iterdir())
    way_out = re.search(r"`titra (send maintenance --port \S+)`", said["error"]["message"])
    assert way_out and run(*way_out[1].split()).exit_code == 0 and board.in_repl
    code, said = run_json("flash", "--port", board.port)
    assert (code, said["self_test"]) == (0, "passed"), said
    assert hashes(board.folder) == hashes(few)


@pytest.mark.parametrize(
    "version,machine,field",
    [
        ((1, 27, 0), "Raspberry Pi Pico with RP2040", "micropython"),
        ((1, 28, 0), "Generic ESP32 module with ESP32", "board"),
    ],
)
def test_a_wrong_image_or_chip_is_left_alone(
    board: FakeBoard, version: tuple[int, int, int], machine: str, field: str
) -> None:
    board.version, board.machine = version, machine
    code, said = run_json("flash", "--port", board.port)
    assert (code, said["error"]["field"]) == (2, field)
    assert not list(board.folder.iterdir())


@pytest.mark.requirement("HW-05")
def test_a_file_that_flash_did_not_keep_is_found(board: FakeBoard, few: Path) -> None:
    board.spoil = "pump/core/dose.mpy"
    code, said = run_json("flash", "--port", board.port)
    assert code == 3 and "pump/core/dose.mpy" in said["error"]["message"]
    assert board.resets == 0


@pytest.mark.requirement("HW-05")
def test_the_self_test_has_the_last_word(board: FakeBoard, few: Path) -> None:
    board.failing, board.notes = "driver", "driver=silent"
    code, said = run_json("flash", "--port", board.port)
    assert (code, said["self_test"], said["notes"]) == (7, "driver", {"driver": "silent"})
    text = run("flash", "--port", board.port).stdout
    assert "self-test failed: driver" in text and "driver=silent" in text


@pytest.mark.requirement("HW-05")
@pytest.mark.parametrize(
    ("note", "what", "advice"),
    [
        ("steps=untested", "steps", "release the stop button"),
        ("files=unverified", "files", "flash again"),
    ],
)
def test_what_was_not_tested_has_not_passed(
    board: FakeBoard, few: Path, note: str, what: str, advice: str
) -> None:
    board.notes = note
    code, said = run_json("flash", "--port", board.port)
    assert (code, said["self_test"], list(said["untested"])) == (7, "untested", [what])
    assert advice in said["untested"][what]
    result = run("flash", "--port", board.port)
    text = " ".join(result.stdout.split())
    assert result.exit_code == 7 and f"not tested: {what}; " in text and advice in text
    assert "passed" not in text


def test_a_log_that_does_not_tell_of_the_boot_is_no_pass(
    board: FakeBoard, few: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(flash_run.PumpClient, "log_page", lambda self, reply: [])
    code, said = run_json("flash", "--port", board.port)
    assert (code, said["self_test"], list(said["untested"])) == (7, "untested", ["self-test"])


@pytest.mark.requirement("HW-05")
def test_an_edited_board_file_stays_and_is_not_what_fails(board: FakeBoard, few: Path) -> None:
    holding(board.folder, few)
    (board.folder / "board.py").write_bytes(b"edited")
    code, said = run_json("flash", "--port", board.port, "--keep-board")
    assert (code, said["self_test"], said["written"]) == (0, "passed", ["firmware.rec"])
    assert (board.folder / "board.py").read_bytes() == b"edited"


def test_a_frozen_firmware_is_told_of(board: FakeBoard, few: Path) -> None:
    assert run_json("flash", "--port", board.port)[1]["frozen"] is False
    board.frozen = True
    assert "frozen firmware" in run("flash", "--port", board.port).stdout
    assert run_json("flash", "--port", board.port)[1]["frozen"] is True


# ---- an interruption ----------------------------------------------------------------------------


class Files:
    """What a board holds, as a Repl sees it; the link is gone at change number ``cut``."""

    def __init__(self, held: dict[str, bytes], cut: int) -> None:
        self.held = held
        self._left = cut

    def _change(self) -> None:
        self._left -= 1
        if self._left < 0:
            raise PortUnusable("gone")

    def write(self, path: str, data: bytes, progress: Any) -> None:
        self._change()
        self.held[path] = data

    def remove(self, path: str) -> None:
        self._change()
        del self.held[path]


QUIET: Any = SimpleNamespace(
    step=lambda text: None, begin=lambda total: None, wrote=lambda n: None
)


@pytest.mark.requirement("HW-05")
def test_cut_anywhere_it_is_the_old_firmware_or_the_new_one_or_has_no_sound_record(
    few: Path,
) -> None:
    """The old one kept an edited board.py off its record, and something that is not on it."""
    new = {name: (few / name).read_bytes() for name in FEW}
    old = {**new, "board.py": b"edited", "boot.py": b"old", "main.mpy": b"stray"}
    listed = [(name, zlib.crc32(old[name])) for name in FEW[:2]]
    old["firmware.rec"] = manifest.pack(listed)
    sums = [{path: digest(data) for path, data in held.items()} for held in (new, old)]
    done = work(*sums, False)
    for cut in itertools.count():
        board = Files(dict(old), cut)
        try:
            flash_run._carry_out(board, few, done, QUIET)  # type: ignore[arg-type]
            break
        except PortUnusable:
            sound = manifest.unpack(board.held["firmware.rec"]) is not None
            assert sound == (board.held == old), f"cut at change {cut}"
    assert board.held == new and cut == 1 + len(done.delete) + len(done.write)


@pytest.mark.requirement("HW-05")
def test_a_cable_pulled_in_mid_copy_leaves_a_pump_that_fails_its_self_test(
    board: FakeBoard, few: Path
) -> None:
    holding(board.folder, few)
    (board.folder / "boot.py").write_bytes(b"old")
    (board.folder / "main.mpy").write_bytes(b"stray")
    board.cut = 3  # after the record and the stray file
    code, said = run_json("flash", "--port", board.port)
    assert (code, said["error"]["code"]) == (3, "port-unusable")
    assert manifest.unpack((board.folder / "firmware.rec").read_bytes()) is None
    board.power_on()
    assert (board.pump.state, board.pump.cause) == ("fault", "post")
