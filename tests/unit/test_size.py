"""What `make size` counts and says, what mpy-cross gets, and that the firmware does not grow."""

import pytest

from tests.timing import size
from titra import firmware_files
from titra.firmware_source import shrunk, words

# The budget is 90 000 (size.BUDGET_BYTES). Beyond it since there are phases, changes of a running
# infusion and the drug library; the next thing that is added has to take something out.
CEILING_BYTES = {"rpi_pico": 94_500, "rpi_pico2": 94_500, "esp32_devkitc": 97_500}

MODULE = '''"""Words."""
from pump.core.other import SHARED

LIMIT = 3
_NAME = "a"
TOLD = 1 << 4
TABLE = (LIMIT, TOLD)
TWICE = 1
TWICE = 2


class Part:
    """A part."""

    def left(self):
        """Words."""
        raise NotImplementedError

    def made(self):
        """Words."""
        return LIMIT + TWICE


class Bare:
    def left(self):
        raise NotImplementedError
'''


def test_modules_are_counted_the_largest_first(tmp_path):
    (tmp_path / "pump").mkdir()
    for name, count in (("a.mpy", 10), ("pump/b.mpy", 300), ("pump/c.mpy", 10), ("main.py", 99)):
        (tmp_path / name).write_bytes(bytes(count))
    assert list(size.module_bytes(tmp_path).items()) == [
        ("pump/b.mpy", 300),
        ("a.mpy", 10),
        ("pump/c.mpy", 10),
    ]


def test_a_budget_is_kept_or_passed_by_so_much():
    assert size.stand("x", 90, 90, at_most=True) == "x: 90, budget 90: within, 0 bytes to spare"
    assert size.stand("x", 93, 90, at_most=True) == "x: 93, budget 90: 3 bytes beyond"
    assert size.stand("x", 93, 90, at_most=False) == "x: 93, budget 90: within, 3 bytes to spare"
    assert size.stand("x", 80, 90, at_most=False) == "x: 80, budget 90: 10 bytes beyond"


def test_a_row_comes_after_the_last():
    assert size.added("# S\n\n| a |\n|---|\n| 1 |\n\nend\n", "| 2 |\n") == (
        "# S\n\n| a |\n|---|\n| 1 |\n| 2 |\n\nend\n"
    )


def test_the_page_has_the_columns_that_are_added():
    rows = [line for line in size.PAGE.read_text().splitlines() if line.startswith("|")]
    assert rows[0] == f"| {' | '.join(size.HEADS)} |"
    assert {row.count("|") for row in rows} == {len(size.HEADS) + 1}


@pytest.mark.parametrize("board", firmware_files.boards())
def test_the_firmware_does_not_grow(board):
    total = sum(size.firmware_bytes(board).values())
    assert CEILING_BYTES[board] * 0.9 < total <= CEILING_BYTES[board]


def test_only_what_nobody_else_names_becomes_a_constant():
    known = words([MODULE, "from pump.core.module import TOLD"])
    text = shrunk(MODULE, known)
    assert "_LIMIT = const(3)" in text
    assert "_NAME = const('a')" in text
    assert "TABLE = (_LIMIT, TOLD)" in text
    assert "\nTOLD = 1 << 4\n" in text
    assert "return _LIMIT + TWICE" in text


def test_what_is_left_to_others_is_not_on_the_device():
    made = {"const": lambda value: value}
    text = shrunk(MODULE, words([MODULE])).replace("from pump.core.other import SHARED", "")
    exec(text, made)
    assert made["Part"]().made() == 5
    assert not hasattr(made["Part"], "left") and not hasattr(made["Bare"], "left")
