"""What is plain to see about the signs of entries: a condition that always holds is not told."""

from __future__ import annotations

from fractions import Fraction
from weakref import WeakKeyDictionary

from derive.arrays.array import Array
from derive.arrays.entries import meaning
from derive.arrays.named import name
from derive.arrays.operations import Constant, Einsum, Matmul, Sum
from derive.arrays.rewriting import replaced
from derive.arrays.rows import Arange, OfRows, copied
from derive.arrays.shapes import not_empty
from derive.arrays.statistics import Variance
from derive.index import laws
from derive.index.effort import Exhausted
from derive.index.normal import normal_form
from derive.index.size import Size
from derive.index.terms import Index, Position

_known: WeakKeyDictionary[Array, tuple[str, ...] | None] = WeakKeyDictionary()


def positive_if(array: Array) -> tuple[str, ...] | None:
    """Conditions on sizes under which the kernel sees that every entry is more than 0; None if it does not see that."""
    if array not in _known:
        _known[array] = _sizes(array) if _is_seen(array) else _masked_total(array)
    return _known[array]


def filled(mask: Array, axes: tuple[int, ...]) -> tuple[str, ...]:
    """The conditions under which a mask has an entry in each row."""
    if starts_rows(mask, axes):
        return not_empty([mask.shape[axis] for axis in axes])
    return (f"{copied(mask)[0]} has an entry in each row",)


def starts_rows(mask: Array, axes: tuple[int, ...]) -> bool:
    """True for a mask whose first entry of each row is plain to see: ``np.arange(l)[:, None] >= np.arange(s)``."""
    inner, own = copied(mask)
    if inner.op.name != "greater_equal":
        return False
    (rows, low), (columns, high) = map(copied, inner.operands)
    if not isinstance(rows.op, Arange) or not isinstance(columns.op, Arange):
        return False
    return tuple(own[k] for k in high) == axes and own[low[0]] not in axes


def _masked_total(array: Array) -> tuple[str, ...] | None:
    """When a sum is positive of what is positive where a mask is, else 0; None for anything else."""
    total, _ = copied(array)
    if not isinstance(total.op, Sum):
        return None
    (weights,) = total.operands
    if weights.op.name == "where" and weights.operands[2].op == Constant(Fraction(0), weights.shape):
        mask, weight = weights.operands[:2]
    elif weights.op.name == "multiply" and "bool" in [a.kind for a in weights.operands]:
        mask, weight = sorted(weights.operands, key=lambda a: a.kind != "bool")
    else:
        return None
    sizes = positive_if(weight)
    return None if sizes is None else (*filled(mask, total.op.axes), *sizes)


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
    return not_empty(found)


def _is_seen(array: Array) -> bool:
    done: dict[Array, Array] = {}

    def squared(node: Array) -> Array | None:  # of a variance, that it is a square is all that counts
        return name(f"?{len(done)}", node.shape) ** 2 if isinstance(node.op, Variance) else None

    at = tuple([Position.of(Index(size)) for size in array.shape])
    try:
        return laws.is_positive(normal_form(meaning(replaced(array, squared, done), at)), strictly=True)
    except (Exhausted, ZeroDivisionError):
        return False  # out of the kernel's reach
