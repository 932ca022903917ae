"""Exact ratios of integers: tuples (n, d) with d > 0, always in lowest terms.

The only number type of the dose core.  Integers are unbounded; the sizes met in planning stay
below some 300 bits, so that one reduction (Euclid) takes at most a few hundred cheap turns.
"""

ZERO = (0, 1)


def gcd(a: int, b: int) -> int:
    """Return the greatest common divisor of |a| and |b| (MicroPython has no math.gcd)."""
    a, b = abs(a), abs(b)
    while b:
        a, b = b, a % b
    return a


def lcm(a: int, b: int) -> int:
    """Return the least common multiple of a, b > 0."""
    return a // gcd(a, b) * b


def make(n: int, d: int = 1) -> tuple[int, int]:
    """Return n/d in lowest terms, denominator positive; d = 0 raises ZeroDivisionError."""
    if d == 0:
        raise ZeroDivisionError("ratio")
    if d < 0:
        n, d = -n, -d
    shared = gcd(n, d)
    return n // shared, d // shared


def add(a: tuple[int, int], b: tuple[int, int]) -> tuple[int, int]:
    """Return a + b."""
    return make(a[0] * b[1] + b[0] * a[1], a[1] * b[1])


def sub(a: tuple[int, int], b: tuple[int, int]) -> tuple[int, int]:
    """Return a - b."""
    return make(a[0] * b[1] - b[0] * a[1], a[1] * b[1])


def mul(a: tuple[int, int], b: tuple[int, int]) -> tuple[int, int]:
    """Return a * b."""
    return make(a[0] * b[0], a[1] * b[1])


def div(a: tuple[int, int], b: tuple[int, int]) -> tuple[int, int]:
    """Return a / b; b = 0 raises ZeroDivisionError."""
    return make(a[0] * b[1], a[1] * b[0])


def compare(a: tuple[int, int], b: tuple[int, int]) -> int:
    """Return -1, 0 or 1 as a is below, equal to or above b; exact, cross-multiplied."""
    left = a[0] * b[1]
    right = b[0] * a[1]
    return (left > right) - (left < right)


def floor(a: tuple[int, int]) -> int:
    """Return the largest integer not above a."""
    return a[0] // a[1]


def half_up(a: tuple[int, int]) -> int:
    """Return a rounded to the nearest integer, ties up: floor(a + 1/2).  a < 0: ValueError."""
    if a[0] < 0:
        raise ValueError("half_up of a negative ratio")
    return (2 * a[0] + a[1]) // (2 * a[1])
