"""From motor steps to piston travel to volume: the geometry of screw and syringe.

A board file fills in ``Mechanics``; the default is the reference bench (M5x0.8 screw, 200 full
steps per turn, 1/16 microsteps).  Lengths are in um, volumes in nL, both exact ratios.
"""

from micropython import const

from pump.core.quantity import parse
from pump.core.ramp import Ramp
from pump.core.ratio import div, make, mul

# pi to 20 decimals (OEIS A000796), taken as exact: its error moves 60 mL by less than 1e-12 nL.
_PI = const((314159265358979323846, 10**20))
# After so many the currents of a two-phase motor are the same again.
_FULL_STEPS_PER_CYCLE = const(4)


class Mechanics:
    """What the bench can do.

    lead           piston travel per turn of the screw, with unit ("0.8mm")
    full_steps     full steps per turn of the motor
    microsteps     microsteps per full step
    max_step_hz    fastest microstep rate of driver and step generator
    start_stop_hz  fastest microstep rate from standstill; faster phases begin and end in stairs
    acceleration_hz_per_s  how fast the rate may change above that, microsteps/s^2
    slowest_step_s longest time between two microsteps that still counts as an infusion

    The default rates are engineering choices for a NEMA 17 at 1/16: 10 kHz is 3.1 turns/s and
    lets a 10 mL syringe run at 1200 mL/h (8.2 kHz); 5 kHz is 94 rpm, and 50 kHz/s 16 turns/s^2.
    """

    def __init__(
        self,
        lead: str = "0.8mm",
        full_steps: int = 200,
        microsteps: int = 16,
        max_step_hz: int = 10000,
        start_stop_hz: int = 5000,
        acceleration_hz_per_s: int = 50000,
        slowest_step_s: int = 60,
    ) -> None:
        self.lead_um = parse("lead", lead, "length")
        self.microsteps = microsteps
        self.steps_per_turn = full_steps * microsteps
        self.steps_per_cycle = _FULL_STEPS_PER_CYCLE * microsteps
        self.max_hz = max_step_hz
        for value in (
            self.lead_um[0],
            self.steps_per_turn,
            max_step_hz,
            start_stop_hz,
            slowest_step_s,
        ):
            if value < 1:
                raise ValueError("mechanics must be positive")
        self.start_stop_hz = start_stop_hz
        self.acceleration_hz_per_s = acceleration_hz_per_s
        self.ramp = Ramp(start_stop_hz, acceleration_hz_per_s, max_step_hz)
        self.slowest_step_s = slowest_step_s

    def volume_per_step_nl(self, diameter_um: tuple[int, int]) -> tuple[int, int]:
        """Return nL per microstep: pi/4 d^2 lead / steps per turn (1 nL = 10^6 um^3)."""
        square = mul(diameter_um, diameter_um)
        per_turn = mul(mul(_PI, square), self.lead_um)
        return div(per_turn, make(4 * 10**6 * self.steps_per_turn))
