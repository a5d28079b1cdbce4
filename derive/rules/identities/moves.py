"""Identities of reshapes and slices."""

from __future__ import annotations

from derive.arrays.array import Array, apply
from derive.arrays.moves import Place, Reshape, Slice
from derive.arrays.operations import Broadcast, Constant
from derive.arrays.shapes import reshape_groups
from derive.index.size import ONE
from derive.rules.identities import identity


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


@identity(Reshape)
def reshape_of_copies(node: Array) -> Array | None:
    """one copy of A, with axes of size 1, reshaped to A's shape is A"""
    (inner,) = node.operands
    one = isinstance(inner.op, Broadcast) and [s for s in inner.shape if s != ONE] == [
        s for s in node.shape if s != ONE
    ]
    return inner.operands[0] if one and inner.operands[0].shape == node.shape else None


@identity(Slice)
def slice_of_place(node: Array) -> Array | None:
    """the slice of what was put there is what was put there"""
    (inner,) = node.operands
    assert isinstance(node.op, Slice)
    if isinstance(inner.op, Place) and (inner.op.begin, inner.op.stride) == (node.op.begin, node.op.stride):
        return inner.operands[0] if inner.operands[0].shape == node.shape else None
    return apply(Constant(inner.op.value, node.shape)) if isinstance(inner.op, Constant) else None
