"""``--target`` and ``--board`` pick what the device suite runs on, ``--jig`` helps a real pump;
``device`` is a freshly powered pump on it."""

import argparse

import pytest

from titra.emulator import NoEmulator
from titra.firmware_files import boards
from titra.targets import EMULATOR, TARGETS, is_port, make_target

from .targets import Device, sharing

BOARDS = ("rpi_pico", "esp32_devkitc")  # "both": one for each port of the firmware
VIRTUAL = tuple(name for name in TARGETS if name != EMULATOR)
BOOT_US = 600_000
CHIP_ANSWER_MS = 40


def _target(text):
    if text in (*TARGETS, "both") or is_port(text):
        return text
    raise argparse.ArgumentTypeError("one of %s, both, or a port" % ", ".join(TARGETS))


def pytest_addoption(parser):
    parser.addoption(
        "--target", default="both", type=_target, help="what tests/device runs on: name or port"
    )
    parser.addoption("--jig", default="", help="port of the bench jig of a real pump")
    parser.addoption(
        "--board",
        default="both",
        choices=(*boards(), "both"),
        help="what board tests/device runs on: a folder of boards/, or both: %s"
        % ", ".join(BOARDS),
    )


def _chosen(metafunc, option, names):
    chosen = metafunc.config.getoption(option, default="both")
    return names if chosen == "both" else (chosen,)


def pytest_generate_tests(metafunc):
    if "target_name" in metafunc.fixturenames:
        targets = _chosen(metafunc, "--target", VIRTUAL)
        several = BOARDS[:1] if is_port(targets[0]) else BOARDS  # a port has one board
        names = [
            "%s-%s" % (target, board)
            for target in targets
            for board in _chosen(metafunc, "--board", several)
        ]
        metafunc.parametrize("target_name", names, scope="session")


def _device(name, config):
    target_name, _, board = name.rpartition("-")
    try:
        target = make_target(target_name, board, config.getoption("--jig"))
    except NoEmulator as reason:
        pytest.skip(str(reason))
    device = Device(target, 0 if target_name in VIRTUAL else CHIP_ANSWER_MS)
    device.run_us(BOOT_US)
    return device, target


@pytest.fixture
def device(target_name, pytestconfig):
    """A pump of the test's own, just powered on."""
    made, target = _device(target_name, pytestconfig)
    yield made
    target.close()


@pytest.fixture(scope=sharing)
def shared_device(target_name, pytestconfig):
    """A pump for all tests of a module that leave it as it was."""
    made, target = _device(target_name, pytestconfig)
    yield made
    target.close()
