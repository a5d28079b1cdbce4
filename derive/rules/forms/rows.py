"""Stable forms of functions of rows: shifted by the largest entry, centred twice, and their slopes likewise."""

from __future__ import annotations

from fractions import Fraction
from string import ascii_lowercase

from derive.arrays import build, reducing
from derive.arrays.array import Array, apply
from derive.arrays.gather import Pick
from derive.arrays.named import Named
from derive.arrays.operations import Broadcast, Constant, Einsum, Elementwise, PowerOf, Sum
from derive.arrays.rows import ArgMax, RowFunction, copies
from derive.arrays.shapes import Shape
from derive.arrays.signs import starts_rows
from derive.arrays.softmax import LogSumExp, Softmax
from derive.arrays.statistics import RootMeanSquare, Standardize, Variance
from derive.rules.forms import Definition, stable
from derive.rules.forms.apart import picked, shifted
from derive.rules.forms.parts import factors_of, product
from derive.rules.identities.rows import copied, mean_square_of, with_eps

LEAST = Fraction(1, 10**30)  # rows below it are not scaled up to 1


def _exp(array: Array) -> Array:
    return build.elementwise("exp", array)


@stable(Softmax)
def softmax_shifted(node: Array, definition: Definition) -> Array | None:
    """softmax(A) = E / rowsum(E) for E = exp(A - max A); what a mask leaves out takes no part in the maximum"""
    op, (rows, *masks) = node.op, node.operands
    assert isinstance(op, Softmax)
    if not masks:
        weights = _exp(shifted(rows, op.axes))
        return weights / op.sum(weights)
    (mask,) = masks
    inside = build.elementwise("where", mask, rows, reducing.extreme(rows, op.axes, keepdims=True, least=True))
    weights = _exp(shifted(inside, op.axes)) * mask
    sums = build.sum(weights, op.axes)
    if not starts_rows(mask, op.axes):  # a row without entries is 0
        sums = build.elementwise("where", sums > 0, sums, 1)
    return weights / copies(sums, rows.shape, op.axes)


@stable(LogSumExp)
def logsumexp_shifted(node: Array, definition: Definition) -> Array | None:
    """logsumexp(A) = max A + log rowsum(exp(A - max A))"""
    op, (rows,) = node.op, node.operands
    assert isinstance(op, LogSumExp)
    weights = _exp(rows - reducing.extreme(rows, op.axes, keepdims=True))
    return reducing.extreme(rows, op.axes) + build.elementwise("log", build.sum(weights, op.axes))


@stable(Elementwise)
def slope_of_softmax(node: Array, definition: Definition) -> Array | None:
    """S (G - rowsum(G S)) = S (D - rowsum(D S)) for D = G - G[k], S being the largest at k: keeps the digits of S[k]"""
    factors = factors_of(node) if node.op.name == "multiply" else []
    last = (node.ndim - 1,)
    for soft in factors:
        whole = definition(soft)
        for rest in factors if whole.op == Softmax(last) else ():
            grad, sums = rest.operands if rest.op.name == "subtract" else (rest, rest)
            spread = copied(sums)
            if spread is None or spread.axes != last or _is_shifted(grad) or not _sums(spread.array, grad, soft):
                continue
            largest = apply(ArgMax(*last), soft if len(whole.operands) > 1 else whole.operands[0])
            less = grad - picked(grad, largest)
            slope = soft * (less - build.sum(less * soft, last, keepdims=True))
            return product([*[f for f in factors if f is not soft and f is not rest], slope])
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
    """Rows without their mean, and without what rounding left of it."""
    once = rows - op.mean(rows)
    return once - op.mean(once)


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
    if isinstance(square.op, Variance):  # rows that sum to 0: none is far below 0 if none is far above
        rows, axes = centred(square.op, *square.operands), square.op.axes
        most = reducing.extreme(rows, axes)
    elif (found := mean_square_of(square)) is not None:
        rows, axes = found.array, found.axes
        most = reducing.extreme(abs(rows), axes)
    else:
        return None
    if _is_scaled(rows):
        return None
    most = build.elementwise("maximum", most, 1 if eps else LEAST)
    by = 1 / most
    mean = build.mean((rows * copies(by, rows.shape, axes)) ** 2, axes)
    return most * build.elementwise("sqrt", mean + eps * by**2 if eps else mean)


def _is_scaled(rows: Array) -> bool:
    """True for rows divided by their largest entry already."""
    spread = copied(rows.operands[1]) if rows.op.name == "multiply" else None
    return spread is not None and spread.array.op.name == "divide" and spread.array.operands[1].op.name == "maximum"


# ---- sums of products


@stable(Sum)
def factor_before_the_sum(node: Array, definition: Definition) -> Array | None:
    """sum(A ∘ copies of b) = b ∘ sum(A) where b is the same along what is summed: b is multiplied less often"""
    assert isinstance(node.op, Sum)
    axes, (inner,) = node.op.axes, node.operands
    factors = [part for factor in factors_of(inner) for part in _parted(factor, definition, axes)]
    same = [factor for factor in factors if _is_same(factor, axes)]
    others = [factor for factor in factors if not _is_same(factor, axes)]
    if not same or not others:
        return None
    return product([*(_once(factor, axes) for factor in same), build.sum(product(others), axes)])


def _parted(factor: Array, definition: Definition, axes: tuple[int, ...]) -> list[Array]:
    """A factor, or the two of which it was made if one is the same along the axes and the other has a name."""
    parts = factors_of(definition(factor))
    others = [part for part in parts if not _is_same(part, axes)]
    return parts if len(others) == 1 and isinstance(others[0].op, Named) else [factor]


def _is_same(array: Array, axes: tuple[int, ...]) -> bool:
    """True for copies along all of the axes."""
    return isinstance(array.op, Broadcast) and not {*axes} & {*array.op.axes}


def _once(array: Array, axes: tuple[int, ...]) -> Array:
    """Copies along some axes without those axes."""
    assert isinstance(array.op, Broadcast)
    left = [axis for axis in range(array.ndim) if axis not in axes]
    shape = tuple(array.shape[axis] for axis in left)
    (core,) = array.operands
    return core if core.shape == shape else apply(Broadcast(shape, tuple(map(left.index, array.op.axes))), core)


@stable(Sum)
def sum_of_products(node: Array, definition: Definition) -> Array | None:
    """rowsum(A ∘ B) as one contraction: the product is not written down"""
    assert isinstance(node.op, Sum)
    (inner,) = node.operands
    if not node.shape:
        return None
    if inner.op == PowerOf(Fraction(2)):
        left = right = inner.operands[0]
    elif inner.op.name == "multiply":
        left, right = inner.operands
    else:
        return None
    if not (_is_whole(left) and _is_whole(right)):
        return None
    letters = _letters(inner.shape)
    output = "".join(c for axis, c in enumerate(letters) if axis not in node.op.axes)
    return apply(Einsum((letters, letters), output), left, right)


def _letters(shape: Shape) -> str:
    """A letter for each axis, the first of its size's name where these differ."""
    firsts = "".join([(size.name or "?")[0].lower() for size in shape])
    return firsts if firsts.isalpha() and len(set(firsts)) == len(firsts) else ascii_lowercase[: len(shape)]


def _is_whole(array: Array) -> bool:
    """True for numbers that are there, not copied when they are needed."""
    return array.kind == "float" and not isinstance(array.op, Broadcast | Constant)
