"""Views by strides: ``as_strided(x, (n, h - 1, 2), (a, b, b))`` as windows, each stride being one of the array's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from numbers import Integral
from typing import Any

from derive.arrays.array import Array, apply
from derive.arrays.build import size_of
from derive.arrays.windows import Windows
from derive.index.size import ONE, Size
from derive.reading.buffers import Buffer
from derive.reading.refusal import NotRun


@dataclass(frozen=True, eq=False)
class Stride:
    """The way in memory from an entry of an array to so many places further along an axis."""

    array: Array
    axis: int
    times: Size = ONE

    def __mul__(self, by: Any) -> Stride:
        return replace(self, times=self.times * size_of(by)) if isinstance(by, Integral | Size) else NotImplemented

    __rmul__ = __mul__


def strides(array: Array) -> tuple[Stride, ...]:
    """``x.strides``: what they are in bytes is known by no formula."""
    return tuple(Stride(array, axis) for axis in range(array.ndim))


def as_strided(x: Any, shape: Sequence[Any] | None = None, strides: Sequence[Any] | None = None, **_: Any) -> Any:
    """``np.lib.stride_tricks.as_strided``, to be read only; NotRun for strides that are none of the array's."""
    if not isinstance(x, Buffer) or shape is None or strides is None:
        raise NotRun("as_strided without an array, a shape and strides")
    here, extents = x.symbolic, [*map(size_of, shape)]
    if any(not isinstance(step, Stride) or step.array is not here for step in strides):
        raise NotRun("as_strided with strides that are not the array's own")
    if len(extents) != len(strides):
        raise NotRun("as_strided with as many strides as sizes")
    along = [[k for k, step in enumerate(strides) if step.axis == axis] for axis in range(here.ndim)]
    if not all(1 <= len(places) <= 2 for places in along):
        raise NotRun("as_strided with an axis that is left out, or there more than twice")
    twice = [axis for axis, places in enumerate(along) if len(places) == 2]
    moved = [axis for axis, (k, *_) in enumerate(along) if axis in twice or not _is_whole(strides[k], extents[k])]
    inside = [along[axis][1] if axis in twice else None for axis in moved]
    op = Windows(
        tuple(moved),
        tuple(extents[along[axis][0]] for axis in moved),
        tuple(ONE if k is None else extents[k] for k in inside),
        tuple(strides[along[axis][0]].times for axis in moved),
        tuple(ONE if k is None else strides[k].times for k in inside),
    )
    order = [*(places[0] for places in along), *(k for k in inside if k is not None)]

    def seen(array: Array) -> Array:
        windows = apply(op, array) if moved else array
        kept = [array.ndim + k for k, place in enumerate(inside) if place is None]
        found = windows[tuple(0 if k in kept else slice(None) for k in range(windows.ndim))]
        return found.transpose([order.index(k) for k in range(len(order))])

    return x._seen(seen, writable=False)


def _is_whole(step: Stride, extent: Size) -> bool:
    """True for an axis that is there as it is."""
    return step.times == ONE and extent == step.array.shape[step.axis]
