"""The target of a real pump (titra.hardware), tried on a simulated pump and a simulated jig."""

import pytest

from tests.device import test_step_instants
from tests.device.targets import Device
from tests.device.therapies import SHORT, SHORT_STEPS, TINY, TINY_STEPS
from tests.hardware.bench import WiredPump
from tests.hardware.silicon import LOOP, POWER, STEP, JigChip
from titra.errors import JigError, PortAbsent, PumpSilent
from titra.hardware import BOOT_S, HardwareTarget, Jig
from titra.targets import BUTTON, FREEZE, STAMPS, STEPS, TARGETS, is_port, make_target
from titra.targets import POWER as SWITCH

pytestmark = pytest.mark.requirement("HW-07")
SECOND_US = 1_000_000


@pytest.fixture
def chip():
    made = JigChip()
    made.run_us(20_000)
    yield made
    made.close()


@pytest.fixture
def pump(chip):
    made = WiredPump(chip)
    yield made
    made.end()


@pytest.fixture
def target(chip, pump):
    return HardwareTarget(pump.open, Jig(chip), "rpi_pico")


def test_infusion_counted_by_the_jig(target):
    device = Device(target)
    device.run_us(SECOND_US)
    assert device.names() == ["boot"]
    device.infuse(TINY)
    device.run_us(60 * SECOND_US)
    assert (device.state, device.step_edges) == ("complete", TINY_STEPS)
    told = target.jig.ask("steps")
    assert told["edges"] == told["stamped"]
    assert int(told["edges"]) > TINY_STEPS  # the self-test's are edges, not steps


def test_step_instants_stamped_by_the_jig(target):
    device = Device(target)
    device.run_us(SECOND_US)
    test_step_instants.test_each_step_comes_at_its_instant(device)


def test_stamps_of_more_than_a_minute_go_on(target, chip):
    first = chip.world.now + 10_000
    apart = 60 * 125_000_000
    for nth in range(3):
        chip.at(first + nth * apart, STEP, 1)
        chip.at(first + nth * apart + 258, STEP, 0)
    chip.run_to(first + 3 * apart)
    assert target.step_instants_ns(3) == [0, 60 * 10**9, 120 * 10**9]


def test_a_step_that_was_not_stamped_is_told(target, chip):
    first = chip.world.now + 10_000
    for nth in range(60):
        chip.at(first + 20 * nth, STEP, 1)
        chip.at(first + 20 * nth + 10, STEP, 0)
    chip.run_us(20_000)
    with pytest.raises(JigError, match="stamped [0-9]+ of [0-9]+ edges"):
        target.step_instants_ns(1)


def test_stop_loop_in_the_hands_of_the_jig(target):
    device = Device(target)
    device.run_us(SECOND_US)
    device.infuse(SHORT)
    device.run_us(SECOND_US)
    device.press()
    device.run_us(SECOND_US)
    assert device.last_event("stopped")["cause"] == "disconnect"
    assert 0 < device.step_edges < SHORT_STEPS
    assert device.moves_in(SECOND_US) == 0
    device.release()
    device.ask("ack")
    assert device.state == "idle"


def test_power_cut_closes_the_port_and_opens_it_anew(target, pump):
    device = Device(target)
    device.run_us(SECOND_US)
    device.infuse(SHORT)
    device.run_us(SECOND_US)
    device.power_cut()
    device.run_us(SECOND_US)
    assert device.names().count("boot") == 2
    assert device.state == "stopped"
    assert pump.opened == 2


def test_left_stopped_and_without_power(target, chip):
    target.close()
    assert (chip.pads.level(LOOP), chip.pads.level(POWER)) == (0, 0)


def test_a_virtual_freeze_is_beyond_a_jig(target):
    assert set(target.capabilities) >= {BUTTON, STEPS, STAMPS, SWITCH}
    assert FREEZE not in target.capabilities
    with pytest.raises(NotImplementedError):
        target.freeze()


def test_without_a_jig_its_tests_are_skipped_and_say_why(pump, chip):
    chip.ask("power on")
    chip.ask("release")
    device = Device(HardwareTarget(pump.open, None, "rpi_pico"))
    assert device.state == "idle"
    for use in (
        device.press,
        device.release,
        device.power_cut,
        lambda: device.step_edges,
        lambda: device.step_instants_ns(1),
    ):
        with pytest.raises(pytest.skip.Exception, match="target has no [a-z]+-[a-z]+"):
            use()


def test_without_a_jig_the_same_ids_may_come_again(pump, chip):
    chip.ask("power on")
    chip.ask("release")
    for _ in range(3):
        device = Device(HardwareTarget(pump.open, None, "rpi_pico"))
        device.program(TINY)
        assert device.state == "ready"


def test_without_a_jig_a_busy_pump_starts_anew(pump, chip):
    chip.ask("power on")
    chip.ask("release")
    first = Device(HardwareTarget(pump.open, None, "rpi_pico"))
    first.infuse(SHORT)
    first.run_us(SECOND_US)
    device = Device(HardwareTarget(pump.open, None, "rpi_pico"))
    assert (device.state, device.names()) == ("idle", ["boot"])


class Mute:
    """A port at which nobody answers, or always the same."""

    name = "/dev/mute"

    def __init__(self, answer=b""):
        self._answer = answer
        self._now = 0

    def write(self, data):
        pass

    def read(self, timeout_s):
        self._now += timeout_s
        return self._answer

    def clock(self):
        return self._now

    def close(self):
        pass


@pytest.mark.parametrize(
    ("answer", "said"), [(b"", "does not answer"), (b"Titra,rpi_pico,1,0.1.0\n", "no bench jig")]
)
def test_no_jig_there(answer, said):
    with pytest.raises(JigError, match=said):
        Jig(Mute(answer))


def test_a_jig_that_was_left_in_the_midst_of_a_line(chip):
    chip.write(b"steps\nrele")
    assert Jig(chip).ask("press") == {"loop": "open"}


def test_a_jig_that_refuses(chip):
    with pytest.raises(JigError, match="power up was answered with: err code=on-or-off"):
        Jig(chip).ask("power up")


def test_a_pump_that_stays_silent(chip):
    with pytest.raises(PumpSilent):
        HardwareTarget(Mute, Jig(chip), "rpi_pico")


def test_a_pump_without_a_jig_that_stays_silent():
    with pytest.raises(PumpSilent, match="does not start anew"):
        HardwareTarget(Mute, None, "rpi_pico")


def test_a_port_that_does_not_come_back(chip, pump):
    def absent():
        raise PortAbsent("gone")

    jig = Jig(chip)
    before = jig.clock()
    with pytest.raises(PortAbsent):
        HardwareTarget(absent, jig, "rpi_pico")
    assert jig.clock() - before > BOOT_S


def test_ports_by_name(monkeypatch, pump, chip):
    ports = {"/dev/pump": pump, "/dev/jig": chip}
    monkeypatch.setattr("titra.hardware.open_transport", ports.__getitem__)
    device = Device(make_target("/dev/pump", "rpi_pico", "/dev/jig"))
    device.run_us(SECOND_US)
    assert device.names() == ["boot"]


def test_what_is_a_port():
    named = ("/dev/ttyACM0", "socket://bench:4000", "rfc2217://bench:4000")
    assert all(is_port(name) for name in named)
    assert not any(is_port(name) for name in (*TARGETS, "both", "ttyACM0"))
