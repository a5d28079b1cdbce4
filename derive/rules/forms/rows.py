"""Stable forms of functions of rows: shifted by the largest entry, centred twice, and their slopes likewise."""

from __future__ import annotations

from fractions import Fraction

from derive.arrays import build, reducing
from derive.arrays.array import Array, apply
from derive.arrays.gather import Pick
from derive.arrays.operations import Elementwise, Sum
from derive.arrays.places import take_along_axis
from derive.arrays.rows import ArgMax, RowFunction, copies
from derive.arrays.softmax import LogSoftmax, LogSumExp, Softmax
from derive.arrays.statistics import RootMeanSquare, Standardize, Variance
from derive.rules.forms import Definition, stable
from derive.rules.forms.scalars import factors_of, product
from derive.rules.identities.rows import copied, mean_square_of, with_eps


LEAST = Fraction(1, 10**30)  # rows below it are not scaled up to 1


def _exp(array: Array) -> Array:
    return build.elementwise("exp", array)


def _largest(op: RowFunction, array: Array) -> Array:
    """The largest entry of each row, its axes kept."""
    return reducing.extreme(array, op.axes, keepdims=True)


@stable(Softmax)
def softmax_shifted(node: Array, definition: Definition) -> Array | None:
    """softmax(A) = E / rowsum(E) for E = exp(A - max A); what a mask leaves out takes no part in the maximum"""
    op, (rows, *masks) = node.op, node.operands
    assert isinstance(op, Softmax)
    if not masks:
        weights = _exp(rows - _largest(op, rows))
        return weights / op.sum(weights)
    (mask,) = masks
    inside = build.elementwise("where", mask, rows, reducing.extreme(rows, op.axes, keepdims=True, least=True))
    weights = build.elementwise("where", mask, _exp(inside - _largest(op, inside)), 0)
    return weights / op.sum(weights)


@stable(LogSumExp)
def logsumexp_shifted(node: Array, definition: Definition) -> Array | None:
    """logsumexp(A) = max A + log rowsum(exp(A - max A))"""
    op, (rows,) = node.op, node.operands
    assert isinstance(op, LogSumExp)
    shifted = _exp(rows - _largest(op, rows))
    return reducing.extreme(rows, op.axes) + build.elementwise("log", build.sum(shifted, op.axes))


@stable(LogSoftmax)
def log_softmax_shifted(node: Array, definition: Definition) -> Array | None:
    """log softmax(A) = B - log rowsum(exp B) for B = A - max A"""
    op, (rows,) = node.op, node.operands
    assert isinstance(op, LogSoftmax)
    shifted = rows - _largest(op, rows)
    return shifted - build.elementwise("log", op.sum(_exp(shifted)))


@stable(Elementwise)
def slope_of_softmax(node: Array, definition: Definition) -> Array | None:
    """S (G - rowsum(G S)) = S (D - rowsum(D S)) for D = G - G[k], S being the largest at k: keeps the digits of S[k]"""
    factors = factors_of(node) if node.op.name == "multiply" else []
    for place, soft in enumerate(factors):
        op = definition(soft).op
        for other, rest in enumerate(factors):
            if not isinstance(op, Softmax) or other == place or rest.op.name != "subtract":
                continue
            grad, sums = rest.operands
            spread = copied(sums)
            if _is_shifted(grad) or spread is None or spread.axes != op.axes or len(op.axes) != 1 or not _sums(spread.array, grad, soft):
                continue
            shifted = grad - take_along_axis(grad, apply(ArgMax(op.axes[0]), soft), op.axes[0])
            slope = soft * (shifted - op.sum(shifted * soft))
            return product([slope if k == place else f for k, f in enumerate(factors) if k != other])
    return None


def _is_shifted(grad: Array) -> bool:
    """True for what has been shifted by one of its entries already."""
    spread = copied(grad.operands[1]) if grad.op.name == "subtract" else None
    return spread is not None and isinstance(spread.array.op, Pick)


def _sums(array: Array, *factors: Array) -> bool:
    """True for a sum of the product of two arrays."""
    return isinstance(array.op, Sum) and {*factors_of(array.operands[0])} == {*factors}


# ---- statistics


def centred(op: RowFunction, rows: Array) -> Array:
    """Rows without their mean."""
    return rows - op.mean(rows)


@stable(Variance)
def variance_centred(node: Array, definition: Definition) -> Array | None:
    """var(A) = mean(C²) for C = A - mean A"""
    op, (rows,) = node.op, node.operands
    assert isinstance(op, Variance)
    return build.mean(centred(op, rows) ** 2, op.axes)


@stable(Standardize)
def standardized_centred(node: Array, definition: Definition) -> Array | None:
    """A standardized = C / √(mean(C²) + ε) for C = A - mean A"""
    op, (rows,) = node.op, node.operands
    assert isinstance(op, Standardize)
    square = apply(Variance(op.axes), rows)
    root = build.elementwise("sqrt", square + op.eps if op.eps else square)
    return centred(op, rows) / copies(root, rows.shape, op.axes)


@stable(RootMeanSquare)
def root_mean_square(node: Array, definition: Definition) -> Array | None:
    """A by its root mean square, written out"""
    op, (rows,) = node.op, node.operands
    assert isinstance(op, RootMeanSquare)
    square = build.mean(rows**2, op.axes)
    root = build.elementwise("sqrt", square + op.eps if op.eps else square)
    return rows / copies(root, rows.shape, op.axes)


@stable(Elementwise)
def root_of_squares(node: Array, definition: Definition) -> Array | None:
    """√(mean(A²) + ε) = m √(mean((A / m)²) + ε / m²) for m the largest |A| or 1: the squares do not overflow"""
    if node.op.name != "sqrt":
        return None
    square, eps = with_eps(*node.operands)
    if isinstance(square.op, Variance):
        rows, axes = centred(square.op, *square.operands), square.op.axes
    elif (found := mean_square_of(square)) is not None:
        rows, axes = found.array, found.axes
    else:
        return None
    if _is_scaled(rows):
        return None
    most = build.elementwise("maximum", reducing.extreme(rows, axes), -reducing.extreme(rows, axes, least=True))
    most = build.elementwise("maximum", most, 1 if eps else LEAST)
    by = 1 / most
    mean = build.mean((rows * copies(by, rows.shape, axes)) ** 2, axes)
    return most * build.elementwise("sqrt", mean + eps * by**2 if eps else mean)


def _is_scaled(rows: Array) -> bool:
    """True for rows divided by their largest entry already."""
    spread = copied(rows.operands[1]) if rows.op.name == "multiply" else None
    return spread is not None and spread.array.op.name == "divide" and spread.array.operands[1].op.name == "maximum"
