"""What is plain to see about the signs of entries: a condition that always holds is not told."""

from __future__ import annotations

from weakref import WeakKeyDictionary

from derive.arrays.array import Array
from derive.arrays.entries import meaning
from derive.arrays.operations import Constant, Einsum, Matmul, Sum
from derive.index import laws
from derive.index.normal import normal_form
from derive.index.size import Size
from derive.index.terms import Index, Position

_known: WeakKeyDictionary[Array, bool] = WeakKeyDictionary()


def is_positive(array: Array) -> bool:
    """True if the kernel sees that every entry is more than 0, whatever the sizes."""
    known = _known.get(array)
    if known is None:
        known = _known[array] = not any(map(_may_be_of_nothing, array.walk())) and _is_seen(array)
    return known


def _may_be_of_nothing(node: Array) -> bool:
    """True for a size as a number, and for sums: of an empty axis they are 0."""
    return isinstance(node.op, Sum | Matmul | Einsum) or (
        isinstance(node.op, Constant) and isinstance(node.op.value, Size)
    )


def _is_seen(array: Array) -> bool:
    at = tuple([Position.of(Index(size)) for size in array.shape])
    try:
        return laws.is_positive(normal_form(meaning(array, at)), strictly=True)
    except (laws.Exhausted, ZeroDivisionError, RecursionError):
        return False  # out of the kernel's reach
