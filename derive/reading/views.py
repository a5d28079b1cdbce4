"""Views as steps from a whole to a part: how the part is read, and how the whole is with another part in its place."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import count
from numbers import Integral
from typing import Any

from derive.arrays.array import Array
from derive.arrays.build import constant, spread
from derive.arrays.joining import Concatenate, concatenate
from derive.arrays.moves import Place, Slice
from derive.arrays.named import Named, name, substitute
from derive.arrays.operations import Constant, Elementwise
from derive.arrays.shapes import Shape
from derive.index.size import Size
from derive.reading.refusal import NotRun

_WHOLE, _UNSET = "whole!", "unset!"  # no array of the user's has such a name
_fresh = count()


@dataclass(frozen=True)
class Step:
    """One step: the part as an expression of the whole, each entry of which is an entry of the whole."""

    part: Array
    writable: bool = True

    def get(self, whole: Array) -> Array:
        """The part of a whole."""
        return substitute(self.part, {_WHOLE: whole})

    def put(self, whole: Array, part: Array) -> Array:
        """The whole with another part: the old one taken out of its place, the new one put there.

        A place is told by the pullback of the view: what was read from an entry is added to it.
        """
        if not self.writable:
            raise NotRun("what NumPy lets nobody write to is written")
        if part.shape != self.part.shape:
            raise NotRun("a part of another shape")
        if (joined := self._joined(whole, part)) is not None:
            return joined
        placed = self._back(part)
        if self._is_all or _is_zero(whole):
            return placed
        if (box := self._box) is not None and _is_zero_in(whole, box):
            return whole + placed
        return whole - self._back(self.get(whole)) + placed

    def added(self, whole: Array, part: Array) -> Array:
        """The whole with something added to the part."""
        if not self.writable:
            raise NotRun("what NumPy lets nobody write to is written")
        return self._back(part) if _is_zero(whole) else whole + self._back(part)

    @property
    def _box(self) -> Slice | None:
        """The slice that the part is made of, if it is one."""
        node = self.part
        while node.operands and node.operands[0].operands:
            (node,) = node.operands
        return node.op if isinstance(node.op, Slice) else None

    def _joined(self, whole: Array, part: Array) -> Array | None:
        """Of memory that nothing is known of: what lies before the part, the part, and what lies after it."""
        op = self.part.op
        if not is_unset(whole) or not isinstance(op, Slice) or self.part.operands[0].operands:
            return None
        (axis, *more) = [k for k, size in enumerate(whole.shape) if op.extent[k] != size]
        if more or any(step != 1 for step in op.stride):
            return None
        begin, end = op.begin[axis], op.begin[axis] + op.extent[axis]
        cuts = [*_cut(whole, axis, Size.of(0), begin), part, *_cut(whole, axis, end, whole.shape[axis])]
        return concatenate(cuts, axis) if len(cuts) > 1 else part

    @property
    def _is_all(self) -> bool:
        """True if the part has all the entries of the whole."""
        return all(node.op.name in ("name", "transpose", "reshape") for node in self.part.walk())

    def _back(self, part: Array) -> Array:
        node, grad = self.part, part
        while node.operands:
            (adjoint,) = node.op.pullback(node, grad, *node.operands)
            assert adjoint is not None  # of a move
            (node,), grad = node.operands, adjoint
        return grad


def _cut(array: Array, axis: int, begin: Size, end: Size) -> list[Array]:
    """What lies between two places of an axis; of arrays side by side, those between, if the places part them."""
    if begin == end:
        return []
    if isinstance(array.op, Concatenate) and array.op.axis == axis:
        begins = [*array.op.begins(array.operands), array.shape[axis]]
        if begin in begins and end in begins:
            return list(array.operands[begins.index(begin) : begins.index(end)])
    return [array[(*[slice(None)] * axis, slice(begin, end))]]


def unset(shape: Shape) -> Array:
    """An array of which nothing is known, unlike any other."""
    return name(f"{_UNSET}{next(_fresh)}", shape)


def _is_zero_in(array: Array, box: Slice) -> bool:
    """True if all entries in a box are surely 0: none of what was put or added lies there."""
    match array.op:
        case Constant():
            return _is_zero(array)
        case Place(begin=begin, stride=stride, fill=0):
            reach = zip(begin, array.operands[0].shape, stride, box.begin, box.extent, box.stride, strict=True)
            return any(_lie_apart(*axis) for axis in reach)
        case Elementwise(function="add" | "subtract" | "negative"):
            return all(_is_zero_in(operand, box) for operand in array.operands)
    return False


def _lie_apart(a: Size, many: Size, step: Any, b: Size, more: Size, other: Any) -> bool:
    """True if two ranges, of so many entries from a and b on, surely have no place in common."""
    if step == -1 or other == -1:
        return False
    after_a, after_b = a + (many - 1) * step + 1, b + (more - 1) * other + 1
    return bool((b - after_a).is_nonnegative() or (a - after_b).is_nonnegative())


def is_unset(array: Array) -> bool:
    """True if something in it was not set yet."""
    return any(label.startswith(_UNSET) for label in array.names())


def with_zeros(array: Array) -> Array:
    """The same with zeros where something was not set."""
    parts = [node for node in array.walk() if isinstance(node.op, Named) and node.op.label.startswith(_UNSET)]
    return substitute(array, {str(node): spread(constant(0), node.shape) for node in parts})


def _is_zero(array: Array) -> bool:
    return isinstance(array.op, Constant) and array.op.value == Fraction(0)


def step_of(get: Callable[[Array], Array], whole: Array, writable: bool) -> Step | None:
    """The step that a view is; None where it is all of it."""
    hole = name(_WHOLE, whole.shape, whole.kind)
    part = get(hole)
    return None if part is hole else Step(part, writable)


def taken(whole: Array, path: Sequence[Step]) -> Array:
    """The part at the end of some steps."""
    for step in path:
        whole = step.get(whole)
    return whole


def written(whole: Array, path: Sequence[Step], part: Array) -> Array:
    """The whole with another part at the end of some steps."""
    if not path:
        return part
    first, *rest = path
    return first.put(whole, written(first.get(whole), rest, part))


def added(whole: Array, path: Sequence[Step], part: Array) -> Array:
    """The whole with something added to the part at the end of some steps."""
    if not path:
        return whole + part
    *before, last = path
    return written(whole, before, last.added(taken(whole, before), part)) if before else last.added(whole, part)


def is_basic(key: Any) -> bool:
    """True for slices, whole numbers, ``None`` and ``...``, which give views."""
    keys = key if isinstance(key, tuple) else (key,)
    return all(k is None or k is Ellipsis or isinstance(k, slice | Integral | Size) for k in keys)
