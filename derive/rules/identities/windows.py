"""The identities of windows, so that strides and dilations are read off slices."""

from __future__ import annotations

from derive.arrays.array import Array, apply
from derive.arrays.moves import Slice
from derive.arrays.windows import Windows
from derive.index.size import Size
from derive.rules.identities import identity


@identity(Slice)
def slice_of_windows(node: Array) -> Array | None:
    """every s-th window, and every d-th place in it, are windows with stride s and dilation d"""
    (inner,) = node.operands
    assert isinstance(node.op, Slice)
    if not isinstance(inner.op, Windows):
        return None
    (image,) = inner.operands
    axes, steps = inner.op.axes, [Size.of(step) for step in node.op.stride]
    others = [k for k in range(image.ndim) if k not in axes]
    whole = all(node.shape[k] == inner.shape[k] and steps[k] == 1 for k in others)
    if not whole or any(begin.terms for begin in node.op.begin) or any(step == -1 for step in steps):
        return None
    stride = tuple(s * steps[k] for k, s in zip(axes, inner.op.stride, strict=True))
    dilation = tuple(d * step for d, step in zip(inner.op.dilation, steps[image.ndim :], strict=True))
    positions = tuple(node.shape[k] for k in axes)
    return apply(Windows(axes, positions, node.shape[image.ndim :], stride, dilation), image)
