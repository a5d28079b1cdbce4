"""The sizes of a symbolic array's axes, as numbers that formulas may use: ``1 / n``, ``np.sqrt(d)``, ``0.5 * k``.

Sums, differences, products and quotients rounded down are sizes again, as reshapes and slices need them; anything else
is a scalar of the language.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from numbers import Integral
from typing import Any

from derive.errors import HOUSE, DeriveError, callers_place
from derive.index.size import Quotient, Size


class AxisSize(Size):
    """A size that knows arithmetic beyond whole numbers."""

    __slots__ = ()

    def __add__(self, other: Any) -> Any:
        return axis_size(Size.__add__(self, other)) if _is_size(other) else _scalar("add", self, other)

    def __radd__(self, other: Any) -> Any:
        return axis_size(Size.__add__(self, other)) if _is_size(other) else _scalar("add", other, self)

    def __sub__(self, other: Any) -> Any:
        return axis_size(Size.__sub__(self, other)) if _is_size(other) else _scalar("subtract", self, other)

    def __rsub__(self, other: Any) -> Any:
        return axis_size(Size.__sub__(Size.of(other), self)) if _is_size(other) else _scalar("subtract", other, self)

    def __neg__(self) -> Any:
        return axis_size(Size.__neg__(self))

    def __pos__(self) -> Any:
        return self

    def __mul__(self, other: Any) -> Any:
        return axis_size(Size.__mul__(self, other)) if _is_size(other) else _scalar("multiply", self, other)

    def __rmul__(self, other: Any) -> Any:
        return axis_size(Size.__mul__(self, other)) if _is_size(other) else _scalar("multiply", other, self)

    def __truediv__(self, other: Any) -> Any:
        return _scalar("divide", self, other)

    def __rtruediv__(self, other: Any) -> Any:
        return _scalar("divide", other, self)

    def __floordiv__(self, other: Any) -> Any:
        return _whole_quotient(self, other)

    def __rfloordiv__(self, other: Any) -> Any:
        return _whole_quotient(other, self)

    def __mod__(self, other: Any) -> Any:
        return _rest(self, other)

    def __rmod__(self, other: Any) -> Any:
        return _rest(other, self)

    def __pow__(self, exponent: Any) -> Any:
        from derive.arrays.build import power

        return power(self, exponent)

    def __array_ufunc__(self, function: Any, method: str, *inputs: Any, **options: Any) -> Any:
        from derive.arrays.array import outranked
        from derive.arrays.protocol import ufunc

        return NotImplemented if outranked(*inputs) else ufunc(function, method, inputs, options)

    def __index__(self) -> int:
        number = self.constant
        if number is None:
            raise DeriveError(
                f"the number of the symbolic size {self} was asked for",
                "a formula that holds for every size",
                callers_place(),
                "np.ones_like, np.zeros_like, .sum() or .mean() in place of new arrays and loops over a size",
            )
        return number

    __int__ = __index__

    def __float__(self) -> float:
        return float(self.__index__())

    def __eq__(self, other: object) -> bool:
        if Size.__eq__(self, other):
            return True
        if not _is_size(other) or not _asked_by_user() or self._differs(other):
            return False
        return _chosen("==", self, other)

    def __ne__(self, other: object) -> bool:
        return not self.__eq__(other)

    def _differs(self, other: Any) -> bool:
        """True if the two sizes are plainly different, every named size being at least 1."""
        gap = Size(dict(self.terms)) + -Size.of(other)  # plain sizes, so that nothing here asks the same again
        return bool(gap.constant) or (gap - 1).is_nonnegative() or (-gap - 1).is_nonnegative()

    def __lt__(self, other: Any) -> bool:
        return _decided("<", self, other, Size.of(other) - 1 - Size.of(self), Size.__sub__(self, other))

    def __gt__(self, other: Any) -> bool:
        return _decided(">", self, other, Size.__sub__(self, Size.of(other) + 1), Size.of(other) - Size.of(self))

    def __le__(self, other: Any) -> bool:
        return not self.__gt__(other)

    def __ge__(self, other: Any) -> bool:
        return not self.__lt__(other)

    def __bool__(self) -> bool:
        return self.__gt__(0)

    __hash__ = Size.__hash__


_assumed: list[Size] = []
Choice = Callable[[str, Size, Size], bool]
_choices: list[Choice] = []


@contextmanager
def choosing(choice: Choice) -> Iterator[None]:
    """Here ``choice(sign, left, right)`` answers comparisons (``<``, ``>``, ``==``) that depend on the sizes."""
    _choices.append(choice)
    try:
        yield
    finally:
        _choices.remove(choice)


@contextmanager
def assuming(sizes: Iterable[Size]) -> Iterator[None]:
    """Here comparisons are decided for sizes that make all of these at least 0."""
    before = _assumed[:]
    _assumed.extend(sizes)
    try:
        yield
    finally:
        _assumed[:] = before


def _is_at_least_0(size: Size) -> bool:
    return size.is_nonnegative() or any((size.plain - assumed.plain).is_nonnegative() for assumed in _assumed)


def _decided(sign: str, left: Any, right: Any, if_true: Size, if_false: Size) -> bool:
    """The answer where it is the same for every size at least 1; DeriveError where it depends on the sizes."""
    if _is_at_least_0(if_true) or _is_at_least_0(if_false):
        return _is_at_least_0(if_true)
    return _chosen(sign, left, right)


def _chosen(sign: str, left: Any, right: Any) -> bool:
    """The answer of whoever explores both sides of a branch; DeriveError where nobody does."""
    if _choices:
        return _choices[-1](sign, Size.of(left).plain, Size.of(right).plain)
    raise _undecided(sign, left, right)


def _undecided(sign: str, left: Any, right: Any) -> DeriveError:
    return DeriveError(
        f"{'the value of' if sign == '%' else 'whether'} {left} {sign} {right} was asked of symbolic sizes",
        "a formula that does not branch on a size",
        callers_place(),
        "one formula for every size, or a layer of its own with that size as a number in the shapes",
    )


def _asked_by_user() -> bool:
    """True if the comparison stands in the user's code; the house, its caches too, compares sizes as expressions."""
    frame: Any = sys._getframe(2)
    if frame.f_code.co_filename == __file__ and frame.f_code.co_name == "__ne__":
        frame = frame.f_back
    return not frame.f_code.co_filename.startswith(HOUSE)


def _is_size(value: Any) -> bool:
    return isinstance(value, Size | Integral)


def _whole_quotient(left: Any, right: Any) -> Any:
    """The quotient rounded down, of a size that is at least 0 by one that is at least 1."""
    if not (_is_size(left) and _is_size(right)):
        return NotImplemented
    over, by = Size.of(left).plain, Size.of(right).plain
    if over.is_nonnegative() and (by - 1).is_nonnegative():
        return axis_size(over // by)
    raise DeriveError(
        f"{Quotient(over, by)} of symbolic sizes",
        "a size that is surely at least 0 by one that is surely at least 1",
        callers_place(),
        "a size of its own in the shapes",
    )


def _rest(left: Any, right: Any) -> Any:
    """``left - right * (left // right)`` where it is a number."""
    whole = _whole_quotient(left, right)
    if whole is NotImplemented:
        return whole
    rest = Size.of(left).plain - Size.of(right).plain * whole.plain
    if rest.constant is None:
        raise _undecided("%", left, right)
    return rest.constant


def _scalar(function: str, left: Any, right: Any) -> Any:
    from derive.arrays.array import Array, outranked
    from derive.arrays.build import elementwise

    if isinstance(left, Array) or isinstance(right, Array) or outranked(left, right):
        return NotImplemented  # the array knows what to do
    return elementwise(function, left, right)


@lru_cache(maxsize=4096)
def axis_size(size: Size) -> AxisSize:
    """The size as a number that formulas may use."""
    return size if isinstance(size, AxisSize) else AxisSize(dict(size.terms))
