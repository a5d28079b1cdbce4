"""Identities of inverses, determinants and solutions of systems."""

from __future__ import annotations

from fractions import Fraction

from derive.arrays.array import Array, Named, apply
from derive.arrays.matrices import Determinant, Inverse, LogDeterminant, Solve
from derive.arrays.moves import Transpose
from derive.arrays.operations import Constant, Einsum, Eye, Matmul
from derive.index.polynomial import SYMMETRIC_FACTS
from derive.rules.identities import identity
from derive.rules.identities.algebra import Product
from derive.rules.proof import is_equal


def turned(array: Array) -> Array | None:
    """A where the array is Aᵀ, else None."""
    exchanged = (*range(array.ndim - 2), array.ndim - 1, array.ndim - 2)
    return array.operands[0] if isinstance(array.op, Transpose) and array.op.order == exchanged else None


@identity(Inverse)
def inverse_of_inverse(node: Array) -> Array | None:
    """A⁻¹⁻¹ = A, (Aᵀ)⁻¹ = (A⁻¹)ᵀ, I⁻¹ = I, (c A)⁻¹ = A⁻¹ / c for a number c"""
    (inner,) = node.operands
    if isinstance(inner.op, Inverse | Eye):
        return inner.operands[0] if inner.operands else inner
    if (core := turned(inner)) is not None:
        return apply(Inverse(), core).swapaxes(-1, -2)
    product = Product.of(inner)
    number, product.number = product.number, Fraction(1)
    return 1 / number * apply(Inverse(), product.write(inner.shape)) if number not in (0, 1) else None


@identity(Transpose)
def transpose_of_symmetric(node: Array) -> Array | None:
    """Aᵀ = A and (A⁻¹)ᵀ = A⁻¹ where A is symmetric, declared so or seen by the kernel: Xᵀ X"""
    inner = turned(node)
    if inner is None:
        return None
    declared = isinstance(inner.op, Named) and inner.op.fact in SYMMETRIC_FACTS
    return inner if declared or (isinstance(inner.op, Inverse) and is_equal(inner, node)) else None


@identity(Transpose, Matmul, Solve)
def scalar_in_front(node: Array) -> Array | None:
    """(c A)ᵀ = c Aᵀ, (c A⁻¹) B = c (A⁻¹ B), A⁻¹ (c B) = c (A⁻¹ B) for a scalar c"""
    linear = node.operands[1:] if isinstance(node.op, Solve) else node.operands
    kept = list(node.operands[: len(node.operands) - len(linear)])
    front = Product()
    for operand in linear:
        product = Product.of(operand)
        bare = Product(arrays=product.arrays)
        inverse = any(
            isinstance(part.op, Inverse | Solve) for a in bare.arrays for part in (a, turned(a)) if part is not None
        )
        if product.scalars and bare.arrays and (inverse or not isinstance(node.op, Matmul)):
            front.number *= product.number
            front.scalars += product.scalars
            kept.append(bare.write(operand.shape))
        else:
            kept.append(operand)
    if not front.scalars:
        return None
    front.arrays = [apply(node.op, *kept)]
    return front.write(node.shape)


@identity(Matmul)
def product_with_inverse(node: Array) -> Array | None:
    """A A⁻¹ = I, A (A⁻¹ B) = B, (B A) A⁻¹ = B; A⁻¹ B is a solution"""
    left, right = node.operands
    if isinstance(left.op, Inverse):
        return apply(Solve(), left.operands[0], right)
    if isinstance(right.op, Solve) and right.operands[0] is left:
        return right.operands[1]
    if not isinstance(right.op, Inverse):
        return None
    (inverted,) = right.operands
    if left is inverted and node.ndim == 2:
        return apply(Eye(node.shape[0]))
    return left.operands[0] if isinstance(left.op, Matmul) and left.operands[1] is inverted else None


@identity(Einsum)
def inverse_times_vector(node: Array) -> Array | None:
    """A⁻¹ b is a solution, and so is bᵀ A⁻¹ = (A⁻ᵀ b)ᵀ"""
    assert isinstance(node.op, Einsum)
    if node.op.pattern not in ("ab,b->a", "a,ab->b"):
        return None
    matrix, vector = node.operands if node.op.pattern == "ab,b->a" else node.operands[::-1]
    core = turned(matrix)
    inverse = matrix if core is None else core
    if not isinstance(inverse.op, Inverse):
        return None
    flipped = (core is not None) != (node.op.pattern == "a,ab->b")
    return apply(Solve(), inverse.operands[0].T if flipped else inverse.operands[0], vector)


@identity(Solve)
def solution_of_product(node: Array) -> Array | None:
    """A⁻¹ A = I, A⁻¹ (A B) = B, A⁻¹ I = A⁻¹, I⁻¹ B = B; (A⁻¹)⁻¹ B = A B"""
    left, right = node.operands
    if left is right and node.ndim == 2:
        return apply(Eye(node.shape[0]))
    if isinstance(right.op, Matmul) and right.operands[0] is left:
        return right.operands[1]
    if isinstance(right.op, Eye):
        return apply(Inverse(), left)
    if isinstance(left.op, Eye):
        return right
    return left.operands[0] @ right if isinstance(left.op, Inverse) else None


@identity(Determinant, LogDeterminant)
def determinant_of_transpose(node: Array) -> Array | None:
    """det(Aᵀ) = det(A), det(A⁻¹) = 1 / det(A), det(I) = 1, and so for its logarithm"""
    (inner,) = node.operands
    if (core := turned(inner)) is not None:
        return apply(node.op, core)
    logarithm = isinstance(node.op, LogDeterminant)
    if isinstance(inner.op, Eye):
        return apply(Constant(Fraction(not logarithm)))
    if not isinstance(inner.op, Inverse):
        return None
    core = apply(node.op, *inner.operands)
    return -core if logarithm else 1 / core
