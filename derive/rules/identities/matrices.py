"""Identities of inverses, determinants and solutions of systems."""

from __future__ import annotations

from fractions import Fraction

from derive.arrays import products
from derive.arrays.array import Array, apply
from derive.arrays.matrices import Determinant, Inverse, LogDeterminant, Norm, Solve
from derive.arrays.moves import Transpose
from derive.arrays.named import Named
from derive.arrays.operations import Constant, Elementwise, Eye, Matmul, PowerOf, Sum
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
    """Aᵀ = A where A is symmetric, declared so or seen by the kernel: (Xᵀ X)⁻¹, Xᵀ X + λ I"""
    inner = turned(node)
    if inner is None:
        return None
    declared = isinstance(inner.op, Named) and inner.op.fact in SYMMETRIC_FACTS
    seen = inner.op.name in ("inv", "add", "subtract") and inner.shape == node.shape and is_equal(inner, node)
    return inner if declared or seen else None


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
    """A A⁻¹ = A⁻¹ A = I, A (A⁻¹ B) = A⁻¹ (A B) = B, (B A) A⁻¹ = (B A⁻¹) A = B"""
    left, right = node.operands
    for one, other in ((left, right), (right, left)):
        if isinstance(one.op, Inverse) and one.operands[0] is other and node.ndim == 2:
            return apply(Eye(node.shape[0]))
    if isinstance(right.op, Solve) and right.operands[0] is left:
        return right.operands[1]
    for near, far, product in ((left, right, 0), (right, left, 1)):  # near (near⁻¹ B), and the like from the right
        if isinstance(far.op, Matmul):
            inner, rest = far.operands[product], far.operands[1 - product]
            if apply(Inverse(), inner) is near or (isinstance(inner.op, Inverse) and inner.operands[0] is near):
                return rest
    return None


@identity(Transpose)
def transpose_of_solution(node: Array) -> Array | None:
    """(A⁻¹ B)ᵀ = Bᵀ A⁻ᵀ"""
    inner = turned(node)
    if inner is None or not isinstance(inner.op, Solve):
        return None
    left, right = inner.operands
    return right.swapaxes(-1, -2) @ apply(Inverse(), left).swapaxes(-1, -2)


@identity(Transpose)
def transpose_of_sum(node: Array) -> Array | None:
    """(A B + C)ᵀ = Bᵀ Aᵀ + Cᵀ, where products are turned round"""
    inner = turned(node)
    if inner is None or inner.op.name not in ("add", "subtract"):
        return None
    if not all(isinstance(first(operand).op, Matmul | Solve | Transpose) for operand in inner.operands):
        return None
    return apply(inner.op, *[operand.swapaxes(-1, -2) for operand in inner.operands])


def first(array: Array) -> Array:
    """The first matrix of a sum, without the number and the scalars in front of it."""
    while array.op.name in ("add", "subtract"):
        array = array.operands[0]
    arrays = Product.of(array).arrays
    return arrays[0] if len(arrays) == 1 else array


@identity(Sum)
def sum_of_diagonal(node: Array) -> Array | None:
    """sum(A ∘ I) = tr(A)"""
    (inner,) = node.operands
    product = Product.of(inner)
    diagonal = [k for k, factor in enumerate(product.arrays) if isinstance(factor.op, Eye)]
    if node.shape or inner.ndim != 2 or len(product.arrays) < 2 or not diagonal:
        return None
    del product.arrays[diagonal[0]]
    return products.trace(product.write(inner.shape))


@identity(Elementwise)
def norm_by_definition(node: Array) -> Array | None:
    """√(sum of A²) = ‖A‖"""
    (summed,) = node.operands if node.op.name == "sqrt" else (node,)
    if not isinstance(summed.op, Sum):
        return None
    (square,) = summed.operands
    if square.op == PowerOf(Fraction(2)):
        return apply(Norm(summed.op.axes), *square.operands)
    return None


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
