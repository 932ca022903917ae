"""The bench: one simulated board with its motor side, its stop button, its power and its host.

The firmware's own files run on it from reset to reset. The bench sees only what a person with
probes would see: pads, the serial port, and when power was cut.
"""

from boards.sim.chips import chip_of
from boards.sim.flash import Flash
from boards.sim.heap import Heap
from boards.sim.loader import Loader
from boards.sim.noise import CpuNoise
from boards.sim.usb import Interrupted
from boards.sim.world import CYCLES_PER_US, FOREVER, SimulatedReset, SoftReset

CTRL_C = 3
CTRL_D = 4


class Bench:
    """``root`` is the project folder, ``board`` a folder of ``boards``; a ``seed`` above 0 makes
    the CPU uneven (``noise``)."""

    def __init__(self, root: str, board: str = "rpi_pico", seed: int = 0) -> None:
        self._roots = [root + "/firmware", root + "/boards/" + board]
        self.chip = chip_of(self._roots)
        self.world = self.chip.world
        self.noise = CpuNoise(self.world, seed) if seed else None
        self.heap = self.noise.heap if self.noise else Heap(self.world)
        self.usb = self.chip.serial
        self.flash = Flash(self.world)
        self.loader = None
        self.boots = 0  # resets so far
        self._standins = None
        self.fitted = {}  # parts this bench has: name in the board file, value there
        self.crash = None  # what ended the firmware, if anything did
        self.step_edges = 0
        self.keep_runs = False
        self.step_runs = []  # if kept: (first cycle, period, count), merged where they continue
        self.moving_since = None  # cycle of the first ALLOW after power-on
        self._on_motion = []
        self._pins = None
        self._loop_open = False
        self.knows_enable = True  # False: a program that never touches EN; all steps count
        self._current = False  # the motor has had current since the last reset

    # ---- the firmware -------------------------------------------------------------------------

    def run_firmware(self) -> None:
        """Power on and run for ever, through resets. Ends only by an exception of the owner."""
        while True:
            try:
                self._boot()
            except SimulatedReset as reset:
                self.reset(reset.args[0])
            except SoftReset:
                self.soft_reset()

    def pump(self):
        """The firmware's Pump object once main.py has made it, else None. For pacing only."""
        main = self.loader.module("main") if self.loader else None
        return getattr(main, "pump", None)

    def power_on(self) -> None:
        """Boot as far as boot.py goes: pads are safe, main.py has not begun."""
        standins = self.chip.standins(self.flash, self.heap)
        self._standins = standins
        self.usb.interrupt_char = CTRL_C
        self.loader = Loader(self._roots, standins, self.flash.open)
        self.loader.run("boot")
        board = self.loader.module("board")
        for name, gpio in self.fitted.items():
            setattr(board, name, gpio)
        if self._pins is None:
            self.wire(board)

    def _boot(self) -> None:
        """main.py is run even where boot.py has raised, as some releases of MicroPython do (1.28
        does not): the worse of the two."""
        failed = self._ended_by(self.power_on)
        self.usb.interrupt_char = CTRL_C  # the interpreter does so for each file that it runs
        ended = self._ended_by(lambda: self.loader.run("main"))
        self.crash = failed or ended or self.crash
        self._repl()

    def _ended_by(self, run):
        try:
            run()
        except (Exception, Interrupted) as error:
            return error
        return None

    def _repl(self) -> None:
        """The program has ended, well or not: the CPU is idle, the hardware and the timers go on.
        Of what one could type only Ctrl-D does anything here: a soft reset."""
        byte = 0
        self.usb.interrupt_char = -1
        while byte != CTRL_D:
            self.world.sleep(FOREVER, self.usb.readable)
            byte = self.usb.take()
        raise SoftReset

    def reset(self, cause: str) -> None:
        """The chip is reset: RAM, PIO and pads are as after power-on, flash and bench stay.
        ``power_on`` begins the next boot."""
        self.world.reset(cause)
        self.usb.reset()
        self._clear()

    def soft_reset(self) -> None:
        """MicroPython begins anew. Claimed state machines are stopped where they are, handlers and
        timers go; pads, FIFOs, watchdog, clock and the USB connection stay as they are."""
        world = self.world
        world.sync()
        self.chip.soft_reset(self._standins)
        world.forget_firmware()
        self._clear()

    def _clear(self) -> None:
        if self._standins:
            self._standins["machine"].Pin.forget()
        self.loader = None
        self.heap.reset()
        self._current = False
        self.boots += 1

    def wire(self, board) -> None:
        """Join the bench to the pins that ``board`` names; done before power-on, whatever the
        board file on the chip says."""
        self._pins = board
        pads = self.world.pads
        self._drive_stop()
        pads.watch(board.ENABLE, self._enable_edge)
        pads.drive(board.ENABLE, 1)  # the board's pull-up: the chip's output, if on, wins
        pads.watch(self.chip.connect(board), self._step_edge)
        if hasattr(board, "ALLOW"):
            pads.watch(board.ALLOW, self._allow_edge)

    def give_board_file(self, folder: str) -> None:
        """From the next boot on board.py is that of ``folder``."""
        self._roots[-1] = folder

    # ---- what can be done to it ---------------------------------------------------------------

    def press(self) -> None:
        """Open the stop loop (button, plug or wire), also before power-on."""
        self._loop_open = True
        self._drive_stop()

    def release(self) -> None:
        """Close the stop loop."""
        self._loop_open = False
        self._drive_stop()

    def _drive_stop(self) -> None:
        if self._pins:
            level = self.chip.loop_open if self._loop_open else self.chip.loop_closed
            self.world.pads.drive(self._pins.STOP, level)

    def at_us(self, us: int, action) -> None:
        """``action()`` at ``us`` after power-on."""
        self.world.at(us * CYCLES_PER_US, action)

    def at_motion_us(self, us: int, action) -> None:
        """``action()`` when the motor has been allowed to move for ``us``."""
        self._on_motion.append((us, action))

    def freeze(self) -> None:
        """The CPU stands still from now on, interrupts off, in the midst of whatever it does;
        PIO, pads and the bench go on. Only a reset ends it."""
        self.world.at(self.world.now, self._stand_still)

    def _stand_still(self) -> None:
        self.world.stall_us(FOREVER // CYCLES_PER_US)

    def cut_power(self) -> None:
        """Off and on again, seen by the firmware at its next call into the chip."""
        self.world.at(self.world.now, lambda: self.world.die("power-on"))

    # ---- what can be seen ---------------------------------------------------------------------

    def _enable_edge(self, pin: int, level: int, first: int, period: int, count: int) -> None:
        if not level:
            self._current = True
            if not hasattr(self._pins, "ALLOW"):
                self._begin_motion(first)

    def _step_edge(self, pin: int, level: int, first: int, period: int, count: int) -> None:
        if not level or (self.knows_enable and not self._current):
            return  # the self-test's, made before the motor has had current in this boot
        self.step_edges += count
        if self.keep_runs:
            self._keep_run(first, period, count)

    def _keep_run(self, first: int, period: int, count: int) -> None:
        runs = self.step_runs
        if runs:
            last_first, last_period, last_count = runs[-1]
            last = last_first + last_period * (last_count - 1)
            gap = first - last
            if last_count == 1 and (count == 1 or gap == period):
                runs[-1] = (last_first, gap, 1 + count)
                return
            if gap == last_period and (count == 1 or period == gap):
                runs[-1] = (last_first, last_period, last_count + count)
                return
        runs.append((first, period, count))

    def _allow_edge(self, pin: int, level: int, first: int, period: int, count: int) -> None:
        if level and self._current:
            self._begin_motion(first)

    def _begin_motion(self, at: int) -> None:
        if self.moving_since is None:
            self.moving_since = at
            for us, action in self._on_motion:
                self.world.at(at + us * CYCLES_PER_US, action)
