"""Each rule is fed something bad and must complain, and something good and must not."""

import pytest
import rules

BAD_AND_GOOD = [
    (lambda s: rules.imports_within(s, ("pump.core",)), "import time", "import pump.core.crc"),
    (
        lambda s: rules.imports_within(s, ("pump.core",)),
        "from pump.app import outbox",
        "from pump.core import states",
    ),
    (lambda s: rules.imports_within(s, ("pump.core",)), "from . import x", ""),
    (
        lambda s: rules.imports_within(s, ("pump.core",)),
        "from pump.corestuff import x",
        "from pump.core.crc import crc32",
    ),
    (
        lambda s: rules.imports_within(s, ("pump.core",)),
        "def f():\n    import os\n",
        "def f():\n    return 1\n",
    ),
    (lambda s: rules.imports_within(s, ("pump.core",)), "__import__('os')", "x = 1"),
    (
        lambda s: rules.imports_without(s, rules.CHIP_MODULES),
        "from machine import Pin",
        "from machinery import Pin",
    ),
    (lambda s: rules.imports_without(s, ("pump.ports",)), "from pump import ports", "import pump"),
    (rules.floats, "x = 1.5", "x = 15"),
    (rules.floats, "x = 1e3", "x = 1000"),
    (rules.floats, "x = a / b", "x = a // b"),
    (rules.floats, "x /= 2", "x //= 2"),
    (rules.floats, "x = float(y)", "x = int(y)"),
    (rules.floats, "x = 2**-1", "x = 2**10"),
    (rules.side_effects, "print(1)", "def print_it(): pass"),
    (rules.side_effects, "open('x')", "x.open()"),
    (rules.side_effects, "input()", "x = 1"),
    (rules.pull_downs, "Pin(2, Pin.IN, Pin.PULL_DOWN)", "Pin(2, Pin.IN, Pin.PULL_UP)"),
    (rules.pull_downs, "Pin(2, Pin.IN, getattr(Pin, 'PULL_DOWN'))", "x = 'pulls down'"),
    (rules.pull_downs, "from machine.Pin import PULL_DOWN", "# PULL_DOWN"),
    (rules.too_large, "\n" * 401, "\n" * 400),
    (rules.too_large, "x" * 100, "x" * 99),
    (rules.unfinished, "# TO" + "DO: later", "# done"),
    (rules.unfinished, "# FIX" + "ME", "# fixed"),
    (rules.module_undocumented, "x = 1", '"""Doc."""\nx = 1'),
    (rules.undocumented, "def f(): pass", 'def f():\n    """Doc."""'),
    (rules.undocumented, "class A: pass", "class _A: pass"),
    (
        rules.undocumented,
        'class A:\n    """Doc."""\n    def f(self): pass',
        'class A:\n    """Doc."""\n    def _f(self): pass',
    ),
    (lambda s: rules.strange_entries([s], ("firmware",)), "notes.txt", "firmware"),
    (lambda s: rules.strange_entries([s], ("firmware",)), "docs", ".gitignore"),
]


@pytest.mark.parametrize(("rule", "bad", "good"), BAD_AND_GOOD)
def test_rule_tells_bad_from_good(rule, bad, good):
    assert rule(bad)
    assert not rule(good)
