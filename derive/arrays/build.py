"""Writing expressions: broadcasting, shape checks, and the parts of NumPy that symbolic arrays understand.

Every check says what came, what was wanted, where, and what to try.  A named size is never stretched silently: ``(n, d)
+ (1, d)`` broadcasts because 1 is literal, ``(n, d) + (m, d)`` is an error although m might happen to be 1.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from operator import index
from typing import Any

from derive.arrays.array import Array, apply, outranked
from derive.arrays.dtype import check_dtype
from derive.arrays.functions import FUNCTIONS
from derive.arrays.gather import compared
from derive.arrays.moves import Place, Reshape, Transpose
from derive.arrays.named import label
from derive.arrays.numbers import as_root, as_turns, stands_for
from derive.arrays.operations import Broadcast, Constant, Elementwise, PowerOf, Sum
from derive.arrays.rows import Arange, ArgMax, Largest, copied, copies, kept
from derive.arrays.shapes import Shape, broadcast, write_shape
from derive.errors import DeriveError, callers_place
from derive.index.size import ONE, Size


def describe(array: Array) -> str:
    """``X is (n, d)``, for messages."""
    return f"{label(array) or array} is {write_shape(array.shape)}"


def shaped(array: Array) -> str:
    """``X of shape (n, d)``, for messages."""
    return f"{label(array) or array} of shape {write_shape(array.shape)}"


def constant(value: Any) -> Array:
    """A number as an array of rank 0; DeriveError for anything that is not one."""
    if isinstance(value, Array):
        return value
    if isinstance(value, Size):
        number = value.constant
        return apply(Constant(Fraction(number) if number is not None else value))
    decimal = repr(value)
    if hasattr(value, "item") and getattr(value, "ndim", 1) == 0:
        decimal, value = str(value), value.item()
    if isinstance(value, bool | int | Fraction):
        return apply(Constant(Fraction(value)))
    if isinstance(value, float) and math.isfinite(value):
        if (turns := as_turns(value)) is not None:
            return _times_pi(turns, 1)
        if (under := as_root(abs(value))) is not None:
            root = elementwise("sqrt", _times_pi(*under))
            return root if value > 0 else -root
        return apply(Constant(stands_for(value, decimal)))
    if hasattr(value, "ndim"):
        raise DeriveError(
            f"a NumPy array of shape {value.shape}",
            "symbolic arrays and numbers were wanted",
            callers_place(),
            "declaring it as an input with a shape string",
        )
    raise DeriveError(
        f"{value!r} of type {type(value).__name__}",
        "a symbolic array or a finite number was wanted",
        callers_place(),
        "declaring it as an input with a shape string",
    )


def _times_pi(number: Fraction, power: int) -> Array:
    """``number * π**power`` for a power of 0, 1 or -1."""
    pi = apply(Constant("pi"))
    if power == 1:
        return pi if number == 1 else constant(number) * pi
    return constant(number) / pi if power else constant(number)


# ---- elementwise


def spread(array: Array, shape: Shape) -> Array:
    """The array broadcast to a shape, aligned from the right."""
    if array.shape == shape:
        return array
    if isinstance(array.op, Constant):
        return apply(Constant(array.op.value, shape))
    return apply(Broadcast(shape, tuple(range(len(shape) - array.ndim, len(shape)))), array)


def together(what: str, *operands: Any) -> list[Array]:
    """The operands broadcast to one shape; DeriveError if there is none."""
    arrays = [constant(operand) for operand in operands]
    shape = broadcast([array.shape for array in arrays])
    if shape is None:
        given = [array for array in arrays if array.shape]
        raise DeriveError(
            f"{what}: " + " but ".join(describe(array) for array in given),
            "shapes that agree axis by axis from the right; only a literal 1 is stretched",
            callers_place(),
            _shape_hint(given),
        )
    return [spread(array, shape) for array in arrays]


def _shape_hint(arrays: Sequence[Array]) -> str:
    first, second = arrays[0], arrays[1]
    if first.shape == second.shape[::-1]:
        return f"{label(second) or 'the second'}.T"
    if first.ndim == second.ndim + 1 and first.shape[0] == second.shape[0]:
        return f"{label(second) or 'the second'}[:, None] to copy it along the last axis"
    return (
        f'declaring {label(second) or "the second"} as "{" ".join(map(str, first.shape))}", or an explicit sum or slice'
    )


def elementwise(function: str, *operands: Any) -> Array:
    """A scalar function of the table, entry by entry, after broadcasting; NotImplemented where an operand outranks."""
    if outranked(*operands):
        return NotImplemented  # type: ignore[no-any-return]  # as operators do
    if function in ("add", "subtract", "multiply", "divide") and any(isinstance(x, tuple | list) for x in operands):
        raise DeriveError(
            f"{function}: a {type(operands[-1]).__name__} among the operands",
            "symbolic arrays and numbers",
            callers_place(),
            "declaring it as an input with a shape string",
        )
    arrays = together(function, *operands)
    if function in ("where", "logical_not") and arrays[0].kind != "bool":
        raise DeriveError(
            f"{function}: the condition {arrays[0]} is {arrays[0].kind}",
            "a comparison or a mask was wanted",
            callers_place(),
            "a condition such as X > 0",
        )
    if function not in _OF_MASKS:
        no_masks(function, arrays)
    for reading in (_place_of_largest, compared) if function == "equal" else ():
        if (mask := reading(*arrays)) is not None:
            return mask
    return apply(Elementwise(function), *arrays)


_OF_MASKS = {
    "multiply",
    "divide",
    "maximum",
    "minimum",
    "where",
    "logical_not",
    *(f.name for f in FUNCTIONS.values() if f.kind == "bool"),
}  # NumPy takes these of masks as of 0 and 1


def no_masks(what: str, arrays: Sequence[Array]) -> None:
    """DeriveError for masks alone, of which NumPy makes "or", "and", or nothing."""
    if all(array.kind == "bool" for array in arrays):
        raise DeriveError(
            f"{what}: {' and '.join(map(str, arrays))}, masks",
            "numbers were wanted: NumPy does not take masks as 0 and 1 there",
            callers_place(),
            "np.where(mask, 1, 0)",
        )


def power(base: Any, exponent: Any) -> Array:
    """``base ** exponent`` for a constant rational exponent; otherwise ``exp(exponent * log(base))``."""
    if outranked(base, exponent):
        return NotImplemented  # type: ignore[no-any-return]  # as operators do
    base, exponent = constant(base), constant(exponent)
    no_masks("power", [base])
    value = exponent.op.value if isinstance(exponent.op, Constant) and not exponent.shape else None
    if isinstance(value, Fraction):
        if value == 0:
            return full_like(base, 1)
        if value == Fraction(1, 2):
            return apply(Elementwise("sqrt"), base)
        return base if value == 1 else apply(PowerOf(value), base)
    return elementwise("exp", elementwise("multiply", exponent, elementwise("log", base)))


# ---- sums and moves


def axes_of(array: Array, axis: Any) -> tuple[int, ...]:
    """The axes that an ``axis=`` means, in order; all for None."""
    if axis is None:
        return tuple(range(array.ndim))
    axes = [axis] if isinstance(axis, int) else list(axis)
    for k in axes:
        if not isinstance(k, int) or not -array.ndim <= k < array.ndim:
            raise DeriveError(
                f"axis {k} of {shaped(array)}",
                f"an axis from {-array.ndim} to {array.ndim - 1}",
                callers_place(),
                "axis=-1 for the last",
            )
    found = tuple(sorted(k % array.ndim for k in axes))
    if len(set(found)) != len(found):
        raise DeriveError(f"axes {axis}", "each axis once", callers_place(), "removing the second")
    return found


def sum(array: Any, axis: Any = None, keepdims: bool = False, dtype: Any = None) -> Array:
    """The sum over some axes."""
    check_dtype(dtype)
    array = constant(array)
    axes = axes_of(array, axis)
    return reduced(apply(Sum(axes), array) if axes else array, array, axes, keepdims)


def reduced(result: Array, array: Array, axes: tuple[int, ...], keepdims: bool) -> Array:
    """What a row function gives for each row of the array, with its axes kept where that is wanted."""
    return copies(result, kept(array.shape, axes), axes) if keepdims and axes else result


def _place_of_largest(left: Array, right: Array) -> Array | None:
    """``np.arange(d) == A.argmax(axis=1, keepdims=True)`` is the mask of the largest entries."""
    for places, found in ((left, right), (right, left)):
        (run, axes), (top, kept_axes) = copied(places), copied(found)
        if not (isinstance(run.op, Arange) and isinstance(top.op, ArgMax)):
            continue
        (operand,) = top.operands
        rest = tuple(axis for axis in range(operand.ndim) if axis != top.op.axis)
        if operand.shape == found.shape and axes == (top.op.axis,) and kept_axes == rest:
            return apply(Largest(top.op.axis, top.op.least), operand)
    return None


def count(shape: Sequence[Size]) -> Size:
    """The number of entries."""
    number = ONE
    for size in shape:
        number = number * size
    return number


def mean(array: Any, axis: Any = None, keepdims: bool = False) -> Array:
    """The mean over some axes."""
    array = constant(array)
    axes = axes_of(array, axis)
    return reduced(sum(array, axes) / count([array.shape[k] for k in axes]), array, axes, keepdims)


def transpose(array: Any, axes: Any = None) -> Array:
    """The axes reversed, or in the given order."""
    array = constant(array)
    order = tuple(reversed(range(array.ndim))) if axes is None else tuple(k % array.ndim for k in axes)
    if sorted(order) != list(range(array.ndim)) or any(not -array.ndim <= k < array.ndim for k in axes or ()):
        raise DeriveError(f"transpose: axes {axes} of {shaped(array)}", "each axis once", callers_place())
    return array if order == tuple(range(array.ndim)) else apply(Transpose(order), array)


def swapaxes(array: Any, first: int, second: int) -> Array:
    """Two axes exchanged."""
    array = constant(array)
    order = list(range(array.ndim))
    (a,), (b,) = axes_of(array, first), axes_of(array, second)
    order[a], order[b] = order[b], order[a]
    return transpose(array, order)


def moveaxis(array: Any, source: int, destination: int) -> Array:
    """One axis moved to another place."""
    array = constant(array)
    (a,), (b,) = axes_of(array, source), axes_of(array, destination)
    order = [k for k in range(array.ndim) if k != a]
    order.insert(b, a)
    return transpose(array, order)


def size_of(value: Any) -> Size:
    """The size that a size or a whole number is."""
    try:
        return Size.of(value if isinstance(value, Size) else index(value))
    except (TypeError, ValueError):
        raise DeriveError(f"the size {value!r}", "a size or a whole number was wanted", callers_place()) from None


def reshape(array: Any, shape: Any) -> Array:
    """The same entries in another shape; one size may be -1."""
    array = constant(array)
    wanted = [size_of(size) for size in (shape if isinstance(shape, tuple | list) else (shape,))]
    total = count(array.shape)
    unknown = [k for k, size in enumerate(wanted) if size.constant == -1]
    if len(unknown) == 1:
        rest = count([size for k, size in enumerate(wanted) if k != unknown[0]])
        wanted[unknown[0]] = _quotient(total, rest, array, tuple(wanted))
    if count(wanted) != total:
        raise DeriveError(
            f"reshape: {shaped(array)} to {write_shape(wanted)}",
            f"as many entries, {total}, were wanted, not {count(wanted)}",
            callers_place(),
            "-1 for one of the sizes",
        )
    return array if tuple(wanted) == array.shape else apply(Reshape(tuple(wanted)), array)


def _quotient(total: Size, rest: Size, array: Array, shape: Shape) -> Size:
    sizes = list(array.shape)
    for candidate in [
        ONE,
        *sizes,
        *[count(sizes[i:j]) for i in range(len(sizes)) for j in range(i + 2, len(sizes) + 1)],
    ]:
        if candidate * rest == total:
            return candidate
    if rest.terms and (whole := total.over(rest)) is not None:
        return whole
    if total.constant is not None and rest.constant:
        return Size.of(total.constant // rest.constant)
    raise DeriveError(
        f"reshape: {shaped(array)} to {write_shape(shape)}",
        "a size in place of -1",
        callers_place(),
        "a product of sizes such as X.shape[0] * X.shape[1]",
    )


def pad(array: Any, width: Any, mode: str = "constant", **options: Any) -> Array:
    """``np.pad`` with a number, or with -inf for what is below every entry."""
    array = constant(array)
    value = options.pop("constant_values", 0)
    fill = "-inf" if isinstance(value, float) and value == -math.inf else _rational(value)
    if mode != "constant" or options or fill is None:
        told = "".join(f", {key}={given}" for key, given in options.items())
        raise DeriveError(
            f"pad: mode {mode!r}, constant_values={value!r}{told}",
            "one number all around was wanted",
            callers_place(),
            "np.pad(X, 1, constant_values=0)",
        )
    pairs = [_pair(item) for item in width] if _nested(width) else [_pair(width)]
    sizes = pairs * array.ndim if len(pairs) == 1 else pairs
    if len(sizes) != array.ndim or any(s.constant is not None and s.constant < 0 for pair in sizes for s in pair):
        raise DeriveError(
            f"pad: {describe(array)} by {width}",
            "a width before and after each axis, none negative",
            callers_place(),
            "((1, 1), (0, 0)), say",
        )
    extent = tuple(before + size + after for (before, after), size in zip(sizes, array.shape, strict=True))
    return apply(Place(tuple(before for before, _ in sizes), extent, (1,) * array.ndim, fill), array)


def _rational(value: Any) -> Fraction | None:
    """A number as a fraction, or None for one that is none and for anything else."""
    if isinstance(value, tuple | list | Array):
        return None
    op = constant(value).op
    return op.value if isinstance(op, Constant) and isinstance(op.value, Fraction) else None


def _nested(width: Any) -> bool:
    return isinstance(width, tuple | list) and any(isinstance(item, tuple | list) for item in width)


def _pair(width: Any) -> tuple[Size, Size]:
    before, *after = width if isinstance(width, tuple | list) and len(width) in (1, 2) else (width,)
    return size_of(before), size_of(after[0] if after else before)


def broadcast_to(array: Any, shape: Any) -> Array:
    """``np.broadcast_to``."""
    array = constant(array)
    wanted = tuple(size_of(size) for size in (shape if isinstance(shape, tuple | list) else (shape,)))
    if broadcast([array.shape, wanted]) != wanted:
        raise DeriveError(
            f"broadcast_to: {shaped(array)} to {write_shape(wanted)}",
            "sizes that agree from the right; only a literal 1 is stretched",
            callers_place(),
        )
    return spread(array, wanted)


def expand_dims(array: Any, axis: Any) -> Array:
    """``np.expand_dims``."""
    array = constant(array)
    places = (axis,) if isinstance(axis, int) else tuple(axis)
    rank = array.ndim + len(places)
    new = {k % rank for k in places}
    if len(new) != len(places) or any(not -rank <= k < rank for k in places):
        raise DeriveError(
            f"expand_dims: axis {axis} of {shaped(array)}", f"an axis from {-rank} to {rank - 1}", callers_place()
        )
    sizes = iter(array.shape)
    shape = tuple(ONE if k in new else next(sizes) for k in range(rank))
    return apply(Broadcast(shape, tuple(k for k in range(rank) if k not in new)), array)


def squeeze(array: Any, axis: Any = None) -> Array:
    """``np.squeeze`` of axes of literal size 1."""
    array = constant(array)
    axes = [k for k, size in enumerate(array.shape) if size == ONE] if axis is None else list(axes_of(array, axis))
    for k in axes:
        if array.shape[k] != ONE:
            raise DeriveError(
                f"squeeze: axis {k} of {shaped(array)}",
                "an axis of literal size 1",
                callers_place(),
                "a sum over the axis, or an index",
            )
    return reshape(array, tuple(size for k, size in enumerate(array.shape) if k not in axes))


def full_like(array: Array, value: Any, dtype: Any = None) -> Array:
    """``np.full_like``, ``ones_like``, ``zeros_like``."""
    check_dtype(dtype)
    return spread(constant(value), array.shape)
