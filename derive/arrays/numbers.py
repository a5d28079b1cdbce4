"""Numbers that floats stand for: 1.4142135623730951 is √2, 0.1111111111111111 is 1/9."""

from __future__ import annotations

import math
from fractions import Fraction

SHORT = 12  # a number written with fewer characters is meant as it is written
LARGEST = 12  # the greatest numerator and denominator under a root
MOST = 1000  # the greatest denominator


def as_quotient(value: float) -> Fraction | None:
    """The quotient of small whole numbers that a float is to its last digit: 0.1111111111111111 is 1/9."""
    quotient = Fraction(value).limit_denominator(MOST)
    return quotient if len(repr(value)) > SHORT and float(quotient) == value else None


def as_root(value: float) -> tuple[Fraction, int] | None:
    """``(r, p)`` for a positive float that is ``sqrt(r * π**p)`` to its last digit, p being 0, 1 or -1."""
    if len(repr(value)) <= SHORT:
        return None
    for power in (0, 1, -1):
        square = Fraction(value**2 / math.pi**power).limit_denominator(LARGEST)
        if 0 < square <= LARGEST and math.sqrt(float(square) * math.pi**power) == value:
            return square, power
    return None
