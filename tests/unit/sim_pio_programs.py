"""Small PIO programs for the tests of interrupts and resets."""

from boards.sim.standins.rp2_asm import asm_pio


@asm_pio()
def flag_twice():
    irq(rel(0))[31]
    irq(rel(0))
    label("end")
    jmp("end")


@asm_pio(sideset_init=2)
def high_for_ever():
    nop().side(1)
    label("here")
    jmp("here").side(1)
