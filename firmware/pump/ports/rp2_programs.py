"""The PIO programs of the RP2040 port. One cycle is one system clock (divider 1).

``step_generator``: one FIFO word is ``count | passes << 7``. A step word makes ``count`` pulses
(1 to 127) one interval apart; count 0 only waits. Cycle sums, for P passes of a wait loop:

    rising edge to rising edge   2 P + 266   the same inside a word and from word to word
    wait word                    2 P + 8

Every pass tests the stop input (high = loop open); the last test is two cycles before the rising
edge. A stop leads to ``halt``: STEP low, an IRQ flag, and an endless loop. Each step also waits
for ALLOW, which belongs to the dose fuse. An empty FIFO waits in ``pull`` with STEP low. STEP is
high for 258 cycles (2.06 us at 125 MHz), twice what a TMC2209 or DRV8825 asks for at 1.9 us or
less.
"""

from rp2 import PIO, asm_pio

STEP_OVERHEAD = 266
WAIT_OVERHEAD = 8


def make_step_generator(allow_gpio: int) -> list:
    """The generator's program for a board whose ALLOW line is ``allow_gpio``."""

    @asm_pio(
        sideset_init=PIO.OUT_LOW,
        out_shiftdir=PIO.SHIFT_RIGHT,
        fifo_join=PIO.JOIN_TX,
    )
    def step_generator():
        wrap_target()
        label("fetch")
        pull(block).side(0)
        out(y, 7).side(0)
        jmp(y_dec, "again").side(0)
        mov(x, osr).side(0)
        label("rest")
        jmp(pin, "halt").side(0)
        jmp(x_dec, "rest").side(0)
        jmp("fetch").side(0)[1]
        label("pad")
        nop().side(0)[2]
        label("again")
        mov(x, osr).side(0)
        wait(1, gpio, allow_gpio).side(0)
        label("wait")
        jmp(pin, "halt").side(0)
        jmp(x_dec, "wait").side(0)
        set(x, 31).side(1)[1]
        label("high")
        jmp(x_dec, "high").side(1)[7]
        jmp(y_dec, "pad").side(0)
        wrap()
        label("halt")
        irq(rel(0)).side(0)
        label("hold")
        jmp("hold").side(0)

    return step_generator


@asm_pio()
def step_counter():
    """X counts down from 2^32-1 by one for each rising edge. ISR is free for the CPU to read X."""
    mov(x, invert(null))
    wrap_target()
    label("next")
    wait(0, pin, 0)
    wait(1, pin, 0)
    jmp(x_dec, "next")
    wrap()


@asm_pio(sideset_init=PIO.OUT_LOW, out_shiftdir=PIO.SHIFT_RIGHT, autopull=True)
def dose_fuse():
    """ALLOW high until as many rising edges of STEP as the one word loaded, or until the stop
    input opens; then low for good, with an IRQ flag. A word of 0 never raises it. Looks at both
    inputs every four or five cycles; a pulse is 258 cycles long, so no edge escapes it."""
    out(x, 32).side(0)
    jmp(x_dec, "armed").side(0)
    wrap_target()
    label("blown")
    irq(rel(0)).side(0)
    label("hold")
    jmp("hold").side(0)
    label("armed")
    jmp(pin, "blown").side(0)
    label("high")
    jmp(pin, "blown").side(1)
    mov(osr, pins).side(1)
    out(y, 1).side(1)
    jmp(y_dec, "high").side(1)
    label("low")
    jmp(pin, "blown").side(1)
    mov(osr, pins).side(1)
    out(y, 1).side(1)
    jmp(not_y, "low").side(1)
    jmp(x_dec, "high").side(1)
    wrap()
