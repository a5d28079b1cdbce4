"""Identities of linear maps: sums, transposes, matrix products, contractions."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from functools import reduce
from string import ascii_lowercase

from derive.arrays import build, products
from derive.arrays.array import Array, apply
from derive.arrays.moves import Place, Reshape, Slice, Transpose
from derive.arrays.operations import Broadcast, Constant, Einsum, Eye, Matmul, Sum
from derive.arrays.windows import Overlap, Windows
from derive.index.size import ONE
from derive.rules.identities import identity
from derive.rules.identities.algebra import Product

# ---- sums


@identity(Sum)
def sum_of_sum(node: Array) -> Array | None:
    """a sum of a sum is one sum"""
    (inner,) = node.operands
    if not isinstance(inner.op, Sum):
        return None
    assert isinstance(node.op, Sum)
    left = [axis for axis in range(inner.operands[0].ndim) if axis not in inner.op.axes]
    return apply(Sum(tuple(sorted((*inner.op.axes, *(left[axis] for axis in node.op.axes))))), *inner.operands)


@identity(Sum, Matmul, Einsum, Transpose, Reshape, Slice, Place, Windows, Overlap)
def number_in_front(node: Array) -> Array | None:
    """L(c A) = c L(A) for linear L: a number goes in front"""
    number = Fraction(1)
    operands = []
    for operand in node.operands:
        if isinstance(operand.op, Constant) or operand.op.name not in ("multiply", "negative", "divide"):
            operands.append(operand)
            continue
        product = Product.of(operand)
        number, product.number = number * product.number, Fraction(1)
        operands.append(product.write(operand.shape))
    if number == 1:
        return None
    result = apply(node.op, *operands)
    return -result if number == -1 else build.constant(number) * result


@identity(Matmul, Transpose)
def size_in_front(node: Array) -> Array | None:
    """(c A) B = c (A B), (A / c) B = (A B) / c, (c A)ᵀ = c Aᵀ for a number c made of sizes"""

    def around(place: int, rest: Array) -> Array:
        return apply(node.op, *node.operands[:place], rest, *node.operands[place + 1 :])

    for place, operand in enumerate(node.operands):
        if operand.op.name == "divide" and not operand.operands[1].names():
            divisor = _one(operand.operands[1])
            return None if divisor is None else around(place, operand.operands[0]) / divisor
        product = Product.of(operand) if operand.op.name == "multiply" else Product()
        sizes = [scalar for scalar in product.scalars if not scalar.names()]
        if sizes:
            product.scalars = [scalar for scalar in product.scalars if scalar.names()]
            return reduce(lambda whole, size: size * whole, sizes, around(place, product.write(operand.shape)))
    return None


def _one(array: Array) -> Array | None:
    """The number that copies are copies of."""
    if isinstance(array.op, Constant):
        return apply(Constant(array.op.value))
    core = array.operands[0] if isinstance(array.op, Broadcast) else array
    return None if core.shape else core


# ---- transposes


@identity(Transpose)
def transpose_of_transpose(node: Array) -> Array | None:
    """Aᵀᵀ = A"""
    (inner,) = node.operands
    if not isinstance(inner.op, Transpose):
        return None
    assert isinstance(node.op, Transpose)
    return inner.operands[0].transpose(tuple(inner.op.order[axis] for axis in node.op.order))


@identity(Transpose)
def transpose_of_product(node: Array) -> Array | None:
    """(A B)ᵀ = Bᵀ Aᵀ, the leading axes staying as they are"""
    (inner,) = node.operands
    assert isinstance(node.op, Transpose)
    if not isinstance(inner.op, Matmul) or node.op.order != (*range(node.ndim - 2), node.ndim - 1, node.ndim - 2):
        return None
    left, right = inner.operands
    return right.swapaxes(-1, -2) @ left.swapaxes(-1, -2)


@identity(Transpose)
def transpose_of_map(node: Array) -> Array | None:
    """copies of A, transposed, are copies of A or Aᵀ; constants are transposed in place"""
    (inner,) = node.operands
    assert isinstance(node.op, Transpose)
    order = node.op.order
    if isinstance(inner.op, Constant):
        return apply(Constant(inner.op.value, node.shape))
    if isinstance(inner.op, Eye):
        return inner
    if isinstance(inner.op, Broadcast):
        axes = [order.index(axis) for axis in inner.op.axes]
        turned = tuple(sorted(range(len(axes)), key=axes.__getitem__))
        return apply(Broadcast(node.shape, tuple(sorted(axes))), inner.operands[0].transpose(turned))
    return None


@identity(Transpose)
def transpose_of_contraction(node: Array) -> Array | None:
    """(sum_k A[k,i] B[k,j])ᵀ = sum_k B[k,j] A[k,i]"""
    (inner,) = node.operands
    assert isinstance(node.op, Transpose)
    if not isinstance(inner.op, Einsum) or inner.op.pattern in _MATRIX_PRODUCTS:
        return None
    output = "".join(inner.op.output[axis] for axis in node.op.order)
    terms = list(zip(inner.op.inputs, inner.operands, strict=True))
    return products.contract(sorted(terms, key=lambda term: output[0] not in term[0]), output)


# ---- products with constants


@identity(Matmul)
def product_with_ones(node: Array) -> Array | None:
    """(c 1) B = c 1 (1ᵀ B), A (c 1) = c (A 1) 1ᵀ; with one row or column, copies"""
    left, right = node.operands
    rank = node.ndim
    for side, other, axis, kept in ((left, right, rank - 2, rank - 1), (right, left, rank - 1, rank - 2)):
        if isinstance(side.op, Constant):
            summed = apply(Sum((axis,)), other)
            copied = apply(Broadcast(node.shape, (*range(rank - 2), kept)), summed)
            return build.spread(apply(Constant(side.op.value)), node.shape) * copied
        if isinstance(side.op, Eye):
            return other
    return None


@identity(Sum)
def sum_of_one(node: Array) -> Array | None:
    """a sum over an axis of size 1 is a reshape"""
    (inner,) = node.operands
    assert isinstance(node.op, Sum)
    if any(inner.shape[axis] != ONE for axis in node.op.axes):
        return None
    return inner if not node.op.axes else apply(Reshape(node.shape), inner)


# ---- contractions


@identity(Sum)
def sum_of_products(node: Array) -> Array | None:
    """sum_n A[n] B[n] = one contraction: matrix products, summed over their leading axes"""
    (inner,) = node.operands
    assert isinstance(node.op, Sum)
    if not isinstance(inner.op, Matmul) or max(node.op.axes) >= inner.ndim - 2:
        return None
    *lead, summed, row, column = list(ascii_lowercase[: inner.ndim + 1])
    output = "".join(letter for k, letter in enumerate((*lead, row, column)) if k not in node.op.axes)
    labels = "".join((*lead, row, summed)), "".join((*lead, summed, column))
    return products.contract([_turned_back(*term) for term in zip(labels, inner.operands, strict=True)], output)


def _turned_back(letters: str, array: Array) -> tuple[str, Array]:
    """The labels of what is transposed, and it."""
    if not isinstance(array.op, Transpose):
        return letters, array
    return "".join(letters[array.op.order.index(axis)] for axis in range(array.ndim)), array.operands[0]


@identity(Einsum)
def trace_of_product(node: Array) -> Array | None:
    """tr(A B) = sum(Aᵀ ∘ B), tr(Aᵀ) = tr(A), tr(I) = n"""
    assert isinstance(node.op, Einsum)
    if node.op.pattern != "aa->":
        return None
    (inner,) = node.operands
    if isinstance(inner.op, Matmul):
        left, right = inner.operands
        return (left.T * right).sum()
    if isinstance(inner.op, Transpose):
        return products.trace(inner.operands[0])
    return build.constant(inner.op.size) if isinstance(inner.op, Eye) else None


_MATRIX_PRODUCTS: dict[str, Callable[[Array, Array], Array]] = {
    "ab,bc->ac": lambda A, B: A @ B,
    "ab,cb->ac": lambda A, B: A @ B.T,
    "ab,ac->bc": lambda A, B: A.T @ B,
    "ab,ca->bc": lambda A, B: A.T @ B.T,
    "ab,bc->ca": lambda A, B: B.T @ A.T,
    "ab,cb->ca": lambda A, B: B @ A.T,
    "ab,ac->cb": lambda A, B: B.T @ A,
    "ab,ca->cb": lambda A, B: B @ A,
}  # fmt: skip


@identity(Einsum)
def contraction_as_product(node: Array) -> Array | None:
    """sum_k A[i,k] B[k,j] = (A B)[i,j], and its transposes; a contraction of one array is a transpose or a sum"""
    assert isinstance(node.op, Einsum)
    if node.op.pattern in _MATRIX_PRODUCTS:
        return _MATRIX_PRODUCTS[node.op.pattern](*node.operands)
    if node.op.pattern == "a,b->ba":
        return products.outer(*reversed(node.operands))
    if len(node.operands) == 1 and len(set(node.op.inputs[0])) == len(node.op.inputs[0]):
        (letters,) = node.op.inputs
        axes = tuple(k for k, letter in enumerate(letters) if letter not in node.op.output)
        left = [letter for letter in letters if letter in node.op.output]
        summed = node.operands[0].sum(axis=axes) if axes else node.operands[0]
        return summed.transpose(tuple(left.index(letter) for letter in node.op.output)) if left else summed
    return None


@identity(Einsum)
def contraction_with_ones(node: Array) -> Array | None:
    """a factor of ones drops out of a contraction; an identity matrix renames a label"""
    assert isinstance(node.op, Einsum)
    if len(node.operands) < 2:
        return None
    for k, (letters, operand) in enumerate(zip(node.op.inputs, node.operands, strict=True)):
        others = [(t, a) for j, (t, a) in enumerate(zip(node.op.inputs, node.operands, strict=True)) if j != k]
        elsewhere = "".join(t for t, _ in others)
        if isinstance(operand.op, Constant) and all(letter in elsewhere for letter in letters):
            return build.spread(apply(Constant(operand.op.value)), node.shape) * products.contract(
                others, node.op.output
            )
        if (
            isinstance(operand.op, Constant)
            and len(letters) == 1
            and letters in node.op.output
            and letters not in elsewhere
        ):
            rest = products.contract(others, node.op.output.replace(letters, ""))
            kept = tuple(axis for axis, letter in enumerate(node.op.output) if letter != letters)
            return build.spread(apply(Constant(operand.op.value)), node.shape) * apply(
                Broadcast(node.shape, kept), rest
            )
        if not letters:
            return build.spread(operand, node.shape) * products.contract(others, node.op.output)
    return None
