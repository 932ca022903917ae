"""Leaps over time in which the PIO of an emulated RP2040 does nothing but wait.

Between two steps the pump's state machines go round in loops: the generator counts X down and
looks at the stop input, the fuse looks at STEP, and the counter waits for an edge. To execute
that, 125 million cycles a second, is nearly all that a second of motion costs: two minutes of
work, and with leaps less than a second.

A leap puts every machine where it will be when the first of the loops ends. Should anything look
at the machines earlier, or change what they look at (the CPU by way of the bus, or a pin from
outside), they are first put back to where they are at that cycle. So a leap shows in nothing but
the time saved: ``tests/emulator/test_leap_on_chip.py`` compares to the nanosecond.

Needs the cycle-exact engine: a machine there is due at a cycle, and time goes from event to event.
"""

from __future__ import annotations

from collections import namedtuple

FP = 8  # the emulator counts cycles in 1/256
FP_PER_NS = 32  # 125 MHz
MASK = 0xFFFFFFFF

# What a leap must not outrun: what the CPU does to PIO, to the pins' functions and to their pads.
IO_BANK0, PADS_BANK0, PIO0 = 0x40014, 0x4001C, 0x50200
FSTAT, FDEBUG, FLEVEL = 0x04, 0x08, 0x0C
SIGHTLESS = (FSTAT, FDEBUG, FLEVEL)  # says nothing of where in its loop a machine is

# the instructions of such loops: kind and argument
JMP, JMP_ALWAYS, JMP_X_DEC, JMP_NOT_Y, JMP_Y_DEC, JMP_PIN = 0, 0, 2, 3, 4, 6
MOV_OSR_PINS = (5, 0xE0)
OUT_Y_1 = (3, 0x41)
LONGEST_LOOP = 8  # instructions
LEAST_FP = 256 << FP  # a shorter leap costs more than it saves
MOST_FP = 12_500_000 << FP
PULSE_NS = 2_600  # from the end of a leap until after the pulse it was made for
SOON_NS, LATE_NS = 1_000, 1_000_000

# A machine at the first instruction of a loop that it goes round ``passes`` times from ``due_fp``
# on, in ``length_fp`` each, with X less by ``fall`` each time.
Loop = namedtuple("Loop", "machine x due_fp length_fp fall end_fp")


class _Watched:
    """A peripheral on the bus before which ``settle`` is called."""

    def __init__(self, peripheral, settle, sightless=()):
        self._peripheral = peripheral
        self._settle = settle
        self._sightless = sightless

    def read_uint32(self, offset):
        if offset not in self._sightless:
            self._settle()
        return self._peripheral.read_uint32(offset)

    def write_uint32_atomic(self, offset, value, kind):
        self._settle()
        self._peripheral.write_uint32_atomic(offset, value, kind)


class _Walk:
    """A machine's way round a loop, gone on a copy of its registers with inputs that stay."""

    def __init__(self, machine, pins):
        self._machine = machine
        self._pins = pins
        self._pc, self._y = machine.pc, machine.y
        self._osr, self._shifted = machine.output_shift_reg, machine.output_shift_count
        self._sides = machine.pin_ctrl >> 29
        self.cycles = self.fall = 0

    def back(self):
        """True when the machine is where it was, with all that it was but X."""
        machine = self._machine
        before = machine.pc, machine.y, machine.output_shift_reg, machine.output_shift_count
        return before == (self._pc, self._y, self._osr, self._shifted)

    def step(self):
        """Execute an instruction; False if it may do more than wait."""
        opcode = self._machine.pio.instructions[self._pc]
        kind, argument, extra = opcode >> 13, opcode & 0xFF, opcode >> 8 & 31
        if not self._keeps_side(extra):
            return False
        taken = False
        if kind == JMP:
            taken = self._taken(argument >> 5)
        elif (kind, argument) == MOV_OSR_PINS:
            base = self._machine.pin_ctrl >> 15 & 31
            self._osr, self._shifted = (self._pins >> base | self._pins << 32 - base) & MASK, 0
        elif (kind, argument) == OUT_Y_1 and self._machine.shift_ctrl >> 19 & 1:  # to the right
            self._y, self._osr, self._shifted = self._osr & 1, self._osr >> 1, self._shifted + 1
        else:
            return False
        if taken is None or self._shifted > 31:
            return False
        self.cycles += 1 + (extra & (1 << 5 - self._sides) - 1)
        self._pc = argument & 31 if taken else self._after(self._pc)
        return True

    def _keeps_side(self, extra):
        """True when side-set leaves the pins as they are."""
        machine = self._machine
        optional = machine.exec_ctrl >> 30 & 1
        if not self._sides or optional and not extra & 16:
            return True
        base, count = machine.pin_ctrl >> 10 & 31, self._sides - optional
        levels = extra >> 5 - self._sides & (1 << count) - 1
        to_pins = not machine.exec_ctrl >> 29 & 1
        return to_pins and machine.pio.pin_values >> base & (1 << count) - 1 == levels

    def _taken(self, condition):
        """Whether a jump is; None for one that a loop of waiting has no use for."""
        if condition == JMP_X_DEC:
            self.fall += 1
            return True
        if condition == JMP_Y_DEC:
            zero, self._y = self._y == 0, self._y - 1 & MASK
            return not zero
        if condition == JMP_PIN:
            return bool(self._pins >> (self._machine.exec_ctrl >> 24 & 31) & 1)
        return {JMP_ALWAYS: True, JMP_NOT_Y: self._y == 0}.get(condition)

    def _after(self, pc):
        top, bottom = self._machine.exec_ctrl >> 12 & 31, self._machine.exec_ctrl >> 7 & 31
        return bottom if pc == top else pc + 1 & 31


def _one_pass(machine, pins):
    """(cycles, fall of X) of the loop that the machine is at the head of with the levels ``pins``
    of all inputs; None if it is in none, or in one that does more than wait."""
    walk = _Walk(machine, pins)
    for _ in range(0 if machine.exec_valid else LONGEST_LOOP):
        if not walk.step():
            return None
        if walk.back():
            return walk.cycles, walk.fall
    return None


class Leaper:
    """Has the first PIO block of ``mcu`` leap whenever it can."""

    def __init__(self, mcu):
        self._mcu = mcu
        self._pio = mcu.pio[0]
        self._ahead = []
        for base in (IO_BANK0, PADS_BANK0):
            mcu.peripherals[base] = _Watched(mcu.peripherals[base], self.settle)
        mcu.peripherals[PIO0] = _Watched(mcu.peripherals[PIO0], self.settle, SIGHTLESS)
        self._alarm = mcu.clock.create_alarm(self._leap)
        self._alarm.schedule(LATE_NS)

    def settle(self):
        """Put the machines to where they are at this cycle. To be called before anything looks at
        them or changes an input."""
        if not self._ahead:
            return
        now_fp = self._pio.cycle_fp
        for machine, x, due_fp, length_fp, fall, end_fp in self._ahead:
            if machine.next_due_fp != end_fp:
                continue  # it has gone on from there, or was reset
            passes = max(0, now_fp - due_fp) // length_fp
            machine.x = x - passes * fall
            machine.next_due_fp = due_fp + passes * length_fp
            while machine.next_due_fp <= now_fp:
                machine.step()
        self._ahead = []
        self._pio.recompute_due()
        self._alarm.schedule(SOON_NS)

    def _leap(self):
        self._ahead = []
        self._alarm.schedule(self._leap_ns())

    def _leap_ns(self):
        """Leap, if there is anything to leap over; returns the time until the next try."""
        pio = self._pio
        if pio.stopped:
            return LATE_NS
        pins = self._mcu.gpio_values
        end_fp = pio.cycle_fp + MOST_FP
        loops = []
        for machine in pio.machines:
            if not machine.enabled or machine.waiting:
                continue
            found = _one_pass(machine, pins)
            if not found:
                return SOON_NS
            length_fp, fall = found[0] * machine.div_fp, found[1]
            if fall:
                end_fp = min(end_fp, machine.next_due_fp + machine.x // fall * length_fp)
            loops.append((machine, length_fp, fall))
        if not loops:
            return LATE_NS
        if end_fp - pio.cycle_fp < LEAST_FP:
            return PULSE_NS
        for machine, length_fp, fall in loops:
            due_fp, x = machine.next_due_fp, machine.x
            passes = max(0, end_fp - due_fp) // length_fp
            machine.x = x - passes * fall
            machine.next_due_fp = due_fp + passes * length_fp
            self._ahead.append(Loop(machine, x, due_fp, length_fp, fall, machine.next_due_fp))
        pio.recompute_due()
        return (end_fp - pio.cycle_fp) / FP_PER_NS + PULSE_NS
