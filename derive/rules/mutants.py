"""Mutants: formulas that are wrong in the ways in which people get gradients wrong, made from a right one.

A check that cannot fail is a defect: whatever proves a rule or an identity must refuse its mutants.  Each mutant has
the shape of the formula it is made from; some happen to be equal to it (a transpose dropped from a symmetric matrix),
so whoever uses them looks at numbers first.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from itertools import permutations
from typing import Any

from derive.arrays.array import Array, apply
from derive.arrays.functions import FUNCTIONS
from derive.arrays.gather import AddRows, OneHot, Pick, Put, Rows
from derive.arrays.joining import Concatenate
from derive.arrays.matrices import Determinant, Inverse, LogDeterminant, Solve
from derive.arrays.moves import Place, Reshape, Slice, Transpose
from derive.arrays.operations import Broadcast, Constant, Einsum, Elementwise, Eye, Matmul, PowerOf, Sum
from derive.arrays.pooling import AtLargest, ToLargest, WindowMax
from derive.arrays.rewriting import replaced
from derive.arrays.rows import Largest, Max, RowFunction
from derive.arrays.windows import Overlap, Windows
from derive.errors import DeriveError
from derive.index.size import ONE, ZERO, Size

Change = tuple[str, Array]

MIXED_UP = {"add": "subtract", "subtract": "add", "multiply": "divide", "divide": "multiply", "maximum": "minimum",
            "minimum": "maximum", "greater": "less", "less": "greater", "greater_equal": "less_equal",
            "less_equal": "greater_equal", "equal": "not_equal", "not_equal": "equal"}  # fmt: skip


def mutants(adjoint: Array) -> Iterator[Change]:
    """What was changed, and the formula with that change; each once."""
    seen = {adjoint}
    for node in adjoint.walk():
        for what, changed in _changes(node):
            mutant = replaced(adjoint, {node: changed}.get) if changed.shape == node.shape else adjoint
            if mutant not in seen:
                seen.add(mutant)
                yield f"{what}: {node} became {changed}", mutant


def _changes(node: Array) -> Iterator[Change]:
    """A node's possible mistakes; not all have its shape."""
    if node.kind != "float":
        yield from _of_mask(node) if node.kind == "bool" else ()
        return
    yield "flipped sign", -node
    yield "doubled term", node + node
    yield "dropped term", apply(Constant(Fraction(0), node.shape))
    yield "dropped factor", apply(Constant(Fraction(1), node.shape))
    for operand in node.operands:
        if operand.kind == "float":
            yield "dropped operation", operand
    if len(node.operands) == 2 and node.operands[0].kind == node.operands[1].kind:
        yield "swapped operands", _try(node.op, *reversed(node.operands), default=node)
    yield from _of_operation(node)


def _of_operation(node: Array) -> Iterator[Change]:
    """The mistakes that belong to an operation."""
    match node.op:
        case Elementwise(function=function):
            yield from _of_map(node, function)
        case PowerOf(exponent=p):
            yield "changed power", apply(PowerOf(p + 1), *node.operands)
        case Sum(axes=axes):
            yield from _of_sum(node, axes)
        case Max(axis=axis, least=least):
            yield from _of_extreme(node, axis, least)
        case RowFunction(axes=axes):
            yield from _of_rows(node, node.op, axes)
        case Broadcast(axes=axes):
            yield from _of_broadcast(node, axes)
        case Transpose(order=order):
            for other in permutations(order):
                yield "changed transpose", apply(Transpose(other), *node.operands)
        case Matmul():
            left, right = node.operands
            for what, a, b in (("left", left.swapaxes(-1, -2), right), ("right", left, right.swapaxes(-1, -2))):
                yield f"{what} factor transposed", _try(node.op, a, b, default=node)
        case Einsum(inputs=inputs, output=output):
            yield from _of_einsum(node, inputs, output)
        case Inverse() | Solve() | Determinant() | LogDeterminant():
            yield from _of_matrix(node)
        case Reshape():
            (inner,) = node.operands
            yield "entries in another order", apply(node.op, inner[::-1] if inner.shape else inner)
            yield "columns first", apply(node.op, apply(Reshape(inner.shape), inner.T))
        case Rows() | Pick() | Put():
            yield from _of_places(node, 1)
        case AddRows():
            yield from _of_places(node, 0)
        case Concatenate():
            yield "parts in another order", apply(node.op, *reversed(node.operands))
        case Slice() | Place():
            yield from _of_box(node, node.op)
        case Windows() | Overlap():
            yield from _of_windows(node, node.op)
        case WindowMax() | ToLargest() | AtLargest():
            yield from _of_largest(node, node.op)
        case Constant(value=Fraction() as value):
            yield "changed number", apply(Constant(value + 1, node.shape))
        case Eye():
            yield "all ones", apply(Constant(Fraction(1), node.shape))


def _of_places(node: Array, k: int) -> Iterator[Change]:
    """Other places in operand k; for the first row only."""
    index = node.operands[k]
    others = {"first place": apply(Constant(Fraction(0), index.shape))}
    if index.shape:
        others["places in another order"] = index[::-1]
    for what, other in others.items():
        yield what, apply(node.op, *_with_item(node.operands, k, other))


def _try(op: object, *operands: Array, default: Array) -> Array:
    """The operation where its operands conform, else the default."""
    try:
        if isinstance(op, Matmul):
            return operands[0] @ operands[1]
        alike = len({(operand.shape, operand.kind) for operand in operands}) == 1
        return apply(op, *operands) if alike else default  # type: ignore[arg-type]  # an operation
    except DeriveError:
        return default


def _of_matrix(node: Array) -> Iterator[Change]:
    matrix, *right = node.operands
    if isinstance(node.op, Inverse | Solve):
        yield "matrix transposed", apply(node.op, matrix.swapaxes(-1, -2), *right)
        yield "no inverse", matrix @ right[0] if right else matrix
    else:
        yield (
            "changed function",
            apply(Determinant() if isinstance(node.op, LogDeterminant) else LogDeterminant(), matrix),
        )


def _of_mask(node: Array) -> Iterator[Change]:
    if isinstance(node.op, Elementwise) and node.op.function == "multiply":
        yield "or in place of and", apply(Elementwise("maximum"), *node.operands)
    elif isinstance(node.op, Elementwise) and node.op.function in MIXED_UP:
        yield "changed comparison", apply(Elementwise(MIXED_UP[node.op.function]), *node.operands)
    if isinstance(node.op, Largest):
        yield "least for largest", apply(Largest(node.op.axis, not node.op.least), *node.operands)
        for k in range(node.ndim):
            if k != node.op.axis:
                yield "changed axis", apply(Largest(k, node.op.least), *node.operands)
    if isinstance(node.op, OneHot):
        yield from _of_places(node, 0)
    yield "opposite mask", ~node


def _of_map(node: Array, function: str) -> Iterator[Change]:
    if function in MIXED_UP:
        yield "changed operation", apply(Elementwise(MIXED_UP[function]), *node.operands)
    elif function == "where":
        condition, a, b = node.operands
        yield "swapped cases", apply(Elementwise("where"), condition, b, a)
    elif len(node.operands) == 1:
        for other in FUNCTIONS.values():
            if other.arity == 1 and other.kind == "float" and other.name != function:
                yield "changed function", apply(Elementwise(other.name), *node.operands)


def _of_sum(node: Array, axes: tuple[int, ...]) -> Iterator[Change]:
    (inner,) = node.operands
    for k in range(inner.ndim):
        if k not in axes:
            yield "changed axis", apply(Sum(tuple(sorted((k, *axes[1:])))), inner)
    first = apply(Slice((ZERO,) * inner.ndim, _ones(inner, axes), (1,) * inner.ndim), inner)
    yield "dropped sum", apply(Reshape(node.shape), first)
    yield "mean for sum", inner.mean(axis=axes)


def _of_extreme(node: Array, axis: int, least: bool) -> Iterator[Change]:
    (inner,) = node.operands
    yield "least for largest", apply(Max(axis, not least), inner)
    yield "mean for largest", inner.mean(axis=axis)
    for k in range(inner.ndim):
        if k != axis:
            yield "changed axis", apply(Max(k, least), inner)


def _of_rows(node: Array, op: RowFunction, axes: tuple[int, ...]) -> Iterator[Change]:
    for k in range(node.operands[0].ndim):
        if k not in axes:
            yield "changed axis", apply(replace(op, axes=tuple(sorted((k, *axes[1:])))), *node.operands)
    eps = getattr(op, "eps", None)
    if eps is not None:
        yield "changed eps", apply(replace(op, eps=eps + 1), *node.operands)  # type: ignore[call-arg]  # it has one


def _ones(inner: Array, axes: tuple[int, ...]) -> tuple[Size, ...]:
    return tuple(ONE if k in axes else size for k, size in enumerate(inner.shape))


def _of_broadcast(node: Array, axes: tuple[int, ...]) -> Iterator[Change]:
    (inner,) = node.operands
    for other in permutations(range(node.ndim), len(axes)):
        fits = all(size in (ONE, node.shape[k]) for k, size in zip(other, inner.shape, strict=True))
        if other != axes and fits:
            yield "changed axis", apply(Broadcast(node.shape, other), inner)


def _of_einsum(node: Array, inputs: tuple[str, ...], output: str) -> Iterator[Change]:
    for k, letters in enumerate(inputs):
        for other in map("".join, permutations(letters)):
            yield from _conforming(node, (*inputs[:k], other, *inputs[k + 1 :]), output)
    for other in map("".join, permutations(output)):
        yield from _conforming(node, inputs, other)


def _conforming(node: Array, inputs: tuple[str, ...], output: str) -> Iterator[Change]:
    sizes: dict[str, Size] = {}
    for letters, operand in zip(inputs, node.operands, strict=True):
        for letter, size in zip(letters, operand.shape, strict=True):
            if sizes.setdefault(letter, size) != size:
                return
    yield "changed label", apply(Einsum(inputs, output), *node.operands)


def _of_box(node: Array, op: Slice | Place) -> Iterator[Change]:
    (inner,) = node.operands
    outer, box = (inner.shape, node.shape) if isinstance(op, Slice) else (node.shape, inner.shape)
    for k, (begin, step) in enumerate(zip(op.begin, op.stride, strict=True)):
        last = begin + (box[k] - 1) * step
        low, high = (last, begin + 1) if step == -1 else (begin, last + 1)
        inside = {1: (outer[k] - high - 1).is_nonnegative(), -1: (low - 1).is_nonnegative()}
        for shift, fits in inside.items():
            if fits:
                yield "shifted", apply(replace(op, begin=_with_item(op.begin, k, begin + shift)), inner)
        if step in (1, -1):
            begins, strides = _with_item(op.begin, k, last), _with_item(op.stride, k, -step)
            yield "reversed", apply(replace(op, begin=begins, stride=strides), inner)
        else:
            yield "changed step", apply(replace(op, stride=_with_item(op.stride, k, 1)), inner)


def _of_largest(node: Array, op: WindowMax | ToLargest | AtLargest) -> Iterator[Change]:
    for k in range(len(op.axes)):
        if op.stride[k] != ONE:
            yield "changed stride", apply(replace(op, stride=_with_item(op.stride, k, ONE)), *node.operands)
        if op.dilation[k] != ONE:
            yield "changed dilation", apply(replace(op, dilation=_with_item(op.dilation, k, ONE)), *node.operands)
        if op.window[k] != ONE:
            yield "first of a window", apply(replace(op, window=_with_item(op.window, k, ONE)), *node.operands)


def _of_windows(node: Array, op: Windows | Overlap) -> Iterator[Change]:
    (inner,) = node.operands
    for k in range(len(op.axes)):
        if op.stride[k] != ONE:
            yield "changed stride", apply(replace(op, stride=_with_item(op.stride, k, ONE)), inner)
        if op.dilation[k] != ONE:
            yield "changed dilation", apply(replace(op, dilation=_with_item(op.dilation, k, ONE)), inner)
        turned = [slice(None)] * (node.ndim if isinstance(op, Windows) else inner.ndim)
        turned[k - len(op.axes)] = slice(None, None, -1)
        yield "turned window", node[tuple(turned)] if isinstance(op, Windows) else apply(op, inner[tuple(turned)])
    if len(set(op.axes)) > 1:
        yield "exchanged axes", apply(replace(op, axes=op.axes[::-1]), inner)
    if isinstance(op, Overlap):
        first = (slice(0, 1),) * len(op.axes)
        yield "dropped overlap", apply(op, inner[(..., *first)])


def _with_item(items: tuple[Any, ...], k: int, item: Any) -> tuple[Any, ...]:
    return (*items[:k], item, *items[k + 1 :])
