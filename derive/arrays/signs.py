"""What is plain to see about the signs of entries: a condition that always holds is not told."""

from __future__ import annotations

from weakref import WeakKeyDictionary

from derive.arrays.array import Array, apply, name
from derive.arrays.entries import meaning
from derive.arrays.operations import Constant, Einsum, Matmul, Sum
from derive.arrays.rows import OfRows
from derive.arrays.statistics import Variance
from derive.index import laws
from derive.index.normal import normal_form
from derive.index.size import Size
from derive.index.terms import Index, Position

_known: WeakKeyDictionary[Array, tuple[str, ...] | None] = WeakKeyDictionary()


def positive_if(array: Array) -> tuple[str, ...] | None:
    """Conditions on sizes under which the kernel sees that every entry is more than 0; None if it does not see that."""
    if array not in _known:
        _known[array] = _sizes(array) if _is_seen(array) else None
    return _known[array]


def _sizes(array: Array) -> tuple[str, ...]:
    """The sizes that may not be 0: those that are numbers, and those of sums, which are 0 over nothing."""
    found: dict[Size, None] = {}
    for node in array.walk():
        match node.op:
            case Constant(value=Size() as size):
                found[size] = None
            case Sum(axes=axes):
                found.update(dict.fromkeys(node.operands[0].shape[axis] for axis in axes))
            case Matmul():
                found[node.operands[0].shape[-1]] = None
            case Einsum(inputs=inputs, output=output):
                letters = zip("".join(inputs), (s for a in node.operands for s in a.shape), strict=True)
                found.update(dict.fromkeys(size for letter, size in letters if letter not in output))
            case OfRows():
                found.update(dict.fromkeys(node.op.lengths(node)))
    return tuple(f"{size} > 0" for size in found if not size.constant)


def _is_seen(array: Array) -> bool:
    known: dict[Array, Array] = {}
    for node in array.walk():
        operands = [known[operand] for operand in node.operands]
        if isinstance(node.op, Variance):  # of a variance, that it is a square is all that counts
            known[node] = name(f"?{len(known)}", node.shape) ** 2
        else:
            known[node] = apply(node.op, *operands)
    at = tuple([Position.of(Index(size)) for size in array.shape])
    try:
        return laws.is_positive(normal_form(meaning(known[array], at)), strictly=True)
    except (laws.Exhausted, ZeroDivisionError, RecursionError):
        return False  # out of the kernel's reach
