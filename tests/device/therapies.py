"""Prescriptions and the steps they come to, worked out by hand arithmetic here.

A bd-60 on the reference bench (0.8 mm lead, 3200 microsteps a turn, 26.59 mm bore) gives
pi/4 x 26.59^2 x 0.8 / 3200 mm^3 = 138.8246 nL a microstep.
"""

from fractions import Fraction

PI = Fraction(314159265358979323846, 10**20)


def step_nl(bore_mm: str) -> Fraction:
    """Volume of a microstep."""
    return PI / 4 * Fraction(bore_mm) ** 2 * Fraction("0.8") / 3200 * 1000


def steps_of(volume_ml: str, bore_mm: str = "26.59") -> int:
    """Steps nearest to a volume."""
    return int(Fraction(volume_ml) * 10**6 / step_nl(bore_mm) + Fraction(1, 2))


REST = "concentration=1mg/mL syringe=bd-60"
# 0.35 mL in 20 s: 63 mL/h, 126 steps a second
SHORT = "weight=70kg dose=0.005mg/kg over=20s " + REST
SHORT_STEPS = steps_of("0.35")
SHORT_US = 20_000_000
# 3.5 mL in 2 min: 105 mL/h, 210 steps a second
WHOLE = "weight=70kg dose=0.05mg/kg over=2min " + REST
WHOLE_STEPS = steps_of("3.5")
WHOLE_US = 120_000_000
# 0.0175 mL in 1 s: 63 mL/h again
TINY = "weight=70kg dose=0.00025mg/kg over=1s " + REST
TINY_STEPS = steps_of("0.0175")
TINY_US = 1_000_000
# 0.035 mL in 2 s: outlasts the shortest host lease
BRIEF = "weight=70kg dose=0.0005mg/kg over=2s " + REST
BRIEF_STEPS = steps_of("0.035")
BRIEF_US = 2_000_000
TAIL_US = 150_000  # a start is answered before it moves, and a chip takes 40 ms for a line
