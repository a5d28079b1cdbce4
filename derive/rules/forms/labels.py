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
from derive.rules.forms.apart import Apart, slope
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

    def rows_of(factor: Array) -> Apart | None:
        labels = definition(factor.operands[1]) if factor.op.name == "subtract" else factor
        return _beside(factor, definition, labels.op.axis, *labels.operands) if isinstance(labels.op, OneHot) else None

    return slope(node, rows_of, lambda row, _, g: _slope(row, g / row.sum))


@stable(Elementwise)
def softmax_less_smoothed(node: Array, definition: Definition) -> Array | None:
    """g (softmax(A) - Q) = a g (softmax(A) - onehot(t)) + b g (d softmax(A) - 1) for Q as above"""

    def smoothed(factor: Array) -> Smoothed | None:
        return Smoothed.of(factor.operands[1], definition) if factor.op.name == "subtract" else None

    def rows_of(factor: Array) -> Apart | None:
        smooth = smoothed(factor)
        return None if smooth is None else _beside(factor, definition, smooth.axis, smooth.label)

    def parts(row: Apart, factor: Array, g: Array) -> Array:
        smooth = smoothed(factor)
        assert smooth is not None
        even = row.scaled(g, smooth.even) * row.uneven
        return even if number(smooth.own) == 0 else _slope(row, smooth.own * (g / row.sum)) + even

    return slope(node, rows_of, parts)


def _beside(factor: Array, definition: Definition, axis: int, label: Array) -> Apart | None:
    """The rows whose softmax a difference begins with, and their labels."""
    soft = definition(factor.operands[0])
    return Apart(*soft.operands, label, axis) if soft.op == Softmax((axis,)) and len(soft.operands) == 1 else None


def _slope(row: Apart, share: Array) -> Array:
    """``k E``, but ``-k s`` at the label."""
    return put(row.others * row.over(share), row.place, -(row.rest * share), row.axis)


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
        labels, at_label, elsewhere = definition(whole.operands[0]), *map(scalar, whole.operands[1:])
        if not isinstance(labels.op, OneHot) or at_label is None or elsewhere is None:
            return None
        return Smoothed(labels.operands[0], labels.op.axis, simplify(at_label - elsewhere), elsewhere)


def scalar(array: Array) -> Array | None:
    """The number that stands in every entry, be it made of sizes."""
    product = Product.of(array)
    return None if product.arrays else product.write(())
