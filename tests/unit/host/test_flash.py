"""Flashing: what is written, in which order, what is refused, and what an interruption leaves."""

from __future__ import annotations

import hashlib
import itertools
import re
import shutil
import zlib
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pump.core import manifest
from titra.cli import common
from titra.errors import PortUnusable, UsageError
from titra.firmware_files import build, chip_of, sources
from titra.flash import back, device
from titra.flash import run as flash_run
from titra.flash.device import Facts
from titra.flash.job import Work, check_interpreter, differences, hashes, work

from .commands import run, run_json
from .fake_board import PATIENT, FakeBoard, holding


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("files")
    build("rpi_pico", folder)
    return folder


@pytest.fixture(autouse=True)
def _patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device, "READ_S", 0.1)
    monkeypatch.setattr(common, "TIMEOUTS", PATIENT)


FEW = (
    "boot.py",
    "main.py",
    "board.py",
    "firmware.rec",
    "pump/ports/clock.mpy",
    "pump/core/dose.mpy",
)


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


def record_of(folder: Path, *without: str) -> bytes:
    """The record of the files in ``folder``."""
    names = [name for name in FEW if name not in ("firmware.rec", *without)]
    return manifest.pack([(name, zlib.crc32((folder / name).read_bytes())) for name in names])


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


# ---- a pump that does not come back -------------------------------------------------------------


@pytest.fixture
def leaping(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """A clock that is 7 s on whenever it is looked at; the pauses made."""
    pauses: list[float] = []
    now = itertools.count(0, 7)
    clock = SimpleNamespace(monotonic=lambda: float(next(now)), sleep=pauses.append)
    monkeypatch.setattr(back, "time", clock)
    return pauses


def test_a_pump_that_does_not_come_back(
    board: FakeBoard, few: Path, leaping: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    board.silent_after_reset = True
    monkeypatch.setattr(device, "PROMPT_S", 0.3)
    code, said = run_json("flash", "--port", board.port)
    assert (code, said["error"]["code"]) == (3, "silent")
    assert "no pump after the restart" in said["error"]["message"]
    assert "titra flash --recover" in said["error"]["message"]
    assert leaping == [back.PAUSE_S] * 2 and board.resets == 1  # at 7 and 14 s, not at 21


@pytest.mark.requirement("HW-05")
def test_a_board_file_that_raises_is_shown_with_its_traceback_at_once(
    board: FakeBoard, few: Path, leaping: list[float]
) -> None:
    board.broken = "board.py: STEP and STOP are both GPIO 2"
    code, said = run_json("flash", "--port", board.port)
    assert (code, said["error"]["code"]) == (3, "at-prompt")
    assert "Traceback" in said["error"]["message"] and board.broken in said["error"]["message"]
    assert not leaping


def test_a_board_at_its_prompt_for_another_reason(
    board: FakeBoard, few: Path, leaping: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    power_on = board.power_on

    def stays() -> None:
        power_on()
        board.in_repl = True

    monkeypatch.setattr(board, "power_on", stays)
    code, said = run_json("flash", "--port", board.port)
    assert (code, said["error"]["code"]) == (3, "at-prompt")
    assert "mpremote run firmware/main.py" in said["error"]["message"]


# ---- recovery, settings, words ------------------------------------------------------------------


def test_recovery_needs_no_pump_that_answers(board: FakeBoard, few: Path) -> None:
    """The stop button was held and the firmware has not been started: a prompt is there."""
    board.in_repl = True
    code, said = run_json("flash", "--port", board.port, "--recover")
    assert (code, said["self_test"]) == (0, "passed")
    assert hashes(board.folder) == hashes(few)
    assert "maintenance" not in board.pump.asked()
    board.in_repl = True
    text = run("flash", "--port", board.port, "--recover").stdout
    assert text.index("release the stop button now") < text.index("self-test passed")


@pytest.mark.requirement("HW-05")
@pytest.mark.parametrize("said", [b"", b"boot loop 7\r\n"])
def test_a_board_without_a_prompt_is_said_to_need_recovery(
    board: FakeBoard, few: Path, monkeypatch: pytest.MonkeyPatch, said: bytes
) -> None:
    """Silent, or saying something else; what it says does not get among the JSON."""
    monkeypatch.setattr(device, "PROMPT_S", 0.05)
    board.hung = said
    code, answer = run_json("flash", "--port", board.port)
    assert (code, answer["error"]["code"]) == (3, "port-unusable")
    assert f"no MicroPython prompt on {board.port}" in answer["error"]["message"]
    assert "hold the stop button" in answer["error"]["message"]
    assert not list(board.folder.iterdir()) and board.resets == 0


def test_recovery_knocks_until_a_prompt_is_there(
    board: FakeBoard, few: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(device, "PROMPT_S", 0.05)
    board.hung = b""
    knocks: list[float] = []

    def plugged_in(seconds: float) -> None:
        knocks.append(seconds)
        if len(knocks) == 3:
            board.hung, board.in_repl = None, True

    monkeypatch.setattr(flash_run.time, "sleep", plugged_in)
    code, said = run_json("flash", "--port", board.port, "--recover")
    assert (code, said["self_test"]) == (0, "passed") and len(knocks) >= 3


def test_recovery_gives_up(board: FakeBoard, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device, "PROMPT_S", 0.05)
    monkeypatch.setattr(flash_run, "RECOVERY_S", 0.0)
    board.hung = b""
    code, said = run_json("flash", "--port", board.port, "--recover")
    assert (code, said["error"]["code"]) == (3, "port-unusable")


def test_settings_are_sent_after_the_restart_and_nothing_is_acknowledged(
    board: FakeBoard, few: Path
) -> None:
    code, said = run_json("flash", "--port", board.port, "--set", "supply-warn=4.7V")
    assert (code, said["settings"], said["state"]) == (0, "written", "stopped")
    assert board.pump.settings == {"supply-warn": "4.7V"} and "ack" not in board.pump.asked()
    text = run("flash", "--port", board.port, "--set", "supply-warn=4.8V").stdout
    assert "settings: written" in text and "wants `titra ack`" in text


def test_settings_are_sent_where_the_self_test_failed_too(board: FakeBoard, few: Path) -> None:
    board.failing = "driver"
    code, said = run_json("flash", "--port", board.port, "--set", "supply-warn=4.7V")
    assert (code, said["settings"], said["state"]) == (7, "written", "fault")
    assert board.pump.settings == {"supply-warn": "4.7V"}


def test_a_setting_that_is_refused_is_told(board: FakeBoard, few: Path) -> None:
    code, said = run_json("flash", "--port", board.port, "--set", "volume=11")
    assert (code, said["self_test"], board.pump.settings) == (2, "passed", {})
    assert re.match("not written: refused: bad-value in name, given volume", said["settings"])
    result = run("flash", "--port", board.port, "--set", "volume=11")
    assert result.exit_code == 2 and "settings: not written: refused" in result.stdout


def test_without_settings_none_are_spoken_of(board: FakeBoard, few: Path) -> None:
    assert run_json("flash", "--port", board.port)[1]["settings"] == ""
    assert "settings" not in run("flash", "--port", board.port).stdout


def test_a_dry_run_writes_nothing(board: FakeBoard, few: Path) -> None:
    result = run("flash", "--port", board.port, "--dry-run")
    assert result.exit_code == 0 and "would write boot.py" in result.stdout
    assert not list(board.folder.iterdir())


def test_what_a_person_reads(board: FakeBoard, few: Path) -> None:
    result = run("flash", "--port", board.port)
    assert re.search(r"\d+ files to write, 0 to delete, 0 are there already", result.stdout)
    assert "self-test passed, the pump is stopped; wants `titra ack`" in result.stdout


def test_an_unknown_board_names_those_there_are(board: FakeBoard) -> None:
    code, said = run_json("flash", "--port", board.port, "--board", "arduino")
    assert (code, said["error"]["field"]) == (2, "board") and "rpi_pico" in said["error"][
        "accepts"
    ]
