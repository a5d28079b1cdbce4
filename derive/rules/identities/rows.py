"""Identities by which functions of rows are recognised, however they are written; and shifts that do not matter."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from derive.arrays import build
from derive.arrays.array import Array, apply
from derive.arrays.named import Named
from derive.arrays.operations import Broadcast, Constant, Elementwise, PowerOf, Sum
from derive.arrays.rows import RowFunction, copies, without
from derive.arrays.shapes import ROW_KINDS
from derive.arrays.softmax import LogSoftmax, LogSumExp, Softmax
from derive.arrays.statistics import RootMeanSquare, Standardize, Variance
from derive.index.size import Size
from derive.rules.identities import identity
from derive.rules.identities.algebra import Product
from derive.rules.identities.recognition import number

SQUARE = PowerOf(Fraction(2))
Axes = tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Rows:
    """An array, and the axes along which its rows run."""

    array: Array
    axes: Axes

    def same(self, other: Rows | None) -> bool:
        """True for the same rows."""
        return other is not None and self.array is other.array and self.axes == other.axes


# ---- taking apart


def copied(array: Array) -> Rows | None:
    """What is copied along whole rows, and the axes of these."""
    own = tuple(range(array.ndim))
    core = array
    while isinstance(core.op, Broadcast):
        own = tuple(own[axis] for axis in core.op.axes)
        (core,) = core.operands
    if own != tuple(sorted(own)):
        return None
    axes = tuple(k for k in range(array.ndim) if k not in own or core.shape[own.index(k)] != array.shape[k])
    return Rows(build.reshape(core, without(array.shape, axes)), axes) if axes else None


def mean_of(array: Array) -> Rows | None:
    """``A``, for the mean of its rows."""
    if array.op.name == "divide":
        summed, count = array.operands
        by = count.op.value if isinstance(count.op, Constant) else None
    else:
        product = Product.of(array)
        by = 1 / product.number if product.number else None
        factors = [*product.scalars, *product.arrays]
        if len(factors) != 1:
            return None
        (summed,) = factors
    if not isinstance(summed.op, Sum):
        return None
    (rows,) = summed.operands
    size = build.count([rows.shape[axis] for axis in summed.op.axes])
    return Rows(rows, summed.op.axes) if by is not None and by in (size, size.constant) else None


def mean_square_of(array: Array) -> Rows | None:
    """``A``, for the mean of the squares of its rows."""
    found = mean_of(array)
    return Rows(found.array.operands[0], found.axes) if found and found.array.op == SQUARE else None


def centred(array: Array) -> Rows | None:
    """``A``, for what is left of its rows without their mean."""
    spread = copied(array.operands[1]) if array.op.name == "subtract" else None
    found = spread and mean_of(spread.array)
    return found if spread and found and found.same(Rows(array.operands[0], spread.axes)) else None


def is_constant_along(array: Array, axes: Axes) -> bool:
    """True if all entries of a row are plainly the same."""
    found = copied(array)
    return isinstance(array.op, Constant) or (found is not None and set(axes) <= set(found.axes))


def quotients(node: Array) -> Iterator[tuple[Product, Array, Fraction, Axes]]:
    """A product over something of which each row has one: what is above, and below a base, its power, and the axes."""
    if node.op.name == "divide":
        spread = copied(node.operands[1])
        if spread is not None:
            yield Product.of(node.operands[0]), *_power(spread.array, Fraction(-1)), spread.axes
    elif node.op.name == "multiply":
        for factor in Product.of(node).arrays:
            spread = copied(factor)
            if spread is not None:
                product = Product.of(node)
                product.arrays = [a for a in product.arrays if a is not factor]
                yield product, *_power(spread.array, Fraction(1)), spread.axes


def _power(array: Array, exponent: Fraction) -> tuple[Array, Fraction]:
    """What an array to a power is a power of, and which."""
    op = array.op
    if op.name == "sqrt":
        return _power(array.operands[0], exponent / 2)
    if isinstance(op, PowerOf):
        return _power(array.operands[0], exponent * op.exponent)
    if op.name == "divide" and number(array.operands[0]) == 1:
        return _power(array.operands[1], -exponent)
    return array, exponent


def terms(array: Array, sign: int = 1) -> list[tuple[Array, int]]:
    """The terms of a sum, with their signs; copies of a sum are the sum of the copies."""
    if array.op.name == "negative":
        return terms(array.operands[0], -sign)
    if isinstance(array.op, Broadcast) and array.operands[0].op.name in ("add", "subtract", "negative"):
        return [(apply(array.op, part), s) for part, s in terms(array.operands[0], sign)]
    if array.op.name not in ("add", "subtract"):
        return [(array, sign)]
    left, right = array.operands
    return terms(left, sign) + terms(right, sign if array.op.name == "add" else -sign)


def total(signed: list[tuple[Array, int]]) -> Array:
    """The sum of some terms."""
    first, *rest = sorted(signed, key=lambda term: -term[1])
    result = first[0] if first[1] > 0 else -first[0]
    for array, sign in rest:
        result = result + array if sign > 0 else result - array
    return result


# ---- exponentials


@identity(Elementwise)
def softmax_by_definition(node: Array) -> Array | None:
    """exp A / rowsum(exp A) = softmax(A); the same of exp A where M, else 0, is the softmax of M's entries only"""
    for product, base, exponent, axes in quotients(node):
        operands = _exponent(base.operands[0]) if base.op == Sum(axes) and exponent == -1 else None
        if operands is None:
            continue
        weights = set(Product.of(base.operands[0]).arrays)
        if weights <= set(product.arrays):
            product.arrays = [apply(Softmax(axes), *operands), *[a for a in product.arrays if a not in weights]]
            return product.write(node.shape)
    return None


def _exponent(weights: Array) -> tuple[Array, ...] | None:
    """``(A,)`` for exp A; ``(A, M)`` for exp A where M, else 0."""
    if weights.op.name == "where" and number(weights.operands[2]) == 0 and weights.operands[1].op.name == "exp":
        return (*weights.operands[1].operands, weights.operands[0])
    if weights.op.name == "multiply":
        mask, power = sorted(weights.operands, key=lambda factor: factor.op.name == "exp")
        return (*power.operands, mask) if power.op.name == "exp" and mask.kind == "bool" else None
    return weights.operands if weights.op.name == "exp" else None


@identity(Elementwise)
def logsumexp_by_definition(node: Array) -> Array | None:
    """log rowsum(exp A) = logsumexp(A)"""
    if node.op.name != "log" or not isinstance(node.operands[0].op, Sum):
        return None
    (power,) = node.operands[0].operands
    return apply(LogSumExp(node.operands[0].op.axes), *power.operands) if power.op.name == "exp" else None


@identity(Elementwise)
def log_softmax_by_definition(node: Array) -> Array | None:
    """A - logsumexp(A) = log softmax(A), and its exponential is the softmax"""
    if node.op.name in ("log", "exp"):
        (rows,) = node.operands
        if node.op.name == "log" and isinstance(rows.op, Softmax) and len(rows.operands) == 1:
            return apply(LogSoftmax(rows.op.axes), *rows.operands)
        return apply(Softmax(rows.op.axes), *rows.operands) if isinstance(rows.op, LogSoftmax) else None
    parts = terms(node) if node.op.name in ("add", "subtract") else []
    for part, sign in parts:
        spread = copied(part)
        if spread is not None and sign < 0 and spread.array.op == LogSumExp(spread.axes):
            (rows,) = spread.array.operands
            own = {*terms(rows), (part, sign)}
            if own <= set(parts):
                return total([(apply(LogSoftmax(spread.axes), rows), 1), *[term for term in parts if term not in own]])
    return None


# ---- statistics


@identity(Elementwise)
def variance_by_definition(node: Array) -> Array | None:
    """mean((A - mean A)²) = var(A), mean(A²) - mean(A)² = var(A)"""
    if node.op.name == "subtract":
        square, root = mean_square_of(node.operands[0]), node.operands[1]
        found = square if square and root.op == SQUARE and square.same(mean_of(root.operands[0])) else None
    else:
        deviations = mean_square_of(node)
        found = centred(deviations.array) if deviations else None
        found = found if found and deviations and found.axes == deviations.axes else None
    return apply(Variance(found.axes), found.array) if found else None


@identity(Elementwise)
def normalized_by_definition(node: Array) -> Array | None:
    """(A - mean A) / √(var A + ε) is A standardized, A / √(mean A² + ε) is A by its root mean square"""
    for product, base, exponent, axes in quotients(node):
        if exponent != Fraction(-1, 2):
            continue
        square, eps = with_eps(base)
        rows = mean_square_of(square)
        for k, factor in enumerate(product.arrays):
            if square.op == Variance(axes) and Rows(square.operands[0], axes).same(centred(factor)):
                product.arrays[k] = apply(Standardize(axes, eps), *square.operands)
                return product.write(node.shape)
            if Rows(factor, axes).same(rows):
                product.arrays[k] = apply(RootMeanSquare(axes, eps), factor)
                return product.write(node.shape)
    return None


def with_eps(array: Array) -> tuple[Array, Fraction]:
    """``A`` and ε for ``A + ε``, ε being at least 0."""
    if array.op.name == "add":
        for one, other in (array.operands, array.operands[::-1]):
            eps = number(other)
            if eps is not None and eps > 0:
                return one, eps
    return array, Fraction(0)


# ---- shifts


@identity(Softmax, LogSoftmax, LogSumExp, Variance, Standardize)
def shifted_rows(node: Array) -> Array | None:
    """f(A + c) = f(A) for f that sees only how the entries of a row differ; logsumexp(A + c) = logsumexp(A) + c"""
    op = node.op
    assert isinstance(op, RowFunction)
    parts = terms(node.operands[0])
    shifts = [part for part in parts if is_constant_along(part[0], op.axes)]
    left = [part for part in parts if not is_constant_along(part[0], op.axes)]
    if not shifts or not left:
        return None
    rows = apply(op, total(left), *node.operands[1:])
    return total([(rows, 1), *[(_one_each(a, op.axes), s) for a, s in shifts]]) if isinstance(op, LogSumExp) else rows


def _one_each(array: Array, axes: Axes) -> Array:
    """What all entries of a row are."""
    rest = tuple(size for axis, size in enumerate(array.shape) if axis not in axes)
    if isinstance(array.op, Constant):
        return apply(Constant(array.op.value, rest))
    found = copied(array)
    assert found is not None
    more = tuple(k for k, axis in enumerate(k for k in range(array.ndim) if k not in axes) if axis in found.axes)
    return copies(found.array, rest, more) if more else found.array


# ---- sums along rows


@identity(Sum)
def factor_in_front(node: Array) -> Array | None:
    """rowsum(g A) = g rowsum(A), where g is a number, or what each row has one of"""
    (inner,) = node.operands
    assert isinstance(node.op, Sum)
    axes = node.op.axes
    if inner.op.name != "multiply":
        return None
    product = Product.of(inner)
    front = {a for a in product.arrays if (own := copied(a)) is not None and {*axes} <= {*own.axes}}
    rest = Product(arrays=[a for a in product.arrays if a not in front])
    if not rest.arrays or not (front or product.scalars):
        return None
    each = [_one_each(a, axes) for a in product.arrays if a in front]
    product.arrays = [*each, apply(node.op, rest.write(inner.shape))]
    return product.write(node.shape)


@identity(Sum)
def rows_that_sum_to_one(node: Array) -> Array | None:
    """rowsum(a P + b) = a + d b for rows P of d probabilities"""
    (inner,) = node.operands
    assert isinstance(node.op, Sum)
    if len(node.op.axes) != 1:
        return None
    sums, some = list[tuple[Array, int]](), False
    for term, sign in terms(inner):
        product = Product.of(term)
        match [array.op for array in product.arrays]:
            case [Named(fact=fact, axis=axis)] if fact in ROW_KINDS and axis % inner.ndim == node.op.axes[0]:
                some, product.arrays = True, []
            case []:
                repeat(product, inner.shape[node.op.axes[0]])
            case _:
                return None
        sums.append((product.write(node.shape), sign))
    return total(sums) if some else None


def repeat(product: Product, times: Size) -> None:
    """Makes a product so many times as large: of a number over so many that is the number."""
    count = build.constant(times)
    for k, scalar in enumerate(product.scalars):
        if scalar.op.name == "divide" and scalar.operands[1] is count:
            product.scalars[k] = scalar.operands[0]
            return
    product.scalars.append(count)
