"""A simulated board with parts around its motor: the board file's wiring at the pins that
wiring.toml names for it, the ports' own code, models of the parts at those pins."""

import tomllib
from pathlib import Path

from tests.faults.rig import Prepared

S = 1_000_000
THERAPY = "weight=70kg dose=0.5mg/kg over=40min concentration=1mg/mL syringe=bd-60"
SLOW = "rate=10mL/h volume=5mL syringe=bd-60"  # 20 steps a second
BOARDS = ("rpi_pico", "rpi_pico2", "esp32_devkitc")
ROOT = Path(__file__).resolve().parents[2]


def pins_of(board, part):
    """The pins that wiring.toml has for ``part``."""
    wiring = tomllib.loads((ROOT / "boards" / board / "wiring.toml").read_text())
    return tuple(wiring["parts"][part]["pins"])


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
