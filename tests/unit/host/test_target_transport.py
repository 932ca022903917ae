"""The transport of a virtual bench: its own time, which never stands still."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from titra.targets import TargetTransport


def test_time_passes_in_the_shortest_read() -> None:
    """What is left of a sum of floats, 1e-13 s, must not be waited for for ever."""
    passed: list[int] = []
    target: Any = SimpleNamespace(run_us=lambda us: passed.append(us) or b"")
    transport = TargetTransport(target, "bench")
    before = transport.clock()
    assert transport.read(1e-13) == b""
    assert passed == [1] and transport.clock() > before
