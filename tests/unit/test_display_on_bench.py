"""The display, fitted to each simulated board."""

import pytest
from parts_bench import BOARDS, S, controller, fitted_pump, infuse, pins_of, state_of

from boards.sim.parts.ssd1306 import Ssd1306Chip
from pump.drivers.ssd1306 import CHARACTERS, FONT, GLYPH_COLUMNS


@pytest.fixture(params=BOARDS)
def board(request):
    return request.param


def text_of(picture, row):
    """Read a row back by the driver's own font: large or small characters, '' for none."""
    lines = picture[16 * row : 16 * row + 16]
    glyphs = {FONT[GLYPH_COLUMNS * n : GLYPH_COLUMNS * n + 5]: c for n, c in enumerate(CHARACTERS)}

    def column(x, doubled):
        step = 2 if doubled else 1
        top = 0 if doubled else 8
        return sum((lines[top + step * y][x] == "#") << y for y in range(7))

    for doubled, pitch in ((True, 11), (False, 6)):
        wide = 2 if doubled else 1
        read = ""
        for at in range(0, 128 - pitch + 1, pitch):
            bits = bytes(column(at + wide * x, doubled) for x in range(5))
            read += glyphs.get(bits, "?")
        if "?" not in read and read.strip():
            return read.strip()
    return ""


def with_panels(board, panels):
    """A pump whose DISPLAY is on a bus with ``panels`` by their addresses."""
    pins = pins_of(board, "DISPLAY")
    return fitted_pump(board, {"DISPLAY": pins}, lambda world: world.i2cs.update({pins: panels}))


@pytest.fixture
def seen(board):
    panel = Ssd1306Chip()
    return panel, with_panels(board, {0x3C: panel})


def rows_of(panel):
    return [text_of(panel.picture(), row) for row in range(4)]


def test_the_font_reads_back_unambiguously():
    glyphs = [FONT[GLYPH_COLUMNS * n : GLYPH_COLUMNS * n + 5] for n in range(len(CHARACTERS))]
    assert len(FONT) == GLYPH_COLUMNS * len(CHARACTERS) and len(set(glyphs)) == len(glyphs)


@pytest.mark.requirement("DRV-02")
def test_state_rate_volume_and_time_are_shown(seen):
    panel, pump = seen
    assert panel.lit() and rows_of(panel)[0] == "IDLE"
    infuse(pump)
    pump.run_us(600 * S)
    state, rate, volume, left = rows_of(panel)
    assert (state, rate, left) == ("INFUSING", "52.500 mL/h", "30:00 min")
    assert 8.73 <= float(volume.removesuffix(" mL")) <= 8.75, "at most a second old"


@pytest.mark.requirement("DRV-02")
def test_an_alarm_is_shown_with_its_cause(seen):
    panel, pump = seen
    infuse(pump)
    pump.run_us(60 * S)
    pump.bench.press()
    pump.run_us(2 * S)
    state, rate, volume, cause = rows_of(panel)
    assert (state, rate, cause) == ("STOPPED", "0 mL/h", "DISCONNECT")
    assert volume in ("0.875 mL", "0.876 mL")


@pytest.mark.requirement("DRV-02")
def test_a_display_that_goes_stops_nothing_and_comes_back(seen):
    panel, pump = seen
    infuse(pump)
    (bus,) = pump.world.i2cs.values()
    bus.clear()
    pump.run_us(30 * S)
    assert controller(pump).state == "infusing"
    fresh = Ssd1306Chip()
    bus[0x3C] = fresh
    pump.run_us(15 * S)
    assert fresh.lit() and rows_of(fresh)[0] == "INFUSING"


@pytest.mark.requirement("PWR-02")
def test_a_display_that_is_named_and_absent_fails_the_self_test(board):
    pump = with_panels(board, {})
    assert state_of(pump) == ("fault", "post")


def test_a_display_does_not_show_in_the_steps():
    """Every edge in the same cycle as without it."""
    runs = []
    for make in (
        lambda: fitted_pump("rpi_pico", {}),
        lambda: with_panels("rpi_pico", {0x3C: Ssd1306Chip()}),
    ):
        pump = make()
        pump.bench.keep_runs = True
        infuse(pump)
        pump.run_us(60 * S)
        first = pump.bench.step_runs[0][0]
        runs.append([(at - first, period, count) for at, period, count in pump.bench.step_runs])
    assert runs[0] == runs[1]
