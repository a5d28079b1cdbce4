"""Stable forms of cross-entropy with labels: the exponential of the right class is kept apart from those of the others.

With m the largest entry of a row, E = exp(A - m), e its entry at the label and s the sum of the others, the loss is
log((s + e) / e), and the label's entry of softmax - onehot is -s / (s + e): no small differences of large numbers.
"""

from __future__ import annotations

from dataclasses import dataclass

from derive.arrays import build
from derive.arrays.array import Array, apply
from derive.arrays.gather import OneHot, Pick, put
from derive.arrays.operations import Broadcast, Elementwise
from derive.arrays.rows import Max, copies, without
from derive.arrays.softmax import LogSumExp, Softmax
from derive.rules.forms import Definition, stable
from derive.rules.identities.algebra import Product


@dataclass(frozen=True, eq=False)
class Apart:
    """Rows along an axis, and their labels."""

    rows: Array
    label: Array
    axis: int

    def over(self, array: Array) -> Array:
        """Copies of what each row has one of."""
        return copies(array, self.rows.shape, (self.axis,))

    @property
    def largest(self) -> Array:
        """m"""
        return apply(Max(self.axis), self.rows)

    @property
    def weights(self) -> Array:
        """E"""
        return build.elementwise("exp", self.rows - self.over(self.largest))

    @property
    def own(self) -> Array:
        """e"""
        return apply(Pick(self.axis), self.weights, self.label)

    @property
    def others(self) -> Array:
        """E with 0 at the label."""
        return put(self.weights, self.label, 0, self.axis)

    @property
    def rest(self) -> Array:
        """s"""
        return build.sum(self.others, self.axis)


@stable(Elementwise)
def surprise(node: Array, definition: Definition) -> Array | None:
    """logsumexp(A) - A[t] = (m - A[t]) + log(1 + ((e - 1) + s)), where e - 1 is 0 if the label is the largest"""
    if node.op.name != "subtract":
        return None
    total, picked = (definition(operand) for operand in node.operands)
    if not isinstance(total.op, LogSumExp) or not isinstance(picked.op, Pick) or total.op.axes != (picked.op.axis,):
        return None
    rows, label = picked.operands
    if rows is not total.operands[0]:
        return None
    row = Apart(rows, label, picked.op.axis)
    return (row.largest - picked) + build.elementwise("log1p", (row.own - 1) + row.rest)


@stable(Elementwise)
def softmax_less_onehot(node: Array, definition: Definition) -> Array | None:
    """g (softmax(A) - onehot(t)) = k E but -k s at the label, with k = g / (s + e)"""
    if node.op.name not in ("subtract", "multiply"):
        return None
    product = Product.of(node)
    found = [(factor, row) for factor in product.arrays if (row := _apart(factor, definition)) is not None]
    if len(found) != 1:
        return None
    ((difference, row),) = found
    slopes = [_of_row(factor, row) for factor in product.arrays if factor is not difference]
    front = Product(product.number, product.scalars, [a for a in slopes if a is not None])
    if len(front.arrays) != len(slopes):
        return None
    share = front.write(without(row.rows.shape, (row.axis,))) / (row.rest + row.own)
    return put(row.others * row.over(share), row.label, -(row.rest * share), row.axis)


def _apart(array: Array, definition: Definition) -> Apart | None:
    """The rows and labels of ``softmax(A) - onehot(t)``."""
    if array.op.name != "subtract":
        return None
    probabilities, labels = (definition(operand) for operand in array.operands)
    match probabilities.op, labels.op:
        case Softmax(axes=axes), OneHot(axis=axis) if axes == (axis,) and len(probabilities.operands) == 1:
            return Apart(probabilities.operands[0], labels.operands[0], axis)
    return None


def _of_row(array: Array, row: Apart) -> Array | None:
    """What each row has one of, of copies along the rows; None for anything else."""
    if not isinstance(array.op, Broadcast) or row.axis in array.op.axes:
        return None
    (core,) = array.operands
    lead = without(array.shape, (row.axis,))
    axes = tuple(axis - (axis > row.axis) for axis in array.op.axes)
    return core if core.shape == lead else apply(Broadcast(lead, axes), core)
