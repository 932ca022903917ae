"""Copies of a world, by pickling it: 0.2 ms to keep one and 0.25 ms to bring it back, against
0.85 ms for ``copy.deepcopy`` and more than 1 ms for replaying the shortest of paths."""

import io
import pickle

from pump.core.plan import Plan
from tests.unit.fake_hal import BOARD

_PLANS = {}  # never change once they are made: copies share them


class _Pickler(pickle.Pickler):
    def persistent_id(self, item):
        if type(item) is Plan:
            _PLANS.setdefault(item.canonical, item)
            return item.canonical
        return "board" if item is BOARD else None

    def reducer_override(self, item):
        if type(item) is memoryview:  # the outbox's, over its own buffer
            return memoryview, (item.obj,)
        return NotImplemented


class _Unpickler(pickle.Unpickler):
    def persistent_load(self, name):
        return BOARD if name == "board" else _PLANS[name]


def freeze(world):
    """A world as bytes."""
    file = io.BytesIO()
    _Pickler(file, 5).dump(world)
    return file.getvalue()


def thaw(frozen):
    """The world again, apart from any other."""
    return _Unpickler(io.BytesIO(frozen)).load()
