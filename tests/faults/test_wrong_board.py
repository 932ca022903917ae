"""A wrong board.py cannot energise the motor: whatever stands in the file, EN of a bench that is
wired as the board's page says is never pulled low, and no STEP comes while it is."""

import ast
import json
import re
import subprocess
import sys
from itertools import combinations, count
from pathlib import Path

import pytest

from boards.sim.bench import Bench
from host_tools import board_pages
from tests.faults import wrong_board
from tests.faults.wrong_board import Trial
from titra.simulator import ROOT

OUTPUTS = {
    "rpi_pico": ["STEP", "DIRECTION", "ENABLE", "ALLOW", "BUZZER", "LED_RED", "LED_YELLOW"],
    "esp32_devkitc": ["STEP", "DIRECTION", "ENABLE", "ARM", "BUZZER", "LED_RED", "LED_YELLOW"],
}
INPUTS = {"rpi_pico": ["STOP"], "esp32_devkitc": ["STOP", "COUNT", "LATCH"]}
OTHER = {"rpi_pico": "esp32_devkitc", "esp32_devkitc": "rpi_pico"}
PINS = {board: board_pages.constants(board) for board in OUTPUTS}
TEXT = {board: (ROOT / "boards" / board / "board.py").read_text() for board in OUTPUTS}


def named(board: str, **pins) -> str:
    """The board file with other values for some names."""
    text = TEXT[board]
    for name, value in pins.items():
        text, found = re.subn(rf"(?m)^{name} = [^#\n]*", f"{name} = {value!r} ", text)
        assert found == 1, name
    return text


def swapped(board: str, a: str, b: str) -> str:
    pins = PINS[board]
    return named(board, **{a: pins[b], b: pins[a]})


def pins_of_parts(board: str) -> dict:
    """The pins that the board's page has for each optional part."""
    parts = board_pages.words_of(board)["parts"]
    return {name: tuple(told["pins"]) for name, told in parts.items()}


def refused(board: str) -> dict:
    """Files that name pins as they cannot be: (file, what must be told) by case."""
    pins, outputs = PINS[board], OUTPUTS[board]
    enable = pins["ENABLE"]
    found = {}
    for name in outputs:
        if name != "ENABLE":
            told = "%s is GPIO %d, pulled high as EN is" % (name, enable)
            found["%s and ENABLE swapped" % name] = (swapped(board, name, "ENABLE"), told)
    for name, twin in [*combinations(outputs, 2), *[(each, "ENABLE") for each in INPUTS[board]]]:
        told = "(%s and %s|%s and %s) are both" % (name, twin, twin, name)
        found["%s at the pin of %s" % (name, twin)] = (named(board, **{name: pins[twin]}), told)
    red, green, blue = pins_of_parts(board)["LED_RGB"]
    clock, data = pins_of_parts(board)["FORCE_HX711"]
    for case, part, other in (
        ("a colour", {"LED_RGB": (red, green, enable)}, blue),
        ("the clock of an HX711", {"FORCE_HX711": (enable, data)}, clock),
    ):
        (name,) = part
        found[case + " at EN"] = (named(board, **part), name + " and ENABLE are both")
        told = "%s is GPIO %d, pulled high as EN is" % (name, enable)
        found[case + " and ENABLE swapped"] = (named(board, ENABLE=other, **part), told)
    return found


def torn(board: str) -> dict:
    """The file without each of its statements in turn, and cut short within each: file by case."""
    lines = TEXT[board].splitlines(keepends=True)
    found = {"empty": "", "of another chip": TEXT[OTHER[board]], "syntax": TEXT[board] + "("}
    for node in ast.parse(TEXT[board]).body[1:]:
        rest = lines[: node.lineno - 1] + lines[node.end_lineno :]
        found["without line %d" % node.lineno] = "".join(rest)
        found["cut at line %d" % node.end_lineno] = "".join(lines[: node.end_lineno - 1])
    return found


def no_pins(board: str) -> dict:
    """Files with a pin that is none: file by case."""
    return {
        "%s = %r" % (name, value): named(board, **{name: value})
        for name in OUTPUTS[board] + INPUTS[board]
        for value in (-1, 99, None, "2", 2.5)
    }


def exchanged(board: str) -> dict:
    """Files that have two pins exchanged, neither output with EN: file by case."""
    pairs = [(name, "ENABLE") for name in INPUTS[board]]
    others = [name for name in OUTPUTS[board] + INPUTS[board] if name != "ENABLE"]
    pairs += combinations(others, 2)
    return {"%s and %s" % pair: swapped(board, *pair) for pair in pairs}


REFUSED = {(board, case): what for board in OUTPUTS for case, what in refused(board).items()}
each_board = pytest.mark.parametrize("board", OUTPUTS)


@pytest.fixture
def trial(tmp_path):
    """Makes the first boot with a board file."""
    folders = (tmp_path / str(number) for number in count())

    def begin(board: str, text: str) -> Trial:
        folder = next(folders)
        folder.mkdir()
        (folder / "board.py").write_text(text)
        return Trial(str(ROOT), board, PINS[board], str(folder))

    return begin


@pytest.mark.requirement("HW-08")
@pytest.mark.parametrize(("board", "case"), REFUSED, ids=" ".join)
def test_pins_that_cannot_be_are_refused_and_told(trial, board, case):
    text, told = REFUSED[board, case]
    done = trial(board, text)
    assert (done.en_lows, done.driven, done.state) == (0, 0, None)
    assert re.search(told, str(done.bench.crash)), done.bench.crash


@pytest.mark.requirement("HW-08")
@pytest.mark.parametrize("files", [torn, no_pins, exchanged], ids=lambda files: files.__name__)
@each_board
def test_no_other_file_switches_the_motor_on(trial, board, files):
    cases = files(board)
    assert len(cases) > 20
    for case, text in cases.items():
        done = trial(board, text)
        assert (done.en_lows, done.driven) == (0, 0), case


@pytest.mark.requirement("HW-08")
@each_board
def test_the_right_file_comes_up_with_parts_and_without(trial, board):
    assert trial(board, TEXT[board]).state == "idle"
    parts = pins_of_parts(board).items()
    parts = {name: pins if len(pins) > 1 else pins[0] for name, pins in parts}
    done = trial(board, named(board, **parts))
    assert done.bench.loader.module("board").checked, done.bench.crash


@pytest.mark.requirement("HW-08")
def test_without_a_board_file_there_is_no_pump(tmp_path):
    done = Trial(str(ROOT), "rpi_pico", PINS["rpi_pico"], str(tmp_path))
    assert (done.en_lows, done.state) == (0, None)
    assert isinstance(done.bench.crash, ImportError)


@pytest.mark.requirement("HW-08")
@each_board
def test_a_refused_board_is_at_its_repl_and_another_file_mends_it(trial, board, tmp_path):
    done = trial(board, swapped(board, "DIRECTION", "ENABLE"))
    assert done.bench.usb.interrupt_char == -1, "else Ctrl-C were still data"
    mended = tmp_path / "mended"
    mended.mkdir()
    (mended / "board.py").write_text(TEXT[board])
    done.bench.give_board_file(str(mended))
    done.bench.reset("power-on")
    done.run()
    assert (done.state, done.en_lows) == ("idle", 0)


@pytest.mark.requirement("HW-08")
@each_board
def test_micropython_refuses_the_same(tmp_path, board):
    cases = {case: what for (each, case), what in REFUSED.items() if each == board}
    pins = tmp_path / "pins.json"
    pins.write_text(json.dumps(PINS[board]))
    for number, (text, _) in enumerate(cases.values()):
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / "board.py").write_text(text)
    folders = [str(tmp_path / str(number)) for number in range(len(cases))]
    program = [str(Path(sys.executable).parent / "micropython"), "-X", "heapsize=4M"]
    program += [wrong_board.__file__, str(ROOT), board, str(pins), *folders]
    done = subprocess.run(program, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    assert len(lines) == len(cases)
    for line, (case, (_, told)) in zip(lines, cases.items()):
        assert line.startswith("0 0 None board.py: ") and re.search(told, line), (case, line)


@pytest.mark.requirement("HW-08")
@each_board
def test_a_refused_file_lets_go_of_what_was_driven_before(board, tmp_path):
    """A soft reset keeps the pads; somebody at the prompt had the motor on."""
    bench = Bench(str(ROOT), board)
    bench.power_on()
    enable = PINS[board]["ENABLE"]
    machine = bench.loader.module("pump.ports.switches").Pin
    machine(enable, machine.OUT, value=0)
    (tmp_path / "board.py").write_text(TEXT[board] + "BUZZER = STEP\n")
    bench.give_board_file(str(tmp_path))
    bench.soft_reset()
    assert bench.world.pads.level(enable) == 0, "still on"
    with pytest.raises(ValueError, match="STEP and BUZZER"):
        bench.power_on()
    assert bench.world.pads.level(enable) == 1


@pytest.mark.requirement("HW-08")
@each_board
def test_a_pin_that_is_high_for_a_millisecond_is_not_taken_for_en(board):
    """Older RP2040 lend GPIO 15 to USB while the host gives the board an address (erratum E5)."""
    bench = Bench(str(ROOT), board)
    pads, pin = bench.world.pads, PINS[board]["BUZZER"]
    pads.drive(pin, 1)
    bench.at_us(1500, lambda: pads.drive(pin, None))
    bench.power_on()
    assert bench.world.now_us() > 1500, "it was high when it was looked at"
    assert bench.loader.module("board").checked


@pytest.mark.requirement("HW-06", "HW-08")
@pytest.mark.parametrize("board", ["rpi_pico", "rpi_pico2", "esp32_devkitc"])
def test_a_light_that_a_soft_reset_leaves_on_is_not_taken_for_en(board):
    """On an RP2350 its pad stays high when it is let go of (erratum E9)."""
    bench = Bench(str(ROOT), board)
    bench.power_on()
    pin, names = bench.world.pads, bench.loader.module("board")
    machine = bench.loader.module("pump.ports.switches").Pin
    for name in ("LED_YELLOW", "BUZZER", "STEP"):
        machine(getattr(names, name), machine.OUT, value=1)
    bench.soft_reset()
    assert pin.level(names.LED_YELLOW) == 1, "still lit"
    bench.power_on()
    assert bench.loader.module("board").checked
