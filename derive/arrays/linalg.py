"""Writing functions of matrices as ``np.linalg`` has them, with shape checks; the operations are in matrices.py."""

from __future__ import annotations

from typing import Any, NamedTuple

from derive.arrays.array import Array, apply
from derive.arrays.build import (
    axes_of,
    constant,
    describe,
    elementwise,
    expand_dims,
    no_masks,
    reduced,
    spread,
    squeeze,
    sum,
)
from derive.arrays.matrices import Determinant, Inverse, LogDeterminant, Norm, Solve
from derive.arrays.shapes import broadcast
from derive.errors import DeriveError, callers_place


class SignAndLogarithm(NamedTuple):
    """What ``np.linalg.slogdet`` gives."""

    sign: Array
    logabsdet: Array


def square(what: str, value: Any) -> Array:
    """The array; DeriveError unless its last two axes are a square matrix."""
    array = constant(value)
    no_masks(what, [array])
    if array.ndim < 2 or array.shape[-1] != array.shape[-2]:
        raise DeriveError(
            f"{what}: {describe(array)}",
            "a square matrix was wanted",
            callers_place(),
            "X.T @ X, which is square" if array.ndim == 2 else "a matrix in the last two axes",
        )
    return array


def inv(array: Any) -> Array:
    """``np.linalg.inv``."""
    return apply(Inverse(), square("inv", array))


def det(array: Any) -> Array:
    """``np.linalg.det``."""
    return apply(Determinant(), square("det", array))


def slogdet(array: Any) -> SignAndLogarithm:
    """``np.linalg.slogdet``: the sign of the determinant, and the logarithm of its absolute value."""
    array = square("slogdet", array)
    return SignAndLogarithm(elementwise("sign", apply(Determinant(), array)), apply(LogDeterminant(), array))


def solve(left: Any, right: Any) -> Array:
    """``np.linalg.solve``: the X with ``left @ X = right``, for a vector or for matrices."""
    left, right = square("solve", left), constant(right)
    no_masks("solve", [right])
    rows = right.shape[0] if right.ndim == 1 else right.shape[-2] if right.shape else None
    leading = broadcast([left.shape[:-2], right.shape[:-2]])
    if rows != left.shape[-1] or leading is None:
        raise DeriveError(
            f"solve: {describe(left)} but {describe(right)}",
            f"{left.shape[-1]} rows on the right, and the same leading axes, were wanted",
            callers_place(),
            "a transpose" if right.ndim == 2 and right.shape[-1] == left.shape[-1] else "",
        )
    if right.ndim == 1:
        return apply(Solve(), left, right) if left.ndim == 2 else squeeze(solve(left, expand_dims(right, 1)), -1)
    return apply(Solve(), spread(left, leading + left.shape[-2:]), spread(right, leading + right.shape[-2:]))


def norm(array: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Array:
    """``np.linalg.norm``: the root of the sum of squares; the other norms of a vector too."""
    array = constant(array)
    no_masks("norm", [array])
    axes = axes_of(array, axis)
    plain = ord is None or (ord == "fro" and len(axes) == 2) or (ord == 2 and len(axes) == 1)
    if plain:
        return reduced(apply(Norm(axes), array) if axes else abs(array), array, axes, keepdims)
    if ord == 1 and len(axes) == 1:
        return sum(abs(array), axes, keepdims)
    raise DeriveError(
        f"norm: ord {ord!r} over {len(axes)} axes",
        "the root of the sum of squares was wanted, or ord=1 of a vector",
        callers_place(),
        "np.max(np.abs(x)) for the largest entry",
    )
