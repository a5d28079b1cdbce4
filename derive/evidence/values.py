"""Arrays of a declared kind: simple numbers first, then several scales, exact zeros and ties; and their memory layouts.

Everything here is a function of a seeded generator, so that hypothesis draws few numbers and shrinks quickly.
"""

from __future__ import annotations

from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import DTypeLike, NDArray

from derive.arrays.shapes import Kind

Floats = NDArray[np.floating[Any]]
Layout = Literal["C", "F", "strided", "read-only"]
Style = Literal["integers", "normal", "ties", "sparse", "mixed"]

LAYOUTS: tuple[Layout, ...] = get_args(Layout)
STYLES: tuple[Style, ...] = get_args(Style)  # the simplest first: hypothesis shrinks towards it
_INTEGERS = (-3, 4)  # readable in a counterexample, with zeros and ties
_STEEP = 6.0  # unit values keep so far from 0 and 1 that floats there are dense enough to take differences
_UPSTREAM = (-3.0, -2.0, -1.5, -0.5, 0.5, 1.5, 2.0, 3.0)  # never 1: an upstream of ones hides what it should multiply


def draw_reals(chance: np.random.Generator, style: Style, scale: float, shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Real numbers of any sign, shape ``shape``."""
    if style == "integers":
        return chance.integers(*_INTEGERS, shape).astype(np.float64)
    normal = np.asarray(scale * chance.standard_normal(shape))
    if style == "ties":
        return chance.choice(scale * chance.standard_normal(2), shape)
    if style == "sparse":
        return np.where(chance.random(shape) < 1 / 2, 0.0, normal)
    if style == "mixed":
        return np.asarray(normal * 10.0 ** chance.uniform(-3, 1, shape))
    return normal


def draw_floats(
    chance: np.random.Generator, kind: Kind, style: Style, scale: float, shape: tuple[int, ...]
) -> NDArray[np.float64]:
    """Entries of a float kind; ``symmetric`` and ``spd`` speak of the last two axes, the rows of its own."""
    reals = draw_reals(chance, style, scale, shape)
    simple = style == "integers"
    if kind.name == "positive":
        return np.abs(reals) + 1 if simple else np.asarray(np.exp(reals / 2))
    if kind.name == "unit":
        return np.asarray((reals + 4) / 8 if simple else 1 / (1 + np.exp(-np.clip(reals / 2, -_STEEP, _STEEP))))
    if kind.name == "stochastic":
        weights = np.abs(reals) + 1 if simple else np.exp(np.clip(reals / 2, -_STEEP / 2, _STEEP / 2))
        return np.asarray(weights / weights.sum(axis=kind.axis, keepdims=True))
    if kind.name == "onehot":
        return draw_onehot(chance, kind, shape)
    if kind.name == "symmetric":
        return reals + np.swapaxes(reals, -1, -2)
    if kind.name == "spd":
        return np.asarray(reals @ np.swapaxes(reals, -1, -2) + np.eye(shape[-1]))
    return reals


def draw_onehot(chance: np.random.Generator, kind: Kind, shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Rows of zeros with a one at a place."""
    rows = (*shape[: kind.axis], *shape[kind.axis :][1:])
    return np.moveaxis(np.eye(shape[kind.axis])[chance.integers(0, shape[kind.axis], rows)], -1, kind.axis)


def draw_upstream(chance: np.random.Generator, style: Style, shape: tuple[int, ...]) -> NDArray[np.float64]:
    """An upstream gradient: neither ones nor zeros, and not the same everywhere."""
    if style in ("integers", "ties"):
        return chance.choice(np.array(_UPSTREAM), shape)
    return np.asarray(chance.standard_normal(shape))


def draw_direction(chance: np.random.Generator, kind: Kind, value: Floats) -> NDArray[np.float64]:
    """A direction v in which ``value + t v`` keeps its kind for all |t| < 1/2, same shape as ``value``.

    Where a kind ties entries together (symmetric, spd, stochastic, onehot) so does v: only these derivatives have a
    meaning that does not depend on how the function is continued outside the kind.
    """
    x = np.asarray(value, dtype=np.float64)
    v = np.asarray(chance.uniform(1 / 2, 1, x.shape) * chance.choice(np.array([-1.0, 1.0]), x.shape))
    if kind.name == "positive":
        return np.asarray(x * v)
    if kind.name == "unit":
        return np.asarray(np.minimum(x, 1 - x) * v)
    if kind.name == "stochastic":
        return np.asarray(x * (v - (x * v).sum(axis=kind.axis, keepdims=True)))
    if kind.name == "onehot":
        return np.asarray(v - v.mean(axis=kind.axis, keepdims=True))
    if kind.name in ("symmetric", "spd"):
        v = v + np.swapaxes(v, -1, -2)
    if kind.name == "spd":
        # L (I + t S) L' stays positive definite while the rows of |t S| sum to less than 1
        root = np.linalg.cholesky(x)
        moved = root @ (v / (2 * max(1, x.shape[-1]))) @ np.swapaxes(root, -1, -2)
        return np.asarray((moved + np.swapaxes(moved, -1, -2)) / 2)
    largest = float(np.max(np.abs(x), initial=0.0))
    return v * largest if 0 < largest < 1 else v


def laid_out(value: Any, layout: Layout) -> Any:
    """A fresh copy of an array in a memory layout; a rank 0 array becomes one of the forms a scalar comes in."""
    if not isinstance(value, np.ndarray):
        return value
    if value.ndim == 0:
        return _scalar(value, layout)
    if layout == "F":
        return value.copy(order="F")
    if layout == "strided":
        return np.repeat(value, 2, axis=-1)[..., ::2]
    fresh = value.copy(order="C")
    fresh.flags.writeable = layout != "read-only"
    return fresh


def _scalar(value: NDArray[Any], layout: Layout) -> Any:
    if layout == "C":
        return value[()]
    if layout == "strided" and value.dtype == np.float64:  # in float32 a Python float would say nothing of the dtype
        return value.item()
    fresh = value.copy()
    fresh.flags.writeable = layout != "read-only"
    return fresh


def cast(value: Any, dtype: DTypeLike) -> Any:
    """A float array as ``dtype``; anything else as it is."""
    floats = isinstance(value, np.ndarray) and np.issubdtype(value.dtype, np.floating)
    return value.astype(dtype) if floats else value
