"""Stable forms of matrix functions: systems are solved, not matrices inverted; norms neither over- nor underflow."""

from __future__ import annotations

from derive.arrays.array import Array, apply
from derive.arrays.matrices import Inverse, Norm, Solve
from derive.arrays.operations import Einsum, Matmul
from derive.arrays.reducing import extreme
from derive.arrays.rows import copies
from derive.rules.forms import Definition, stable
from derive.rules.identities.matrices import turned


def inverted(array: Array) -> Array | None:
    """A where the array is A⁻¹, Aᵀ where it is A⁻ᵀ, else None."""
    core = turned(array)
    inverse = array if core is None else core
    if not isinstance(inverse.op, Inverse):
        return None
    return inverse.operands[0] if core is None else inverse.operands[0].swapaxes(-1, -2)


@stable(Matmul)
def product_as_solution(node: Array, definition: Definition) -> Array | None:
    """A⁻¹ B is the X with A X = B, and B A⁻¹ the transposed X with Aᵀ X = Bᵀ"""
    left, right = node.operands
    if (matrix := inverted(left)) is not None:
        return apply(Solve(), matrix, right)
    if (matrix := inverted(right)) is not None:
        solved = apply(Solve(), matrix.swapaxes(-1, -2), left.swapaxes(-1, -2))
        return solved.swapaxes(-1, -2)
    return None


@stable(Einsum)
def vector_as_solution(node: Array, definition: Definition) -> Array | None:
    """A⁻¹ b is the x with A x = b, and b A⁻¹ that with Aᵀ x = b"""
    assert isinstance(node.op, Einsum)
    if node.op.pattern not in ("ab,b->a", "a,ab->b", "ab,a->b"):
        return None
    first, second = node.operands
    factor, vector = (second, first) if node.op.pattern == "a,ab->b" else (first, second)
    matrix = inverted(factor)
    if matrix is None:
        return None
    return apply(Solve(), matrix if node.op.pattern == "ab,b->a" else matrix.T, vector)


@stable(Norm)
def norm_of_scaled(node: Array, definition: Definition) -> Array | None:
    """‖A‖ = |c| ‖A / c‖ for c the largest |entry|, or 1 where all are 0"""
    assert isinstance(node.op, Norm)
    (operand,) = node.operands
    if operand.op.name == "divide":
        return None
    largest = extreme(abs(operand), node.op.axes)  # of no entries it is 0
    scale: Array = largest + (largest == 0)
    return abs(scale) * apply(node.op, operand / copies(scale, operand.shape, node.op.axes))
