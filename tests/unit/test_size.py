"""What `make size` counts and says, and that the firmware does not grow."""

import pytest

from tests.timing import size
from tests.timing.drive import Driven
from titra import firmware_files


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
    assert size.stand("x", 80, 90, at_most=False) == "x: 80, budget 90: 10 bytes short"


def test_a_row_comes_after_the_last():
    assert size.added("# S\n\n| a |\n|---|\n| 1 |\n\nend\n", "| 2 |\n") == (
        "# S\n\n| a |\n|---|\n| 1 |\n| 2 |\n\nend\n"
    )


def test_the_page_has_the_columns_that_are_added():
    rows = [line for line in size.PAGE.read_text().splitlines() if line.startswith("|")]
    assert rows[0] == f"| {' | '.join(size.HEADS)} |"
    assert {row.count("|") for row in rows} == {len(size.HEADS) + 1}


@pytest.mark.parametrize("board", firmware_files.boards())
def test_the_firmware_keeps_its_budget(board):
    total = sum(size.firmware_bytes(board).values())
    assert size.BUDGET_BYTES * 0.9 < total <= size.BUDGET_BYTES


def test_the_self_test_leaves_memory_when_it_has_run():
    pump = Driven()
    loaded = pump.bench.loader.module("main").sys.modules
    assert "pump.app.pump" in loaded
    for gone in ("pump.app.post", "pump.core.manifest"):
        assert gone not in loaded
        for name, module in loaded.items():  # nobody may hold the module, or what is of it
            for held in vars(module).values():
                assert gone not in (getattr(held, k, "") for k in ("__name__", "__module__")), name
    pump.close()
