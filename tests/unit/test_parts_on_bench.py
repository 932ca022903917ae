"""What surrounds the motor, fitted to a simulated board: the board file's wiring, the ports' own
code, models of the parts at their pins."""

import pytest

from boards.sim.parts.hx711 import Hx711Chip
from boards.sim.parts.ssd1306 import Ssd1306Chip
from boards.sim.parts.tmc2209 import Tmc2209Chip
from boards.sim.world import FOREVER
from pump.drivers.ssd1306 import CHARACTERS, FONT, GLYPH_COLUMNS
from tests.faults.rig import Prepared

S = 1_000_000
THERAPY = "weight=70kg dose=0.5mg/kg over=40min concentration=1mg/mL syringe=bd-60"
TMC = {"DRIVER_UART": (8, 9)}
HX = {"FORCE_HX711": (18, 19)}
SCREEN = {"DISPLAY": (20, 21)}


def fitted_pump(fitted, uarts=(), i2cs=(), connect=()):
    """A driven pump whose board file names ``fitted``, with models at the other ends."""

    def prepare(bench):
        bench.fitted = dict(fitted)
        bench.world.uarts.update(uarts)
        bench.world.i2cs.update(i2cs)
        for part in connect:
            part.connect(bench.world)

    return Prepared(prepare)


def controller(pump):
    return pump.bench.pump().controller


def state_of(pump):
    return controller(pump).state, controller(pump).cause


def infuse(pump):
    pump.ask(pump.program(THERAPY))
    assert controller(pump).state == "infusing"


@pytest.fixture
def chip():
    return Tmc2209Chip()


@pytest.mark.requirement("DRV-01")
def test_the_driver_is_set_up_before_the_motor_can_move(chip):
    pump = fitted_pump(TMC, uarts={1: chip}.items())
    assert controller(pump).state == "idle"
    assert chip.microsteps() == 16
    infuse(pump)
    pump.run_us(10 * S)
    assert controller(pump).state == "infusing"


@pytest.mark.requirement("DRV-01", "PWR-02")
def test_an_absent_driver_fails_the_self_test():
    pump = fitted_pump(TMC)
    assert state_of(pump) == ("fault", "post")


@pytest.mark.requirement("DRV-01", "PROG-03")
@pytest.mark.parametrize("spoil", ["restart", "cut"])
def test_a_driver_that_loses_its_settings_or_its_power_stops_the_pump_within_a_second(chip, spoil):
    pump = fitted_pump(TMC, uarts={1: chip}.items())
    infuse(pump)
    pump.run_us(5 * S)
    if spoil == "restart":
        chip.restart()
    else:
        chip.powered = False
    pump.run_us(S)
    assert state_of(pump) == ("alarm", "driver")
    edges = pump.bench.step_edges
    pump.run_us(5 * S)
    assert pump.bench.step_edges == edges


def test_one_garbled_answer_stops_nothing(chip):
    pump = fitted_pump(TMC, uarts={1: chip}.items())
    infuse(pump)
    for _ in range(5):
        chip.garbled = 1
        pump.run_us(2 * S)
    assert controller(pump).state == "infusing"


def test_a_hot_driver_is_told_and_goes_on(chip):
    pump = fitted_pump(TMC, uarts={1: chip}.items())
    infuse(pump)
    chip.registers[0x6F] |= 1
    pump.run_us(2 * S)
    assert controller(pump).alarms.active() == ["driver-hot"]
    assert controller(pump).state == "infusing"
    chip.registers[0x6F] &= ~1
    pump.run_us(2 * S)
    assert controller(pump).alarms.active() == []


# ---- the force sensor ---------------------------------------------------------------------------


def weighed(counts=0):
    sensor = Hx711Chip(18, 19)
    sensor.counts = counts
    return sensor, fitted_pump(HX, connect=[sensor])


@pytest.mark.requirement("DEL-10")
@pytest.mark.parametrize("counts", [0, 1_000_000, -100_000, 3_999_999])
def test_force_is_read_to_the_millinewton(counts):
    _, pump = weighed(counts)
    pump.run_us(2 * S)
    assert pump.bench.pump().hal.force._last_mn == counts * 10_000 // 1_000_000
    assert controller(pump).state == "idle"


@pytest.mark.requirement("DEL-10")
def test_an_occlusion_stops_within_a_second():
    sensor, pump = weighed(500_000)
    infuse(pump)
    pump.run_us(5 * S)
    assert controller(pump).state == "infusing"
    sensor.counts = 4_000_200
    pump.run_us(1_100_000)  # and 0.1 s for the conversion
    assert state_of(pump) == ("alarm", "occlusion")


@pytest.mark.parametrize("counts", [0x7FFFFF, -0x800000])
def test_an_open_or_shorted_bridge_is_seen(counts):
    sensor, pump = weighed()
    infuse(pump)
    # a typical cell: 200 N at full scale would be 8.4 N per 10^6; the rails lie beyond any force
    pump.bench.pump().hal.force._mn_per_megacount = 20_000
    sensor.counts = counts
    pump.run_us(2 * S)
    assert state_of(pump) == ("alarm", "force-sensor")


def test_an_absent_amplifier_is_an_open_sensor():
    pump = fitted_pump(HX)
    pump.run_us(3 * S)
    assert state_of(pump) == ("alarm", "force-sensor")


def test_a_read_that_was_held_up_in_a_pulse_is_not_believed():
    sensor, pump = weighed(1_000_000)
    pump.run_us(S)
    force = pump.bench.pump().hal.force
    assert force._last_mn == 10_000
    sensor.counts = 2_000_000
    pump.run_us(S)
    clock = force._clock

    class Slow:
        """A pin whose fifth pulse an interrupt prolongs."""

        pulses = 0

        def value(self, level):
            clock.value(level)
            if level:
                Slow.pulses += 1
                if Slow.pulses == 5:
                    pump.world.pause_us(70)

    force._clock = Slow()
    for _ in range(20):
        pump.run_us(S // 4)
    assert sensor.switched_off == 1
    assert force._last_mn == 20_000, "the next whole conversion"


# ---- the display --------------------------------------------------------------------------------


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


@pytest.fixture
def seen():
    panel = Ssd1306Chip()
    pump = fitted_pump(SCREEN, i2cs={0: {0x3C: panel}}.items())
    return panel, pump


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
    assert rows_of(panel) == ["STOPPED", "0 mL/h", "0.876 mL", "DISCONNECT"]


@pytest.mark.requirement("DRV-02")
def test_a_display_that_goes_stops_nothing_and_comes_back(seen):
    panel, pump = seen
    infuse(pump)
    bus = pump.world.i2cs[0]
    bus.clear()
    pump.run_us(30 * S)
    assert controller(pump).state == "infusing"
    fresh = Ssd1306Chip()
    bus[0x3C] = fresh
    pump.run_us(15 * S)
    assert fresh.lit() and rows_of(fresh)[0] == "INFUSING"


@pytest.mark.requirement("PWR-02")
def test_a_display_that_is_named_and_absent_fails_the_self_test():
    pump = fitted_pump(SCREEN)
    assert state_of(pump) == ("fault", "post")


def test_a_display_does_not_show_in_the_steps():
    """Every edge in the same cycle as without it."""
    runs = []
    for fitted in ({}, SCREEN):
        pump = fitted_pump(fitted, i2cs={0: {0x3C: Ssd1306Chip()}}.items())
        pump.bench.keep_runs = True
        infuse(pump)
        pump.run_us(60 * S)
        first = pump.bench.step_runs[0][0]
        runs.append([(at - first, period, count) for at, period, count in pump.bench.step_runs])
    assert runs[0] == runs[1]


# ---- the light ----------------------------------------------------------------------------------


@pytest.mark.requirement("ALM-03")
@pytest.mark.parametrize(
    "colour,lit", [("red", (1, 0, 0)), ("yellow", (1, 1, 0)), ("cyan", (0, 1, 1))]
)
def test_one_led_of_three_colours(colour, lit):
    pump = fitted_pump({"LED_RGB": (16, 17, 22)})
    pump.world.limit = FOREVER  # the CPU is the test's
    indicators = pump.bench.pump().hal.indicators
    indicators.show(False, colour, True)
    assert tuple(pump.world.pads.level(pin) for pin in (16, 17, 22)) == lit
    indicators.show(False, colour, False)
    assert not any(pump.world.pads.level(pin) for pin in (16, 17, 22))
