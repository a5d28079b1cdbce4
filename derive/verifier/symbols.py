"""Symbols as the entries of NumPy arrays: code runs on them unchanged, at sizes that are numbers, and is a formula.

A symbol is a normal form of the kernel together with its derivative along a direction, carried by the laws of ∂.  An
object array of symbols takes slices, buffers, loops and changes in place as NumPy does.  A comparison gives a symbol
that is 0 or 1; code that asks for its truth is not run.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from fractions import Fraction
from itertools import count
from math import isfinite
from typing import Any

import numpy as np

from derive.arrays.functions import FUNCTIONS
from derive.arrays.numbers import as_root, as_turns
from derive.index.effort import bounded, spend
from derive.index.functions import PI, PRIMITIVES
from derive.index.normal import call, normal_form, power, times, vanishes
from derive.index.polynomial import Polynomial
from derive.index.terms import Apply, Entry, Number, Plus, Power, Term, Times
from derive.reading.refusal import NotRun

ZERO = Polynomial([])
PRODUCT = 3000  # steps of work that a product counts for: code over symbols makes thousands of small ones


class Symbol:
    """A normal form and its derivative along a direction."""

    __slots__ = ("slope", "value")

    def __init__(self, value: Polynomial, slope: Polynomial = ZERO) -> None:
        self.value, self.slope = value, slope

    # ---- the laws of ∂

    def __add__(self, other: Any) -> Any:
        that = symbol(other)
        if that is NotImplemented:
            return that
        return Symbol(_sum(self.value, that.value), _sum(self.slope, that.slope))

    def __mul__(self, other: Any) -> Any:
        that = symbol(other)
        if that is NotImplemented:
            return that
        slope = _sum(_product(self.slope, that.value), _product(self.value, that.slope))
        return Symbol(_product(self.value, that.value), slope)

    @bounded
    def power(self, exponent: Fraction) -> Symbol:
        """To a rational power."""
        if not exponent:
            return ONE
        value = Polynomial(power(self.value, exponent))
        if not self.slope.terms:
            return Symbol(value)
        inner = _product(normal_form(Number(exponent)), Polynomial(power(self.value, exponent - 1)))
        return Symbol(value, _product(inner, self.slope))

    @bounded
    def of(self, function: str) -> Symbol:
        """A function that the kernel takes as given."""
        value = Polynomial(call(function, self.value))
        if not self.slope.terms:
            return Symbol(value)
        slope = meant(PRIMITIVES[function].derivative(Entry("x")), {"x": Symbol(self.value)})
        return Symbol(value, _product(slope.value, self.slope))

    # ---- arithmetic

    def __radd__(self, other: Any) -> Any:
        return self + other

    def __rmul__(self, other: Any) -> Any:
        return self * other

    def __neg__(self) -> Any:
        return self * -1

    def __pos__(self) -> Symbol:
        return self

    def __sub__(self, other: Any) -> Any:
        that = symbol(other)
        return that if that is NotImplemented else self + -that

    def __rsub__(self, other: Any) -> Any:
        return -self + other

    def __truediv__(self, other: Any) -> Any:
        that = symbol(other)
        return that if that is NotImplemented else self * that.power(Fraction(-1))

    def __rtruediv__(self, other: Any) -> Any:
        return self.power(Fraction(-1)) * other

    def __pow__(self, exponent: Any) -> Any:
        that = symbol(exponent)
        if that is NotImplemented:
            return that
        number = _number(that)
        return self.power(number) if number is not None else (that * self.of("log")).of("exp")

    def __rpow__(self, base: Any) -> Any:
        that = symbol(base)
        return that if that is NotImplemented else that**self

    def __abs__(self) -> Symbol:
        return self.of("abs")

    # ---- comparisons: 1 where true, else 0

    def _above(self, other: Any) -> Any:
        """1 where this is more than the other, else 0."""
        gap = self - other
        return gap if gap is NotImplemented else gap.of("step")

    def _below(self, other: Any) -> Any:
        gap = self - other
        return gap if gap is NotImplemented else (-gap).of("step")

    def __gt__(self, other: Any) -> Any:
        return self._above(other)

    def __lt__(self, other: Any) -> Any:
        return self._below(other)

    def __ge__(self, other: Any) -> Any:
        below = self._below(other)
        return below if below is NotImplemented else 1 - below

    def __le__(self, other: Any) -> Any:
        above = self._above(other)
        return above if above is NotImplemented else 1 - above

    def __eq__(self, other: Any) -> Any:
        above = self._above(other)
        return above if above is NotImplemented else 1 - above - self._below(other)

    def __ne__(self, other: Any) -> Any:
        above = self._above(other)
        return above if above is NotImplemented else above + self._below(other)

    def __invert__(self) -> Any:
        return 1 - self

    __and__ = __mul__

    def __or__(self, other: Any) -> Any:
        return self + other - self * other

    __hash__ = None  # type: ignore[assignment]  # == is a symbol

    def __bool__(self) -> bool:
        number = _number(self)
        if number is None:
            raise NotRun("the truth of a comparison of symbols")
        return bool(number)

    # ---- what NumPy asks of the entries of object arrays

    def conjugate(self) -> Symbol:
        """Itself: a real number."""
        return self

    def reciprocal(self) -> Symbol:
        """1 / x."""
        return self.power(Fraction(-1))

    def square(self) -> Any:
        """x * x."""
        return self * self

    def sqrt(self) -> Symbol:
        """The square root."""
        return self.power(Fraction(1, 2))

    def cbrt(self) -> Symbol:
        """The third root, of what is not negative."""
        return self.power(Fraction(1, 3))

    def __getattr__(self, name: str) -> Callable[[], Symbol]:
        if name in PRIMITIVES:
            return lambda: self.of(name)
        spelled = _SPELLED.get(name, name)
        if spelled in FUNCTIONS and FUNCTIONS[spelled].arity == 1:
            return lambda: meant(FUNCTIONS[spelled].meaning(Entry("x")), {"x": self})
        if name in _DEFINED:
            return lambda: _DEFINED[name](self)
        raise AttributeError(name)

    def __float__(self) -> float:
        raise NotRun("a plain float is asked of a symbol: a cast, or an array of floats that was made beforehand")

    def __int__(self) -> int:
        raise NotRun("a plain int is asked of a symbol")

    def __repr__(self) -> str:
        return f"Symbol({self.value})"


_SPELLED = {"expit": "sigmoid"}  # SciPy's names
_DEFINED: dict[str, Callable[[Symbol], Any]] = {
    "expm1": lambda x: x.of("exp") - 1,
    "log1p": lambda x: (1 + x).of("log"),
    "sinh": lambda x: (x.of("exp") - (-x).of("exp")) / 2,
    "cosh": lambda x: (x.of("exp") + (-x).of("exp")) / 2,
    "tan": lambda x: x.of("sin") / x.of("cos"),
    "exp2": lambda x: 2**x,
    "log2": lambda x: x.of("log") / symbol(2).of("log"),
    "log10": lambda x: x.of("log") / symbol(10).of("log"),
    "erfc": lambda x: 1 - x.of("erf"),
}


def _sum(left: Polynomial, right: Polynomial) -> Polynomial:
    return left if not right.terms else right if not left.terms else Polynomial(left.terms + right.terms)


@bounded
def _product(left: Polynomial, right: Polynomial) -> Polynomial:
    if not (left.terms and right.terms):
        return ZERO
    spend(PRODUCT)
    return Polynomial(times(left.terms, right.terms))


@bounded
def meant(term: Term, given: Mapping[str, Symbol]) -> Symbol:
    """A term without indices, at symbols for its entries."""
    match term:
        case Number(value=value):
            return symbol(Fraction(value))  # type: ignore[no-any-return]  # a number is one
        case Entry(array=array) if array in given:
            return given[array]
        case Plus(terms=terms):
            total = symbol(0)
            for part in terms:
                total = total + meant(part, given)
            return total  # type: ignore[no-any-return]  # a symbol
        case Times(factors=factors):
            product = ONE
            for part in factors:
                product = product * meant(part, given)
            return product
        case Power(base=base, exponent=exponent):
            return meant(base, given).power(Fraction(exponent))
        case Apply(function=function, argument=argument):
            return meant(argument, given).of(function)
    return Symbol(normal_form(term))


def symbol(value: Any) -> Any:
    """A number as a symbol, floats meaning the decimals, roots and multiples of π that they stand for."""
    if isinstance(value, Symbol):
        return value
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, bool | int | Fraction):
        return Symbol(normal_form(Number(Fraction(value))))
    if not isinstance(value, float):
        return NotImplemented
    if not isfinite(value):
        raise NotRun(f"{value} among symbols")
    if (turns := as_turns(value)) is not None:
        return Symbol(normal_form(PI * turns))
    if value > 0 and (root := as_root(value)) is not None:
        return Symbol(normal_form((PI ** root[1] * root[0]) ** Fraction(1, 2)))
    return Symbol(normal_form(Number(Fraction(Decimal(repr(value))))))


def _number(given: Symbol) -> Fraction | None:
    if not given.value.terms:
        return Fraction(0)
    single = given.value.single
    return Fraction(single[0]) if single is not None and single[1].write() == "1" else None


ONE: Symbol = symbol(1)


UNSET = "unset!"  # no array of the user's has such a name
_unset = count()


def unset() -> Symbol:
    """An entry of which nothing is known, unlike any other."""
    return Symbol(normal_form(Entry(f"{UNSET}{next(_unset)}")))


def is_unset(entry: Any) -> bool:
    """True if an entry hangs on memory that was not set."""
    return UNSET in symbol(entry).value.key


def is_zero(given: Symbol, ties: bool = True) -> bool:
    """True if it is shown to be 0 for all real entries, or for those at which no two compared numbers are equal."""
    return vanishes(given.value, ties=ties)
