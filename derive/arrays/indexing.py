"""Indices into symbolic arrays: slices, ``None``, whole numbers, arrays of them and ``...``."""

from __future__ import annotations

from numbers import Integral
from typing import Any

from derive.arrays.array import Array, apply
from derive.arrays.build import count, shaped, size_of
from derive.arrays.moves import Place, Reshape, Slice
from derive.arrays.operations import Broadcast
from derive.arrays.places import at_arrays
from derive.errors import DeriveError, callers_place
from derive.index.size import ONE, ZERO, Size


def index(array: Array, key: Any) -> Array:
    """``array[key]`` for slices, ``None``, whole numbers and ``...``."""
    keys = expanded(array, key)
    if any(isinstance(item, Array) for item in keys):
        return at_arrays(array, keys)
    begin, extent, stride, shape = [], [], [], []
    sizes = iter(array.shape)
    for item in keys:
        if item is None:
            shape.append(ONE)
            continue
        start, length, step, kept = _range(item, next(sizes), array)
        begin.append(start)
        extent.append(length)
        stride.append(step)
        if kept:
            shape.append(length)
    if tuple(extent) != array.shape or any(b.terms for b in begin):
        array = apply(Slice(tuple(begin), tuple(extent), tuple(stride)), array)
    if tuple(shape) == array.shape:
        return array
    if count(shape) == count(array.shape) and all(isinstance(item, slice) for item in keys if item is not None):
        axes = tuple(k for k, item in enumerate(keys) if item is not None)
        return apply(Broadcast(tuple(shape), axes), array)
    return apply(Reshape(tuple(shape)), array)


def expanded(array: Array, key: Any) -> list[Any]:
    """The indices of a key, one for each axis, ``...`` written out."""
    keys = list(key) if isinstance(key, tuple) else [key]
    dots = [k for k, item in enumerate(keys) if item is Ellipsis]
    if not dots:
        keys, dots = [*keys, Ellipsis], [len(keys)]
    used = len([item for item in keys if item is not None and item is not Ellipsis])
    if used > array.ndim or len(dots) > 1:
        raise DeriveError(
            f"{used} indices into {shaped(array)}",
            f"at most {array.ndim} were wanted",
            callers_place(),
            "one index an axis",
        )
    keys[dots[0] : dots[0] + 1] = [slice(None)] * (array.ndim - used)
    return keys


def _range(item: Any, size: Size, array: Array) -> tuple[Size, Size, Size | int, bool]:
    """Begin, length, stride of one index; whether the axis is kept."""
    if isinstance(item, Integral | Size) and not isinstance(item, bool):
        place = size_of(item)
        if place.constant is not None and place.constant < 0:
            place = size + place
        outside = place.constant is not None and place.constant < 0
        if outside or (
            not (size - 1 - place).is_nonnegative() and (size.constant is not None or place.constant is None)
        ):
            raise DeriveError(
                f"index {item} into an axis of size {size} of {shaped(array)}",
                "an index in range",
                callers_place(),
                "-1 for the last entry",
            )
        return place, ONE, 1, False
    if not isinstance(item, slice):
        raise DeriveError(
            f"index {item!r} into {shaped(array)}",
            "slices, whole numbers, arrays of them, None and ... were wanted",
            callers_place(),
            "np.where with a mask, or np.einsum",
        )
    step = size_of(1 if item.step is None else item.step)
    if step == -1 and item.start is None and item.stop is None:
        return size - 1, size, -1, True
    if not (step - 1).is_nonnegative():
        raise DeriveError(
            f"a slice {item.start or ''}:{item.stop or ''}:{step} of {shaped(array)}",
            "a step of at least 1, or ::-1",
            callers_place(),
            "[::-1] before or after the slice",
        )
    start, stop = (_bound(end, size, default) for end, default in ((item.start, ZERO), (item.stop, size)))
    if size.constant is not None and start.constant is not None and stop.constant is not None:  # as NumPy clamps
        start, stop = (Size.of(min(max(end.constant or 0, 0), size.constant)) for end in (start, stop))
    if (start - stop - 1).is_nonnegative():
        raise DeriveError(
            f"the slice {start}:{stop} of {shaped(array)}",
            "an end that is not before its begin",
            callers_place(),
            "the two exchanged",
        )
    return start, (stop - start + step - 1).plain // step, step if step.constant is None else step.constant, True


def placed(array: Array, shape: Any, keys: Any) -> Array:
    """What the helper ``placed`` of generated code stands for: zeros with an array put where slices say."""
    extent = tuple(map(size_of, shape))
    ranges = [_range(key, size, array)[:3] for key, size in zip(keys, extent, strict=True)]
    if tuple(length for _, length, _ in ranges) != array.shape:
        raise DeriveError(f"placed: {shaped(array)} at {keys} of {shape}", "as many entries as the slices have")
    return apply(Place(tuple(b for b, _, _ in ranges), extent, tuple(step for _, _, step in ranges)), array)


def _bound(end: Any, size: Size, default: Size) -> Size:
    if end is None:
        return default
    place = size_of(end)
    return size + place if place.constant is not None and place.constant < 0 else place
