"""What NumPy's arrays have a method for: the sum, the mean, the largest entry or the variance of rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from math import prod

from derive.arrays.array import Array
from derive.arrays.operations import Constant, Elementwise, Sum
from derive.arrays.rows import ArgMax, Max
from derive.arrays.statistics import Variance
from derive.index.size import ONE

NO_NAMES: Mapping[Array, str] = {}


@dataclass(frozen=True)
class Reduction:
    """A function of rows, as a method that NumPy's arrays have."""

    method: str
    operand: Array
    axes: tuple[int, ...]


def reduction(node: Array, names: Mapping[Array, str] = NO_NAMES) -> Reduction | None:
    """The sum, maximum or variance that a node is, or the mean: a sum that is divided by the number of its terms.

    The maximum of a maximum without a name is one over both axes.
    """
    match node.op:
        case Sum(axes=axes):
            return Reduction("sum", node.operands[0], axes)
        case Max(axis=axis):
            (rows,) = node.operands
            inner = reduction(rows, names) if rows.op.name == node.op.name and rows not in names else None
            if inner is None:
                return Reduction(node.op.name, rows, (axis,))
            left = [k for k in range(inner.operand.ndim) if k not in inner.axes]
            return Reduction(node.op.name, inner.operand, tuple(sorted((*inner.axes, left[axis]))))
        case ArgMax() | Variance():
            return Reduction(node.op.name, node.operands[0], node.op.along)
        case Elementwise(function="divide" | "multiply"):
            sums = [operand for operand in node.operands if isinstance(operand.op, Sum)]
            if len(sums) == 1 and _counts(node, sums[0]):
                return Reduction("mean", sums[0].operands[0], sums[0].op.axes)  # type: ignore[attr-defined]  # a sum
    return None


def _counts(node: Array, summed: Array) -> bool:
    """True if a product or quotient divides a sum by the number of its terms."""
    assert isinstance(summed.op, Sum)
    (number,) = (operand for operand in node.operands if operand is not summed)
    size = prod([summed.operands[0].shape[axis] for axis in summed.op.axes], start=ONE)
    value = number.op.value if isinstance(number.op, Constant) else None
    if node.op.name == "divide":
        return node.operands[0] is summed and value is not None and value in (size, size.constant)
    return isinstance(value, Fraction) and value * (size.constant or 0) == 1
