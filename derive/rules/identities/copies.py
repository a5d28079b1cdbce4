"""Identities of copies: functions of copies, sums of copies, copies of copies."""

from __future__ import annotations

from derive.arrays import build
from derive.arrays.array import Array, apply
from derive.arrays.operations import Broadcast, Constant, Elementwise, PowerOf, Sum
from derive.index.size import ONE
from derive.rules.identities import identity


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
