"""What firmware takes from MicroPython's module of this name, for ``pump`` under CPython.

``_NAME = const(value)`` is a number or text to mpy-cross that takes no place on the chip; here it
is a variable like any other.
"""

from __future__ import annotations

from typing import TypeVar

T = TypeVar("T")


def const(value: T) -> T:
    """``value`` itself."""
    return value
