"""Stable forms of cross-entropy with labels: the exponential of the right class is kept apart from those of the others.

With m, E, e and s as in apart.py, e at the label, the loss is log((s + e) / e), and the label's entry of
softmax - onehot is -s / (s + e): no small differences of large numbers.
"""

from __future__ import annotations

from dataclasses import dataclass

from derive.arrays import build
from derive.arrays.array import Array, apply
from derive.arrays.gather import OneHot, Pick, put
from derive.arrays.operations import Elementwise, Sum
from derive.arrays.softmax import LogSumExp, Softmax
from derive.rules.forms import Definition, stable
from derive.rules.forms.apart import Apart
from derive.rules.identities.algebra import Product
from derive.rules.identities.recognition import number
from derive.rules.simplify import simplify


@stable(Elementwise)
def surprise(node: Array, definition: Definition) -> Array | None:
    """logsumexp(A) - A[t] = (m - A[t]) + log(1 + ((e - 1) + s)), where e - 1 is 0 if the label is the largest"""
    if node.op.name != "subtract":
        return None
    total, own = (definition(operand) for operand in node.operands)
    if not isinstance(total.op, LogSumExp) or not isinstance(own.op, Pick) or total.op.axes != (own.op.axis,):
        return None
    rows, label = own.operands
    if rows is not total.operands[0]:
        return None
    row = Apart(rows, label, own.op.axis)
    return (row.largest - own) + row.logarithm


@stable(Elementwise)
def surprise_of_smoothed(node: Array, definition: Definition) -> Array | None:
    """logsumexp(A) - rowsum(Q A) = a (m - A[t]) + b rowsum(m - A) + log(1 + ((e - 1) + s)) for Q = a onehot(t) + b"""
    if node.op.name != "subtract":
        return None
    total, mean = (definition(operand) for operand in node.operands)
    if not isinstance(total.op, LogSumExp) or mean.op != Sum(total.op.axes) or mean.operands[0].op.name != "multiply":
        return None
    (rows,) = total.operands
    for shares, other in (mean.operands[0].operands, mean.operands[0].operands[::-1]):
        smooth = Smoothed.of(shares, definition) if other is rows else None
        if smooth is not None and total.op.axes == (smooth.axis,):
            row = Apart(rows, smooth.label, smooth.axis)
            below = row.largest - apply(Pick(row.axis), rows, row.place)
            spread = smooth.even * build.sum(row.over(row.largest) - rows, row.axis)
            return (spread if number(smooth.own) == 0 else smooth.own * below + spread) + row.logarithm
    return None


@stable(Elementwise)
def softmax_less_onehot(node: Array, definition: Definition) -> Array | None:
    """g (softmax(A) - onehot(t)) = k E but -k s at the label, with k = g / (s + e)"""
    if node.op.name not in ("subtract", "multiply"):
        return None
    product = Product.of(node)
    found = [(factor, row) for factor in product.arrays if (row := _apart(factor, definition)) is not None]
    front = found[0][1].front(product, found[0][0]) if len(found) == 1 else None
    return None if front is None else _slope(found[0][1], found[0][1].written(front) / found[0][1].sum)


@stable(Elementwise)
def softmax_less_smoothed(node: Array, definition: Definition) -> Array | None:
    """g (softmax(A) - Q) = a g (softmax(A) - onehot(t)) + b g (d F - rowsum(F)) / (s + e) for Q as above, F = E - 1"""
    if node.op.name not in ("subtract", "multiply"):
        return None
    product = Product.of(node)
    for factor in product.arrays:
        if factor.op.name != "subtract":
            continue
        soft, smooth = definition(factor.operands[0]), Smoothed.of(factor.operands[1], definition)
        if smooth is None or soft.op != Softmax((smooth.axis,)) or len(soft.operands) > 1:
            continue
        row = Apart(soft.operands[0], smooth.label, smooth.axis)
        front = row.front(product, factor)
        if front is None:
            continue
        share = row.written(front) / row.sum
        even = row.over(smooth.even * share) * differences(row)
        return even if number(smooth.own) == 0 else _slope(row, smooth.own * share) + even
    return None


def _slope(row: Apart, share: Array) -> Array:
    """``k E``, but ``-k s`` at the label."""
    return put(row.others * row.over(share), row.place, -(row.rest * share), row.axis)


def differences(row: Apart) -> Array:
    """``d F - rowsum(F)`` for ``F = exp(A - m) - 1``, which keeps the digits of entries that are nearly equal."""
    from_one = build.elementwise("expm1", row.less)
    return build.constant(row.rows.shape[row.axis]) * from_one - row.over(build.sum(from_one, row.axis))


def _apart(array: Array, definition: Definition) -> Apart | None:
    """The rows and labels of ``softmax(A) - onehot(t)``."""
    if array.op.name != "subtract":
        return None
    probabilities, labels = (definition(operand) for operand in array.operands)
    match probabilities.op, labels.op:
        case Softmax(axes=axes), OneHot(axis=axis) if axes == (axis,) and len(probabilities.operands) == 1:
            return Apart(probabilities.operands[0], labels.operands[0], axis)
    return None


@dataclass(frozen=True, eq=False)
class Smoothed:
    """``Q = a onehot(t) + b``: shares of which the label has a more than the others, which have b each."""

    label: Array
    axis: int
    own: Array
    even: Array

    @staticmethod
    def of(array: Array, definition: Definition) -> Smoothed | None:
        """The parts of ``where(onehot(t), a + b, b)``."""
        whole = definition(array)
        if whole.op.name != "where":
            return None
        labels, at_label, elsewhere = definition(whole.operands[0]), *map(_scalar, whole.operands[1:])
        if not isinstance(labels.op, OneHot) or at_label is None or elsewhere is None:
            return None
        return Smoothed(labels.operands[0], labels.op.axis, simplify(at_label - elsewhere), elsewhere)


def _scalar(array: Array) -> Array | None:
    """The number that stands in every entry, be it made of sizes."""
    product = Product.of(array)
    return None if product.arrays else product.write(())
