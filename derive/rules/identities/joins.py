"""The identities of arrays side by side, so that the adjoint of parts reads ``[dA dB dC]``."""

from __future__ import annotations

from derive.arrays.array import Array, apply
from derive.arrays.joining import Concatenate
from derive.arrays.moves import Place, Slice
from derive.arrays.operations import Elementwise
from derive.rules.identities import identity
from derive.rules.identities.algebra import Product


@identity(Elementwise)
def parts_side_by_side(node: Array) -> Array | None:
    """[A 0] + [0 B] = [A B]: neighbours between zeros, added, are put side by side"""
    if node.op.name not in ("add", "subtract"):
        return None
    left = _terms(node)
    for first, after in left:
        pair = next(((other, c) for other, c in left if _is_next(first, other)), None)
        if pair is not None:
            rest = [term for term in left if term[0] is not first and term[0] is not pair[0]]
            total = _joined((first, after), pair)
            for array, c in rest:
                total = total + array if c > 0 else total - array
            return total
    return None


def _terms(array: Array, sign: int = 1) -> list[tuple[Array, int]]:
    """The terms of a sum with their signs."""
    if array.op.name == "negative":
        return _terms(array.operands[0], -sign)
    if array.op.name not in ("add", "subtract"):
        return [(array, sign)]
    left, right = array.operands
    return _terms(left, sign) + _terms(right, sign if array.op.name == "add" else -sign)


def _placed(term: Array) -> tuple[Place, Array, int] | None:
    """What is put between zeros along one axis, with the number and the scalars in front, and the axis."""
    product = Product.of(term)
    if len(product.arrays) != 1:
        return None
    (place,) = product.arrays
    if not isinstance(place.op, Place) or any(step != 1 for step in place.op.stride):
        return None
    (inner,) = place.operands
    axes = [k for k in range(place.ndim) if inner.shape[k] != place.shape[k]]
    product.arrays = [inner]
    return (place.op, product.write(inner.shape), axes[0]) if len(axes) == 1 else None


def _is_next(left: Array, right: Array) -> bool:
    """True if the second begins where the first ends, along the one axis where both have zeros."""
    first, second = _placed(left), _placed(right)
    if first is None or second is None or first[2] != second[2] or first[0].extent != second[0].extent:
        return False
    axis = first[2]
    return first[0].begin[axis] + first[1].shape[axis] == second[0].begin[axis]


def _joined(left: tuple[Array, int], right: tuple[Array, int]) -> Array:
    first, second = _placed(left[0]), _placed(right[0])
    assert first is not None
    assert second is not None
    parts = [part if c > 0 else -part for (_, part, _), (_, c) in ((first, left), (second, right))]
    whole = apply(Concatenate(first[2]), *parts)
    return (
        whole
        if whole.shape == first[0].extent
        else apply(Place(first[0].begin, first[0].extent, first[0].stride), whole)
    )


@identity(Concatenate)
def parts_of_parts(node: Array) -> Array | None:
    """[[A B] C] = [A B C]"""
    assert isinstance(node.op, Concatenate)
    if all(part.op != node.op for part in node.operands):
        return None
    parts = [inner for part in node.operands for inner in (part.operands if part.op == node.op else (part,))]
    return apply(node.op, *parts)


@identity(Slice)
def slice_of_parts(node: Array) -> Array | None:
    """the slice of [A B] that lies in A is a slice of A"""
    (whole,) = node.operands
    assert isinstance(node.op, Slice)
    if not isinstance(whole.op, Concatenate) or node.op.stride[whole.op.axis] != 1:
        return None
    axis = whole.op.axis
    begin, end = node.op.begin[axis], node.op.begin[axis] + node.op.extent[axis]
    for start, part in zip(whole.op.begins(whole.operands), whole.operands, strict=True):
        if (begin - start).is_nonnegative() and (start + part.shape[axis] - end).is_nonnegative():
            begins = (*node.op.begin[:axis], begin - start, *node.op.begin[axis + 1 :])
            inside = part.shape == node.shape and not any(b.terms for b in begins) and set(node.op.stride) <= {1}
            return part if inside else apply(Slice(begins, node.op.extent, node.op.stride), part)
    return None
