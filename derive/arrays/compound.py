"""NumPy functions that are several operations of the language: a roll is two slices joined, a clip two comparisons."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from derive.arrays import build
from derive.arrays.array import Array, apply
from derive.arrays.build import axes_of, constant, elementwise, no_masks, reshape, shaped
from derive.arrays.joining import concatenate
from derive.arrays.operations import Broadcast, Eye
from derive.arrays.products import contract, matmul
from derive.arrays.reducing import arange
from derive.errors import DeriveError, callers_place
from derive.index.size import ONE, Size


def clip(array: Any, a_min: Any = None, a_max: Any = None, *, min: Any = None, max: Any = None) -> Array:
    """``np.clip``: no entry below one bound or above the other; None for no bound."""
    low, high = a_min if min is None else min, a_max if max is None else max
    array = constant(array)
    raised = array if low is None else elementwise("maximum", array, low)
    return raised if high is None else elementwise("minimum", raised, high)


def roll(array: Any, shift: Any, axis: Any = None) -> Array:
    """``np.roll`` by a whole number along one axis, or of all entries as one row."""
    array = constant(array)
    shape = array.shape
    if axis is None:
        array, axis = reshape(array, -1), 0
    (k,) = axes_of(array, axis)
    if not isinstance(shift, int):
        raise DeriveError(f"roll by {shift!r}", "a whole number was wanted", callers_place(), "one axis at a time")
    size = array.shape[k].constant
    place: int = -shift if size is None else -shift % size if size else 0
    if place == 0:
        return reshape(array, shape)
    before = (slice(None),) * k
    rolled = concatenate([array[(*before, slice(place, None))], array[(*before, slice(None, place))]], k)
    return reshape(rolled, shape)


def diff(array: Any, n: int = 1, axis: int = -1) -> Array:
    """``np.diff``: each entry less the one before it along an axis, ``n`` times."""
    found: Array = constant(array)
    (k,) = axes_of(found, axis)
    before = (slice(None),) * k
    for _ in range(n):
        found = found[(*before, slice(1, None))] - found[(*before, slice(None, -1))]
    return found


def cumsum(array: Any, axis: Any = None) -> Array:
    """``np.cumsum``: along an axis the sum of an entry and all before it, as a product with a triangle of ones."""
    array = constant(array)
    no_masks("cumsum", [array])
    if axis is None:
        array, axis = reshape(array, -1), 0
    (k,) = axes_of(array, axis)
    places = arange(array.shape[k])
    upto = elementwise("where", places[:, None] >= places, 1, 0)
    first = build.moveaxis(array, k, 0)
    flat = first if first.ndim <= 2 else reshape(first, (first.shape[0], build.count(first.shape[1:])))
    return build.moveaxis(reshape(matmul(upto, flat), first.shape), 0, k)


def diag(array: Any, k: int = 0) -> Array:
    """``np.diag``: a vector as the diagonal of a matrix of zeros, or the diagonal of a square matrix."""
    array = constant(array)
    if k != 0 or array.ndim not in (1, 2):
        raise DeriveError(
            f"diag: k={k} of {shaped(array)}", "k=0 of a vector or a matrix", callers_place(), "np.pad or a slice first"
        )
    return apply(Eye(array.shape[0])) * array if array.ndim == 1 else diagonal(array)


def diagonal(array: Any) -> Array:
    """``np.diagonal`` of a square matrix."""
    array = constant(array)
    if array.ndim != 2 or array.shape[0] != array.shape[1]:
        raise DeriveError(f"diagonal: {shaped(array)}", "a square matrix was wanted", callers_place(), "np.einsum")
    return contract([("ii", array)], "i")


def kron(left: Any, right: Any) -> Array:
    """``np.kron`` of two arrays of one rank."""
    left, right = constant(left), constant(right)
    if left.ndim != right.ndim:
        raise DeriveError(f"kron: {shaped(left)}, {shaped(right)}", "arrays of one rank", callers_place(), "A[None]")
    rank = left.ndim
    one, other = "abcdefgh"[:rank], "ijklmnop"[:rank]
    product = contract([(one, left), (other, right)], "".join(a + b for a, b in zip(one, other, strict=True)))
    return reshape(product, tuple(m * n for m, n in zip(left.shape, right.shape, strict=True)))


def tile(array: Any, reps: Any) -> Array:
    """``np.tile``: copies of the whole array side by side."""
    array = constant(array)
    times = tuple(map(build.size_of, reps if isinstance(reps, tuple | list) else (reps,)))
    rank = max(len(times), array.ndim)
    shape = (ONE,) * (rank - array.ndim) + array.shape
    times = (ONE,) * (rank - len(times)) + times
    pairs = [size for pair in zip(times, shape, strict=True) for size in pair]
    own = tuple(range(2 * (rank - array.ndim) + 1, 2 * rank, 2))
    return _copied(array, pairs, own, [t * s for t, s in zip(times, shape, strict=True)])


def repeat(array: Any, repeats: Any, axis: Any = None) -> Array:
    """``np.repeat``: each entry some times in a row, along one axis or of all entries as one row."""
    array = constant(array)
    if axis is None:
        array, axis = reshape(array, -1), 0
    (k,) = axes_of(array, axis)
    times = build.size_of(repeats)
    shape = [*array.shape[: k + 1], times, *array.shape[k + 1 :]]
    own = tuple(a for a in range(array.ndim + 1) if a != k + 1)
    return _copied(array, shape, own, [*array.shape[:k], array.shape[k] * times, *array.shape[k + 1 :]])


def _copied(array: Array, shape: Sequence[Size], own: tuple[int, ...], final: Sequence[Size]) -> Array:
    """The array copied along new axes, which are then taken together with its own."""
    return reshape(apply(Broadcast(tuple(shape), own), array), tuple(final))


def inner(left: Any, right: Any) -> Array:
    """``np.inner``: the sum over the last axes of both."""
    left, right = constant(left), constant(right)
    if not left.shape or not right.shape:
        return elementwise("multiply", left, right)
    return matmul(left, right if right.ndim == 1 else build.swapaxes(right, -1, -2))


def vdot(left: Any, right: Any) -> Array:
    """``np.vdot``: the sum of the products of all entries."""
    left, right = constant(left), constant(right)
    if left.shape != right.shape:
        raise DeriveError(f"vdot: {shaped(left)}, {shaped(right)}", "arrays of one shape", callers_place())
    return build.sum(left * right)
