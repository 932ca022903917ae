"""``asm_pio`` of the stand-in: encodings by the datasheet's tables, options, and refusals."""

import pytest

from boards.sim.standins.rp2_asm import PIOASMError, asm_pio, asm_pio_encode
from tests.unit import pio_programs

OUT_LOW, OUT_HIGH = 2, 3


# Expected words worked out by hand from the RP2040 datasheet, section 3.4.
@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("nop()", 0xA042),
        ("word(0x1234)", 0x1234),
        ("wait(1, gpio, 5)", 0x2085),
        ("wait(0, pin, 2)", 0x2022),
        ("wait(1, irq, 3)", 0x20C3),
        ("wait(1, irq, rel(0))", 0x20D0),
        ("in_(pins, 1)", 0x4001),
        ("in_(null, 32)", 0x4060),
        ("out(pins, 8)", 0x6008),
        ("out(exec, 16)", 0x60F0),
        ("out(pc, 5)", 0x60A5),
        ("out(isr, 32)", 0x60C0),
        ("push()", 0x8020),
        ("push(block)", 0x8020),
        ("push(noblock)", 0x8000),
        ("push(iffull)", 0x8060),
        ("push(iffull, noblock)", 0x8040),
        ("pull()", 0x80A0),
        ("pull(noblock)", 0x8080),
        ("pull(ifempty)", 0x80E0),
        ("pull(ifempty, noblock)", 0x80C0),
        ("mov(x, y)", 0xA022),
        ("mov(isr, x)", 0xA0C1),
        ("mov(x, invert(null))", 0xA02B),
        ("mov(y, reverse(osr))", 0xA057),
        ("mov(exec, isr)", 0xA086),
        ("mov(pc, x)", 0xA0A1),
        ("mov(y, status)", 0xA045),
        ("irq(2)", 0xC002),
        ("irq(rel(0))", 0xC010),
        ("irq(noblock, rel(0))", 0xC010),
        ("irq(block, 4)", 0xC024),
        ("irq(clear, 1)", 0xC041),
        ("set(pins, 1)", 0xE001),
        ("set(pindirs, 1)", 0xE081),
        ("set(x, 31)", 0xE03F),
        ("set(y, 0)[3]", 0xE340),
    ],
)
def test_encode(text, word) -> None:
    assert asm_pio_encode(text, 0) == word


def test_encode_with_side_set() -> None:
    assert asm_pio_encode("nop().side(1)", 1) == 0xB042
    assert asm_pio_encode("nop().side(1)[7]", 2, True) == 0xBF42
    assert asm_pio_encode("nop()[7]", 2, True) == 0xA742
    with pytest.raises(PIOASMError, match="delay too large"):
        asm_pio_encode("nop()[8]", 2, True)


def test_encode_takes_one_instruction_and_no_jmp() -> None:
    with pytest.raises(NameError):
        asm_pio_encode("jmp(pin, 'a')", 0)
    with pytest.raises(PIOASMError, match="exactly 1"):
        asm_pio_encode("nop(); nop()", 0)


def test_jumps_labels_and_wrap() -> None:
    @asm_pio()
    def program():
        jmp("end")
        wrap_target()
        label("again")
        jmp(not_x, "again")
        jmp(x_dec, "again")
        jmp(not_y, "again")
        jmp(y_dec, "again")
        jmp(x_not_y, "again")
        jmp(pin, "again")[31]
        label("end")
        jmp(not_osre, "end")
        wrap()
        nop()

    words = [0x0007, 0x0021, 0x0041, 0x0061, 0x0081, 0x00A1, 0x1FC1, 0x00E7, 0xA042]
    assert list(program[0]) == words
    assert program[1:4] == [-1, -1, -1]
    assert program[4] == 7 << 12 | 1 << 7


def test_side_set_on_every_line_or_on_some() -> None:
    @asm_pio(sideset_init=OUT_LOW)
    def every():
        nop().side(1)[15]
        nop()[2].side(0)

    @asm_pio(sideset_init=(OUT_LOW, OUT_HIGH))
    def some():
        nop().side(2)
        nop()[3]

    assert list(every[0]) == [0xBF42, 0xA242]
    assert every[4] == 1 << 12
    assert list(some[0]) == [0xB842, 0xA342]
    assert some[4] == 1 << 30 | 1 << 12
    assert some[8] == (OUT_LOW, OUT_HIGH)


def test_options_go_to_the_registers_and_initial_values_along() -> None:
    @asm_pio(
        out_init=(OUT_HIGH, OUT_LOW),
        set_init=OUT_LOW,
        sideset_init=OUT_LOW,
        side_pindir=True,
        in_shiftdir=1,
        out_shiftdir=1,
        autopush=True,
        autopull=True,
        push_thresh=8,
        pull_thresh=32,
        fifo_join=1,
    )
    def program():
        nop().side(0)

    assert program[4] == 1 << 29
    assert program[5] == 1 << 30 | 0 << 25 | 8 << 20 | 0b1111 << 16
    assert program[6:] == [(OUT_HIGH, OUT_LOW), OUT_LOW, OUT_LOW]


def test_our_programs_have_the_words_of_pioasm() -> None:
    """Counted and encoded by hand for the pump's programs."""
    assert len(pio_programs.generator[0]) == 17
    assert len(pio_programs.fuse[0]) == 14
    assert list(pio_programs.counter[0]) == [0xA02B, 0x2020, 0x20A0, 0x0041]
    assert pio_programs.counter[4] == 3 << 12 | 1 << 7


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ('jmp("nowhere")', "unknown label"),
        ('label("a"); label("a")', "duplicate label"),
        ("nop()[32]", "delay too large"),
        ("nop().side(1)", "no sideset"),
        ("out(pins, 0)", "bit count"),
        ("in_(pins, 33)", "bit count"),
    ],
)
def test_refusals(body, message) -> None:
    names: dict = {"__builtins__": __builtins__}
    exec("def program():\n    nop()\n    " + body, names)
    with pytest.raises(PIOASMError, match=message):
        asm_pio()(names["program"])


def test_side_value_must_fit() -> None:
    def program():
        nop().side(2)

    with pytest.raises(PIOASMError, match="sideset too large"):
        asm_pio(sideset_init=OUT_LOW)(program)
    assert "asm_pio" in program.__globals__, "names of the module are put back"


SECRET = 5


def test_module_names_are_out_of_reach_as_on_the_chip() -> None:
    def program():
        set(x, SECRET)

    with pytest.raises(NameError):
        asm_pio()(program)
    local = 6

    @asm_pio()
    def closure():
        set(x, local)

    assert list(closure[0]) == [0xE026]
