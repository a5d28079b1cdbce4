"""The identities by which expressions are simplified, so that they read as a person would write them.

Each is a function from a node to a simpler expression, or None where it does not apply; its docstring is its statement.
None is trusted: what an identity did is proved by the kernel before it is used (simplify.py).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction

from derive.arrays import build, products
from derive.arrays.array import Array, Operation, apply
from derive.arrays.moves import Place, Reshape, Slice, Transpose
from derive.arrays.operations import Broadcast, Constant, Einsum, Elementwise, Eye, Matmul, PowerOf, Sum
from derive.arrays.shapes import reshape_groups
from derive.index.size import ONE, Size

Identity = Callable[[Array], Array | None]

IDENTITIES: dict[type[Operation], list[Identity]] = {}


def identity(*kinds: type[Operation]) -> Callable[[Identity], Identity]:
    """Enter an identity into the book, under the operations at whose nodes it is tried."""

    def enter(function: Identity) -> Identity:
        for kind in kinds:
            IDENTITIES.setdefault(kind, []).append(function)
        return function

    return enter


# ---- products and sums in order


@dataclass
class Product:
    """A product taken apart: a rational number, scalars, arrays of one shape."""

    number: Fraction = Fraction(1)
    scalars: list[Array] = field(default_factory=list)
    arrays: list[Array] = field(default_factory=list)

    @staticmethod
    def of(array: Array) -> Product:
        """The factors of an array."""
        product = Product()
        product._take(array, product.arrays if array.shape else product.scalars)
        return product

    def _take(self, array: Array, into: list[Array]) -> None:
        op = array.op
        if isinstance(op, Elementwise) and op.function == "multiply":
            for operand in array.operands:
                self._take(operand, into)
        elif isinstance(op, Elementwise) and op.function == "negative":
            self.number = -self.number
            self._take(array.operands[0], into)
        elif isinstance(op, Elementwise) and op.function == "divide" and _number(array.operands[1]):
            self.number /= _number(array.operands[1]) or 1
            self._take(array.operands[0], into)
        elif isinstance(op, Constant):
            if isinstance(op.value, Fraction):
                self.number *= op.value
            else:
                self.scalars.append(apply(Constant(op.value)))
        elif isinstance(op, Broadcast) and not array.operands[0].shape:
            self._take(array.operands[0], self.scalars)
        else:
            into.append(array)

    def write(self, shape: tuple[Size, ...], signed: bool = True) -> Array:
        """The product put together in order."""
        if not self.number:
            return apply(Constant(Fraction(0), shape))
        size = abs(self.number)
        front = [build.constant(size)] if size != 1 else []
        scalar = _times(front + _powers(self.scalars))
        rest = _times(_powers(self.arrays))
        if rest is None and scalar is not None:
            return build.spread(-scalar if self.number < 0 and signed else scalar, shape)
        if rest is None:
            body = build.spread(build.constant(1), shape)
        else:
            body = rest if scalar is None else build.elementwise("multiply", build.spread(scalar, shape), rest)
        return -body if self.number < 0 and signed else body


def _number(array: Array) -> Fraction | None:
    return array.op.value if isinstance(array.op, Constant) and isinstance(array.op.value, Fraction) else None


def _times(factors: list[Array]) -> Array | None:
    result: Array | None = None
    for factor in factors:
        result = factor if result is None else build.elementwise("multiply", result, factor)
    return result


def _powers(factors: list[Array]) -> list[Array]:
    exponents: dict[Array, Fraction] = {}
    for factor in factors:
        op = factor.op
        base, exponent = (factor.operands[0], op.exponent) if isinstance(op, PowerOf) else (factor, Fraction(1))
        exponents[base] = exponents.get(base, Fraction(0)) + exponent
    return [base if e == 1 else build.power(base, e) for base, e in exponents.items() if e]


@identity(Elementwise)
def product_in_order(node: Array) -> Array | None:
    """A (c B) = c A B, (-A) B = -(A B), A A = A²: number first, then scalars, then arrays"""
    if node.op.name not in ("multiply", "negative") and not (node.op.name == "divide" and _number(node.operands[1])):
        return None
    return Product.of(node).write(node.shape)


@identity(Elementwise)
def sum_in_order(node: Array) -> Array | None:
    """A + (-B) = A - B, A + A = 2 A, A + 0 = A, -(A - B) = B - A"""
    if node.op.name not in ("add", "subtract") and not (
        node.op.name == "negative" and node.operands[0].op.name in ("add", "subtract")
    ):
        return None
    terms: dict[Array, Fraction] = {}

    def take(array: Array, sign: Fraction) -> None:
        if array.op.name in ("add", "subtract"):
            take(array.operands[0], sign)
            take(array.operands[1], sign if array.op.name == "add" else -sign)
        elif array.op.name == "negative":
            take(array.operands[0], -sign)
        else:
            product = Product.of(array)
            number, product.number = product.number, Fraction(1)
            if number:
                body = product.write(node.shape)
                terms[body] = terms.get(body, Fraction(0)) + sign * number

    take(node, Fraction(1))
    ordered = [(a, c) for a, c in terms.items() if c > 0] + [(a, c) for a, c in terms.items() if c < 0]
    result: Array | None = None
    for array, c in ordered:
        size = Product.of(array)
        size.number = size.number * (c if result is None else abs(c))
        part = size.write(node.shape)
        if part.kind == "bool":
            return None  # NumPy adds no masks
        result = part if result is None else result + part if c > 0 else result - part
    return result if result is not None else apply(Constant(Fraction(0), node.shape))


@identity(Elementwise)
def quotient_by_itself(node: Array) -> Array | None:
    """A / 1 = A, (A B) / B = A, where B is not 0"""
    if node.op.name != "divide":
        return None
    top, bottom = node.operands
    product = Product.of(top)
    for k, factor in enumerate(product.arrays):
        if factor is bottom:
            del product.arrays[k]
            return product.write(node.shape)
    return None


# ---- copies


@identity(Elementwise, PowerOf)
def map_of_copies(node: Array) -> Array | None:
    """f(copies of a, copies of b) = copies of f(a, b)"""
    copies = [operand for operand in node.operands if isinstance(operand.op, Broadcast)]
    if (
        (node.op.name == "negative" and copies and copies[0].operands[0].shape)
        or not copies
        or not all(isinstance(operand.op, Broadcast | Constant) for operand in node.operands)
    ):
        return None
    axes, core = copies[0].op.axes, copies[0].operands[0].shape  # type: ignore[attr-defined]  # a broadcast
    if any(a.op.axes != axes or a.operands[0].shape != core for a in copies):  # type: ignore[attr-defined]  # the same
        return None
    inner = [apply(Constant(a.op.value, core)) if isinstance(a.op, Constant) else a.operands[0] for a in node.operands]
    return apply(Broadcast(node.shape, axes), apply(node.op, *inner))


@identity(Broadcast)
def copies_of_negative(node: Array) -> Array | None:
    """copies of -A = -(copies of A), so that a sum with it is a difference"""
    (inner,) = node.operands
    return -apply(node.op, *inner.operands) if _is_negative_array(inner) else None


def _is_negative_array(array: Array) -> bool:
    """True for -A, A being more than a number."""
    return array.op.name == "negative" and bool(array.shape) and not isinstance(array.operands[0].op, Constant)


@identity(Broadcast)
def copies_of_copies(node: Array) -> Array | None:
    """copies of copies of A = copies of A; one copy of A = A; copies of a number = that number everywhere"""
    (inner,) = node.operands
    assert isinstance(node.op, Broadcast)
    if inner.shape == node.shape:
        return inner
    if isinstance(inner.op, Constant):
        return apply(Constant(inner.op.value, node.shape))
    if isinstance(inner.op, Broadcast):
        axes = tuple(node.op.axes[axis] for axis in inner.op.axes)
        return apply(Broadcast(node.shape, axes), *inner.operands)
    return None


@identity(Sum)
def sum_of_copies(node: Array) -> Array | None:
    """1ᵀ (1 a) = n a: a sum over copies is their number times one of them"""
    (inner,) = node.operands
    assert isinstance(node.op, Sum)
    if isinstance(inner.op, Constant):
        number = build.count([inner.shape[axis] for axis in node.op.axes])
        return build.spread(build.constant(number) * apply(Constant(inner.op.value)), node.shape)
    if not isinstance(inner.op, Broadcast):
        return None
    (core,) = inner.operands
    fresh = [axis for axis in node.op.axes if axis not in inner.op.axes]
    if not fresh:
        return None
    own = tuple(k for k, axis in enumerate(inner.op.axes) if axis in node.op.axes)
    stretched = [a for k, a in enumerate(inner.op.axes) if a in node.op.axes and core.shape[k] != inner.shape[a]]
    left = [axis for axis in range(inner.ndim) if axis not in node.op.axes]
    kept = tuple(left.index(axis) for axis in inner.op.axes if axis not in node.op.axes)
    body = apply(Sum(own), core) if own else core
    body = apply(Broadcast(node.shape, kept), body) if body.shape != node.shape else body
    number = build.count([inner.shape[axis] for axis in [*fresh, *stretched]])
    return body if number == ONE else build.constant(number) * body


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


@identity(Sum, Matmul, Einsum, Transpose, Reshape, Slice, Place)
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
    """(A B)ᵀ = Bᵀ Aᵀ"""
    (inner,) = node.operands
    if not isinstance(inner.op, Matmul) or node.ndim != 2:
        return None
    left, right = inner.operands
    return right.T @ left.T


@identity(Transpose)
def transpose_of_map(node: Array) -> Array | None:
    """f(A, B)ᵀ = f(Aᵀ, Bᵀ), copies and constants transposed in place"""
    (inner,) = node.operands
    assert isinstance(node.op, Transpose)
    order = node.op.order
    if isinstance(inner.op, Constant):
        return apply(Constant(inner.op.value, node.shape))
    if isinstance(inner.op, Eye):
        return inner
    if isinstance(inner.op, Broadcast):
        axes = [order.index(axis) for axis in inner.op.axes]
        if axes == sorted(axes):
            return apply(Broadcast(node.shape, tuple(axes)), *inner.operands)
    return None


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


# ---- moves


@identity(Reshape)
def reshape_of_reshape(node: Array) -> Array | None:
    """a reshape of a reshape is one reshape; a reshape to the same shape is nothing"""
    (inner,) = node.operands
    if inner.shape == node.shape:
        return inner
    if isinstance(inner.op, Constant):  # the kernel does not count the pairs (i, j) with i n + j = p: no axis is joined
        split = all(len(old) <= 1 for _, old in reshape_groups(node.shape, inner.shape))
        return apply(Constant(inner.op.value, node.shape)) if split else None
    return apply(Reshape(node.shape), *inner.operands) if isinstance(inner.op, Reshape) else None


@identity(Slice)
def slice_of_place(node: Array) -> Array | None:
    """the slice of what was put there is what was put there"""
    (inner,) = node.operands
    assert isinstance(node.op, Slice)
    if isinstance(inner.op, Place) and (inner.op.begin, inner.op.stride) == (node.op.begin, node.op.stride):
        return inner.operands[0] if inner.operands[0].shape == node.shape else None
    return apply(Constant(inner.op.value, node.shape)) if isinstance(inner.op, Constant) else None
