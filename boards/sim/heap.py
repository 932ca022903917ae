"""The heap of the simulated interpreter, as far as it shows: collections that hold the CPU up.

What the firmware allocates is not simulated. In its place garbage grows evenly with time, so that
``gc.mem_free`` falls and a collection brings it back. An uneven CPU (``noise``) collects by itself
at seeded instants once the heap is crowded, a nominal one only on ``gc.collect()``. A
collection delays soft callbacks, not hard ones. ``gc.disable`` ends
the collections that come by themselves; the thresholds are kept and change nothing.
"""

HEAP_BYTES = 240 * 1024
LIVE_BYTES = 120 * 1024
GARBAGE_PER_MS = 64
NOMINAL_US = 5_000


class Heap:
    """One chip's. ``draw_us()`` gives the length of a pause."""

    def __init__(self, world, draw_us=None) -> None:
        self._world = world
        self._draw_us = draw_us
        self.collections = 0
        self.reset()

    def reset(self) -> None:
        """The interpreter begins anew."""
        self.automatic = True
        self.threshold = -1
        self._clean_at = self._world.now

    def garbage(self) -> int:
        """Bytes."""
        ms = (self._world.now - self._clean_at) * 1000 // self._world.sys_hz
        return min(ms * GARBAGE_PER_MS, HEAP_BYTES - LIVE_BYTES)

    def crowded(self) -> bool:
        """True when an allocation may find no place for it."""
        return self.garbage() * 4 >= (HEAP_BYTES - LIVE_BYTES) * 3

    def collect(self) -> None:
        """Hold the CPU up and be clean."""
        self._world.pause_us(self._draw_us() if self._draw_us else NOMINAL_US)
        self.collections += 1
        self._clean_at = self._world.now


class Gc:
    """``gc``."""

    def __init__(self, heap) -> None:
        self._heap = heap

    def collect(self) -> None:
        self._heap.collect()

    def mem_alloc(self) -> int:
        return LIVE_BYTES + self._heap.garbage()

    def mem_free(self) -> int:
        return HEAP_BYTES - LIVE_BYTES - self._heap.garbage()

    def threshold(self, amount=None):
        if amount is None:
            return self._heap.threshold
        self._heap.threshold = amount
        return None

    def enable(self) -> None:
        self._heap.automatic = True

    def disable(self) -> None:
        self._heap.automatic = False

    def isenabled(self) -> bool:
        return self._heap.automatic
