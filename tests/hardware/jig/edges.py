"""Counts and time-stamps STEP edges by PIO; the CPU only collects.

``stamper`` runs X down by one every two cycles, whatever it does meanwhile: a tick is two system
clocks, 16 ns at 125 MHz. Every way through it is two cycles a tick:

    low     jmp pin, jmp x--                                                  1 tick
    rise    jmp pin, mov, jmp x--, push, jmp x--, irq, jmp x--, jmp x--       4 ticks
    high    jmp x--, jmp pin                                                  1 tick

So a rising edge is stamped to the tick if STEP is high for 5 ticks and low for 2. X wraps after
68.7 s: stamps are modulo 2^32 ticks. A stamp for which the FIFO (eight words) has no room is lost;
the edge is counted all the same, by ``edge_counter``. ``driven_counter`` counts only edges that
come while ENABLE is low, the motor driver on.
"""

from array import array

import machine
from machine import Pin
from rp2 import PIO, StateMachine, asm_pio, asm_pio_encode

STAMPER = 0
EDGES = 1
DRIVEN = 2
TICK_CYCLES = 2
KEPT = 256  # latest stamps, a power of two
WORD = 0xFFFFFFFF


@asm_pio(fifo_join=PIO.JOIN_RX)
def stamper():
    """Pushes X at each rising edge and raises the machine's flag."""
    mov(x, invert(null))
    jmp("high")
    label("rise")
    mov(isr, x)
    jmp(x_dec, "keep")
    label("keep")
    push(noblock)
    jmp(x_dec, "tell")
    label("tell")
    irq(rel(0))
    jmp(x_dec, "last")
    label("last")
    jmp(x_dec, "high")
    label("high")
    jmp(x_dec, "look")
    label("look")
    jmp(pin, "high")
    wrap_target()
    label("low")
    jmp(pin, "rise")
    jmp(x_dec, "low")
    wrap()


@asm_pio()
def edge_counter():
    """X counts down by one for each rising edge. ISR is free for the CPU to read X."""
    mov(x, invert(null))
    wrap_target()
    label("next")
    wait(0, pin, 0)
    wait(1, pin, 0)
    jmp(x_dec, "next")
    wrap()


@asm_pio()
def driven_counter():
    """As ``edge_counter``, of the edges at which the jump pin is low."""
    mov(x, invert(null))
    wrap_target()
    label("next")
    wait(0, pin, 0)
    wait(1, pin, 0)
    jmp(pin, "next")
    jmp(x_dec, "next")
    wrap()


class Counter:
    """An edge counter in a state machine of its own."""

    _TO_ISR = asm_pio_encode("mov(isr, x)", 0)
    _PUSH = asm_pio_encode("push(noblock)", 0)

    def __init__(self, number: int, program: list, step: Pin, gate: Pin) -> None:
        self._machine = StateMachine(number)
        self._setting = (program, step, gate)

    def begin(self) -> None:
        """From 0."""
        program, step, gate = self._setting
        self._machine.init(program, freq=machine.freq(), in_base=step, jmp_pin=gate)
        self._machine.active(1)

    def count(self) -> int:
        """Rising edges since ``begin``."""
        self._machine.exec(self._TO_ISR)
        self._machine.exec(self._PUSH)
        return WORD - (self._machine.get() & WORD)


class Stamps:
    """Times of the first edge and of the latest KEPT ones, in ticks since ``begin``."""

    def __init__(self, step: Pin) -> None:
        self._step = step
        self._machine = StateMachine(STAMPER)
        words = array("I", [0] * (KEPT + 1))
        self._words = words
        # a slice for each word: the hard interrupt handler must not allocate
        self._slots = [memoryview(words)[at : at + 1] for at in range(KEPT + 1)]
        self.count = 0

    def begin(self) -> None:
        """Forget all stamps; time starts at 0."""
        stamping = self._machine
        stamping.active(0)
        stamping.init(stamper, freq=machine.freq(), jmp_pin=self._step)
        self.count = 0
        stamping.irq(self._collect, hard=True)
        stamping.active(1)

    def _collect(self, stamping: StateMachine) -> None:
        while stamping.rx_fifo():
            stamping.get(self._slots[self._place(self.count)])
            self.count += 1

    def _place(self, number: int) -> int:
        """The first stamp has the last word to itself, the others take turns."""
        return number % KEPT if number else KEPT

    def ticks(self, number: int) -> int:
        """Stamp ``number``, from 0. IndexError: there is none, or it has been overwritten."""
        if not (number == 0 or self.count - KEPT <= number) or not 0 <= number < self.count:
            raise IndexError
        return WORD - (self._words[self._place(number)] & WORD)
