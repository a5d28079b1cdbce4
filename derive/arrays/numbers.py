"""Numbers that floats stand for: 0.1 is one tenth, 0.3333333333333333 a third, 1.4142135623730951 is √2."""

from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction

SHORT = 12  # a number written with fewer characters is meant as it is written
LARGEST = 12  # the greatest numerator and denominator under a root
PARTS = 1000  # the greatest denominator of a ratio that is not a short decimal


def stands_for(value: float, text: str = "") -> Fraction:
    """The rational that a float is meant as: what it is written as, or a ratio that it is to its last digit."""
    written = text or repr(value)
    ratio = Fraction(value).limit_denominator(PARTS)
    if len(written) > SHORT and float(ratio) == value:
        return ratio
    return Fraction(Decimal(written))


def is_plain(value: Fraction) -> bool:
    """True for a rational that its float stands for, so that code can say it."""
    return value.denominator <= PARTS or Fraction(repr(float(value))) == value


def as_turns(value: float) -> Fraction | None:
    """``r`` for a float that is ``r * π`` to its last digit; of large floats that could be said of any."""
    if len(repr(value)) <= SHORT:
        return None
    turns = Fraction(value / math.pi).limit_denominator(LARGEST)
    return turns if 0 < abs(turns) <= PARTS and float(turns) * math.pi == value else None


def as_root(value: float) -> tuple[Fraction, int] | None:
    """``(r, p)`` for a positive float that is ``sqrt(r * π**p)`` to its last digit, p being 0, 1 or -1."""
    if len(repr(value)) <= SHORT:
        return None
    for power in (0, 1, -1):
        square = Fraction(value**2 / math.pi**power).limit_denominator(LARGEST)
        if 0 < square <= LARGEST and math.sqrt(float(square) * math.pi**power) == value:
            return square, power
    return None
