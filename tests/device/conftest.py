"""``--target`` and ``--board`` pick what the device suite runs on; ``device`` is a freshly powered
pump on it."""

import pytest

from titra.emulator import NoEmulator
from titra.targets import EMULATOR, TARGETS, make_target

from .targets import Device

BOARDS = ("rpi_pico", "esp32_devkitc")
VIRTUAL = tuple(name for name in TARGETS if name != EMULATOR)
BOOT_US = 600_000


def pytest_addoption(parser):
    parser.addoption(
        "--target", default="both", choices=(*TARGETS, "both"), help="what tests/device runs on"
    )
    parser.addoption(
        "--board", default="both", choices=(*BOARDS, "both"), help="which board tests/device runs"
    )


def _chosen(metafunc, option, names):
    chosen = metafunc.config.getoption(option, default="both")
    return names if chosen == "both" else (chosen,)


def pytest_generate_tests(metafunc):
    if "target_name" in metafunc.fixturenames:
        names = [
            "%s-%s" % (target, board)
            for target in _chosen(metafunc, "--target", VIRTUAL)
            for board in _chosen(metafunc, "--board", BOARDS)
        ]
        metafunc.parametrize("target_name", names, scope="session")


def _device(name):
    target_name, board = name.split("-")
    try:
        target = make_target(target_name, board)
    except NoEmulator as reason:
        pytest.skip(str(reason))
    device = Device(target)
    device.run_us(BOOT_US)
    return device, target


@pytest.fixture
def device(target_name):
    """A pump of the test's own, just powered on."""
    made, target = _device(target_name)
    yield made
    target.close()


@pytest.fixture(scope="module")
def shared_device(target_name):
    """A pump for all tests of a module that leave it as it was."""
    made, target = _device(target_name)
    yield made
    target.close()
