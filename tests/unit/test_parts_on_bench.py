"""What surrounds the motor, fitted to each simulated board (parts_bench)."""

import pytest
from parts_bench import BOARDS, SLOW, S, controller, fitted_pump, infuse, pins_of, state_of

from boards.sim.parts.hx711 import Hx711Chip
from boards.sim.parts.tmc2209 import CHOPCONF, DRV_STATUS, Tmc2209Chip
from boards.sim.world import FOREVER

IHOLD_IRUN, TPOWERDOWN = 0x10, 0x11


@pytest.fixture(params=BOARDS)
def board(request):
    return request.param


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
