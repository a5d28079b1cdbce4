"""Reading whole numbers as places: ``T[t]``, ``A[np.arange(n), t]``, ``np.take``, ``np.take_along_axis``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from derive.arrays.array import Array, apply
from derive.arrays.build import axes_of, constant, describe, expand_dims, moveaxis, reshape, shaped, spread, transpose
from derive.arrays.gather import Pick, Rows, is_place, put
from derive.arrays.operations import Broadcast
from derive.arrays.rows import Arange, copied, without
from derive.arrays.shapes import Shape, broadcast, write_shape
from derive.errors import DeriveError, callers_place
from derive.index.size import ONE


def places(index: Any, array: Array) -> Array:
    """An index of whole numbers; DeriveError for masks, floats, and for what is computed with them."""
    found: Array = constant(index)
    if not is_place(found):
        mask = found.kind == "bool"
        raise DeriveError(
            f"the index {found}, {'a mask' if mask else found.kind}, into {shaped(array)}",
            "declared whole numbers were wanted, or a choice among them",
            callers_place(),
            "np.where(mask, A, 0)" if mask else 'declaring the index itself, such as "n : int[0,c)"',
        )
    return found


def at_arrays(array: Array, keys: Sequence[Any]) -> Array:
    """``array[keys]`` with a key for each axis, arrays among them: rows of one axis, or one entry of each row."""
    found = [k for k, key in enumerate(keys) if isinstance(key, Array)]
    if any(key != slice(None) for key in keys if not isinstance(key, Array)):
        raise DeriveError(
            f"an array beside other indices into {shaped(array)}",
            "whole axes beside arrays were wanted",
            callers_place(),
            "one index after the other: A[1:][t]",
        )
    indices = [places(keys[k], array) for k in found]
    if len(indices) == 1:
        return take(array, indices[0], found[0])
    return _picked(array, *_of_each_row(array, indices, found[-1]))


def put_at_arrays(array: Array, keys: Sequence[Any], values: Any) -> Array:
    """``array[keys] = values`` as another array, where the keys say one entry of each row."""
    indices = [places(key, array) for key in keys if isinstance(key, Array)]
    if len(indices) < 2 or any(key != slice(None) for key in keys if not isinstance(key, Array)):
        raise DeriveError(
            f"entries put at {', '.join(map(str, indices))} of {shaped(array)}",
            "one entry of each row was wanted: of repeated places only the last would be seen",
            callers_place(),
            "np.add.at(A, t, values)",
        )
    index, axis = _of_each_row(array, indices, len(indices) - 1)
    lead = without(array.shape, (axis,))
    return put(array, _copies(index, lead, tuple(range(index.ndim))), spread(constant(values), lead), axis)


def _of_each_row(array: Array, indices: Sequence[Array], last: int) -> tuple[Array, int]:
    """The index that says a place in each row, and along which axis; the others count the rows."""
    for axis in reversed(range(len(indices))):
        lead = without(array.shape[: len(indices)], (axis,))
        others = [index for k, index in enumerate(indices) if k != axis]
        if last == axis + len(others[axis:]) and all(_counts(i, k, lead) for k, i in enumerate(others)):
            return _fitted(indices[axis], lead, array), axis
    raise DeriveError(
        f"the indices {', '.join(map(str, indices))} into {shaped(array)}",
        "np.arange along every axis but one was wanted",
        callers_place(),
        "A[np.arange(n), t], or np.take_along_axis",
    )


def _counts(index: Array, axis: int, lead: Shape) -> bool:
    """True for ``np.arange(n)`` along an axis of some leading axes."""
    run, axes = copied(index)
    return isinstance(run.op, Arange) and axes == (axis + index.ndim - len(lead),) and run.shape == (lead[axis],)


def _fitted(index: Array, lead: Shape, array: Array) -> Array:
    """The index broadcast to the leading axes of an array."""
    if broadcast([index.shape, lead]) != lead:
        wanted = f"the shape {write_shape(lead)} was wanted"
        raise DeriveError(f"the index {describe(index)}, into {shaped(array)}", wanted, callers_place())
    return spread(index, lead)


def _picked(array: Array, index: Array, axis: int) -> Array:
    """One entry of each row along an axis, the same for all axes that the index has not."""
    lead = without(array.shape, (axis,))
    return apply(Pick(axis), array, _copies(index, lead, tuple(range(index.ndim))))


def _copies(array: Array, shape: Shape, axes: tuple[int, ...]) -> Array:
    return array if array.shape == shape else apply(Broadcast(shape, axes), array)


def take(array: Any, index: Any, axis: Any = None) -> Array:
    """``np.take``: rows along one axis; entries of the array as one row, by default."""
    array = constant(array)
    if axis is None:
        array, axis = reshape(array, (-1,)), 0
    (k,) = axes_of(array, axis)
    index = places(index, array)
    rows = apply(Rows(), moveaxis(array, k, 0), index)
    rest = list(range(index.ndim, rows.ndim))
    return transpose(rows, [*rest[:k], *range(index.ndim), *rest[k:]])


def take_along_axis(array: Any, indices: Any, axis: int = -1) -> Array:
    """``np.take_along_axis``: of each row along an axis the entries at places of its own."""
    array = constant(array)
    indices = places(indices, array)
    (k,) = axes_of(array, axis)
    if indices.ndim != array.ndim:
        came = f"take_along_axis: {describe(array)}, {describe(indices)}"
        raise DeriveError(came, "indices of the same rank were wanted", callers_place(), "t[:, None]")
    lead, many = without(array.shape, (k,)), indices.shape[k]
    own = _fitted(indices, (*lead[:k], many, *lead[k:]), array)
    if many == ONE:
        core, axes = copied(own)
        fewer = tuple(axis - (axis > k) for axis in axes)
        return expand_dims(_picked(array, reshape(own, lead) if k in axes else _copies(core, lead, fewer), k), k)
    spread_out = (*lead[:k], many, array.shape[k], *lead[k:])
    rows = apply(Broadcast(spread_out, tuple(axis + (axis >= k) for axis in range(array.ndim))), array)
    return _picked(rows, own, k + 1)
