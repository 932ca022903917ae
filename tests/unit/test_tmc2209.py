"""The TMC2209 driver against a model of the chip that was written from the data sheet."""

import pytest

from boards.sim.parts.tmc2209 import DRV_STATUS, GSTAT, IFCNT, STST, Tmc2209Chip
from pump.drivers import tmc2209
from pump.drivers.tmc2209 import Tmc2209, crc8, current_scale


class Line:
    """A UART with the chip at its other end, without time."""

    def __init__(self, chip):
        self.chip, self.heard = chip, b""

    def any(self):
        return len(self.heard)

    def write(self, data):
        self.heard += self.chip.receive(bytes(data))

    def read(self, count=-1):
        count = len(self.heard) if count < 0 else count
        taken, self.heard = self.heard[:count], self.heard[count:]
        return taken or None


def made(microsteps=16, **more):
    chip = Tmc2209Chip()
    return chip, Tmc2209(Line(chip), 600, 300, microsteps, **more)


def test_crc_of_a_recorded_exchange():
    """Seen on a real chip: request for IOIN and its answer."""
    assert crc8(bytes.fromhex("550006")) == 0xE8
    assert crc8(bytes.fromhex("05ff0621000241")) == 0x9D


@pytest.mark.requirement("DRV-01")
@pytest.mark.parametrize("microsteps", [1, 2, 4, 8, 16, 32, 64, 128, 256])
def test_set_up_makes_the_microsteps_asked_for(microsteps):
    chip, driver = made(microsteps)
    assert chip.microsteps() == 8, "as its pins say"
    assert driver.check() == "not-set-up"
    assert driver.set_up() == "" == driver.check()
    assert chip.microsteps() == microsteps
    assert chip.registers[tmc2209.GSTAT] == 0


def test_currents():
    """From the data sheet's formula: 31 is 1.77 A with 0.11 ohm, 0.98 A in the low range."""
    assert current_scale(1768, 110) == (31, False)
    assert current_scale(980, 110) == (31, True)
    assert current_scale(1010, 110) == (17, False)
    assert current_scale(31, 110) == (0, True)
    for wrong in (30, 1830):
        with pytest.raises(ValueError):
            current_scale(wrong, 110)
    chip, driver = made()
    driver.set_up()
    run = chip.registers[tmc2209.IHOLD_IRUN] >> 8 & 31
    hold = chip.registers[tmc2209.IHOLD_IRUN] & 31
    assert (run, hold) == (18, 8) and chip.registers[tmc2209.CHOPCONF] & tmc2209.LOW_SENSE


@pytest.mark.parametrize("wanted", [False, True])
def test_interpolation_by_choice(wanted):
    chip, driver = made(interpolate=wanted)
    driver.set_up()
    assert bool(chip.registers[tmc2209.CHOPCONF] & tmc2209.INTERPOLATE) is wanted


@pytest.mark.parametrize("wrong", [0, 3, 48, 512])
def test_microsteps_that_it_cannot_make(wrong):
    with pytest.raises(ValueError):
        made(wrong)


def test_no_more_current_at_rest_than_in_motion():
    with pytest.raises(ValueError):
        Tmc2209(Line(Tmc2209Chip()), 300, 600, 16)


@pytest.mark.requirement("DRV-01")
@pytest.mark.parametrize(
    "bits,says",
    [
        (1, "hot"),
        (3, "overheated"),
        (4, "short"),
        (8, "short"),
        (16, "short"),
        (32, "short"),
        (0xC0, ""),  # open load
    ],
)
def test_flags(bits, says):
    chip, driver = made()
    driver.set_up()
    chip.registers[DRV_STATUS] |= bits
    assert driver.check() == says


@pytest.mark.requirement("DRV-01")
def test_a_driver_that_shut_itself_down_is_a_fault_also_when_it_has_cooled():
    chip, driver = made()
    driver.set_up()
    chip.registers[GSTAT] = 2
    assert driver.check() == "shut-down" == driver.check()
    assert driver.set_up() == ""


FAST, SLOW = 20, 19  # steps between two looks


@pytest.mark.requirement("DRV-01")
@pytest.mark.parametrize(
    "counts, says",
    [
        ([0, FAST], "standstill"),
        ([0, SLOW, 2 * SLOW], ""),
        ([0, FAST, FAST + SLOW], ""),
        ([0, FAST, 2 * FAST], "standstill"),
        ([(1 << 32) - 1, FAST - 1], "standstill"),  # the counter wraps
        ([FAST], ""),  # the first look of a motion
        ([0, None, FAST], ""),  # a motion of its own
        ([0, FAST, None], ""),  # at rest
    ],
)
def test_standstill_while_steps_are_counted(counts, says):
    chip, driver = made()
    driver.set_up()
    for steps in counts:
        said = driver.check(steps)
    assert said == says
    chip.registers[DRV_STATUS] &= ~STST
    assert driver.check(0) == driver.check(1000) == ""


def test_a_standstill_does_not_hide_what_is_worse():
    chip, driver = made()
    driver.set_up()
    chip.registers[DRV_STATUS] |= 5
    driver.check(0)
    assert driver.check(FAST) == "short"


@pytest.mark.requirement("DRV-01")
def test_a_dip_of_its_supply_is_a_fault_until_it_is_set_up_again():
    chip, driver = made()
    driver.set_up()
    chip.restart()
    assert chip.microsteps() != 16
    assert driver.check() == "reset" == driver.check()
    assert driver.set_up() == "" and chip.microsteps() == 16
    chip.registers[tmc2209.GSTAT] = 4
    assert driver.check() == "undervoltage"


@pytest.mark.requirement("DRV-01", "PWR-02")
def test_absent_other_and_deaf_chips_are_told_apart():
    chip, driver = made()
    chip.powered = False
    assert driver.set_up() == "no-answer" and driver.check() == "not-set-up"
    chip.powered = True
    chip.registers[tmc2209.IOIN] = 0x20000000
    assert driver.set_up() == "version"
    chip.registers[tmc2209.IOIN] = 0x21000000
    take = chip._take
    chip._take = lambda register, value: register == tmc2209.GCONF or take(register, value)
    assert driver.set_up() == "not-taken", "one write of five was lost"


def test_a_value_that_was_not_kept_is_found():
    chip, driver = made()

    def forget(register, value):
        chip.registers[IFCNT] = chip.registers[IFCNT] + 1 & 0xFF

    chip._take = forget
    assert driver.set_up() == "not-taken"


@pytest.mark.parametrize("garbled", [1, 2])
def test_a_garbled_answer_is_none(garbled):
    chip, driver = made()
    driver.set_up()
    chip.garbled = garbled
    assert driver.check() == "no-answer"
    driver.check()
    assert driver.check() == ""


def test_rubbish_on_the_line_before_a_request_does_not_matter():
    chip, driver = made()
    driver.set_up()
    driver._uart.heard = b"\x00\xff"
    assert driver.check() == ""


def test_an_answer_for_another_register_is_none():
    chip, driver = made()
    driver.set_up()
    receive = chip.receive
    chip.receive = lambda data: receive(data)[:4] + receive(bytes.fromhex("550006e8"))[4:]
    assert driver.check() == "no-answer"
