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

    def write_uint32(self, offset, value):
        self._settle()
        self._peripheral.write_uint32(offset, value)

    def write_uint32_atomic(self, offset, value, kind):
        self._settle()
        self._peripheral.write_uint32_atomic(offset, value, kind)


def _one_pass(machine, program, pins):
    """(cycles, fall of X) of the loop that the machine is at the head of with the levels ``pins``
    of all inputs; None if it is in none, or in one that does anything else."""
    if machine.exec_valid:
        return None
    pinctrl, execctrl = machine.pin_ctrl, machine.exec_ctrl
    sides = pinctrl >> 29
    optional = execctrl >> 30 & 1
    in_base = pinctrl >> 15 & 31
    right = machine.shift_ctrl >> 19 & 1
    side_mask = ((1 << (sides - optional)) - 1) << (pinctrl >> 10 & 31) if sides else 0
    pc, y = machine.pc, machine.y
    osr, shifted = machine.output_shift_reg, machine.output_shift_count
    cycles = fall = 0
    for _ in range(LONGEST_LOOP):
        opcode = program[pc]
        kind, argument, extra = opcode >> 13, opcode & 0xFF, opcode >> 8 & 31
        if sides and (not optional or extra & 16):
            level = extra >> (5 - sides) << (pinctrl >> 10 & 31) & side_mask
            if execctrl >> 29 & 1 or machine.pio.pin_values & side_mask != level:
                return None
        taken = False
        if kind == 0:
            condition = argument >> 5
            if condition == 0:
                taken = True
            elif condition == 2:
                taken, fall = True, fall + 1
            elif condition == 3:
                taken = y == 0
            elif condition == 4:
                taken, y = y != 0, y - 1 & MASK
            elif condition == 6:
                taken = bool(pins >> (execctrl >> 24 & 31) & 1)
            else:
                return None
        elif argument == 0xE0 and kind == 5:  # mov osr, pins
            osr, shifted = (pins >> in_base | pins << (32 - in_base)) & MASK, 0
        elif argument == 0x41 and kind == 3 and right and shifted < 31:  # out y, 1
            y, osr, shifted = osr & 1, osr >> 1, shifted + 1
        else:
            return None
        cycles += 1 + (extra & (1 << (5 - sides)) - 1)
        if taken:
            pc = argument & 31
        elif pc == execctrl >> 12 & 31:
            pc = execctrl >> 7 & 31
        else:
            pc = pc + 1 & 31
        if pc == machine.pc:
            now = machine.y, machine.output_shift_reg, machine.output_shift_count
            return (cycles, fall) if now == (y, osr, shifted) else None
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
            found = _one_pass(machine, pio.instructions, pins)
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
