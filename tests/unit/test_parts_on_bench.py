"""What surrounds the motor, fitted to each simulated board: the board file's wiring at the pins
that wiring.toml names for it, the ports' own code, models of the parts at those pins."""

import tomllib
from pathlib import Path

import pytest

from boards.sim.parts.hx711 import Hx711Chip
from boards.sim.parts.ssd1306 import Ssd1306Chip
from boards.sim.parts.tmc2209 import CHOPCONF, DRV_STATUS, Tmc2209Chip
from boards.sim.world import FOREVER
from pump.drivers.ssd1306 import CHARACTERS, FONT, GLYPH_COLUMNS
from tests.faults.rig import Prepared

S = 1_000_000
THERAPY = "weight=70kg dose=0.5mg/kg over=40min concentration=1mg/mL syringe=bd-60"
SLOW = "rate=10mL/h volume=5mL syringe=bd-60"  # 20 steps a second
BOARDS = ("rpi_pico", "rpi_pico2", "esp32_devkitc")
ROOT = Path(__file__).resolve().parents[2]
IHOLD_IRUN, TPOWERDOWN = 0x10, 0x11


def pins_of(board, part):
    """The pins that wiring.toml has for ``part``."""
    wiring = tomllib.loads((ROOT / "boards" / board / "wiring.toml").read_text())
    return tuple(wiring["parts"][part]["pins"])


@pytest.fixture(params=BOARDS)
def board(request):
    return request.param


def fitted_pump(board, fitted, prepare=lambda world: None):
    """A driven pump whose board file names what is ``fitted``; ``prepare(world)`` puts models at
    the other ends."""

    def before(bench):
        bench.fitted = dict(fitted)
        prepare(bench.world)

    return Prepared(before, board=board)


def controller(pump):
    return pump.bench.pump().controller


def state_of(pump):
    return controller(pump).state, controller(pump).cause


def infuse(pump, therapy=THERAPY):
    pump.ask(pump.program(therapy))
    assert controller(pump).state == "infusing"


# ---- the motor driver ---------------------------------------------------------------------------


@pytest.fixture
def chip():
    return Tmc2209Chip()


def driven_by(board, chip, **more):
    """A pump with ``chip`` at the wires of DRIVER_UART, STEP (behind a gate, if any) and EN."""
    pins = pins_of(board, "DRIVER_UART")
    fitted = dict(more, DRIVER_UART=pins)
    pump = fitted_pump(board, fitted, lambda world: world.uarts.update({pins: chip}))
    chip.connect(pump.world, getattr(pump.board, "COUNT", pump.board.STEP), pump.board.ENABLE)
    return pump


@pytest.mark.requirement("DRV-01")
def test_the_driver_is_set_up_before_the_motor_can_move(board, chip):
    pump = driven_by(board, chip)
    assert controller(pump).state == "idle"
    assert chip.microsteps() == 16
    assert not chip.drives()
    infuse(pump)
    assert chip.drives()
    pump.run_us(10 * S)
    assert controller(pump).state == "infusing"
    assert 1_000 < chip.made == pump.bench.step_edges


@pytest.mark.requirement("DRV-01")
@pytest.mark.parametrize("interpolates", [False, True])
def test_the_driver_has_the_settings_of_the_board_file(board, chip, interpolates):
    """800 mA is 26/32 of what 0.11 ohm gives in the low range; a quarter of that is 6/32."""
    wanted = {"DRIVER_RUN_MA": 800, "DRIVER_HOLD_MA": 200, "DRIVER_INTERPOLATES": interpolates}
    driven_by(board, chip, **wanted)
    currents = chip.registers[IHOLD_IRUN]
    assert (currents & 31, currents >> 8 & 31, currents >> 16 & 15) == (5, 25, 8)
    assert chip.registers[TPOWERDOWN] == 20
    chopper = chip.registers[CHOPCONF]
    assert chopper >> 28 & 1 == interpolates
    assert (chopper & 15, chopper >> 17 & 1, chopper >> 24 & 15) == (3, 1, 4)


@pytest.mark.requirement("DRV-01", "PWR-02")
def test_an_absent_driver_fails_the_self_test(board):
    pump = fitted_pump(board, {"DRIVER_UART": pins_of(board, "DRIVER_UART")})
    assert state_of(pump) == ("fault", "post")
    assert b"driver=no-answer" in pump.sent


@pytest.mark.requirement("DRV-01", "PROG-03")
@pytest.mark.parametrize("spoil", ["restart", "cut"])
def test_a_driver_that_loses_its_settings_or_its_power_stops_the_pump_within_a_second(
    board, chip, spoil
):
    pump = driven_by(board, chip)
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


@pytest.mark.requirement("DRV-01")
def test_a_broken_wire_to_step_stops_the_pump(board, chip):
    """The counter before the driver sees nothing of it."""
    pump = driven_by(board, chip)
    infuse(pump)
    pump.run_us(5 * S)
    chip.stepped = False
    pump.run_us(1_200_000)
    assert state_of(pump) == ("alarm", "driver")


def test_a_driver_at_rest_between_slow_steps_is_sound(board, chip):
    pump = driven_by(board, chip)
    infuse(pump, SLOW)
    pump.run_us(10 * S)
    assert controller(pump).state == "infusing"


@pytest.mark.parametrize("moves_us, rests_us", [(1_300_000, 700_000), (350_000, 120_000)])
def test_a_driver_at_rest_in_a_pause_is_sound(board, chip, moves_us, rests_us):
    pump = driven_by(board, chip)
    infuse(pump)
    for _ in range(12):
        pump.run_us(moves_us)
        pump.ask("pause")
        pump.run_us(rests_us)
        pump.ask("resume")
    assert controller(pump).state == "infusing" and controller(pump).alarms.active() == []


def test_one_garbled_answer_stops_nothing(chip):
    pump = driven_by("rpi_pico", chip)
    infuse(pump)
    for _ in range(5):
        chip.garbled = 1
        pump.run_us(2 * S)
    assert controller(pump).state == "infusing"


def test_a_hot_driver_is_told_and_goes_on(chip):
    pump = driven_by("rpi_pico", chip)
    infuse(pump)
    chip.registers[DRV_STATUS] |= 1
    pump.run_us(2 * S)
    assert controller(pump).alarms.active() == ["driver-hot"]
    assert controller(pump).state == "infusing"
    chip.registers[DRV_STATUS] &= ~1
    pump.run_us(2 * S)
    assert controller(pump).alarms.active() == []


# ---- the force sensor ---------------------------------------------------------------------------


def weighed(counts=0, board="rpi_pico"):
    pins = pins_of(board, "FORCE_HX711")
    sensor = Hx711Chip(*pins)
    sensor.counts = counts
    return sensor, fitted_pump(board, {"FORCE_HX711": pins}, sensor.connect)


@pytest.mark.requirement("DEL-10")
@pytest.mark.parametrize("counts", [0, 1_000_000, -100_000, 3_999_999])
def test_force_is_read_to_the_millinewton(board, counts):
    _, pump = weighed(counts, board)
    pump.run_us(2 * S)
    assert pump.bench.pump().hal.force._last_mn == counts * 10_000 // 1_000_000
    assert controller(pump).state == "idle"


@pytest.mark.requirement("DEL-10")
def test_an_occlusion_stops_within_a_second(board):
    sensor, pump = weighed(500_000, board)
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


def test_an_absent_amplifier_is_an_open_sensor(board):
    pump = fitted_pump(board, {"FORCE_HX711": pins_of(board, "FORCE_HX711")})
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


# ---- analogue inputs and the limit switch -------------------------------------------------------


@pytest.fixture
def sensed(board):
    """A pump with an amplified force sensor, a supply divided by three and a limit switch; the
    levels at their pins."""
    pins = {name: pins_of(board, name)[0] for name in ("FORCE", "SUPPLY", "TRAVEL")}
    fitted = dict(pins, FORCE_FULL_MN=100_000, SUPPLY_DIVIDER=3)

    def prepare(world):
        world.volts_mv.update({pins["FORCE"]: 330, pins["SUPPLY"]: 1_667})
        world.pads.drive(pins["TRAVEL"], 0)

    return fitted_pump(board, fitted, prepare), pins


@pytest.mark.requirement("DEL-10", "PWR-06")
@pytest.mark.parametrize("volts_mv, mn", [(330, 0), (1_650, 40_000), (2_970, 80_000)])
def test_voltages_become_force_and_supply(sensed, volts_mv, mn):
    """A twelfth bit is 24 mN and 3 mV here."""
    pump, pins = sensed
    hal = pump.bench.pump().hal
    pump.world.limit = FOREVER  # the CPU is the test's
    pump.world.volts_mv.update({pins["FORCE"]: volts_mv, pins["SUPPLY"]: volts_mv})
    assert abs(hal.force.read_mn() - mn) <= 50
    assert abs(hal.supply.read_mv() - 3 * volts_mv) <= 5


@pytest.mark.requirement("DEL-10", "DEL-13", "PWR-06")
@pytest.mark.parametrize(
    "part, level, cause",
    [
        ("FORCE", 1_720, "occlusion"),  # 42 N
        ("FORCE", 0, "force-sensor"),
        ("SUPPLY", 1_300, "supply-critical"),  # 3.9 V
        ("TRAVEL", None, "limit-switch"),
    ],
)
def test_what_a_sensor_sees_stops_within_a_second(sensed, part, level, cause):
    pump, pins = sensed
    infuse(pump)
    pump.run_us(5 * S)
    assert controller(pump).state == "infusing"
    if part == "TRAVEL":
        pump.world.pads.drive(pins[part], level)
    else:
        pump.world.volts_mv[pins[part]] = level
    pump.run_us(S)
    assert state_of(pump) == ("alarm", cause)


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


# ---- the light ----------------------------------------------------------------------------------


@pytest.mark.requirement("ALM-03")
@pytest.mark.parametrize(
    "colour,lit", [("red", (1, 0, 0)), ("yellow", (1, 1, 0)), ("cyan", (0, 1, 1))]
)
def test_one_led_of_three_colours(board, colour, lit):
    pins = pins_of(board, "LED_RGB")
    pump = fitted_pump(board, {"LED_RGB": pins})
    pump.world.limit = FOREVER  # the CPU is the test's
    indicators = pump.bench.pump().hal.indicators
    indicators.show(False, colour, True)
    assert tuple(pump.world.pads.level(pin) for pin in pins) == lit
    indicators.show(False, colour, False)
    assert not any(pump.world.pads.level(pin) for pin in pins)
