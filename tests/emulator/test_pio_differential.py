"""Our PIO against two independent emulators: the same programs give the same edges in the same
cycles and the same registers.

Neither emulator has input synchronisers, so they are bypassed here. What each of them does
differently from the datasheet, found by reading and by these tests, and therefore kept out:

pioemu (rp2040-pio-emulator 0.88): one machine; no IRQ, EXEC, STATUS, bit reverse, dividers; WAIT
takes its index as a GPIO whatever the source; MOV PINS ignores the pin mapping; PINDIRS loses the
output latch of inputs; IFEMPTY and IFFULL ignore the thresholds; autopull never works in the
background and autopush stalls differently.

rp2040py (0.3.6): OUT of 32 bits leaves the OSR as it was instead of empty; a WAIT or PULL that has
really stalled goes on one cycle too early; autopull on OUT costs no cycle; OSR starts full; a pad
driven by PIO is not visible as input (mirrored here); after enabling, the first instruction is due
one cycle before it executes (set right here).
"""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from boards.sim.pads import Pads
from boards.sim.pio import PioSystem
from tests.unit import pio_programs
from tests.unit.pio_programs import ALLOW, STEP, STOP, expand

pioemu = pytest.importorskip("pioemu", reason="rp2040-pio-emulator is not installed")
rp2040py = pytest.importorskip("rp2040py", reason="rp2040py is not installed")

ONES = 0xFFFFFFFF
PINS = 4
INPUT = 5


def ours(words: list, config: tuple, tx: list, inputs: list, cycles: int) -> tuple:
    """(edges, machine) of one machine with pins 0 to 3 as outputs; ``inputs``: (cycle, level)."""
    pads = Pads()
    pio = PioSystem(pads)
    pads.clock = lambda: pio.now
    block = pio.blocks[0]
    block.reg_write(0x38, ONES)
    edges: list = []
    for pin in range(PINS):
        pads.func(pin, "pio0")
        pads.watch(pin, lambda *edge: edges.append(edge))
    block.preset((1 << PINS) - 1, 0, (1 << PINS) - 1)
    sm = block.sm[0]
    block.load(0, words)
    sm.configure(*config)
    for word in tx:
        sm.put(word)
    sm.enable(True)
    for cycle, level in inputs:
        pio.run(cycle)
        pads.drive(INPUT, level)
    pio.run(cycles)
    pio.settle()
    return expand(edges), sm


def edges_of(levels: list) -> list:
    """Edges of pins 0 to 3 from (cycle, levels) samples in order, all low at first."""
    edges = []
    last = 0
    for cycle, now in levels:
        for pin in range(PINS):
            if (now ^ last) >> pin & 1:
                edges.append((cycle, pin, now >> pin & 1))
        last = now
    return edges


# ---- pioemu ----


def run_pioemu(words: list, options: dict, tx: list, inputs: list, cycles: int) -> tuple:
    """(edges, last state at or before ``cycles``)."""

    def level_at(clock: int) -> int:
        level = 0
        for cycle, value in inputs:
            if cycle <= clock:
                level = value
        return level << INPUT

    state = pioemu.State(pin_directions=(1 << PINS) - 1)
    state.transmit_fifo.extend(tx)
    samples = []
    last = state
    for before, after in pioemu.emulate(
        words,
        stop_when=lambda opcode, state: state.clock >= cycles,
        initial_state=state,
        input_source=level_at,
        **options,
    ):
        if before.clock + 1 <= cycles:
            samples.append((before.clock + 1, after.pin_values & ((1 << PINS) - 1)))
        if after.clock <= cycles:
            last = after
    return edges_of(samples), last


def plain_instructions(last: int) -> st.SearchStrategy[int]:
    """Instructions on which pioemu and the datasheet agree; jumps go to 0 to ``last``."""
    field = st.integers(0, 31).map(lambda value: value << 8)
    count = st.integers(0, 31)
    jmp = st.tuples(st.integers(0, 7), st.integers(0, last)).map(lambda a: a[0] << 5 | a[1])
    wait = st.sampled_from([0x2000 | INPUT, 0x2080 | INPUT, 0x2000 | INPUT])
    in_ = st.tuples(st.sampled_from([0, 1, 2, 3, 6, 7]), count).map(
        lambda a: 0x4000 | a[0] << 5 | a[1]
    )
    out = st.tuples(st.sampled_from([0, 1, 2, 3, 6]), count).map(
        lambda a: 0x6000 | a[0] << 5 | a[1]
    )
    fifo = st.sampled_from([0x8000, 0x8020, 0x8080, 0x80A0])
    mov = st.tuples(
        st.sampled_from([1, 2, 6, 7]), st.integers(0, 1), st.sampled_from([0, 1, 2, 3, 6, 7])
    ).map(lambda a: 0xA000 | a[0] << 5 | a[1] << 3 | a[2])
    set_ = st.tuples(st.sampled_from([0, 0, 1, 2]), st.integers(0, 31)).map(
        lambda a: 0xE000 | a[0] << 5 | a[1]
    )
    kinds = st.one_of(jmp, jmp, wait, in_, out, fifo, mov, set_, set_)
    return st.tuples(kinds, field).map(lambda a: a[0] | a[1])


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_random_programs_against_pioemu(data) -> None:
    size = data.draw(st.integers(2, 10), label="size")
    words = data.draw(
        st.lists(plain_instructions(size - 1), min_size=size, max_size=size), label="words"
    )
    side = data.draw(st.integers(0, 2), label="side")
    right = data.draw(st.booleans(), label="right")
    target = data.draw(st.integers(0, size - 1), label="wrap target")
    tx = data.draw(st.lists(st.integers(0, ONES), max_size=4), label="tx")
    gaps = data.draw(st.lists(st.integers(1, 60), max_size=6), label="input gaps")
    inputs, at = [], 0
    for index, gap in enumerate(gaps):
        at += gap
        inputs.append((at, 1 - index % 2))
    pinctrl = 2 | 2 << 20 | 0 << 5 | 3 << 26 | 1 << 10 | side << 29
    shiftctrl = 0b11 << 18 if right else 0
    execctrl = (size - 1) << 12 | target << 7 | INPUT << 24
    options = {
        "shift_isr_right": right,
        "shift_osr_right": right,
        "out_base": 2,
        "out_count": 2,
        "set_base": 0,
        "set_count": 3,
        "side_set_base": 1,
        "side_set_count": side,
        "jmp_pin": INPUT,
        "wrap_target": target,
        "wrap_top": size - 1,
    }
    expected, state = run_pioemu(words, options, tx, inputs, 400)
    inputs = [(cycle, level) for cycle, level in inputs if cycle <= state.clock]
    edges, sm = ours(words, (1 << 16, execctrl, shiftctrl, pinctrl), tx, inputs, state.clock)
    assert edges == [edge for edge in expected if edge[0] <= state.clock]
    assert (sm.x, sm.y) == (state.x_register, state.y_register)
    isr, osr = state.input_shift_register, state.output_shift_register
    assert (sm.isr, sm.isr_n) == (isr.contents, isr.counter)
    assert (sm.osr, sm.osr_n) == (osr.contents, osr.counter)
    assert (sm.tx, sm.rx) == (list(state.transmit_fifo), list(state.receive_fifo))


def test_the_generator_against_pioemu() -> None:
    """STEP on pin 2, STOP on a pin that stays low, ALLOW comes and goes."""
    words = list(pio_programs.generator[0])
    tx = [2 | 3 << 7, 0 | 9 << 7, 3 | 0 << 7, 1 | 1 << 7]
    words = [word & ~31 | INPUT if word >> 13 == 1 else word for word in words]
    options = {
        "side_set_base": 2,
        "side_set_count": 1,
        "jmp_pin": 6,
        "wrap_target": 0,
        "wrap_top": pio_programs.generator[4] >> 12 & 31,
    }
    inputs = [(5, 1), (300, 0), (700, 1)]
    expected, _ = run_pioemu(words, options, tx, inputs, 3000)
    execctrl = pio_programs.generator[4] | 6 << 24
    config = (1 << 16, execctrl, pio_programs.generator[5], 2 << 10 | 1 << 29)
    edges, _ = ours(words, config, tx, inputs, 3000)
    assert edges == expected
    assert len(edges) == 12


# ---- rp2040py ----


class Chip:
    """rp2040py's PIO blocks without a CPU, stepped by the cycle; PIO's outputs are mirrored to the
    inputs of the same pads."""

    def __init__(self, outputs: dict) -> None:
        self.chip = rp2040py.RP2040()
        self.chip.simulator = object()  # else enabling a machine runs a thousand cycles at once
        self.outputs = outputs  # pin: block
        for pin in range(30):
            self.chip.gpio[pin].pad_value = 0x56  # the pads' reset value, inputs enabled
        for pin, block in outputs.items():
            self.chip.gpio[pin].ctrl = 6 + block
            self.chip.pio[block].pin_directions_changed(1, pin, 1)
        self.cycle = 0
        self.levels = 0
        self.samples: list = []

    def configure(self, block: int, number: int, registers: tuple) -> None:
        for offset, value in zip((0, 4, 8, 20), registers):
            self.chip.pio[block].write_uint32(0xC8 + 24 * number + offset, value)

    def load(self, block: int, offset: int, words: list) -> None:
        for index, word in enumerate(words):
            self.chip.pio[block].write_uint32(0x48 + 4 * (offset + index), word)

    def enable(self, block: int, number: int, pc: int) -> None:
        pio = self.chip.pio[block]
        pio.write_uint32(0x00, pio.read_uint32(0) | 0x10 << number)
        pio.write_uint32(0xD8 + 24 * number, pc)
        pio.write_uint32(0x00, pio.read_uint32(0) | 1 << number)
        pio.machines[number].next_due_fp = (self.cycle + 1) << 8
        pio.recompute_due()

    def run(self, until: int) -> None:
        while self.cycle < until:
            for pio in self.chip.pio:
                pio.advance(1)
            self.cycle += 1
            levels = 0
            for pin, block in self.outputs.items():
                levels |= self.chip.pio[block].pin_values & 1 << pin
            changed = levels ^ self.levels
            self.levels = levels
            for pin in self.outputs:
                if changed >> pin & 1:
                    self.chip.gpio[pin].set_input_value(bool(levels >> pin & 1))
            self.samples.append((self.cycle, levels))


def busy_instructions(last: int) -> st.SearchStrategy[int]:
    """Instructions that never stall and on which rp2040py and the datasheet agree."""
    field = st.integers(0, 31).map(lambda value: value << 8)
    count = st.integers(0, 31)
    jmp = st.tuples(st.integers(0, 7), st.integers(0, last)).map(lambda a: a[0] << 5 | a[1])
    in_ = st.tuples(st.sampled_from([1, 2, 3, 6, 7]), count).map(
        lambda a: 0x4000 | a[0] << 5 | a[1]
    )
    out = st.tuples(st.sampled_from([0, 1, 2, 3, 6]), st.integers(1, 31)).map(
        lambda a: 0x6000 | a[0] << 5 | a[1]
    )
    mov = st.tuples(
        st.sampled_from([0, 1, 2, 6, 7]), st.integers(0, 2), st.sampled_from([1, 2, 3, 6, 7])
    ).map(lambda a: 0xA000 | a[0] << 5 | a[1] << 3 | a[2])
    set_ = st.tuples(st.sampled_from([0, 0, 1, 2]), st.integers(0, 31)).map(
        lambda a: 0xE000 | a[0] << 5 | a[1]
    )
    kinds = st.one_of(jmp, jmp, in_, out, st.just(0x8080), mov, set_, set_)
    return st.tuples(kinds, field).map(lambda a: a[0] | a[1])


@settings(max_examples=80, deadline=None)
@given(st.data())
def test_random_programs_against_rp2040py(data) -> None:
    size = data.draw(st.integers(2, 10), label="size")
    words = data.draw(
        st.lists(busy_instructions(size - 1), min_size=size, max_size=size), label="words"
    )
    side = data.draw(st.integers(0, 2), label="side")
    optional = data.draw(st.booleans(), label="optional") and side > 0
    shift = data.draw(st.integers(0, 3), label="shift directions") << 18
    divider = data.draw(st.sampled_from([1, 1, 2, 7]), label="divider")
    target = data.draw(st.integers(0, size - 1), label="wrap target")
    tx = data.draw(st.lists(st.integers(0, ONES), max_size=4), label="tx")
    pinctrl = 2 | 2 << 20 | 0 << 5 | 3 << 26 | 1 << 10 | side << 29
    execctrl = (size - 1) << 12 | target << 7 | INPUT << 24 | optional << 30
    config = (divider << 16, execctrl, shift, pinctrl)
    chip = Chip(dict.fromkeys(range(PINS), 0))
    chip.load(0, 0, words)
    chip.configure(0, 0, config)
    for word in tx:
        chip.chip.pio[0].write_uint32(0x10, word)
    chip.enable(0, 0, 0)
    chip.run(300)
    edges, sm = ours(words, config, tx, [], 300)
    assert edges == edges_of(chip.samples)


def pump_on_rp2040py(n_max: int, words: list, stop_at: int, cycles: int) -> tuple:
    chip = Chip({STEP: 0, ALLOW: 0})
    for program, block, number, offset, pinctrl, jmp_pin in (
        (pio_programs.generator, 0, 0, 15, STEP << 10 | 1 << 29, STOP),
        (pio_programs.fuse, 0, 1, 1, ALLOW << 10 | 1 << 29 | STEP << 15, STOP),
        (pio_programs.counter, 1, 0, 0, STEP << 15, 0),
    ):
        execctrl = program[4] + (offset << 12) + (offset << 7) + (jmp_pin << 24)
        code = [word + offset if word >> 13 == 0 else word for word in program[0]]
        chip.load(block, offset, code)
        chip.configure(block, number, (1 << 16, execctrl, program[5], pinctrl))
    pio = chip.chip.pio[0]
    pio.write_uint32(0x14, n_max)
    for word in words:
        pio.write_uint32(0x10, word)
    chip.enable(1, 0, 0)
    chip.run(1)
    chip.enable(0, 1, 1)  # a cycle late: its first OUT costs no cycle for autopull here
    chip.run(50)
    chip.enable(0, 0, 15)
    if stop_at:
        chip.run(stop_at)
        chip.chip.gpio[STOP].set_input_value(True)
    chip.run(cycles)
    counted = ONES - (chip.chip.pio[1].machines[0].x & ONES)
    edges = [edge for edge in edges_of(chip.samples) if edge[1] in (STEP, ALLOW)]
    return edges, counted, pio.irq


def pump_here(n_max: int, words: list, stop_at: int, cycles: int) -> tuple:
    rig = pio_programs.PumpRig(n_max, True)
    rig.generator.enable(False)
    for block in rig.pio.blocks:
        block.reg_write(0x38, ONES)
    for word in words:
        rig.generator.put(word)
    rig.pio.run(50)
    rig.generator.enable(True)
    if stop_at:
        rig.pio.run(stop_at)
        rig.pads.drive(STOP, 1)
    rig.pio.run(cycles)
    return expand(rig.edges), rig.count(), rig.pio.blocks[0].irq


@pytest.mark.parametrize(
    ("n_max", "stop_at"), [(100, 0), (5, 0), (1, 0), (100, 1203), (100, 1000), (100, 2222)]
)
def test_the_pump_against_rp2040py(n_max, stop_at) -> None:
    """All three programs at once: every edge of STEP and ALLOW, the count, the flags."""
    words = [3 | 20 << 7, 0 | 33 << 7, 4 | 7 << 7, 2 | 0 << 7]
    here = pump_here(n_max, words, stop_at, 4000)
    assert here == pump_on_rp2040py(n_max, words, stop_at, 4000)
    assert here[1] == min(n_max, 9 if not stop_at else here[1])
