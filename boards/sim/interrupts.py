"""The simulated CPU's interrupts, and MicroPython's scheduler queue behind them.

Hard: an interrupt *line* stays up from the moment something rises it until it is served, however
often it is risen in between: of two edges on one line while interrupts are off (flash write,
``machine.disable_irq``, another handler) one is left. Handlers do not interrupt each other; the
lowest line number goes first. A hard handler runs with the scheduler locked and, on MicroPython,
with the real heap locked, so that an allocation in it raises the real MemoryError. CPython cannot
lock its heap: there such an allocation goes unnoticed. The stand-ins are C on the chip; they open
the heap for themselves with ``open_heap``.

Soft: callbacks queue eight deep (more are lost, or refused to ``micropython.schedule``) and run
between bytecodes, here: one at each call into the chip that takes CPU time, and while it waits.

Sources: shared/runtime/mpirq.c, py/scheduler.c, ports/rp2/mpconfigport.h of MicroPython 1.28.
"""

try:
    from micropython import heap_lock, heap_unlock
except ImportError:  # CPython

    def heap_lock() -> None:
        """There is no such thing here."""

    heap_unlock = heap_lock

SOFT_QUEUE = 8  # MICROPY_SCHEDULER_DEPTH of rp2
TIMER_LINE = 3  # numbers of the RP2040's vector table
PIO_LINE = 7
PIN_LINE = 13
POSTED_LINE = 26  # handed over ready-made


class Line:
    """One interrupt line; ``serve()`` acknowledges and dispatches."""

    def __init__(self, irqs, number: int, serve) -> None:
        self._irqs = irqs
        self.number = number
        self.serve = serve
        self.up = False

    def rise(self) -> None:
        """The source wants the CPU."""
        self.up = True
        self._irqs.note()


class Interrupts:
    """Who may interrupt the CPU of ``world`` now, and who waits."""

    def __init__(self, world) -> None:
        self._world = world
        self.complaints = []  # (where, exception) of handlers and callbacks that raised
        self.on_complaint = None
        self.reset()

    def reset(self) -> None:
        """As the chip comes up: nothing is registered, nothing waits."""
        self.disabled = False  # by machine.disable_irq
        self.stalls = 0  # flash writes in progress
        self.in_handler = False
        self.in_soft = False
        self.heap_locked = False
        self.soft = []
        self.lost = 0  # soft callbacks that found the queue full
        self._lines = []
        self.raised = False  # some line is up
        self._posted = []
        self._posted_line = self.line(POSTED_LINE, self._serve_posted)

    def line(self, number: int, serve) -> Line:
        """A new line, down."""
        line = Line(self, number, serve)
        place = 0
        while place < len(self._lines) and self._lines[place].number <= number:
            place += 1
        self._lines.insert(place, line)
        return line

    # ---- hard ---------------------------------------------------------------------------------

    def masked(self) -> bool:
        """True while no hard handler can start."""
        return self.disabled or self.stalls > 0 or self.in_handler

    def waiting(self) -> bool:
        """True when the CPU has something to attend to before it goes on."""
        if self.in_handler:
            return False
        if self.soft and not self.in_soft:
            return True
        return self.raised and not self.masked()

    def note(self) -> None:
        """A line has risen."""
        self.raised = True
        self._world.look_ahead()

    def post(self, handler, argument) -> None:
        """A hard interrupt without a line of its own."""
        self._posted.append((handler, argument))
        self._posted_line.rise()

    def _serve_posted(self) -> None:
        handler, argument = self._posted.pop(0)
        if self._posted:
            self._posted_line.rise()
        self.call(handler, argument)

    def serve(self) -> None:
        """Serve the lines that are up, if interrupts are on."""
        while self.raised and not self.masked():
            line = self._first_up()
            if line is None:
                self.raised = False  # some line is up
                self._world.look_ahead()
                return
            line.up = False
            self.in_handler = True
            self._world.look_ahead()
            try:
                line.serve()
            finally:
                self.in_handler = False
                self._world.look_ahead()
            self._world.sync()

    def _first_up(self):
        for line in self._lines:
            if line.up:
                return line
        return None

    def dispatch(self, handler, argument, hard: bool) -> bool:
        """From a line's ``serve``: call a hard handler now, queue a soft one. False when a hard
        one has raised, and must not be called again."""
        if hard:
            return self.call(handler, argument)
        self.schedule(handler, argument)
        return True

    def call(self, handler, argument) -> bool:
        """Call a hard handler; False when it has raised."""
        self._world.work("irq")
        failed = None
        self._lock_heap()
        try:
            handler(argument)
        except Exception as error:
            failed = error
        finally:
            self.open_heap()
        if failed is not None:
            self._complain("Uncaught exception in IRQ callback handler", failed)
        return failed is None

    # ---- the heap in hard handlers ------------------------------------------------------------

    def _lock_heap(self) -> None:
        self.heap_locked = True
        heap_lock()

    def open_heap(self) -> bool:
        """Let a stand-in allocate. Returns what ``close_heap`` wants to know."""
        if not self.heap_locked:
            return False
        heap_unlock()
        self.heap_locked = False
        return True

    def close_heap(self, was_locked: bool) -> None:
        """The stand-in is done."""
        if was_locked:
            self._lock_heap()

    def will_allocate(self) -> None:
        """What follows allocates on the chip (a new object, an int of 2^30 and more)."""
        if self.in_handler:
            raise MemoryError("memory allocation failed, heap is locked")

    # ---- soft ---------------------------------------------------------------------------------

    def schedule(self, callback, argument) -> bool:
        """Queue a callback; False, and it is lost, when eight wait already."""
        if len(self.soft) >= SOFT_QUEUE:
            self.lost += 1
            return False
        self.soft.append((callback, argument))
        self._world.look_ahead()
        return True

    def run_soft(self) -> None:
        """Run one queued callback, unless one is running or a hard handler is. What it raises is
        printed and forgotten."""
        if not self.soft or self.in_soft or self.in_handler:
            return
        callback, argument = self.soft.pop(0)
        self.in_soft = True
        self._world.look_ahead()
        failed = None
        try:
            self._world.work("soft")
            callback(argument)
        except Exception as error:
            failed = error
        finally:
            self.in_soft = False
            self._world.look_ahead()
        if failed is not None:
            self._complain("", failed)

    def _complain(self, where: str, error) -> None:
        self.complaints.append((where, error))
        if self.on_complaint is not None:
            self.on_complaint(where, error)
