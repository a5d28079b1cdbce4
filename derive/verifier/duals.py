"""Numbers that NumPy code runs on unchanged: balls with a rigorous error bound, and with a directional derivative.

An object array of these takes ``@``, ``np.einsum``, ``np.exp``, slices and sums as an array of floats does.  A
comparison that the balls do not decide raises ``Undecided``; one of equal numbers that move apart marks a kink.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from math import isfinite, isnan
from numbers import Integral, Rational
from typing import Any

import numpy as np
from flint import arb, fmpq

from derive.arrays.numbers import as_turns
from derive.reading.refusal import NotRun


class Undecided(ArithmeticError):
    """Two balls overlap, so that nothing can be said of their order; more precision may help."""


@dataclass
class Watch:
    """What was noticed while code ran: ``kink`` if it compared equal numbers whose derivatives differ."""

    kink: bool = False


_watches: list[Watch] = []


@contextmanager
def watched() -> Iterator[Watch]:
    """Note kinks while code runs."""
    watch = Watch()
    _watches.append(watch)
    try:
        yield watch
    finally:
        _watches.remove(watch)


class Dual:
    """A ball and its derivative along a direction; ``slope`` None is 0 everywhere."""

    __slots__ = ("slope", "value")

    def __init__(self, value: Any, slope: Any = None) -> None:
        self.value, self.slope = value, slope

    # ---- arithmetic; products and sums are most of what code does

    def __add__(self, other: Any) -> Any:
        that = other if type(other) is Dual else dual(other)
        if that is NotImplemented:
            return that
        one, two = self.slope, that.slope
        return Dual(self.value + that.value, two if one is None else one if two is None else one + two)

    def __sub__(self, other: Any) -> Any:
        that = dual(other)
        return that if that is NotImplemented else self + -that

    def __mul__(self, other: Any) -> Any:
        that = other if type(other) is Dual else dual(other)
        if that is NotImplemented:
            return that
        value, (one, two) = self.value * that.value, (self.slope, that.slope)
        if one is None:
            return Dual(value, None if two is None else two * self.value)
        return Dual(value, one * that.value if two is None else one * that.value + two * self.value)

    def __truediv__(self, other: Any) -> Any:
        that = dual(other)
        return that if that is NotImplemented else self * that.reciprocal()

    def __radd__(self, other: Any) -> Any:
        return self + other

    def __rmul__(self, other: Any) -> Any:
        return self * other

    def __rsub__(self, other: Any) -> Any:
        return -self + other

    def __rtruediv__(self, other: Any) -> Any:
        return self.reciprocal() * other

    def __neg__(self) -> Dual:
        return Dual(-self.value, None if self.slope is None else -self.slope)

    def __pos__(self) -> Dual:
        return self

    def __pow__(self, exponent: Any) -> Any:
        that = dual(exponent)
        if that is NotImplemented:
            return that
        if that.slope is None and (whole := _as_int(that.value)) is not None:
            if whole == 0:
                return dual(1)
            value = self.value**whole if whole > 0 else 1 / self.value**-whole
            return Dual(value, _times(self.slope, whole * self.value ** (whole - 1) if whole != 1 else 1))
        if that.slope is None and self.value.is_zero():
            return Dual(self.value, None if that.value > 1 else _times(self.slope, arb.nan()))
        return (that * self.log()).exp()

    def __rpow__(self, base: Any) -> Any:
        that = dual(base)
        return that if that is NotImplemented else that**self

    def __abs__(self) -> Dual:
        return -self if self < 0 else self

    # ---- comparisons

    def _order(self, that: Dual) -> int:
        """-1, 0 or 1; Undecided where the balls overlap."""
        if that.value.is_finite() and self.value.is_finite():
            gap = self.value - that.value
        else:
            gap = (1 if self.value > that.value else -1) * arb(1)
        if gap > 0 or gap < 0:
            return 1 if gap > 0 else -1
        if not gap.is_zero():
            raise Undecided("two balls overlap")
        slope = _plus(self.slope, None if that.slope is None else -that.slope)
        if slope is not None and not slope.is_zero():
            for watch in _watches:
                watch.kink = True
        return 0

    def _compared(self, other: Any, holds: Callable[[int], bool]) -> Any:
        that = dual(other)
        return that if that is NotImplemented else holds(self._order(that))

    def __lt__(self, other: Any) -> Any:
        return self._compared(other, lambda order: order < 0)

    def __le__(self, other: Any) -> Any:
        return self._compared(other, lambda order: order <= 0)

    def __gt__(self, other: Any) -> Any:
        return self._compared(other, lambda order: order > 0)

    def __ge__(self, other: Any) -> Any:
        return self._compared(other, lambda order: order >= 0)

    def __eq__(self, other: object) -> Any:
        return self._compared(other, lambda order: order == 0)

    def __ne__(self, other: object) -> Any:
        return self._compared(other, lambda order: order != 0)

    def __bool__(self) -> bool:
        return self._order(dual(0)) != 0

    __hash__ = None  # type: ignore[assignment]  # equal balls need not be the same number

    # ---- what NumPy asks of the entries of object arrays

    def conjugate(self) -> Dual:
        """Itself: a real number."""
        return self

    @property
    def real(self) -> Dual:
        """Itself."""
        return self

    def reciprocal(self) -> Dual:
        """1 / x."""
        value = 1 / self.value
        return Dual(value, _times(self.slope, -value * value))

    def square(self) -> Any:
        """x * x."""
        return self * self

    def sqrt(self) -> Dual:
        """The square root."""
        value = self.value.sqrt()
        return Dual(value, _times(self.slope, arb(1) / 2 / value))

    def __getattr__(self, name: str) -> Callable[[], Dual]:
        if name not in FUNCTIONS:
            raise AttributeError(name)
        of, slope_of = FUNCTIONS[name]

        def call() -> Dual:
            value = of(self.value)
            return Dual(value, None if self.slope is None else self.slope * slope_of(self.value, value))

        return call

    def __float__(self) -> float:
        raise NotRun("a plain float is asked of a ball: a cast, or an array of floats that was made beforehand")

    def __int__(self) -> int:
        raise NotRun("a plain int is asked of a ball")

    def __repr__(self) -> str:
        return f"Dual({self.value})"


# name: the value from x, and the slope from x and the value
FUNCTIONS: dict[str, tuple[Callable[[Any], Any], Callable[[Any, Any], Any]]] = {
    "exp": (lambda x: x.exp(), lambda x, y: y),
    "log": (lambda x: x.log(), lambda x, y: 1 / x),
    "expm1": (lambda x: x.expm1(), lambda x, y: y + 1),
    "log1p": (lambda x: x.log1p(), lambda x, y: 1 / (1 + x)),
    "exp2": (lambda x: (x * arb(2).log()).exp(), lambda x, y: y * arb(2).log()),
    "log2": (lambda x: x.log() / arb(2).log(), lambda x, y: 1 / (x * arb(2).log())),
    "log10": (lambda x: x.log() / arb(10).log(), lambda x, y: 1 / (x * arb(10).log())),
    "sin": (lambda x: x.sin(), lambda x, y: x.cos()),
    "cos": (lambda x: x.cos(), lambda x, y: -x.sin()),
    "tan": (lambda x: x.tan(), lambda x, y: 1 + y * y),
    "arctan": (lambda x: x.atan(), lambda x, y: 1 / (1 + x * x)),
    "arcsin": (lambda x: x.asin(), lambda x, y: 1 / (1 - x * x).sqrt()),
    "arccos": (lambda x: x.acos(), lambda x, y: -1 / (1 - x * x).sqrt()),
    "sinh": (lambda x: x.sinh(), lambda x, y: x.cosh()),
    "cosh": (lambda x: x.cosh(), lambda x, y: x.sinh()),
    "tanh": (lambda x: x.tanh(), lambda x, y: 1 - y * y),
    "arctanh": (lambda x: x.atanh(), lambda x, y: 1 / (1 - x * x)),
    "arcsinh": (lambda x: x.asinh(), lambda x, y: 1 / (1 + x * x).sqrt()),
    "cbrt": (lambda x: x.root(3), lambda x, y: y / (3 * x)),
    "erf": (lambda x: x.erf(), lambda x, y: 2 * (-x * x).exp() / arb.pi().sqrt()),
    "erfc": (lambda x: x.erfc(), lambda x, y: -2 * (-x * x).exp() / arb.pi().sqrt()),
    "ndtr": (lambda x: (-x / arb(2).sqrt()).erfc() / 2, lambda x, y: (-x * x / 2).exp() / (2 * arb.pi()).sqrt()),
    "expit": (lambda x: 1 / (1 + (-x).exp()), lambda x, y: 1 / ((1 + (-x).exp()) * (1 + x.exp()))),
    "gammaln": (lambda x: x.lgamma(), lambda x, y: x.digamma()),
}


def dual(value: Any) -> Any:
    """A number as an exact ball; a float means the decimal that it is written as, and the double next to π means π."""
    if isinstance(value, Dual):
        return value
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, bool | Integral):
        return Dual(arb(int(value)))
    if isinstance(value, float):
        if not isfinite(value):
            return Dual(arb.nan() if isnan(value) else arb(repr(value)))
        if (turns := as_turns(value)) is not None:
            return Dual(arb.pi() * arb(fmpq(turns.numerator, turns.denominator)))
        value = Fraction(Decimal(repr(value)))
    if isinstance(value, Rational):
        return Dual(arb(fmpq(int(value.numerator), int(value.denominator))))
    return NotImplemented


def exact(value: float) -> Any:
    """A double as the ball of exactly that number."""
    return arb(float(value))


def _plus(left: Any, right: Any) -> Any:
    return right if left is None else left if right is None else left + right


def _times(slope: Any, factor: Any) -> Any:
    return None if slope is None else slope * factor


def _as_int(value: Any) -> int | None:
    if not (value.is_exact() and value.is_integer()):
        return None
    number = int(value.fmpz()) if hasattr(value, "fmpz") else int(float(value))
    return number if abs(number) <= 1000 else None
