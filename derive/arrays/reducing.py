"""Writing functions of rows: the largest entry and its place, the variance; with the checks that build.py makes."""

from __future__ import annotations

from typing import Any

from derive.arrays.array import Array, apply
from derive.arrays.build import (
    axes_of,
    constant,
    count,
    elementwise,
    full_like,
    no_masks,
    reduced,
    shaped,
    size_of,
)
from derive.arrays.operations import Constant
from derive.arrays.pooling import window_max
from derive.arrays.rows import Arange, ArgMax, Max
from derive.arrays.statistics import Variance
from derive.errors import DeriveError, callers_place


def extreme(array: Any, axis: Any = None, keepdims: bool = False, least: bool = False, initial: Any = None) -> Array:
    """The largest entry over some axes, or the least; ``initial`` too is one of those from which it is taken."""
    array = constant(array)
    if initial is not None:
        found: Array = extreme(array, axis, keepdims, least)
        nothing_more = not least and array.op.name == "abs" and constant(initial) is constant(0)
        return found if nothing_more else elementwise("minimum" if least else "maximum", found, initial)
    axes = rows_of("min" if least else "max", array, axis)
    if not least and (windows := window_max(array, axes)) is not None:
        return reduced(windows, array, axes, keepdims)
    result: Array = array
    for k in reversed(axes):
        result = apply(Max(k, least), result)
    return reduced(result, array, axes, keepdims)


def rows_of(what: str, array: Array, axis: Any) -> tuple[int, ...]:
    """The axes that an ``axis=`` means; DeriveError where a row has no entries."""
    axes = axes_of(array, axis)
    if any(array.shape[k].constant == 0 for k in axes):
        raise DeriveError(
            f"{what} over axis {axis} of {shaped(array)}",
            "rows of at least one entry were wanted",
            callers_place(),
            "another axis",
        )
    return axes


def place_of_extreme(array: Any, axis: Any = None, keepdims: bool = False, least: bool = False) -> Array:
    """The place of the largest entry along one axis, or of the least."""
    array = constant(array)
    if axis is None and array.ndim != 1:
        raise DeriveError(
            f"the place of the {'least' if least else 'largest'} of all entries of {shaped(array)}",
            "one axis was wanted",
            callers_place(),
            "axis=-1 for the last",
        )
    (only,) = rows_of("argmin" if least else "argmax", array, 0 if axis is None else axis)
    return reduced(apply(ArgMax(only, least), array), array, (only,), keepdims)


def arange(size: Any) -> Array:
    """``np.arange`` from 0 up."""
    return apply(Arange(size_of(size)))


def variance(array: Any, axis: Any = None, keepdims: bool = False, ddof: Any = 0, correction: Any = None) -> Array:
    """The variance over some axes; of n entries it is divided by n - ddof."""
    array = constant(array)
    no_masks("var", [array])
    axes = rows_of("var", array, axis)
    number = count([array.shape[k] for k in axes])
    less = constant(ddof if correction is None else correction)
    if not isinstance(less.op, Constant) or less.shape:
        raise DeriveError(f"var: ddof {less}", "a number was wanted", callers_place(), "ddof=1")
    result = apply(Variance(axes), array) if axes else full_like(array, 0)
    result = result if less.op.value == 0 else result * number / (number - less)
    return reduced(result, array, axes, keepdims)


def deviation(array: Any, axis: Any = None, keepdims: bool = False, ddof: Any = 0, correction: Any = None) -> Array:
    """The standard deviation over some axes."""
    return elementwise("sqrt", variance(array, axis, keepdims, ddof, correction))


def tril(array: Any, k: Any = 0) -> Array:
    """``np.tril``: 0 above the diagonal ``k`` of the last two axes."""
    return _triangle("tril", array, k, "greater_equal")


def triu(array: Any, k: Any = 0) -> Array:
    """``np.triu``: 0 below the diagonal ``k`` of the last two axes."""
    return _triangle("triu", array, k, "less_equal")


def _triangle(what: str, array: Any, k: Any, comparison: str) -> Array:
    array = constant(array)
    if array.ndim < 2:
        raise DeriveError(
            f"{what} of {shaped(array)}", "two axes or more were wanted", callers_place(), "X[:, None] for a column"
        )
    no_masks(what, [array])
    rows, columns = arange(array.shape[-2]), arange(array.shape[-1])
    mask = elementwise(comparison, rows[:, None], columns if k == 0 else columns - k)
    return elementwise("where", mask, array, 0)
