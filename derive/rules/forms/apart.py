"""Rows of exponentials with one entry kept apart, so that none is a small difference of large numbers.

With m the largest entry of a row A, E = exp(A - m), e its entry at some place and s the sum of the others, the row's
sum is s + e, and its logarithm is log(1 + ((e - 1) + s)).  At the place of m, e - 1 is 0 to the last digit, and however
small the others are, theirs are kept.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from derive.arrays import build, reducing
from derive.arrays.array import Array, apply
from derive.arrays.gather import Pick, put
from derive.arrays.operations import Broadcast, Elementwise
from derive.arrays.rows import ArgMax, Max, copies, without
from derive.arrays.softmax import LogSoftmax, LogSumExp
from derive.rules.forms import Definition, stable
from derive.rules.identities.algebra import Product
from derive.rules.identities.copies import copies_of_copies
from derive.rules.identities.recognition import number
from derive.rules.identities.rows import copied


def shifted(rows: Array, axes: tuple[int, ...]) -> Array:
    """Rows less their largest entry, found by its place where that is quicker."""
    if axes != (rows.ndim - 1,):
        return rows - reducing.extreme(rows, axes, keepdims=True)
    return rows - picked(rows, apply(ArgMax(rows.ndim - 1), rows))


def picked(rows: Array, places: Array) -> Array:
    """One entry of each row, copied along it."""
    return copies(apply(Pick(rows.ndim - 1), rows, places), rows.shape, (rows.ndim - 1,))


@dataclass(frozen=True, eq=False)
class Apart:
    """Rows along an axis, and the place in each whose entry is kept apart."""

    rows: Array
    place: Array
    axis: int

    def over(self, array: Array) -> Array:
        """Copies of what each row has one of."""
        spread = copies(array, self.rows.shape, (self.axis,))
        once = copies_of_copies(spread)
        return spread if once is None else once

    def scaled(self, each: Array, by: Array) -> Array:
        """What each row has one of times a number, copied along the rows."""
        product = Product.of(each)
        product.scalars.append(by)
        return self.over(product.write(each.shape))

    def times(self, each: Array, array: Array) -> Array:
        """The rows of an array times what each has one of."""
        return array if number(each) == 1 else self.over(each) * array

    @property
    def largest(self) -> Array:
        """m"""
        return apply(Max(self.axis), self.rows)

    @property
    def less(self) -> Array:
        """A - m"""
        return self.rows - self.over(self.largest)

    @property
    def weights(self) -> Array:
        """E"""
        return build.elementwise("exp", self.less)

    @property
    def own(self) -> Array:
        """e"""
        return apply(Pick(self.axis), self.weights, self.place)

    @property
    def others(self) -> Array:
        """E with 0 at the place."""
        return put(self.weights, self.place, 0, self.axis)

    @property
    def rest(self) -> Array:
        """s"""
        return build.sum(self.others, self.axis)

    @property
    def sum(self) -> Array:
        """s + e"""
        return self.rest + self.own

    @property
    def softmax(self) -> Array:
        """E / (s + e)"""
        return self.weights / self.over(self.sum)

    @property
    def logarithm(self) -> Array:
        """log(s + e)"""
        return build.elementwise("log1p", (self.own - 1) + self.rest)

    @property
    def uneven(self) -> Array:
        """d softmax(A) - 1 = (F - mean F) / (1 + mean F) for F = exp(A - a) - 1, whatever a is

        Entries that are nearly equal keep the digits in which they differ if a is among them.  The mean is, unless some
        lie far below the others; log mean exp(A) is never less, and it is only as exact as 1 is.
        """
        count = build.constant(self.rows.shape[self.axis])
        below = self.largest + build.elementwise("log", self.sum / count) - Fraction(1, 8)
        centre = build.elementwise("maximum", build.mean(self.rows, self.axis), below)
        growth = build.elementwise("expm1", self.rows - self.over(centre))
        average = build.mean(growth, self.axis)
        return (growth - self.over(average)) / self.over(1 + average)

    def front(self, product: Product, factor: Array) -> Array | None:
        """What each row has one of: the other factors of a product; None if one of them is no such thing."""
        slopes = [self._of_row(other) for other in product.arrays if other is not factor]
        found = [slope for slope in slopes if slope is not None]
        if len(found) < len(slopes):
            return None
        return Product(product.number, [*product.scalars], found).write(without(self.rows.shape, (self.axis,)))

    def _of_row(self, array: Array) -> Array | None:
        """What each row has one of, of copies along the rows; None for anything else."""
        if not isinstance(array.op, Broadcast) or self.axis in array.op.axes:
            return None
        (core,) = array.operands
        lead = without(array.shape, (self.axis,))
        axes = tuple(axis - (axis > self.axis) for axis in array.op.axes)
        return core if core.shape == lead else apply(Broadcast(lead, axes), core)


def slope(
    node: Array, rows_of: Callable[[Array], Apart | None], form: Callable[[Apart, Array, Array], Array]
) -> Array | None:
    """The form of ``g D``, from the rows that are found in D, D itself and g, of which each row has one."""
    if node.op.name not in ("subtract", "multiply"):
        return None
    product = Product.of(node)
    for factor in product.arrays:
        row = rows_of(factor)
        front = None if row is None else row.front(product, factor)
        if row is not None and front is not None:
            return form(row, factor, front)
    return None


class Largest(Apart):
    """Rows with their largest entry kept apart."""

    @staticmethod
    def of(rows: Array, axis: int) -> Largest:
        """By the place of the largest."""
        return Largest(rows, apply(ArgMax(axis), rows), axis)

    @property
    def less(self) -> Array:
        """A - m"""
        return shifted(self.rows, (self.axis,))


@stable(LogSoftmax)
def log_softmax_shifted(node: Array, definition: Definition) -> Array | None:
    """log softmax(A) = (A - m) - log(1 + ((e - 1) + s)), e at the largest entry"""
    op, (rows,) = node.op, node.operands
    assert isinstance(op, LogSoftmax)
    if len(op.axes) > 1:
        less = shifted(rows, op.axes)
        return less - build.elementwise("log", op.sum(build.elementwise("exp", less)))
    row = Largest.of(rows, *op.axes)
    return row.less - row.over(row.logarithm)


@stable(Elementwise)
def surprise_of_all(node: Array, definition: Definition) -> Array | None:
    """logsumexp(A) - A = log(1 + ((e - 1) + s)) - (A - m), e at the largest entry"""
    spread: Any = copied(node.operands[0]) if node.op.name == "subtract" else None
    total = definition(spread.array) if spread else None
    if total is None or total.op != LogSumExp(spread.axes) or total.operands[0] is not node.operands[1]:
        return None
    if len(spread.axes) > 1:
        return None
    row = Largest.of(node.operands[1], *spread.axes)
    return row.over(row.logarithm) - row.less
